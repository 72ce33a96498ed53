"""The loop on a network of three weights: what a step is made of. `tests/ddpm/test_train.py` stops and resumes it."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from augment.errors import JobFailed
from augment.training.loop import Draw, WeightGroup, check_loss, train_network
from augment.training.precision import choose_precision
from augment.training.settings import Training


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_bad_losses_stop_with_advice(loss):
    with pytest.raises(JobFailed, match=r"step 7 with learning rate 0.01"):
        check_loss(loss, 7, 0.01)
    check_loss(0.5, 7, 0.01)


class Line:
    """y = 2 x0 - x1, exactly."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def losses(self, network, draw: Draw):
        x = torch.randn(draw.count, 2, generator=draw.generator)
        self.counts.append(draw.count)
        return (network(x)[:, 0] - (2 * x[:, 0] - x[:, 1])).square()

    def previews(self, averaged, precision):
        return None

    def held_out(self, averaged, precision):
        return {"slope": float(averaged.weight[0, 0])}


def trained(folder: Path, task: Line, batch_size: int, groups=None) -> tuple[nn.Linear, dict[str, float]]:
    torch.manual_seed(0)
    config = Training(images_seen=batch_size * 300, batch_size=batch_size, learning_rate=0.1, warmup_steps=1)
    report = lambda *told: None  # noqa: E731
    return train_network(nn.Linear(2, 1), task, config, folder / "c.pt", report, choose_precision("fp32"), groups)


@pytest.mark.parametrize(("batch_size", "count"), [(8, 4), (7, 7)])
def test_an_even_batch_is_drawn_in_two_halves_and_learned_as_one(tmp_path: Path, batch_size: int, count: int):
    task = Line()
    network, metrics = trained(tmp_path, task, batch_size)
    assert set(task.counts) == {count} and sum(task.counts) == 300 * batch_size
    # An exact answer is there to be found; 0.02 is a hundredth of the slope.
    assert network.weight.detach()[0].tolist() == pytest.approx([2.0, -1.0], abs=0.02)
    assert metrics["slope"] == pytest.approx(2.0, abs=0.02)


def test_a_group_of_weights_has_its_own_pace(tmp_path: Path):
    still = lambda network: [WeightGroup([network.weight]), WeightGroup([network.bias], rate=0.0)]  # noqa: E731
    torch.manual_seed(0)
    before = nn.Linear(2, 1).bias.detach().clone()
    network, _ = trained(tmp_path, Line(), 8, still)
    assert torch.equal(network.bias, before)
    assert network.weight.detach()[0, 0] > 1.0
