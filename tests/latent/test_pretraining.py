"""Pretraining of the built-in model, small: it learns, a stopped one ends in the same bits, and the folder loads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from augment.errors import Cancelled, InvalidConfig
from augment.latent.autoencoder import build_autoencoder, decoded_again, psnr, standardise, train_autoencoder
from augment.latent.checkpoint import inspect_checkpoint
from augment.latent.diffusion import LatentScenes, Painter, build_unet, train_painter
from augment.latent.encoding import encode, shrink_mask
from augment.latent.model import load_model
from augment.latent.settings import AutoencoderTraining, DiffusionTraining
from augment.latent.training_masks import training_mask
from augment.latent.vocabulary import build_text_encoder, build_tokenizer
from augment.latent.words import teach_words
from augment.operations.context import Context, Progress
from augment.operations.train_latent import TrainLatentConfig, train_latent
from augment.store import Store
from augment.surfaces.captions import told_captions, vocabulary
from augment.surfaces.scenes import SceneConfig, draw_scene
from augment.training.precision import choose_precision

WIDTHS = (8, 16, 16)
SCENES = [draw_scene(seed, SceneConfig(side_px=32)) for seed in range(24)]
PICTURES = np.stack([scene.pixels for scene in SCENES])


def autoencoder(folder: Path, report=lambda *told: None, images_seen: int = 320):
    training = AutoencoderTraining(images_seen=images_seen, batch_size=8, cut_px=16)
    return train_autoencoder(PICTURES[:16], PICTURES[16:], training, folder / "vae.pt", report, WIDTHS)


class StopAt:
    """Raises Cancelled at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, step: int, *told: object) -> None:
        if step >= self.step:
            raise Cancelled


def same_weights(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_the_autoencoder_learns_and_a_stopped_one_ends_in_the_same_bits(tmp_path: Path):
    whole, metrics = autoencoder(tmp_path / "a")
    # After one step it says nothing yet; 3 dB are half the error.
    assert metrics["psnr_db"] > autoencoder(tmp_path / "c", images_seen=8)[1]["psnr_db"] + 3.0
    with pytest.raises(Cancelled):
        autoencoder(tmp_path / "b", StopAt(20))
    resumed, _ = autoencoder(tmp_path / "b")
    assert same_weights(whole, resumed)
    latents = encode(whole, PICTURES[:4])
    assert latents.shape == (4, 4, 8, 8) and latents.dtype == np.float16
    # In bf16 a rounding is as large as a level of the picture.
    exact = choose_precision("fp32")
    decoded = decoded_again(whole, PICTURES[:4], exact)
    standardise(whole, PICTURES, exact)
    latents = encode(whole, PICTURES).astype(np.float32)
    assert latents.std((0, 2, 3)) == pytest.approx(np.ones(4), rel=0.01)
    assert latents.mean((0, 2, 3)) == pytest.approx(np.zeros(4), abs=0.01)
    # Pictures come back as before, but for a rounding here and there.
    assert np.abs(decoded_again(whole, PICTURES[:4], exact).astype(int) - decoded).max() <= 1


def scenes_of(rows: slice) -> LatentScenes:
    torch.manual_seed(0)
    latents = encode(build_autoencoder(WIDTHS).eval(), PICTURES[rows])
    masks = np.stack([training_mask(np.random.default_rng(n), scene.mask) for n, scene in enumerate(SCENES[rows])])
    return LatentScenes(latents, latents, shrink_mask(masks, 4), [scene.caption for scene in SCENES[rows]])


def test_the_painter_learns_and_a_stopped_one_ends_in_the_same_bits(tmp_path: Path):
    tokenizer = build_tokenizer(vocabulary(), tmp_path / "tokenizer")

    def train(folder: Path, report=lambda *told: None, images_seen: int = 480):
        torch.manual_seed(0)
        training = DiffusionTraining(images_seen=images_seen, batch_size=8, learning_rate=3e-3, window=4)
        painter = Painter(build_unet(32, (16, 32)), build_text_encoder(tokenizer, 32, 1))
        return train_painter(
            painter, tokenizer, scenes_of(slice(16)), scenes_of(slice(16, 24)), training, folder / "p.pt", report
        )

    whole, metrics = train(tmp_path / "a")
    # After one step it says nothing yet, which is a loss near 1.
    assert metrics["held_out_loss"] < 0.9 * train(tmp_path / "c", images_seen=8)[1]["held_out_loss"]
    with pytest.raises(Cancelled):
        train(tmp_path / "b", StopAt(10))
    resumed, _ = train(tmp_path / "b")
    assert same_weights(whole, resumed)


def test_windows_hold_the_mask_or_lie_on_it():
    small, large = np.zeros((32, 32), np.bool_), np.zeros((32, 32), np.bool_)
    small[28:31, 2:9], large[4:30, 10:12] = True, True
    blank = np.zeros((2, 4, 32, 32), np.float16)
    scenes = LatentScenes(blank, blank, np.stack([small, large]), ["", ""])
    generator = torch.Generator().manual_seed(0)
    rows = torch.tensor([0, 1] * 40)
    corners = scenes.corners(rows, 16, generator)
    _, _, masks = scenes.cut(rows, corners, 16)
    assert masks.shape == (80, 1, 16, 16) and corners.min() >= 0 and corners.max() <= 16
    assert (masks[::2].sum((1, 2, 3)) == small.sum()).all()
    # The large one is 26 high: every window of 16 is full of it from top to bottom.
    assert (masks[1::2].any(dim=3).all(dim=2)).all()
    # Two rows and three columns hold the small one at the lower left; the large one leaves 11 and 15.
    assert len(corners[::2].unique(dim=0)) == 6 and len(corners[1::2].unique(dim=0)) > 20


def test_the_text_encoder_learns_what_captions_say(tmp_path: Path):
    tokenizer = build_tokenizer(vocabulary(), tmp_path / "tokenizer")
    encoder = build_text_encoder(tokenizer, 64, 1)
    shares = teach_words(encoder, tokenizer, *told_captions(6400, 0), choose_precision(), 0)
    # By chance a tenth of the defects and a twelfth of the materials.
    assert min(shares) > 0.9
    same, other = encode_text(encoder, tokenizer, "a blowhole on leather", "a pit on leather", "a crease on leather")
    assert same < other


def encode_text(encoder, tokenizer, *texts: str) -> tuple[float, float]:
    """Distances of the last states of the second and third text from the first."""
    tokens = tokenizer(list(texts), padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        states = encoder(tokens).last_hidden_state[:, -1]
    return float((states[1] - states[0]).norm()), float((states[2] - states[0]).norm())


def test_every_word_of_the_captions_is_one_token(tmp_path: Path):
    tokenizer = build_tokenizer(vocabulary(), tmp_path)
    assert [word for word in vocabulary() if len(tokenizer.tokenize(word)) != 1] == []
    assert "".join(tokenizer.tokenize("zebra 7")) == "zebra</w>7</w>"


def test_masks_cover_the_defect():
    masks = [training_mask(np.random.default_rng(n), SCENES[n % 24].mask) for n in range(120)]
    assert all((mask | ~SCENES[n % 24].mask).all() for n, mask in enumerate(masks))
    assert all(mask.any() for mask in masks)
    full = sum(mask.all() for mask in masks)
    # 15 in 100 are all of the picture; 120 draws give 18 with a deviation of 4.
    assert 6 <= full <= 30


def test_psnr_is_that_of_the_definition():
    noisy = PICTURES.astype(np.int16) + 5
    assert psnr(PICTURES.clip(0, 250), noisy.clip(0, 255).astype(np.uint8)) == pytest.approx(34.15, abs=0.4)


def test_the_command_writes_a_model_that_loads_like_any_other(tmp_path: Path, store: Store):
    """A run that is stopped in the middle of its first training goes on; the folder has everything in it."""
    folder, job = tmp_path / "model", tmp_path / "job"
    config = TrainLatentConfig(
        drawings=64, autoencoder_images_seen=32, images_seen=32, captions=640, folder=str(folder)
    )

    class Stops(Progress):
        def __call__(self, step, total, metrics=None, previews=None):
            if metrics:
                raise Cancelled

    with pytest.raises(Cancelled):
        train_latent(config, Context(store=store, commit=store.apply, job_folder=job, progress=Stops()))
    result = train_latent(config, Context(store=store, commit=store.apply, job_folder=job))
    assert result.folder == str(folder) and result.painter["held_out_loss"] > 0
    found = inspect_checkpoint(folder)
    assert (found.channels, found.family, found.side_px, found.grid_px) == (9, "sd", 128, 4)
    model = load_model(found)
    assert model.prompt("a crack on a magnetic tile").cut == ""
    told = json.loads((folder / "training.json").read_text())
    assert told["config"]["drawings"] == 64 and told["autoencoder"]["psnr_db"] > 0
    assert sum(file.stat().st_size for file in folder.rglob("*")) < 40e6


def test_lengths_out_of_range_are_refused():
    with pytest.raises(InvalidConfig, match="drawings 3"):
        TrainLatentConfig(drawings=3)
    with pytest.raises(InvalidConfig, match="cut_px 30"):
        AutoencoderTraining(cut_px=30)
    with pytest.raises(InvalidConfig, match="window 3"):
        DiffusionTraining(window=3)
