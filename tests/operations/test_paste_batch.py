"""Pasted samples: exact outside the piece, labelled where the defect is, resumable, made again from their records."""

import numpy as np
import pytest

from augment.baselines.perlin import perlin_mask, perlin_noise
from augment.errors import InvalidConfig, NotFound
from augment.grain import grain_deg
from augment.images import decode, decode_mask, decode_native, encode_mask, encode_native, encode_png
from augment.operations.paste_batch import PasteBatchConfig, paste_batch
from augment.operations.pasting import piece_of
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.pieces import Placing, lay
from augment.store import JobRecord, Store
from tests.examples import image_record
from tests.operations.mapped import context_of
from tests.test_grain import brushed

HEIGHT, WIDTH = 80, 100


def add(store: Store, number: int, label: str, *, spot: bool = False, deep: bool = False, **fields: object) -> None:
    rng = np.random.default_rng(number)
    pixels = (150 + rng.normal(0, 3, (HEIGHT, WIDTH, 1))).clip(0, 255)
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    if spot:
        mask[30:40, 40:60] = True
        pixels[mask] = 20
    values = (pixels * 200).astype(np.uint16) if deep else pixels.astype(np.uint8)
    sha256 = store.files.put(encode_native(values) if deep else encode_png(values.astype(np.uint8)))
    mask_sha256 = store.files.put(encode_mask(mask)) if spot else None
    store.apply(
        [
            image_record(
                number, sha256=sha256, mask_sha256=mask_sha256, label=label, width_px=WIDTH, height_px=HEIGHT, **fields
            )
        ]
    )


@pytest.fixture(name="library")
def fill(store: Store) -> Store:
    for number in range(3):
        add(store, number, "free")
        add(store, 10 + number, "spot", spot=True)
    add(store, 20, "free", split="test")
    add(store, 21, "spot", spot=True, split="test")
    return store


@pytest.mark.parametrize("method", ["copy_paste", "perlin"])
def test_a_paste_changes_nothing_outside_and_is_made_again(library: Store, tmp_path, method):
    context = context_of(library, tmp_path / "job")
    config = PasteBatchConfig(label="spot", on="free", count=6, method=method, blend="poisson", seed=40)
    assert paste_batch(config, context).samples == 6
    samples = library.samples.list()
    assert [sample.seed for sample in samples] == list(range(40, 46)) and {one.method for one in samples} == {method}
    for sample in samples:
        below, source = (library.images.by_sha256(sha256) for sha256 in sample.parents)
        assert below is not None and source is not None and {below.split, source.split, sample.split} == {"train"}
        before, after = (decode(library.files.read(one.sha256)).pixels for one in (below, sample))
        label = decode_mask(library.files.read(sample.mask_sha256 or ""), (WIDTH, HEIGHT))
        assert label.any() and label.mean() < 0.5
        changed = (before != after).any(axis=2)
        # A piece is cut out a little wider than its defect, so that its seam runs through good material.
        from scipy import ndimage

        assert not (changed & (ndimage.distance_transform_edt(~label) > 10)).any()
        if method == "copy_paste":
            assert source.label == "spot" and after[label].mean() < 90 < before[label].mean()
        assert regenerate(RegenerateConfig(sample_id=sample.id or 0), context).same_bytes


def test_16_bit_photographs_keep_their_numbers(store: Store, tmp_path):
    add(store, 1, "free", deep=True)
    add(store, 2, "spot", spot=True)
    paste_batch(PasteBatchConfig(label="spot", on="free", count=1), context_of(store, tmp_path / "job"))
    (sample,) = store.samples.list()
    made, before = (decode_native(store.files.read(sha256)).values for sha256 in (sample.sha256, sample.parents[0]))
    assert made.dtype == np.uint16 and (made != before).any() and (made == before).mean() > 0.8


def test_pieces_lie_as_the_surface_runs(store: Store, tmp_path):
    """A defect of photographs brushed at 60 degrees, on one brushed at 20: whatever the flip, the brushing goes on."""
    mask = np.zeros((96, 96), dtype=np.bool_)
    mask[30:66, 30:66] = True
    for number, runs, label in ((1, 60, "spot"), (2, 60, "spot"), (3, 20, "free")):
        sha256 = store.files.put(encode_png(brushed(runs, 96, seed=number)))
        mask_sha256 = store.files.put(encode_mask(mask)) if label == "spot" else None
        store.apply(
            [image_record(number, sha256=sha256, mask_sha256=mask_sha256, label=label, width_px=96, height_px=96)]
        )
    context = context_of(store, tmp_path / "job")
    paste_batch(PasteBatchConfig(label="spot", on="free", count=12), context)
    recipes = [sample.recipe for sample in store.samples.list()]
    assert {recipe["placing"]["mirrored"] for recipe in recipes} == {True, False}
    for recipe in recipes:
        source = store.images.by_sha256(recipe["source_sha256"])
        assert source is not None
        placing = Placing(**recipe["placing"] | {"x_px": 48, "y_px": 48})
        laid = lay(piece_of(store, source), placing, (96, 96), 1)
        runs = grain_deg(laid.levels.clip(0, 255).astype(np.uint8), ~laid.mask)
        # Of a piece as small as this, resampled, a few degrees are lost.
        assert runs is not None and abs((runs - 20 + 90) % 180 - 90) < 8
    # Half of them the other way round, as a surface that runs one way allows.
    turns = [round(recipe["placing"]["turn_deg"]) for recipe in recipes if not recipe["placing"]["mirrored"]]
    assert max(turns) - min(turns) > 170


def test_a_resumed_job_makes_the_rest_alone(library: Store, tmp_path):
    job = library.jobs.add(JobRecord(operation="paste_batch", config={}))
    context = context_of(library, tmp_path / "job")
    context.job_id = job.id
    paste_batch(PasteBatchConfig(label="spot", on="free", count=2), context)
    first = [sample.id for sample in library.samples.list()]
    commits: list[int] = []
    commit = context.commit
    context.commit = lambda changes: commits.append(len(changes)) or commit(changes)
    paste_batch(PasteBatchConfig(label="spot", on="free", count=4), context)
    assert commits == [1, 1] and [sample.id for sample in library.samples.list()][:2] == first


def test_a_defect_too_thin_for_a_small_photograph_gives_way_to_another(library: Store, tmp_path):
    """A scratch of one px over a photograph 64 times as large shows only where a pixel happens to meet it."""
    side = 8 * HEIGHT
    scratch = np.zeros((side, side), dtype=np.bool_)
    scratch[side // 2, 10:-10] = True
    sha256 = library.files.put(encode_png(np.full((side, side, 1), 150, np.uint8)))
    library.apply(
        [
            image_record(
                30,
                sha256=sha256,
                mask_sha256=library.files.put(encode_mask(scratch)),
                label="spot",
                width_px=side,
                height_px=side,
            )
        ]
    )
    paste_batch(PasteBatchConfig(label="spot", on="free", count=12, feather_px=0), context_of(library, tmp_path))
    masks = [decode_mask(library.files.path(sample.mask_sha256), (WIDTH, HEIGHT)) for sample in library.samples.list()]
    assert len(masks) == 12 and all(mask.any() for mask in masks)


def test_what_is_not_there_is_named(library: Store, tmp_path):
    context = context_of(library, tmp_path / "job")
    with pytest.raises(NotFound, match="no training image of 'free' has a mask: masks are there for spot"):
        paste_batch(PasteBatchConfig(label="free", count=1), context)
    with pytest.raises(NotFound, match="no training photograph of label 'good'"):
        paste_batch(PasteBatchConfig(label="spot", on="good", count=1), context)
    with pytest.raises(InvalidConfig, match="count 0"):
        PasteBatchConfig(label="spot", count=0)


def test_perlin_noise_is_smooth_and_its_masks_are_patches():
    rng = np.random.default_rng(0)
    noise = perlin_noise(rng, (64, 96), (4, 6))
    # Cells of 16 px: neighbours differ by a few hundredths, the field by its whole range.
    assert float(np.abs(np.diff(noise, axis=0)).max()) < 0.25 and float(np.ptp(noise)) > 0.8
    assert abs(float(noise.mean())) < 0.1 and float(np.abs(noise).max()) <= 1.0
    shares = [perlin_mask(rng, (64, 96)).mean() for _ in range(50)]
    assert min(shares) > 0 and max(shares) <= 0.2 and len(set(shares)) > 25
    assert perlin_mask(rng, (1, 1)).shape == (1, 1)
