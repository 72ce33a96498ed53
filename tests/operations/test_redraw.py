"""Re-drawing photographs of a workspace: exact outside the support, with masks, recipes and bytes that come again."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound, NotReady
from augment.images import decode_mask, decode_native, encode_png
from augment.operations import to_json
from augment.operations.context import Context, Progress
from augment.operations.redraw import RedrawConfig, redraw
from augment.operations.redraw_batch import RedrawBatchConfig, redraw_batch
from augment.operations.redraw_models import ModelChoice, known_models, model_choice
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.store import ImageRecord, JobRecord, Store, Workspace
from augment.surfaces.draw import draw
from tests.latent.models import save_tiny
from tests.operations.mapped import context_of

SIZES = {"tile.png": (90, 120), "wide.png": (64, 200), "small.png": (40, 50)}


def photograph(name: str) -> bytes:
    """Grey photographs of several sizes, one in 16 bits."""
    height, width = SIZES[name]
    pixels = np.asarray(Image.fromarray(draw("ground_metal", None, 4, 128).pixels[..., 0]).resize((width, height)))
    if name == "wide.png":
        pixels = pixels.astype(np.uint16) * 40 + 3000
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("redraw")
    with Store(Workspace(root / "workspace").create()) as store:
        for name, (height, width) in SIZES.items():
            data = photograph(name)
            record = ImageRecord(
                sha256=store.files.put(data),
                name=name,
                label="free",
                group=name,
                split="train",
                width_px=width,
                height_px=height,
                size_bytes=len(data),
                source="test",
            )
            store.apply([record])
        yield context_of(store, root / "job")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "inpaint"))


def image_of(context: Context, name: str) -> ImageRecord:
    return next(image for image in context.store.images.list() if image.name == name)


def drawn_on(context: Context, name: str) -> tuple[str, np.ndarray]:
    height, width = SIZES[name]
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[height // 3 : height // 2, width // 2 : width // 2 + 12] = True
    return context.store.files.put(encode_png(mask)), mask


def config(context: Context, model: str, name: str = "tile.png", **fields) -> RedrawConfig:
    told = {"image_id": image_of(context, name).id, "label": "crack", "model": model, "steps": 3, "count": 2}
    return RedrawConfig(**(told | {"mask_sha256": drawn_on(context, name)[0]} | fields))


@pytest.mark.parametrize("name", SIZES)
def test_outside_the_support_the_photograph_is_kept_bit_by_bit(context: Context, model: str, name: str):
    store, (_, mask) = context.store, drawn_on(context, name)
    result = redraw(config(context, model, name, seed=7), context)
    image = image_of(context, name)
    before = decode_native(store.files.read(image.sha256)).values
    samples = store.samples.get_many(result.sample_ids)
    assert [sample.seed for sample in samples] == [7, 8] and len({sample.sha256 for sample in samples}) == 2
    for sample in samples:
        after = decode_native(store.files.read(sample.sha256)).values
        support, changed = (
            decode_mask(store.files.read(sha256), (image.width_px, image.height_px))
            for sha256 in (sample.recipe["support_sha256"], sample.mask_sha256)
        )
        assert after.dtype == before.dtype and after.shape == before.shape
        assert np.array_equal(after[~support], before[~support]) and not np.array_equal(after, before)
        assert (support & mask).sum() == mask.sum() and not (changed & ~support).any()
        assert sample.method == "inpaint" and sample.label == "crack" and sample.split == "train"
        assert sample.parents == (image.sha256,) and sample.group == image.group
        assert sample.recipe["prompt"] == "a photo of a crack" and sample.recipe["base_model"] == model
        assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes
    told = [one.key for one in result.warnings]
    assert ("patch_enlarged" in told) == (name == "small.png")


def test_a_whole_photograph_is_drawn_anew(context: Context, model: str):
    result = redraw(config(context, model, area="whole", sigma=1.0, count=1), context)
    sample = context.store.samples.get(result.sample_ids[0])
    assert sample.method == "image-to-image" and sample.recipe["box"] == [0, 0, 120, 90]
    assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes


def test_a_sample_that_takes_after_a_photograph_stems_from_both(context: Context, model: str):
    other = image_of(context, "wide.png")
    plain = redraw(config(context, model, seed=40, count=1), context).sample_ids[0]
    result = redraw(config(context, model, seed=40, count=2, reference_id=other.id), context)
    first = context.store.samples.get(result.sample_ids[0])
    assert first.sha256 != context.store.samples.get(plain).sha256
    assert first.parents == (image_of(context, "tile.png").sha256, other.sha256)
    assert first.group == "tile.png + wide.png"
    assert regenerate(RegenerateConfig(sample_id=first.id or 0), context).same_bytes
    # The network is as it was before.
    again = redraw(config(context, model, seed=40, count=1), context).sample_ids[0]
    assert again == plain


def test_the_mask_being_drawn_is_taken_where_none_is_named(context: Context, model: str):
    image = image_of(context, "tile.png")
    with pytest.raises(NotReady, match="nothing is drawn on image"):
        redraw(config(context, model, mask_sha256=""), context)
    sha256, _ = drawn_on(context, "tile.png")
    context.store.drafts.set(image.id or 0, sha256)
    named = redraw(config(context, model, seed=3, count=1), context).sample_ids[0]
    drawn = redraw(config(context, model, seed=3, count=1, mask_sha256=""), context).sample_ids[0]
    assert context.store.samples.get(named).sha256 == context.store.samples.get(drawn).sha256


def test_words_beyond_the_model_are_told(context: Context, model: str):
    result = redraw(config(context, model, prompt="a photo of a crack " * 20, count=1), context)
    assert [one.key for one in result.warnings] == ["prompt_cut"]


def test_errors_name_what_is_wrong(context: Context, model: str):
    empty = context.store.files.put(encode_png(np.zeros((90, 120), dtype=np.bool_)))
    with pytest.raises(InvalidInput, match="mask is empty"):
        redraw(config(context, model, mask_sha256=empty), context)
    with pytest.raises(InvalidInput, match="mask is 200 x 64 px but its image is 120 x 90"):
        redraw(config(context, model, mask_sha256=drawn_on(context, "wide.png")[0]), context)
    with pytest.raises(NotReady, match="no re-drawing model"):
        redraw(config(context, "workspace"), context)
    with pytest.raises(InvalidInput, match="no such file"):
        redraw(config(context, model, loras=("none.safetensors=0.5",)), context)
    with pytest.raises(NotFound, match="no such folder"):
        redraw(config(context, "/nowhere/at all"), context)
    for fields, said in (
        ({"count": 0}, "count 0"),
        ({"label": " "}, "label"),
        ({"feather_px": 999}, "feather_px 999"),
        ({"steps": 1}, "steps 1"),
        ({"sampler": "heun"}, "sampler 'heun'"),
        ({"area": "half"}, "area 'half'"),
        ({"loras": ("a.safetensors=much",)}, "'much' is no number"),
        ({"loras": ("a.safetensors=9",)}, "outside -4 to 4"),
    ):
        with pytest.raises(InvalidConfig, match=said):
            config(context, model, **fields)


def test_models_are_told_before_they_are_loaded(context: Context, model: str):
    suited = {"steps": 20, "guidance": 4.0, "sampler": "dpmpp_2m_sde_karras"}
    told = ModelChoice(id=model, name="inpaint", side_px=64, most_px=96, grid_px=8, prompted=True, **suited)
    assert model_choice(context.store, model) == told
    assert all(one.id in ("built-in", "workspace") for one in known_models(context.store))


def test_a_batch_goes_on_where_it_was_stopped(context: Context, model: str):
    """Each sample hangs on its number alone: a job stopped in the middle ends with what one never stopped makes."""
    store, ids = context.store, tuple(image.id or 0 for image in context.store.images.list())
    for name in SIZES:
        store.drafts.set(image_of(context, name).id or 0, drawn_on(context, name)[0])
    told = RedrawBatchConfig(label="crack", model=model, steps=3, count=5, seed=500, masks="drawn", image_ids=ids)
    whole = redraw_batch(told, context)
    assert whole.samples == 5
    kept = {sample.seed: sample.sha256 for sample in store.samples.list() if sample.seed >= 500}
    assert sorted(kept) == [500, 501, 502, 503, 504] and len({*kept.values()}) == 5

    class Stops(Progress):
        def __call__(self, step, total, metrics=None, previews=None):
            if step >= 2:
                raise Cancelled

    job = store.jobs.add(JobRecord(operation="redraw_batch", config=to_json(told)))
    stopped = replace(context, job_id=job.id, progress=Stops())
    again = replace(told, seed=600)
    with pytest.raises(Cancelled):
        redraw_batch(again, stopped)
    assert store.samples.count(job_id=job.id) == 2
    redraw_batch(again, replace(stopped, progress=Progress()))
    assert sorted(row.seed for row in store.samples.rows(job_id=job.id)) == [600, 601, 602, 603, 604]


def test_a_batch_says_what_it_lacks(context: Context, model: str):
    with pytest.raises(NotFound, match="of label 'weld'"):
        redraw_batch(RedrawBatchConfig(label="crack", model=model, count=1, on="weld"), context)
    with pytest.raises(NotFound, match="no training image of 'crack' has a mask"):
        redraw_batch(RedrawBatchConfig(label="crack", model=model, count=1, on="free"), context)
    with pytest.raises(InvalidConfig, match="count 0"):
        RedrawBatchConfig(label="crack", count=0)
