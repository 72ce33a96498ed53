"""Factors of photographs: teacher, student, sliders and series, and what does not fit each other."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound
from augment.images import decode
from augment.operations.context import Context, Progress
from augment.operations.factors import (
    DecodeFactorsConfig,
    EncodeFactorsConfig,
    FactorSeriesConfig,
    decode_factors,
    encode_factors,
    factor_series,
    find_factors,
)
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.operations.train_factors import TrainFactorsConfig, train_factors
from augment.operations.views import current_view, load_cut, sized_as
from augment.store import Store, Workspace
from augment.views import View
from tests.operations.mapped import add_images, add_map, context_of

TINY = {
    "images_seen": 256,
    "batch_size": 16,
    "width": 8,
    "dimensions": 4,
    "warmup_steps": 2,
    "precision": "fp32",
    "preview_every": 128,
    "checkpoint_every": 64,
}


class Recorder(Progress):
    """Keeps the previews; asks to stop at a step."""

    def __init__(self, stop_at: int = -1) -> None:
        self.stop_at, self.previews = stop_at, []

    def __call__(self, step, total, metrics=None, previews=None):
        self.previews += list(previews or {})
        if step == self.stop_at:
            raise Cancelled("stopped")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A teacher of flawless images and a student that learned spots."""
    root: Path = tmp_path_factory.mktemp("factors")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store)
        add_map(store)
        teaching = context_of(store, root / "teacher")
        teaching.progress = progress = Recorder()
        teacher = train_factors(TrainFactorsConfig(label="free", **TINY), teaching)
        assert progress.previews == ["samples-0000128.png", "samples-0000256.png"]
        learned = train_factors(
            TrainFactorsConfig(label="spot", teacher_id=teacher.model_id, **TINY), context_of(store, root / "student")
        )
        assert (learned.images, learned.known) == (12, 12)
        yield context_of(store, root / "job")


def pixels(text: str) -> np.ndarray:
    return decode(base64.b64decode(text)).pixels


def test_a_photograph_is_read_and_drawn_again(context: Context):
    image = context.store.images.list(label="spot")[0]
    read = encode_factors(EncodeFactorsConfig(image_id=image.id), context)
    assert len(read.z) == 5 and read.added == 1 and all(0 < value < 3 for value in read.spread)
    assert pixels(read.source).shape == (32, 32, 1)
    drawn = decode_factors(DecodeFactorsConfig(z=read.z, grid=True), context)
    assert pixels(drawn.picture).shape == (32, 32, 1) and pixels(drawn.grid).shape == (5 * 32, 9 * 32, 1)
    moved = (*read.z[:4], 3.0)
    assert (pixels(decode_factors(DecodeFactorsConfig(z=moved), context).picture) != pixels(drawn.picture)).any()
    middle = encode_factors(EncodeFactorsConfig(), context)
    assert middle.z == (0.0,) * 5 and middle.source == ""


def test_a_series_goes_along_one_factor_into_review(context: Context):
    store = context.store
    image = store.images.list(split="train", label="free")[0]
    config = FactorSeriesConfig(label="spot", dimension=5, image_ids=(image.id or 0,), low=0.0, high=3.0, count=4)
    samples = [store.samples.get(sample_id) for sample_id in factor_series(config, context).sample_ids]
    assert [sample.recipe["z"][4] for sample in samples] == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert len({tuple(sample.recipe["z"][:4]) for sample in samples}) == 1
    assert {sample.parents for sample in samples} == {(image.sha256,)} and samples[0].group == image.group
    assert all(sample.status == "candidate" and sample.nearest_image_id for sample in samples)
    assert regenerate(RegenerateConfig(sample_id=samples[3].id or 0), context).same_bytes
    usual = replace(config, low=None, high=None, count=2)
    ends = [store.samples.get(one).recipe["z"][4] for one in factor_series(usual, context).sample_ids]
    assert ends == pytest.approx(find_factors(context).usual[0])
    first = replace(usual, dimension=1)
    ends = [store.samples.get(one).recipe["z"][0] for one in factor_series(first, context).sample_ids]
    assert ends == pytest.approx([0.0, 2.0])


def test_a_photograph_keeps_its_grain_and_its_samples_know_it(context: Context):
    store = context.store
    image = store.images.list(split="train", label="spot")[0]
    cut = load_cut(store, image, current_view(store))
    own = encode_factors(EncodeFactorsConfig(image_id=image.id), context).z
    same = pixels(decode_factors(DecodeFactorsConfig(z=own, over_id=image.id), context).picture)
    # Factors are told to four digits.
    assert np.abs(same.astype(int) - cut).max() <= 1
    moved = (*own[:4], own[4] + 3)
    smooth, before = (pixels(decode_factors(DecodeFactorsConfig(z=z), context).picture) for z in (moved, own))
    over = pixels(decode_factors(DecodeFactorsConfig(z=moved, over_id=image.id), context).picture)
    expected = np.clip(cut.astype(int) + smooth - before, 0, 255)
    assert np.abs(over - expected).max() <= 1 and (over != smooth).any()
    config = FactorSeriesConfig(label="spot", dimension=1, image_ids=(image.id or 0,), z=moved, count=2)
    kept, plain = (
        [store.samples.get(one) for one in factor_series(made, context).sample_ids]
        for made in (config, replace(config, keep_grain=False))
    )
    for sample in (*kept, *plain):
        assert sample.parents == (image.sha256,) and sample.recipe["z"][4] == pytest.approx(moved[4])
        assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes
    assert {one.sha256 for one in kept}.isdisjoint(one.sha256 for one in plain)
    with pytest.raises(InvalidConfig, match="z for 2 photographs"):
        replace(config, image_ids=(1, 2))


def test_a_stopped_student_ends_in_the_same_bytes(context: Context, tmp_path):
    store = context.store
    teacher = min(model.id or 0 for model in store.models.list() if model.kind == "factors")
    config = TrainFactorsConfig(label="spot", teacher_id=teacher, **TINY)
    whole = train_factors(config, context_of(store, tmp_path / "whole"))
    stopped = context_of(store, tmp_path / "stopped")
    stopped.progress = Recorder(stop_at=7)
    with pytest.raises(Cancelled):
        train_factors(config, stopped)
    stopped.progress = Progress()
    assert train_factors(config, stopped).sha256 == whole.sha256


def test_what_does_not_fit_is_refused_with_the_reason(context: Context, tmp_path):
    store, job = context.store, context_of(context.store, tmp_path / "job")
    models = [model.id or 0 for model in store.models.list() if model.kind == "factors"]
    with pytest.raises(InvalidInput, match="has seen 'free' already"):
        train_factors(TrainFactorsConfig(label="free", teacher_id=min(models), **TINY), job)
    with pytest.raises(InvalidInput, match="is a student"):
        train_factors(TrainFactorsConfig(label="spot", teacher_id=max(models), **TINY), job)
    with pytest.raises(InvalidConfig, match="a student needs new images"):
        TrainFactorsConfig(teacher_id=1)
    with pytest.raises(InvalidConfig, match="beta 0"):
        TrainFactorsConfig(beta=0)
    with pytest.raises(InvalidConfig, match="gamma -1"):
        TrainFactorsConfig(gamma=-1)
    with pytest.raises(NotFound, match="label 'hole' is not in this workspace: free, spot"):
        train_factors(TrainFactorsConfig(label="hole", **TINY), job)
    with pytest.raises(InvalidInput, match="3 values for model of factors"):
        decode_factors(DecodeFactorsConfig(z=(0.0, 0.0, 0.0)), context)
    with pytest.raises(InvalidConfig, match="allowed -10 to 10"):
        DecodeFactorsConfig(z=(11.0,))
    with pytest.raises(InvalidInput, match="dimension 6: model of factors"):
        factor_series(FactorSeriesConfig(label="spot", dimension=6, z=(0.0,) * 5), context)
    view = current_view(store)
    store.settings.set("view", {**view.to_json(), "colour": "rgb"})
    try:
        with pytest.raises(InvalidInput, match="trained on another view \\(32 px, 1 channels; now 32 px, rgb\\)"):
            train_factors(TrainFactorsConfig(label="spot", teacher_id=min(models), **TINY), job)
        with pytest.raises(InvalidInput, match="the view is now 32 px and rgb: train it again"):
            encode_factors(EncodeFactorsConfig(image_id=store.images.list()[0].id), context)
    finally:
        store.settings.set("view", view.to_json())
    model = find_factors(context)
    assert model.shape.added == 1 and len(model.usual) == 1 and not find_factors(context, min(models)).usual


def test_known_parts_are_cut_as_near_as_the_new_defects(tmp_path):
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        add_images(store, masks=True)
        view = View(kind="mask", side_px=16, colour="grey", margin=1.0, mask_sides_px=(32,))
        near = sized_as("spot", view, store)
        # Spots are discs of radius 3 to 9 without their rim.
        assert set(near.mask_sides_px) <= {5, 7, 9, 11, 13, 15, 17} and len(near.mask_sides_px) == 12
        assert sized_as("free", view, store) == view
