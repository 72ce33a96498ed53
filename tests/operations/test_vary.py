"""Variations: near their photograph at little noise, far at much, and made again from their records."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, NotFound
from augment.images import decode
from augment.judge.similarity import structural_similarity
from augment.operations.context import Context, Progress
from augment.operations.redraw_models import BUILT_IN
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.operations.vary import VaryConfig, vary
from augment.operations.views import current_view, load_cut, load_pixels
from augment.store import JobRecord, Store, Workspace
from tests.operations.mapped import add_images, add_map, context_of

STRENGTHS = (0.1, 0.4, 1.5, 80.0)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("vary")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store)
        add_map(store)
        context = context_of(store, root / "job")
        train_ddpm(TrainDdpmConfig(images_seen=800, batch_size=16, width=8, warmup_steps=2), context)
        yield context


def test_the_more_noise_the_less_of_the_photograph_is_left(context: Context):
    store = context.store
    image = store.images.list(split="train", label="spot")[0]
    made = vary(VaryConfig(image_ids=(image.id or 0,), strip=STRENGTHS, seed=3), context)
    samples = [store.samples.get(sample_id) for sample_id in made.sample_ids]
    assert [sample.strength_sigma for sample in samples] == list(STRENGTHS)
    assert {sample.seed for sample in samples} == {3} and {sample.method for sample in samples} == {"vary"}
    source = load_cut(store, image, current_view(store))
    for sample, alike in zip(samples, made.similarity, strict=True):
        pixels = decode(store.files.read(sample.sha256)).pixels
        assert structural_similarity(source, pixels) == pytest.approx(alike, abs=1e-3)
        assert sample.parents == (image.sha256,) and sample.group == image.group and sample.landing_error is not None
    assert list(made.similarity) == sorted(made.similarity, reverse=True)
    # Sigma 0.1 is a noise of 13 levels, which a barely trained network takes off again; the other end is unrelated.
    assert made.similarity[0] > 0.5 > made.similarity[-1]


def test_each_seed_is_another_variation_and_can_be_made_again(context: Context):
    store = context.store
    ids = tuple(image.id or 0 for image in store.images.list(split="train")[:2])
    made = vary(VaryConfig(image_ids=ids, sigma=0.5, count=3, seed=7), context)
    samples = [store.samples.get(sample_id) for sample_id in made.sample_ids]
    assert [sample.seed for sample in samples] == [7, 8, 9] * 2
    assert len({sample.sha256 for sample in samples}) == 6
    assert {sample.label for sample in samples} == {"free", "spot"}
    assert regenerate(RegenerateConfig(sample_id=made.sample_ids[4]), context).same_bytes
    alone = vary(VaryConfig(image_ids=ids[1:], sigma=0.5, count=1, seed=8), context)
    assert alone.sample_ids[0] == made.sample_ids[4]


class Stop(Progress):
    """Asks to stop once a share is done."""

    def __call__(self, step, total, metrics=None, previews=None):
        if step > total / 2:
            raise Cancelled("stopped")


def test_a_stopped_job_goes_on_behind_what_it_committed(context: Context):
    store = context.store
    job = store.jobs.add(JobRecord(operation="vary", config={}, state="running"))
    config = VaryConfig(image_ids=tuple(one.id or 0 for one in store.images.list()[:4]), sigma=0.5, count=2, seed=40)
    stopped = replace(context, job_id=job.id, progress=Stop())
    with pytest.raises(Cancelled):
        vary(config, stopped)
    before = [row.id for row in store.samples.rows(job_id=job.id)]
    assert len(before) == 4
    resumed = vary(config, replace(stopped, progress=Progress()))
    assert list(resumed.sample_ids[:4]) == before and len(resumed.sample_ids) == len(resumed.similarity) == 8
    whole = vary(config, context)
    shas = [[store.samples.get(one).sha256 for one in made.sample_ids] for made in (resumed, whole)]
    assert shas[0] == shas[1] and resumed.similarity == whole.similarity


def test_a_latent_model_varies_the_whole_photograph_at_its_size(context: Context):
    store = context.store
    image = store.images.list(split="train", label="spot")[0]
    strip = (0.2, 3.0, 20.0, 150.0)
    made = vary(VaryConfig(image_ids=(image.id or 0,), strip=strip, seed=4, model=BUILT_IN), context)
    samples = [store.samples.get(sample_id) for sample_id in made.sample_ids]
    # From 14.6 on nothing is left of the photograph: both are one.
    assert [sample.strength_sigma for sample in samples] == [0.2, 3.0, 14.6]
    source = load_pixels(store, image)
    for sample, alike in zip(samples, made.similarity, strict=True):
        pixels = decode(store.files.read(sample.sha256)).pixels
        assert pixels.shape == source.shape and sample.recipe["similarity"] == alike
        assert structural_similarity(source, pixels) == pytest.approx(alike, abs=1e-3)
    assert made.similarity[0] > made.similarity[-1]
    assert regenerate(RegenerateConfig(sample_id=made.sample_ids[1]), context).same_bytes


def test_strength_0_is_said_to_be_the_photograph_itself(context: Context):
    image = context.store.images.list()[0]
    made = vary(VaryConfig(image_ids=(image.id or 0,), sigma=0.0), context)
    assert made.sample_ids == () and [one.key for one in made.warnings] == ["strength_none"]
    strip = vary(VaryConfig(image_ids=(image.id or 0,), strip=(0.0, 0.5), seed=900), context)
    assert len(strip.sample_ids) == 1 and [one.key for one in strip.warnings] == ["strength_none"]


def test_what_cannot_be_is_refused_by_name(context: Context):
    with pytest.raises(InvalidConfig, match="sigma -1: allowed 0"):
        VaryConfig(image_ids=(1,), sigma=-1)
    with pytest.raises(InvalidConfig, match="image_ids: 0 photographs"):
        VaryConfig(image_ids=())
    with pytest.raises(NotFound):
        vary(VaryConfig(image_ids=(10_000,)), context)
    with pytest.raises(NotFound, match="label 'hole'"):
        vary(VaryConfig(image_ids=(1,), label="hole"), context)


def test_similarity_is_1_for_the_same_and_falls_with_noise():
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 255, (8, 8, 1)), np.ones((8, 8, 1))).astype(np.uint8)
    values = [
        structural_similarity(picture, (picture + rng.normal(0, spread, picture.shape)).clip(0, 255).astype(np.uint8))
        for spread in (0, 10, 40, 200)
    ]
    assert values[0] == pytest.approx(1.0) and values == sorted(values, reverse=True) and values[-1] < 0.5
