"""Real masks as stencils: those of the training split, moved, turned and stretched onto another photograph.

Knows the store and arithmetic on pixels; no network and no torch. Whatever is drawn by chance hangs on a digest of the
seed alone, so that the same seed gives the same mask on every version of numpy.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.errors import InvalidInput, NotFound
from augment.masked import separate
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord, Store

__all__ = ["estimate_part", "library_mask", "marked_labels"]

_MOST_TRIES = 64
"""Masks opened before giving up: images of the flawless class often come with an empty one."""
_MASKS_LOOKED_AT = 8
_STRETCH = (0.8, 1.25)
_PLACES = 48
_RIM_SHARE = 0.02
"""A defect that comes so near to a side of its picture, as a share of that side, reaches it."""
_PART_SIDE_PX = 384
_PLAIN_LEVELS = 12.0
"""Spread of a picture's rim, in levels of 255, below which it is a plain background."""


def library_mask(
    store: Store, label: str | None, image: ImageRecord, seed: int, part: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """One defect of a real mask of the training split, laid on an image: turned, mirrored, stretched by 0.8 to 1.25,
    scaled as the two pictures' sizes are to each other, and moved to a place inside the picture, on the part where that
    is known. A defect that reaches a side of its picture (a fray at the edge of a tile, a crack across it) reaches that
    side of this one too, or the one across: there it is mirrored and moved along the sides that it reaches, not turned.

    label: whose masks; None for those of every label. seed: any whole number; the same one gives the same mask.
    part: bool (height_px, width_px), where it may lie; None for anywhere.
    Returns bool (height_px, width_px) with at least one pixel. Raises NotFound where there is no such mask.
    """
    chance = _chance(f"mask library:{label}:{image.sha256}:{seed}")
    of_label = "" if label is None else f" of {label!r}"
    masked = [one for one in store.images.list(split="train", label=label) if one.mask_sha256 is not None]
    if not masked:
        labels = sorted({one.label for one in store.images.list(split="train") if one.mask_sha256 is not None})
        others = f"masks are there for {', '.join(labels)}" if labels else "no training image has one: draw it instead"
        raise NotFound(f"no training image{of_label} has a mask: {others}")
    for source in _shuffled(masked, chance)[:_MOST_TRIES]:
        mask = load_mask(store, source)
        if mask is not None and mask.any():
            defects = separate(mask)
            # In the shares that they have of the mask: specks beside a crack are seldom what is wanted.
            sums = np.cumsum([one.sum() for one in defects])
            mask = defects[int(np.searchsorted(sums, next(chance) * sums[-1], side="right"))]
            size = (image.height_px, image.width_px)
            if part is None and any(_reached(mask, axis) != (False, False) for axis in (0, 1)):
                return _laid_at_rim(mask, size, chance)
            return _laid(mask, size, part, chance)
    raise NotFound(f"the masks{of_label} are empty: {min(len(masked), _MOST_TRIES)} were opened; choose another label")


def marked_labels(images: Sequence[ImageRecord], store: Store) -> tuple[str, ...]:
    """The labels of these images whose masks show something, the most frequent first; of each a few masks are opened.

    Some data sets give good parts masks as well, with nothing in them.
    """
    labels = [one.label for one in images]
    found = []
    for label in sorted(set(labels), key=lambda label: (-labels.count(label), label)):
        masked = [one for one in images if one.label == label and one.mask_sha256 is not None]
        if any(mask.any() for one in masked[:_MASKS_LOOKED_AT] if (mask := load_mask(store, one)) is not None):
            found.append(label)
    return tuple(found)


def estimate_part(store: Store, image: ImageRecord) -> NDArray[np.bool_] | None:
    """Where the part lies, bool (height_px, width_px), for an object on a plain background; None for any other picture.

    The background is what has the levels of the picture's rim, where that is plain; the largest of what is left, its
    holes filled, is the part. Anything below a twentieth or above nine tenths of the picture is taken for no part.
    """
    from scipy import ndimage

    pixels = Image.fromarray(load_pixels(store, image).mean(axis=2).astype(np.uint8))
    size = pixels.size
    pixels.thumbnail((_PART_SIDE_PX, _PART_SIDE_PX))
    levels = np.asarray(pixels).astype(np.float32)
    rim = np.concatenate([levels[:2].ravel(), levels[-2:].ravel(), levels[:, :2].ravel(), levels[:, -2:].ravel()])
    middle = float(np.median(rim))
    spread = float(np.percentile(np.abs(rim - middle), 90))
    if spread > _PLAIN_LEVELS:
        return None
    other = ndimage.binary_opening(np.abs(levels - middle) > max(3 * spread, _PLAIN_LEVELS), iterations=2)
    numbered, count = ndimage.label(ndimage.binary_fill_holes(other))
    if not count:
        return None
    largest = 1 + int(np.argmax(np.bincount(numbered.ravel())[1:]))
    found = np.asarray(numbered == largest)
    if not 0.05 <= found.mean() <= 0.9:
        return None
    return np.asarray(Image.fromarray(found).resize(size, Image.Resampling.NEAREST))


def _chance(name: str) -> Iterator[float]:
    """Numbers in [0, 1), evenly drawn, that hang on a name alone."""
    count = 0
    while True:
        digest = hashlib.sha256(f"{name}:{count}".encode()).digest()
        for start in range(0, 32, 8):
            yield int.from_bytes(digest[start : start + 8], "big") / 2**64
        count += 1


def _shuffled(images: Sequence[ImageRecord], chance: Iterator[float]) -> list[ImageRecord]:
    order = sorted((next(chance), number) for number in range(len(images)))
    return [images[number] for _, number in order]


def _laid(
    mask: NDArray[np.bool_], size: tuple[int, int], part: NDArray[np.bool_] | None, chance: Iterator[float]
) -> NDArray[np.bool_]:
    """The mask on a picture of `size` (height, width), with at least one pixel of it on the part."""
    scale = math.sqrt(size[0] * size[1] / mask.size)
    stretched = [scale * (_STRETCH[0] * (_STRETCH[1] / _STRETCH[0]) ** next(chance)) for _ in range(2)]
    stencil = _turned(_trimmed(mask), 2 * math.pi * next(chance), (stretched[0], stretched[1]), next(chance) < 0.5)
    # A long crack may not fit when it is turned; it becomes shorter, not cut.
    over = max(stencil.shape[0] / size[0], stencil.shape[1] / size[1])
    if over > 1:
        stencil = _turned(stencil, 0.0, (1 / over, 1 / over), mirrored=False)[: size[0], : size[1]]
    if part is not None and not part.any():
        raise InvalidInput("the part is empty: a mask has no place on it")
    best, best_share = None, -1.0
    for _ in range(_PLACES if part is not None else 1):
        top, left = (int(next(chance) * (size[axis] - stencil.shape[axis] + 1)) for axis in range(2))
        rows, columns = slice(top, top + stencil.shape[0]), slice(left, left + stencil.shape[1])
        share = 1.0 if part is None else float(stencil[part[rows, columns]].sum() / stencil.sum())
        if share > best_share:
            best, best_share = (rows, columns), share
        if share == 1.0:
            break
    laid = np.zeros(size, dtype=np.bool_)
    if best is not None:
        laid[best] = stencil
    clipped = laid if part is None else laid & part
    return clipped if clipped.any() else laid


def _reached(mask: NDArray[np.bool_], axis: int) -> tuple[bool, bool]:
    """Whether the mask reaches the low and the high side of its picture along an axis."""
    taken = np.flatnonzero(mask.any(axis=1 - axis))
    near = int(_RIM_SHARE * mask.shape[axis])
    return bool(taken[0] <= near), bool(taken[-1] >= mask.shape[axis] - 1 - near)


def _laid_at_rim(mask: NDArray[np.bool_], size: tuple[int, int], chance: Iterator[float]) -> NDArray[np.bool_]:
    """The mask on a picture of `size` (height, width), at the same sides as on its own."""
    if (mask.shape[0] - mask.shape[1]) * (size[0] - size[1]) < 0:
        mask = np.rot90(mask)
    for axis in (0, 1):
        mask = np.flip(mask, axis) if next(chance) < 0.5 else mask
    scale, stencil = math.sqrt(size[0] * size[1] / mask.size), _trimmed(mask)
    extents, starts = [], []
    for axis in (0, 1):
        low, high = _reached(mask, axis)
        stretch = scale * _STRETCH[0] * (_STRETCH[1] / _STRETCH[0]) ** next(chance)
        extent = size[axis] if low and high else min(size[axis], max(1, round(stretch * stencil.shape[axis])))
        at = 0.0 if low else 1.0 if high else next(chance)
        extents.append(extent)
        starts.append(round(at * (size[axis] - extent)))
    levels = Image.fromarray(stencil.astype(np.uint8) * np.uint8(255))
    laid = np.zeros(size, dtype=np.bool_)
    # Every pixel that is touched counts: a thin line stays one, and all sides of the stencil keep their pixels.
    fitted = np.asarray(levels.resize((extents[1], extents[0]), Image.Resampling.BOX)) > 0
    laid[starts[0] : starts[0] + extents[0], starts[1] : starts[1] + extents[1]] = fitted
    return laid


def _trimmed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The smallest rectangle that holds the mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _turned(mask: NDArray[np.bool_], angle: float, stretch: tuple[float, float], mirrored: bool) -> NDArray[np.bool_]:
    """The mask turned by `angle` in radians after it was stretched across and down; trimmed, never empty."""
    coarse = int(1 / max(*stretch, 1e-6))
    if coarse > 1:
        # Sampled here and there, a thin line would fall into dots; a coarser mask keeps every pixel that it touches.
        levels = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).reduce(coarse)
        mask, stretch = np.asarray(levels) > 0, (stretch[0] * coarse, stretch[1] * coarse)
    height, width = mask.shape
    cosine, sine = math.cos(angle), math.sin(angle)
    across, down = stretch[0] * (-1 if mirrored else 1), stretch[1]
    wide = max(1, math.ceil(abs(width * across * cosine) + abs(height * down * sine))) + 2
    high = max(1, math.ceil(abs(width * across * sine) + abs(height * down * cosine))) + 2
    # Pillow asks where each pixel of the result comes from: the inverse of stretching, then turning, about the middles.
    # Four points in each pixel, for between the pixels a thin line would fall into dots.
    fine = 0.5
    xx, xy, yx, yy = fine * cosine / across, fine * sine / across, fine * -sine / down, fine * cosine / down
    x0, y0 = width / 2 - (xx * wide + xy * high), height / 2 - (yx * wide + yy * high)
    levels = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    turned = levels.transform(
        (2 * wide, 2 * high), Image.Transform.AFFINE, (xx, xy, x0, yx, yy, y0), Image.Resampling.BILINEAR
    )
    covered = np.asarray(turned.reduce(2))
    shown = covered >= min(64, int(covered.max()))
    return _trimmed(shown) if covered.any() else np.ones((1, 1), dtype=np.bool_)
