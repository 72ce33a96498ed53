"""CutMix: what is pasted where, what harmonising may change, and that a record makes the sample again."""

from pathlib import Path

import numpy as np
import pytest

from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.images import decode, decode_mask, encode_png
from augment.operations.context import Context
from augment.operations.cutmix import CutmixConfig, cutmix
from augment.operations.paste_batch import PasteBatchConfig, paste_batch
from augment.operations.pasting import composite_of
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.operations.train_redraw import TrainRedrawConfig, train_redraw
from augment.operations.views import current_view
from augment.pieces import seam_ring
from augment.store import SampleRecord, Store, Workspace
from augment.views import View
from tests.operations.mapped import context_of
from tests.operations.test_train_redraw import TINY, add_photographs


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Photographs with spots, a briefly trained generator and a re-drawing model."""
    root: Path = tmp_path_factory.mktemp("cutmix")
    with Store(Workspace(root / "workspace").create()) as store:
        add_photographs(store)
        store.settings.set("view", View(kind="whole", side_px=32, colour="grey").to_json())
        context = context_of(store, root / "job")
        training = TrainDdpmConfig(images_seen=2000, batch_size=16, width=8, warmup_steps=2, condition="label")
        train_ddpm(training, context)
        train_redraw(TrainRedrawConfig(**TINY), context_of(store, root / "redraw"))
        yield context


def ids(context: Context) -> dict[str, int]:
    free, spot = (context.store.images.list(split="train", label=label)[0] for label in ("free", "spot"))
    return {"image_id": free.id or 0, "other_id": spot.id or 0}


def made(context: Context, **fields) -> tuple[SampleRecord, dict[str, float]]:
    result = cutmix(CutmixConfig(**ids(context), **fields), context)
    return context.store.samples.get(result.sample_ids[0]), result.figures[0]


def test_without_strength_it_is_the_hard_paste_where_it_was_put(context: Context):
    store = context.store
    sample, figures = made(context, sigma=0.0, x_px=50, y_px=20)
    below, spot = (store.images.by_sha256(sha256) for sha256 in sample.parents)
    assert below is not None and spot is not None and figures == {}
    assert sample.label == "spot" and sample.method == "cutmix" and sample.split == "train"
    before, after = (decode(store.files.read(one.sha256)).pixels for one in (below, sample))
    label = decode_mask(store.files.read(sample.mask_sha256 or ""), (72, 60))
    rows, columns = np.nonzero(label)
    assert (rows.mean(), columns.mean()) == pytest.approx((19.5, 49.5), abs=1.0)
    # The spot is 110 levels darker than what surrounds it.
    assert after[label].mean() < before[label].mean() - 80
    composite, _ = composite_of(sample.recipe, sample.seed, store)
    assert (after == before)[~composite.region].all()
    assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes


@pytest.mark.parametrize("keep", ["ring", "all"])
def test_the_generator_draws_the_ring_or_all_of_its_cut(context: Context, keep):
    store = context.store
    sample, figures = made(context, sigma=0.6, keep=keep, x_px=40, y_px=30, scale=2, seed=5)
    composite, _ = composite_of(sample.recipe, sample.seed, store)
    view, digest = current_view(store), sample.recipe["below_sha256"]
    start = view.cut(composite.values.astype(np.uint8), composite.region, digest)
    ring = seam_ring(composite.region, 6)[..., None] * np.uint8(255)
    free = view.cut(ring, composite.region, digest)[..., 0] > 0
    drawn = decode(store.files.read(sample.sha256)).pixels
    changed = (drawn != start).any(axis=2)
    assert changed[free].any() and changed[~free].any() == (keep == "all")
    assert set(figures) == {"seam_before", "seam_after", "kept_below", "kept_piece"}
    assert (figures["kept_below"] > 0.8) or keep == "all"
    assert decode_mask(store.files.read(sample.mask_sha256 or ""), (32, 32)).any()
    assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes


def test_a_redrawing_model_harmonises_at_native_size_and_touches_the_ring_alone(context: Context):
    store = context.store
    sample, _ = made(context, sigma=0.6, model="workspace", x_px=40, y_px=30, scale=2, ring_px=3, seed=6)
    composite, _ = composite_of(sample.recipe, sample.seed, store)
    drawn = decode(store.files.read(sample.sha256)).pixels
    assert drawn.shape == composite.values.shape
    changed = (drawn != composite.values).any(axis=2)
    # The soft rim of a re-drawn part is 4 px wide.
    assert changed.any() and not (changed & ~seam_ring(composite.region, 3 + 5)).any()
    assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes


def test_what_is_drawn_on_the_other_photograph_is_what_is_cut_out(context: Context):
    store = context.store
    region = np.zeros((60, 72), dtype=np.bool_)
    region[5:25, 5:35] = True
    spot = ids(context)["other_id"]
    store.drafts.set(spot, store.files.put(encode_png(region)))
    sample, _ = made(context, sigma=0.0, blend="hard", seed=9)
    composite, _ = composite_of(sample.recipe, sample.seed, store)
    store.drafts.delete(spot)
    assert int(composite.region.sum()) == 20 * 30
    whole = store.files.put(encode_png(np.ones((60, 72), dtype=np.bool_)))
    with pytest.raises(InvalidInput, match="covers the whole picture"):
        made(context, region_sha256=whole, sigma=0.5)


def test_a_batch_mixes_many_pairs_into_review(context: Context):
    store = context.store
    before = store.samples.count()
    config = PasteBatchConfig(
        label="spot",
        on="free",
        count=3,
        method="cutmix",
        model="workspace",
        sigma=0.6,
        ring_px=3,
        seed=70,
        feather_px=2,
    )
    assert paste_batch(config, context).samples == 3
    samples = store.samples.list()[before:]
    assert [sample.seed for sample in samples] == [70, 71, 72] and {one.method for one in samples} == {"cutmix"}
    assert (
        len({sample.parents for sample in samples}) == 3 and len({str(one.recipe["placing"]) for one in samples}) == 3
    )
    assert all(sample.recipe["seam_after"] > 0 and sample.split == "train" for sample in samples)
    assert regenerate(RegenerateConfig(sample_id=samples[1].id or 0), context).same_bytes


def test_what_cannot_be_is_refused_by_name(context: Context):
    with pytest.raises(InvalidInput, match="outside the picture of 72 x 60 px"):
        made(context, sigma=0.0, x_px=500)
    both = {"image_id": ids(context)["other_id"], "other_id": ids(context)["image_id"]}
    with pytest.raises(InvalidInput, match="has no mask: draw the region"):
        cutmix(CutmixConfig(**both, sigma=0.0), context)
    with pytest.raises(NotFound, match="label 'hole'"):
        made(context, label="hole")
    with pytest.raises(InvalidConfig, match="keep all: only the generator"):
        made(context, keep="all", model="workspace")
    with pytest.raises(InvalidConfig, match="sigma 20"):
        made(context, sigma=20.0)
