from pathlib import Path

import numpy as np
import pytest

from augment.ddpm.settings import SamplerConfig
from augment.errors import Cancelled, InvalidConfig, NotFound, NotReady
from augment.images import decode, encode_png
from augment.operations import find_operation
from augment.operations.redrawers import find_redrawer
from augment.operations.train_redraw import TrainRedrawConfig, train_redraw
from augment.store import ImageRecord, ModelRecord, Store
from tests.operations.mapped import SPLITS, context_of
from tests.operations.test_train_ddpm import Recorder

TINY = {
    "images_seen": 32,
    "batch_size": 8,
    "width": 8,
    "side_px": 32,
    "crops": 3,
    "warmup_steps": 2,
    "preview_every": 16,
    "checkpoint_every": 16,
}


def add_photographs(store: Store, labels=("free", "spot"), masks=("spot",), count: int = 24) -> None:
    """Grey photographs of 72 x 60 px, labels in turn; those of `masks` have a dark spot and its mask."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(72), np.arange(60))
    for number in range(count):
        label = labels[number % len(labels)]
        pixels = 140 + 20 * np.sin(across / 3 + number) + rng.normal(0, 5, (60, 72))
        spot = np.hypot(across - 20 - number, down - 30) < 4 + number % 5
        if label in masks:
            pixels[spot] = 30
        sha256 = store.files.put(encode_png(np.clip(pixels, 0, 255).astype(np.uint8)))
        mask = store.files.put(encode_png(spot.astype(np.uint8) * 255)) if label in masks else None
        store.apply(
            [
                ImageRecord(
                    sha256=sha256,
                    name=f"{number}.png",
                    label=label,
                    group=f"part {number}",
                    split=SPLITS[number // len(labels) % len(SPLITS)],
                    width_px=72,
                    height_px=60,
                    size_bytes=1,
                    source="test",
                    mask_sha256=mask,
                )
            ]
        )


def test_it_commits_a_model_that_draws_into_a_mask(store: Store, tmp_path: Path):
    add_photographs(store)
    context = context_of(store, tmp_path / "job")
    context.progress = progress = Recorder()
    result = train_redraw(TrainRedrawConfig(**TINY), context)
    record = store.models.get(result.model_id)
    assert record.kind == "redraw" and record.sha256 == result.sha256
    assert (store.workspace.root / record.path).is_file()
    # Eight of the twelve photographs of each label are in the training split; no other was looked at for weights.
    assert (result.images, result.good_images) == (8, 8)
    assert progress.steps == [1, 2, 3, 4]
    assert {"loss", "images_per_second", "held_out_loss"} <= set(progress.metrics)
    assert sorted(progress.previews) == ["samples-0000016.png", "samples-0000032.png"]
    # A real defect, its place drawn again, and a good part with it, eight times.
    assert decode(progress.previews["samples-0000032.png"]).pixels.shape == (3 * 32, 8 * 32, 1)

    redrawer = find_redrawer(context)
    assert redrawer.labels == ["free", "spot"] and redrawer.good_labels == ["free"]
    assert redrawer.side_px == 32 and redrawer.side_px % redrawer.grid_px == 0
    pixels, mask = np.full((48, 32, 3), 120, np.uint8), np.zeros((48, 32), bool)
    mask[20:30, 10:20] = True
    steps: list[int] = []
    answer = redrawer.redraw(
        pixels, mask, "spot", [1, 2], SamplerConfig(steps=3), on_step=lambda step, total: steps.append(total)
    )
    assert answer.shape == (2, 48, 32, 3) and (answer[:, ~mask] == 120).all() and steps == [3, 3, 3]
    assert find_redrawer(context, sha256=result.sha256).model is redrawer.model
    with pytest.raises(NotFound, match="label 'crak' is not known to re-drawing model 1: free, spot"):
        redrawer.redraw(pixels, mask, "crak", [1], SamplerConfig())


def test_cancelled_and_resumed_it_gives_the_same_bytes(store: Store, tmp_path: Path):
    add_photographs(store)
    config = TrainRedrawConfig(**TINY, precision="fp32")
    whole = train_redraw(config, context_of(store, tmp_path / "whole"))
    context = context_of(store, tmp_path / "cut")
    context.progress = Recorder(stop_at=2)
    with pytest.raises(Cancelled):
        train_redraw(config, context)
    context.progress = progress = Recorder()
    assert train_redraw(config, context).sha256 == whole.sha256
    assert progress.steps == [3, 4]


def test_what_is_missing_is_said(store: Store, tmp_path: Path):
    context = context_of(store, tmp_path / "job")
    with pytest.raises(NotReady, match="import"):
        train_redraw(TrainRedrawConfig(**TINY), context)
    with pytest.raises(NotReady, match=r"no re-drawing model has been trained .* \(train_redraw\)"):
        find_redrawer(context)
    add_photographs(store, masks=())
    with pytest.raises(NotReady, match="no training image has a mask"):
        train_redraw(TrainRedrawConfig(**TINY), context)


def test_a_single_class_is_refused(store: Store, tmp_path: Path):
    add_photographs(store, labels=("spot",))
    with pytest.raises(NotReady, match="all images that can be used are spot: import a second class"):
        train_redraw(TrainRedrawConfig(**TINY), context_of(store, tmp_path / "job"))


def test_what_weakens_it_is_noted(store: Store, tmp_path: Path):
    add_photographs(store, labels=("dent", "spot"), masks=("dent", "spot"))
    marked = store.images.list(split="train", label="spot")[0]
    pixels = encode_png(np.full((60, 72), 120, np.uint8))
    unmarked = {"sha256": store.files.put(pixels), "name": "new.png", "group": "new", "mask_sha256": None, "id": None}
    store.apply([ImageRecord(**{name: getattr(marked, name) for name in marked.__slots__} | unmarked)])
    result = train_redraw(TrainRedrawConfig(**TINY | {"side_px": 64}), context_of(store, tmp_path / "job"))
    assert len(result.notes) == 4, result.notes
    started, left_out, small, no_good = result.notes
    assert "started from nothing" in started and left_out.startswith("1 images of classes with masks have none")
    assert small.startswith("17 images are narrower than 64 px") and "import good parts" in no_good
    assert store.models.get(result.model_id).config["training"]["start"] == "random"


def test_another_kind_of_model_is_no_redrawer(store: Store, tmp_path: Path):
    (model,) = store.apply([ModelRecord(kind="ddpm", name="net", path="n.safetensors", sha256="1", config={})])
    with pytest.raises(NotFound, match=r"is of kind ddpm, a re-drawing model \(redraw\) is needed"):
        find_redrawer(context_of(store, tmp_path / "job"), model_id=model)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"side_px": 72}, "side_px 72"),
        ({"width": 50}, "width 50"),
        ({"crops": 0}, "crops 0"),
        ({"precision": "int8"}, "precision 'int8'"),
        ({"drop_label": 1.0}, "drop_label 1"),
    ],
)
def test_settings_out_of_range_are_refused(fields, named):
    with pytest.raises(InvalidConfig, match=named):
        TrainRedrawConfig(**fields)


def test_the_registry_reads_its_config():
    operation = find_operation("train_redraw")
    assert operation.read_config({"side_px": 128}) == TrainRedrawConfig(side_px=128)
    assert operation.load() is train_redraw
