"""`kizu train base`, far too short to teach anything: what it writes must be something to start from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from augment.ddpm.settings import DenoiserTraining
from augment.ddpm.train import TrainingImages, build_denoiser
from augment.errors import InvalidConfig
from augment.features.encoders import BuiltinNetConfig, ResidualNet
from augment.operations.base_models import BASE_ASSETS, base_weights
from augment.operations.context import Context
from augment.operations.train_base import TrainBaseConfig, train_base
from augment.store import Store
from augment.training.files import start_from


def test_what_it_writes_starts_other_networks(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    config = TrainBaseConfig(drawings=64, encoder_images_seen=16, images_seen=16, folder=str(folder))
    job = tmp_path / "job"
    result = train_base(config, Context(store=store, commit=store.apply, job_folder=job))
    assert result.generator["loss"] > 0 and 0 <= result.encoder["validation_accuracy"] <= 1
    assert json.loads((folder / "training.json").read_text(encoding="utf-8"))["config"]["drawings"] == 64
    assert store.images.count() == 0, "the user's workspace is not touched"
    assert start_from(folder / "encoder.safetensors", ResidualNet(BuiltinNetConfig(side_px=64)))
    assert _denoiser(64, 3).start_from(folder / "ddpm.safetensors")


@pytest.mark.parametrize(("side", "channels", "fits"), [(48, 1, True), (64, 3, True), (28, 1, False), (128, 1, False)])
def test_the_shipped_ones_are_taken_where_their_shape_fits(side: int, channels: int, fits: bool) -> None:
    path, network = base_weights("ddpm"), _denoiser(side, channels)
    assert path is not None and path.parent == BASE_ASSETS
    before = network.unet.stem.weight.detach().clone()
    label = network.condition.label.weight.detach().clone()
    assert network.start_from(path) is fits
    assert torch.equal(before, network.unet.stem.weight) is not fits
    assert torch.equal(label, network.condition.label.weight), "labels mean something else here"


def test_a_shipped_generator_has_learned_surfaces() -> None:
    path, network = base_weights("ddpm"), _denoiser(48, 1)
    assert path is not None and network.start_from(path)
    noisy = torch.randn(8, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 0.3
    with torch.no_grad():
        out = network.network(noisy, torch.zeros(8), _nothing(8))
    assert float(out.std()) > 0.1, "a fresh network gives 0 everywhere"


def test_wrong_settings_are_refused() -> None:
    for wrong in ({"seed": -1}, {"drawings": 3}, {"images_seen": 1}, {"encoder_images_seen": 0}):
        with pytest.raises(InvalidConfig, match=next(iter(wrong))):
            TrainBaseConfig(**wrong)


def _denoiser(side: int, channels: int):
    pixels = np.random.default_rng(0).integers(0, 255, (4, side, side, channels), dtype=np.uint8)
    data = TrainingImages(pixels, np.array([0, 1, 0, 1]), None)
    return build_denoiser(data, 2, "label", DenoiserTraining(turns="all"))


def _nothing(count: int):
    from augment.ddpm.condition import Condition

    return Condition.of(torch.full((count,), -1))
