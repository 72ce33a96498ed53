"""The training loop on a task with a known answer, and its resume."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoiser
from augment.ddpm.sampling import sample
from augment.ddpm.settings import DenoiserTraining, SamplerConfig
from augment.ddpm.train import TrainingImages, build_denoiser, train_denoiser
from augment.errors import Cancelled, InvalidConfig, InvalidInput, JobFailed
from augment.training.precision import Precision, choose_precision

PRECISION = choose_precision("fp32", torch.device("cpu"))


def squares(count: int = 40, side: int = 16) -> TrainingImages:
    """Class 0 dark, class 1 bright; the position says how bright within the class."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % 2
    level = rng.uniform(-1, 1, count)
    grey = np.where(label == 0, 60, 190) + 30 * level
    pixels = np.clip(grey[:, None, None, None] + rng.normal(0, 3, (count, side, side, 1)), 0, 255).astype(np.uint8)
    position = np.zeros((count, 20), np.float32)
    position[:, 0], position[:, 1] = level, 4 * label
    return TrainingImages(pixels, label, position, np.full(count, 0.1, np.float32))


def quietly(step, total, metrics, previews):
    return None


def training(**changes) -> DenoiserTraining:
    return dataclasses.replace(
        DenoiserTraining(width=8, images_seen=96, batch_size=8, warmup_steps=2, preview_every=48, checkpoint_every=32),
        **changes,
    )


def build(config: DenoiserTraining, kind="label+position") -> Denoiser:
    return build_denoiser(squares(), 2, kind, config)


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_it_learns_brightness_from_label_and_position(tmp_path: Path):
    config = training(
        images_seen=1600, batch_size=16, warmup_steps=10, learning_rate=5e-3, preview_every=10**6, turns="none"
    )
    net, metrics = train_denoiser(build(config), squares(), squares(8), config, tmp_path / "c.pt", quietly, PRECISION)
    position = torch.zeros(4, 20)
    position[:, 0] = torch.tensor([-0.8, 0.8, -0.8, 0.8])
    position[:, 1] = torch.tensor([0.0, 0, 4, 4])
    condition = Condition.of(torch.tensor([0, 0, 1, 1]), position)
    images = sample(net, condition, range(4), (1, 16, 16), SamplerConfig(), net.config.noise)
    grey = (images.mean((1, 2, 3)) + 1) * 127.5
    wanted = torch.tensor([36.0, 84, 166, 214])
    # Half the step within a class: an image nearer to its own brightness than to the class's other one.
    assert bool(((grey - wanted).abs() < 24).all()), grey
    # It starts at 1; the average still holds some of the first steps.
    assert metrics["held_out_loss"] < 0.5


def test_aims_are_told_and_move_with_the_jitter():
    data = dataclasses.replace(squares(), aim=np.ones((40, 6), np.float32), aim_distance=np.full(40, 0.5, np.float32))
    net = build_denoiser(data, 2, "label+position", training())
    assert net.config.condition.components == 6
    rows = torch.arange(40)
    still, moved = (data.jittered(rows, share, torch.Generator().manual_seed(0)) for share in (0.0, 1.0))
    assert torch.equal(still.aim, torch.ones(40, 6))
    # 240 draws: the root mean square of their lengths is within a tenth of what was asked for.
    assert float((moved.aim - still.aim).square().sum(1).mean().sqrt()) == pytest.approx(0.5, rel=0.1)
    assert build_denoiser(data, 2, "label", training()).config.condition.components == 0


def test_resume_ends_in_the_same_bits(tmp_path: Path):
    config = training()
    whole, _ = train_denoiser(build(config), squares(), squares(8), config, tmp_path / "a.pt", quietly, PRECISION)

    def stop_at_five(step, total, metrics, previews):
        if step == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_denoiser(build(config), squares(), squares(8), config, tmp_path / "b.pt", stop_at_five, PRECISION)
    torch.manual_seed(12345)  # another process begins with another state
    fresh = build(dataclasses.replace(config, seed=99))
    steps: list[int] = []
    resumed, _ = train_denoiser(
        fresh, squares(), squares(8), config, tmp_path / "b.pt", lambda step, *_: steps.append(step), PRECISION
    )
    assert steps == list(range(6, 13))
    assert same_weights(whole, resumed)


def test_a_killed_training_continues_from_its_last_checkpoint(tmp_path: Path):
    config = training()
    whole, _ = train_denoiser(build(config), squares(), None, config, tmp_path / "a.pt", quietly, PRECISION)

    def die_at_seven(step, total, metrics, previews):
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_denoiser(build(config), squares(), None, config, tmp_path / "b.pt", die_at_seven, PRECISION)
    steps: list[int] = []
    resumed, _ = train_denoiser(
        build(config), squares(), None, config, tmp_path / "b.pt", lambda step, *_: steps.append(step), PRECISION
    )
    assert steps[0] == 5  # 32 images are 4 steps
    assert same_weights(whole, resumed)
    # Finished already: nothing is trained again, the metrics are still there.
    again, metrics = train_denoiser(build(config), squares(), None, config, tmp_path / "b.pt", quietly, PRECISION)
    assert same_weights(whole, again) and metrics["loss"] > 0


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path):
    config = training(images_seen=16)
    train_denoiser(build(config), squares(), None, config, tmp_path / "a.pt", quietly, PRECISION)
    other = training(images_seen=24)
    with pytest.raises(InvalidInput, match="other settings"):
        train_denoiser(build(other), squares(), None, other, tmp_path / "a.pt", quietly, PRECISION)


def test_a_loss_that_is_no_number_stops_before_the_weights(tmp_path: Path):
    config = training()
    net = build(config)
    net.unet.head.bias.data.fill_(float("nan"))
    with pytest.raises(JobFailed, match="loss became nan at step 1"):
        train_denoiser(net, squares(), None, config, tmp_path / "a.pt", quietly, PRECISION)
    assert not (tmp_path / "a.pt").exists()


def test_previews_and_metrics_come_when_asked_for(tmp_path: Path):
    config = training()
    told: list[tuple[int, bool, set[str]]] = []
    train_denoiser(
        build(config),
        squares(),
        squares(8),
        config,
        tmp_path / "a.pt",
        lambda step, total, metrics, previews: told.append((step, previews is not None, set(metrics))),
        Precision(torch.device("cpu"), torch.float32, torch.channels_last),
    )
    assert [step for step, shown, _ in told if shown] == [6, 12]
    assert {"loss", "held_out_loss", "images_per_second", "learning_rate"} <= told[-1][2]


def test_rare_classes_are_drawn_more_often():
    from augment.ddpm.pace import class_chances

    label = np.repeat([0, 1], [900, 100])
    assert float(class_chances(label, 1.0)[900:].sum() / class_chances(label, 1.0).sum()) == pytest.approx(0.5)
    assert float(class_chances(label, 0.0)[900:].sum() / class_chances(label, 0.0).sum()) == pytest.approx(0.1)


def test_unusable_data_is_refused():
    config = training()
    flat = TrainingImages(np.full((3, 16, 16, 1), 7, np.uint8), np.zeros(3, np.int64), None)
    with pytest.raises(InvalidInput, match="constant grey"):
        build_denoiser(flat, 1, "label", config)
    with pytest.raises(InvalidInput, match="needs positions"):
        build_denoiser(flat, 1, "position", config)
    with pytest.raises(InvalidInput, match="not finite"):
        TrainingImages(flat.pixels, flat.label, np.full((3, 20), np.nan, np.float32))
    with pytest.raises(InvalidInput, match="one label"):
        TrainingImages(flat.pixels, flat.label[:2], None)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"learning_rate": 0.0}, "learning_rate 0"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"drop_both": 0.95}, "together"),
        ({"balance": 2.0}, "balance 2"),
        ({"turns": "spin"}, "'spin'"),
    ],
)
def test_settings_out_of_range_are_refused(fields, named):
    with pytest.raises(InvalidConfig, match=named):
        DenoiserTraining(**fields)
