from pathlib import Path

import pytest

from augment.errors import Cancelled, InvalidConfig, NotReady
from augment.images import decode
from augment.operations import find_operation
from augment.operations.context import Progress
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.store import Store
from tests.operations.mapped import add_images, add_map, context_of

TINY = {"images_seen": 32, "batch_size": 8, "width": 8, "warmup_steps": 2, "preview_every": 16, "checkpoint_every": 16}


class Recorder(Progress):
    """Keeps what was reported; stops at `stop_at`."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.steps: list[int] = []
        self.previews: dict[str, bytes] = {}
        self.metrics: dict[str, float] = {}
        self.stop_at = stop_at

    def __call__(self, step, total, metrics=None, previews=None):
        if total > 1:
            self.steps.append(step)
        self.metrics |= metrics or {}
        self.previews |= previews or {}
        if self.stop_at is not None and step == self.stop_at and total > 1:
            raise Cancelled


def test_it_commits_a_model_that_says_all_about_itself(store: Store, tmp_path: Path):
    add_images(store)
    projection_id = add_map(store)
    context = context_of(store, tmp_path / "job")
    context.progress = progress = Recorder()
    result = train_ddpm(TrainDdpmConfig(**TINY), context)
    model = store.models.get(result.model_id)
    assert model.kind == "ddpm" and model.sha256 == result.sha256
    assert (store.workspace.root / model.path).is_file()
    assert model.config["labels"] == ["free", "spot"]
    assert model.config["projection_id"] == projection_id
    assert model.config["view"]["side_px"] == 32
    assert result.images == store.images.count(split="train")
    assert progress.steps == [1, 2, 3, 4]
    assert {"loss", "images_per_second", "held_out_loss"} <= set(progress.metrics)
    assert sorted(progress.previews) == ["samples-0000016.png", "samples-0000032.png"]
    assert decode(progress.previews["samples-0000032.png"]).pixels.shape == (32, 256, 1)


def test_cancelled_and_resumed_it_gives_the_same_bytes(store: Store, tmp_path: Path):
    add_images(store)
    add_map(store)
    config = TrainDdpmConfig(**TINY, precision="fp32")
    whole = train_ddpm(config, context_of(store, tmp_path / "whole"))
    context = context_of(store, tmp_path / "cut")
    context.progress = Recorder(stop_at=2)
    with pytest.raises(Cancelled):
        train_ddpm(config, context)
    assert [model.sha256 for model in store.models.list(kind="ddpm")] == [whole.sha256]
    context.progress = progress = Recorder()
    assert train_ddpm(config, context).sha256 == whole.sha256
    assert progress.steps == [3, 4]


def test_label_alone_needs_no_map(store: Store, tmp_path: Path):
    add_images(store)
    result = train_ddpm(TrainDdpmConfig(**TINY, condition="label"), context_of(store, tmp_path / "job"))
    # Width 8 is not the shape of the base network, and that is said where it was asked for.
    assert "started from nothing" in result.notes[0]
    assert store.models.get(result.model_id).config["training"]["start"] == "random"
    assert store.models.get(result.model_id).config["projection_id"] is None
    with pytest.raises(NotReady, match="needs the map"):
        train_ddpm(TrainDdpmConfig(**TINY), context_of(store, tmp_path / "job2"))


def test_without_images_it_says_what_to_do(store: Store, tmp_path: Path):
    with pytest.raises(NotReady, match="import"):
        train_ddpm(TrainDdpmConfig(condition="label"), context_of(store, tmp_path / "job"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"width": 50}, "width 50"),
        ({"condition": "colour"}, "condition 'colour'"),
        ({"precision": "int8"}, "precision 'int8'"),
        ({"images_seen": 0}, "images_seen 0"),
    ],
)
def test_settings_out_of_range_are_refused(fields, named):
    with pytest.raises(InvalidConfig, match=named):
        TrainDdpmConfig(**fields)


def test_the_registry_reads_its_config():
    operation = find_operation("train_ddpm")
    assert operation.read_config({"images_seen": 10}) == TrainDdpmConfig(images_seen=10)
    assert operation.load() is train_ddpm
