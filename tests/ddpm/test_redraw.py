"""Re-drawing inside a mask, on surfaces whose right answer is known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from augment.ddpm.crops import Crops, cut_crop
from augment.ddpm.denoiser import DenoiserConfig
from augment.ddpm.redraw import Redrawer, redraw
from augment.ddpm.settings import DenoiserTraining, NetworkTraining, SamplerConfig
from augment.ddpm.train import TrainingImages, build_denoiser
from augment.ddpm.train_redraw import build_redrawer, train_redrawer, widened
from augment.errors import Cancelled, InvalidInput
from augment.training.files import save_weights
from augment.training.precision import choose_precision

PRECISION = choose_precision("fp32", torch.device("cpu"))
SAMPLER = SamplerConfig(steps=8, micro_batch=2)


def crops(count: int = 48, side: int = 16, channels: int = 1) -> Crops:
    """Class 0: a grey of its own under noise, without a mask; class 1: the same with a dark disc where the mask is."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    label = np.arange(count) % 2
    level = rng.uniform(110, 190, count)
    pixels = level[:, None, None] + rng.normal(0, 3, (count, side, side))
    distance = np.full((count, side, side), 255, np.uint8)
    for row in np.flatnonzero(label):
        centre = rng.uniform(4, side - 4, 2)
        away = np.hypot(across - centre[0], down - centre[1]) - 2.5
        pixels[row][away <= 0] = 30
        distance[row] = np.clip(np.maximum(away, 0) * 4, 0, 255)
    coloured = np.repeat(np.clip(pixels, 0, 255).astype(np.uint8)[..., None], channels, axis=3)
    return Crops(coloured, label.astype(np.int64), distance)


def training(**changes) -> NetworkTraining:
    return dataclasses.replace(
        NetworkTraining(width=8, images_seen=96, batch_size=8, warmup_steps=2, preview_every=48, checkpoint_every=32),
        **changes,
    )


def quietly(step, total, metrics, previews):
    return None


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> tuple[Redrawer, list[float]]:
    """A tiny network after 120 steps, about ten seconds, and its losses."""
    config = training(images_seen=1920, batch_size=16, warmup_steps=10, learning_rate=5e-3, preview_every=10**6)
    data, losses = crops(), []
    model, metrics = train_redrawer(
        build_redrawer(data, 2, config),
        data,
        crops(16),
        config,
        tmp_path_factory.mktemp("redraw") / "c.pt",
        lambda step, total, metrics, previews: losses.append(metrics["loss"]),
        PRECISION,
    )
    return model, [*losses, metrics["held_out_loss"]]


def disc(side: int = 16) -> np.ndarray:
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    return np.hypot(across - side / 2, down - side / 2) < 5


def test_it_draws_the_class_asked_for_inside_the_mask_and_nothing_outside(learned):
    model, losses = learned
    # It starts above 1, where nothing is known of what is inside; half of the rest is grain and where the disc lies.
    assert losses[0] > 1 and losses[-1] < 0.75
    pixels = np.full((16, 16, 1), 150, np.uint8)
    good, bad = (redraw(model, PRECISION, pixels, disc(), label, range(4), SAMPLER, guidance=1.5) for label in (0, 1))
    for answer in (good, bad):
        assert answer.dtype == np.float32 and answer.shape == (4, 16, 16, 1)
        assert (answer[:, ~disc()] == 150).all()
    # A disc of 2.5 px at 30 in a mask of 5 px: its darkest pixels are near that, and a good part has none; a disc would
    # be a quarter of the mask; a sixth of that are stray pixels of a network of 120 steps.
    assert (bad[:, disc()].min(axis=1) < 80).all()
    assert abs(np.median(good[:, disc()]) - 150) < 15 and (good[:, disc()] < 80).mean() < 0.04


def test_a_sample_depends_on_its_seed_alone(learned):
    model, _ = learned
    pixels = np.full((16, 16, 1), 140, np.uint8)

    def draw(seeds):
        return redraw(model, PRECISION, pixels, disc(), 1, seeds, SAMPLER, guidance=2.0, sigma=1.0)

    whole = draw([5, 6, 7])
    assert np.array_equal(whole[2], draw([7])[0])
    assert np.array_equal(whole[1], draw([9, 6])[1])
    assert not np.array_equal(whole[0], whole[1])


def test_little_noise_keeps_what_is_there(learned):
    model, _ = learned
    data = crops()
    row = int(np.flatnonzero(data.label)[0])
    mask = data.distance[row] <= 8
    far, near = (
        np.abs(redraw(model, PRECISION, data.pixels[row], mask, 1, range(4), SAMPLER, sigma=sigma) - data.pixels[row])
        for sigma in (None, 0.02)
    )
    # sigma 0.02 is 2.5 of 255 levels.
    assert near.max() < 20 < far.max()


def test_other_sizes_and_colours_work(learned):
    model, _ = learned
    pixels = np.zeros((24, 20, 3), np.uint8) + np.array([160, 140, 120], np.uint8)
    mask = np.zeros((24, 20), bool)
    mask[8:18, 6:14] = True
    answer = redraw(model, PRECISION, pixels, mask, 1, [0], SAMPLER)
    assert answer.shape == (1, 24, 20, 3) and (answer[0][~mask] == pixels[~mask]).all()
    # A grey model moves the channels of a colour photograph alike, as far as they can go.
    moved = answer[0][mask] - pixels[mask]
    free = (answer[0][mask] > 0).all(axis=1)
    assert np.ptp(moved[free], axis=1).max() < 1e-3 and moved.min() < -60
    coloured = build_redrawer(crops(channels=3), 2, training())
    assert redraw(coloured, PRECISION, pixels[..., :1], mask, 0, [0], SAMPLER).shape == (1, 24, 20, 1)


def test_what_cannot_be_drawn_is_said(learned):
    model, _ = learned
    pixels, mask = np.zeros((16, 16, 1), np.uint8), disc()
    for changes, told in (
        ({"mask": np.zeros_like(mask)}, "mask is empty"),
        ({"mask": mask[:8]}, "one height and width"),
        ({"sigma": 0.0}, "sigma 0"),
        ({"sigma": 1e6}, "sigma 1e"),
    ):
        given = {"mask": mask, "sigma": None} | changes
        with pytest.raises(InvalidInput, match=told):
            redraw(model, PRECISION, pixels, given["mask"], 0, [0], SAMPLER, sigma=given["sigma"])
    unmarked = crops()
    unmarked = Crops(unmarked.pixels, unmarked.label, np.full_like(unmarked.distance, 255))
    with pytest.raises(InvalidInput, match="no crop has a mask"):
        train_redrawer(model, unmarked, None, training(), Path("none.pt"), quietly, PRECISION)


def test_resume_ends_in_the_same_bits(tmp_path: Path):
    config, data = training(), crops()

    def build():
        return build_redrawer(data, 2, config)

    whole, _ = train_redrawer(build(), data, crops(8), config, tmp_path / "a.pt", quietly, PRECISION)

    def stop_at_five(step, total, metrics, previews):
        if step == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_redrawer(build(), data, crops(8), config, tmp_path / "b.pt", stop_at_five, PRECISION)
    torch.manual_seed(12345)  # another process begins with another state
    steps: list[int] = []
    resumed, _ = train_redrawer(
        build(), data, crops(8), config, tmp_path / "b.pt", lambda step, *_: steps.append(step), PRECISION
    )
    assert steps == list(range(6, 13))
    assert same_weights(whole, resumed)


def test_it_starts_from_a_network_of_whole_images(tmp_path: Path):
    data = crops()
    whole = TrainingImages(data.pixels, data.label, None)
    known = build_denoiser(whole, 2, "label", DenoiserTraining(images_seen=8, width=8))
    save_weights(tmp_path / "known.safetensors", known)
    model = build_redrawer(data, 2, training(seed=1))
    assert model.start_from(tmp_path / "known.safetensors")
    assert torch.equal(model.denoiser.unet.stem.weight, known.unet.stem.weight)
    assert not model.denoiser.unet.beside.weight.any()
    assert not build_redrawer(data, 2, training(width=16)).start_from(tmp_path / "known.safetensors")
    assert DenoiserConfig.from_json(model.config.to_json()) == model.config


def test_a_finer_network_starts_from_a_coarser_one(tmp_path: Path):
    coarse, fine = crops(4, side=64), crops(4, side=128)
    whole = TrainingImages(coarse.pixels, coarse.label, None)
    known = build_denoiser(whole, 2, "label", DenoiserTraining(images_seen=8, width=8))
    save_weights(tmp_path / "known.safetensors", known)
    model = build_redrawer(fine, 2, training())
    assert len(model.denoiser.unet.down) == len(known.unet.down) + 1
    assert model.start_from(tmp_path / "known.safetensors")
    assert torch.equal(model.denoiser.unet.down[1][0].conv_in.weight, known.unet.down[0][0].conv_in.weight)
    image = torch.rand(1, 8, 4, 4)
    assert torch.equal(model.denoiser.unet.rise[1](image), image)
    assert torch.equal(model.denoiser.unet.head.weight, known.unet.head.weight)


def test_widened_masks_hold_the_real_one_and_differ():
    data = crops()
    rows = np.flatnonzero(data.masked)
    distance = torch.from_numpy(data.distance[rows])[:, None].float() / 4
    masks = widened(distance, torch.Generator().manual_seed(0))
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert bool((masks[distance == 0] == 1).all())
    growth = masks.sum((1, 2, 3)) / (distance == 0).sum((1, 2, 3))
    # Grown by 0.5 to 4.5 px around a disc of 2.5 px, less where the patch ends.
    assert float(growth.min()) > 1 and float(growth.max()) > 2 and len(growth.unique()) > len(growth) / 2


def test_crops_hold_the_mask_anywhere_and_a_part_of_long_ones():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (90, 200, 1)).astype(np.uint8)
    small, long = np.zeros((90, 200), bool), np.zeros((90, 200), bool)
    small[40:46, 100:108] = True
    long[44:47, 5:195] = True
    found = [cut_crop(pixels, small, 32, rng) for _ in range(40)]
    assert all(crop.pixels.shape == (32, 32, 1) and (crop.distance == 0).sum() >= 6 * 8 for crop in found)
    left = {int(np.flatnonzero((crop.distance == 0).any(0))[0]) for crop in found}
    # Anywhere between 0 and 24; 40 draws meet ten of them or more.
    assert len(left) >= 10
    # A thin one is seen at 128 of 200 px when it is re-drawn: here a part of it, as large.
    assert {cut_crop(pixels, long, 32, rng).native_px for _ in range(20)} == {50}
    thick = long | np.roll(long, 20, axis=0)
    thick[44:64, 5:195] = True
    # A thick one either in a square of the photograph's height, or with mirrored rims as far as it is seen at once.
    assert {cut_crop(pixels, thick, 32, rng).native_px for _ in range(20)} == {90, 93}
    assert all((cut_crop(pixels, long, 32, rng).distance == 0).any() for _ in range(20))
