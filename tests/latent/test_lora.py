"""LoRA training on tiny models in the Hub's layout: that it learns, stops, goes on, and ends in a file others read."""

from pathlib import Path

import numpy as np
import pytest
import torch

from augment.errors import Cancelled, InvalidConfig
from augment.latent.checkpoint import inspect_checkpoint
from augment.latent.lora.learning import train_lora
from augment.latent.lora.network import LoraNetwork, save_lora
from augment.latent.lora.photographs import LoraCrop, LoraPhotographs, encode_crops
from augment.latent.lora.settings import LoraTraining
from augment.latent.model import LatentModel, LoraFile, load_model
from augment.operations.loras import told_of
from augment.training.precision import choose_precision
from tests.latent.models import save_tiny

SIDE_PX = 64


def training(**changes: object) -> LoraTraining:
    told = {"images_seen": 80, "batch_size": 4, "rank": 4, "lora_alpha": 4.0, "learning_rate": 0.01}
    return LoraTraining(**{**told, "preview_every": 40, "checkpoint_every": 40, "warmup_steps": 2, **changes})


def crop(number: int, good: bool = False) -> LoraCrop:
    """A dark disc on grey, or grey alone."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    row, column = rng.integers(16, 48, 2)
    disc = np.hypot(y - row, x - column) < 8
    pixels = (140 + rng.normal(0, 4, (SIDE_PX, SIDE_PX, 1))).repeat(3, 2)
    pixels[disc & (not good)] = 30
    return LoraCrop(
        pixels=pixels.astype(np.uint8),
        defect=disc & (not good),
        drawn=np.hypot(y - row, x - column) < 12,
        part=np.ones((SIDE_PX, SIDE_PX), bool),
        prompt="a photo of metal" if good else "a photo of crack metal",
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    kinds = {"inpainting": (9, "sd"), "plain": (4, "sd"), "xl": (9, "xl")}
    return {name: save_tiny(root / name, *kind) for name, kind in kinds.items()}


def loaded(folder: Path) -> LatentModel:
    return load_model(inspect_checkpoint(folder), choose_precision("fp32"))


def crops(model: LatentModel, config: LoraTraining) -> tuple[LoraPhotographs, LoraPhotographs]:
    shown = [crop(n) for n in range(6)] + [crop(n, good=True) for n in range(6, 9)]
    return encode_crops(model, shown, config), encode_crops(model, [crop(n) for n in range(20, 23)], config)


def trained(folder: Path, checkpoint: Path, config: LoraTraining, report=lambda *told: None):
    model = loaded(folder)
    seen = []
    network, metrics = train_lora(
        model, *crops(model, config), config, checkpoint, report, lambda averaged: seen.append(averaged)
    )
    return model, network, metrics, seen


def learned(network: LoraNetwork) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.adapters().items()}


def test_crops_are_weighed_by_what_they_show(folders: dict[str, Path]):
    model, config = loaded(folders["inpainting"]), training()
    photographs, _ = crops(model, config)
    assert photographs.latents.shape == photographs.emptied.shape == (9, 4, 16, 16)
    assert photographs.good.tolist() == [False] * 6 + [True] * 3
    assert set(np.unique(photographs.weight[0])) == {np.float32(0.02), np.float32(0.3), np.float32(1.0)}
    # Under the mask the two differ; far from it by what the autoencoder's norms carry there alone.
    differs = np.abs(photographs.latents - photographs.emptied).max((0, 1))
    assert differs.max() > 10 * differs[0, 0]


@pytest.mark.parametrize("kind", ["inpainting", "plain"])
def test_a_lora_learns_and_a_stopped_training_ends_in_the_same_bits(
    folders: dict[str, Path], tmp_path: Path, kind: str
):
    config = training()
    model, whole, metrics, seen = trained(folders[kind], tmp_path / "a.pt", config)
    start = trained(folders[kind], tmp_path / "c.pt", training(images_seen=4))[2]
    # Random weights answer nothing, so a tenth less is learned for certain.
    assert metrics["held_out_loss"] < 0.9 * start["held_out_loss"] and len(seen) == 2

    def stop(step: int, *told: object) -> None:
        if step == 13:
            raise Cancelled

    with pytest.raises(Cancelled):
        trained(folders[kind], tmp_path / "b.pt", config, stop)
    _, resumed, _, _ = trained(folders[kind], tmp_path / "b.pt", config)
    first, second = learned(whole), learned(resumed)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    # The model's own weights are neither changed nor in the checkpoint.
    fresh = dict(loaded(folders[kind]).pipeline.unet.named_parameters())
    frozen = {name.replace(".base_layer", ""): weight for name, weight in model.pipeline.unet.named_parameters()}
    assert all(torch.equal(weight, frozen[name]) for name, weight in fresh.items())
    kept = torch.load(tmp_path / "a.pt", weights_only=True)["network"]
    assert all("lora_" in name for name in kept)


@pytest.mark.parametrize(("kind", "text"), [("inpainting", False), ("inpainting", True), ("xl", False), ("xl", True)])
def test_the_file_does_in_diffusers_what_the_training_ended_with(
    folders: dict[str, Path], tmp_path: Path, kind: str, text: bool
):
    config = training(images_seen=16, text_encoder=text, lora_alpha=8.0)
    model, network, _, _ = trained(folders[kind], tmp_path / "c.pt", config)
    file = tmp_path / "crack.safetensors"
    save_lora(file, network, config, {"token": "shs"})
    ended = LatentModel(model.checkpoint, network.pipeline(model.pipeline), model.precision)
    plain = loaded(folders[kind])
    x, t = torch.randn(2, 9, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor(500)
    before = plain.predict(x, t, plain.prompt("a photo of crack metal"))
    plain.use_loras([LoraFile(file)])
    again = plain.predict(x, t, plain.prompt("a photo of crack metal"))
    wanted = ended.predict(x, t, ended.prompt("a photo of crack metal"))
    assert torch.allclose(again, wanted, atol=1e-5)
    assert (again - before).abs().max() > 1e-3
    told = told_of(file)
    assert told["token"] == "shs" and told["training"]["rank"] == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"min_snr_gamma": 0.0, "noise_offset": 0.05, "prompt_noise": 0.1, "drop_caption": 0.5},
        {"targets": "attention", "accumulation": 2, "gradient_checkpointing": True, "schedule": "constant"},
        {"regularisation_share": 0.0, "background_weight": 0.0},
    ],
)
def test_every_setting_trains(folders: dict[str, Path], tmp_path: Path, changes: dict[str, object]):
    _, network, metrics, _ = trained(folders["inpainting"], tmp_path / "c.pt", training(images_seen=16, **changes))
    assert np.isfinite(metrics["loss"])
    assert any(value.abs().max() > 0 for name, value in learned(network).items() if "lora_up" in name)


def test_a_rank_above_the_layers_is_refused(folders: dict[str, Path], tmp_path: Path):
    with pytest.raises(InvalidConfig, match="rank 64: the narrowest layer has 16 channels"):
        trained(folders["inpainting"], tmp_path / "c.pt", training(rank=64))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rank": 0}, "rank 0"),
        ({"targets": "everything"}, "targets 'everything'"),
        ({"drop_caption": 1.0}, "drop_caption 1.0"),
        ({"defect_weight": -1.0}, "weights"),
        ({"min_snr_gamma": -1.0}, "min_snr_gamma"),
        ({"precision": "int8"}, "precision 'int8'"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, object], said: str):
    with pytest.raises(InvalidConfig, match=said):
        training(**changes)
