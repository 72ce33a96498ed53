"""The loop on a network of three weights: what a step is made of. `tests/ddpm/test_train.py` stops and resumes it."""

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from augment.errors import InvalidConfig, JobFailed
from augment.training.loop import Draw, WeightGroup, check_loss, train_network
from augment.training.precision import choose_precision
from augment.training.settings import Schedule, Training


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


def trained(
    folder: Path, task: Line, batch_size: int, groups=None, network: nn.Linear | None = None, **changes: object
) -> tuple[nn.Linear, dict[str, float]]:
    torch.manual_seed(0)
    told = {"images_seen": batch_size * 300, "batch_size": batch_size, "learning_rate": 0.1, "warmup_steps": 1}
    config, precision = Training(**{**told, **changes}), choose_precision("fp32")
    report = lambda *told: None  # noqa: E731
    return train_network(network or nn.Linear(2, 1), task, config, folder / "c.pt", report, precision, groups)


@pytest.mark.parametrize(("batch_size", "parts", "count"), [(8, 1, 4), (7, 1, 7), (8, 2, 2), (8, 8, 1)])
def test_an_even_batch_is_drawn_in_two_halves_and_learned_as_one(
    tmp_path: Path, batch_size: int, parts: int, count: int
):
    task = Line()
    network, metrics = trained(tmp_path, task, batch_size, accumulation=parts)
    assert set(task.counts) == {count} and sum(task.counts) == 300 * batch_size
    # An exact answer is there to be found; 0.02 is a hundredth of the slope.
    assert network.weight.detach()[0].tolist() == pytest.approx([2.0, -1.0], abs=0.02)
    assert metrics["slope"] == pytest.approx(2.0, abs=0.02)


def test_what_is_frozen_is_neither_copied_nor_changed_nor_in_the_checkpoint(tmp_path: Path):
    torch.manual_seed(0)
    network = nn.Linear(2, 1)
    network.weight.requires_grad_(False)
    before = network.weight.detach().clone()
    averaged, _ = trained(tmp_path, Line(), 8, network=network, images_seen=80)
    assert averaged.weight.data_ptr() == network.weight.data_ptr() and torch.equal(network.weight, before)
    kept = torch.load(tmp_path / "c.pt", weights_only=True)
    assert set(kept["network"]) == set(kept["averaged"]) == {"bias"}
    # A finished training gives the same network back.
    again, _ = trained(tmp_path, Line(), 8, network=copy.deepcopy(network), images_seen=80)
    assert torch.equal(again.bias, averaged.bias)


@pytest.mark.parametrize(("schedule", "half"), [("cosine", 0.5), ("linear", 0.5), ("constant", 1.0)])
def test_the_learning_rate_rises_and_falls(schedule: Schedule, half: float):
    training = Training(images_seen=1010, batch_size=1, learning_rate=0.1, warmup_steps=10, schedule=schedule)
    assert training.rate(0) == pytest.approx(0.01) and training.rate(10) == pytest.approx(0.1)
    # The last hundredth is never taken away.
    assert training.rate(510) == pytest.approx(half * 0.1, abs=0.001)


def test_a_batch_is_not_cut_into_unequal_parts():
    with pytest.raises(InvalidConfig, match="accumulation 3: a divisor of batch_size 8"):
        Training(batch_size=8, accumulation=3)


def test_a_group_of_weights_has_its_own_pace(tmp_path: Path):
    still = lambda network: [WeightGroup([network.weight]), WeightGroup([network.bias], rate=0.0)]  # noqa: E731
    torch.manual_seed(0)
    before = nn.Linear(2, 1).bias.detach().clone()
    network, _ = trained(tmp_path, Line(), 8, still)
    assert torch.equal(network.bias, before)
    assert network.weight.detach()[0, 0] > 1.0
