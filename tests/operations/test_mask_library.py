"""Masks of the training split as stencils: the same seed gives the same one, and it always lies on the picture."""

import numpy as np
import pytest

from augment.errors import NotFound
from augment.images import encode_mask, encode_png
from augment.operations.mask_library import estimate_part, library_mask
from augment.store import ImageRecord, Store
from tests.examples import image_record


def add(store: Store, number: int, mask: np.ndarray | None, **fields: object) -> ImageRecord:
    height, width = (96, 120) if mask is None else mask.shape
    sha256 = None if mask is None else store.files.put(encode_mask(mask))
    record = image_record(number, mask_sha256=sha256, width_px=width, height_px=height, **fields)
    return store.images.get(store.apply([record])[0])


@pytest.fixture
def library(store: Store) -> Store:
    line, blob = np.zeros((2, 96, 120), dtype=np.bool_)
    line[48, 20:100] = True
    blob[30:50, 40:70] = True
    add(store, 1, line, label="crack")
    add(store, 2, blob, label="blowhole")
    add(store, 3, np.zeros((96, 120), dtype=np.bool_), label="free")
    add(store, 4, np.ones((96, 120), dtype=np.bool_), label="fray", split="test")
    return store


def test_a_seed_gives_one_mask_and_other_seeds_give_others(library: Store):
    image = add(library, 5, None, label="free")
    masks = [library_mask(library, "crack", image, seed) for seed in (1, 1, 2, 3)]
    assert all(mask.shape == (96, 120) and mask.any() for mask in masks)
    assert (masks[0] == masks[1]).all() and (masks[0] != masks[2]).any() and (masks[2] != masks[3]).any()
    # Another image gets another place, or a batch of equal seeds would put every defect in the same corner.
    other = add(library, 6, None, label="free")
    assert (library_mask(library, "crack", other, 1) != masks[0]).any()


@pytest.mark.parametrize(("width", "height"), [(120, 96), (31, 400), (1200, 960), (12, 10)])
def test_masks_keep_their_share_of_the_picture_and_stay_inside(library: Store, width: int, height: int):
    image = library.images.get(library.apply([image_record(7, width_px=width, height_px=height)])[0])
    shares = [library_mask(library, "blowhole", image, seed).mean() for seed in range(12)]
    # The blob covers 5 % of its picture; stretching by 0.8 to 1.25 on both axes makes 0.64 to 1.56 of that, and a
    # picture in which it does not fit has less. On a tiny one, every pixel that is touched counts.
    assert max(shares) < 0.05 * 1.56 * (1.4 if width > 20 else 3)
    if width / height == pytest.approx(1.25, abs=0.1) and width > 100:
        assert min(shares) > 0.05 * 0.64 * 0.9


def test_a_thin_line_stays_a_line_on_a_small_picture(library: Store):
    from scipy import ndimage

    image = library.images.get(library.apply([image_record(7, width_px=30, height_px=24)])[0])
    for seed in range(20):
        _, pieces = ndimage.label(library_mask(library, "crack", image, seed), np.ones((3, 3)))
        assert pieces == 1, seed


@pytest.mark.parametrize(("width", "height"), [(120, 96), (60, 90), (1200, 960), (12, 10)])
def test_a_defect_at_the_rim_stays_at_the_rim(library: Store, width: int, height: int):
    across, fray = np.zeros((2, 96, 120), dtype=np.bool_)
    across[40:44, :] = True
    fray[70:96, 20:60] = True
    add(library, 5, across, label="break")
    add(library, 6, fray, label="worn")
    image = library.images.get(library.apply([image_record(7, width_px=width, height_px=height)])[0])
    turned = height > width
    places = set()
    for seed in range(12):
        crack, edge = library_mask(library, "break", image, seed), library_mask(library, "worn", image, seed)
        crack, edge = (np.rot90(mask) if turned else mask for mask in (crack, edge))
        assert crack[:, 0].any() and crack[:, -1].any(), seed
        assert edge[0].any() != edge[-1].any(), seed
        places.add((int(edge.any(axis=0).argmax()), bool(edge[0].any())))
    assert len(places) > 3
    # On a part in the middle of a picture there is no such side.
    part = np.zeros((height, width), dtype=np.bool_)
    part[height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
    assert not (library_mask(library, "worn", image, 0, part) & ~part).any()


def test_the_part_keeps_the_mask(library: Store):
    image = add(library, 5, None, label="free")
    part = np.zeros((96, 120), dtype=np.bool_)
    part[40:90, 60:118] = True
    for seed in range(10):
        mask = library_mask(library, "blowhole", image, seed, part)
        assert mask.any() and not (mask & ~part).any()


def test_a_part_on_a_plain_background_is_found_and_a_texture_has_none(store: Store):
    down, across = np.mgrid[:300, :400]
    disc = (down - 150) ** 2 + (across - 200) ** 2 < 90**2
    rng = np.random.default_rng(0)
    pictures = [np.where(disc, 150, 20), 40 + 150 * rng.random((300, 400))]
    found = []
    for number, values in enumerate(pictures):
        noisy = (values + rng.normal(0, 2, values.shape)).clip(0, 255).astype(np.uint8)
        record = image_record(number, sha256=store.files.put(encode_png(noisy)), width_px=400, height_px=300)
        found.append(estimate_part(store, store.images.get(store.apply([record])[0])))
    assert found[1] is None
    assert found[0] is not None and (found[0] == disc).mean() > 0.99


def test_without_a_mask_the_reason_names_what_there_is(library: Store):
    image = add(library, 5, None, label="free")
    with pytest.raises(NotFound, match=r"no training image of 'fray' has a mask: .* blowhole, crack, free"):
        library_mask(library, "fray", image, 0)
    with pytest.raises(NotFound, match="the masks of 'free' are empty"):
        library_mask(library, "free", image, 0)
    assert library_mask(library, None, image, 0).any()
