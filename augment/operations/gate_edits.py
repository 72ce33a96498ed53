"""What the gates ask of a sample that was made on a photograph: what changed, where, and how the defect itself looks.

Reads what the generators stored; computes on pixels and knows no network and no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from augment.images import decode, decode_mask
from augment.judge.sensor import noise_levels
from augment.operations.context import Context
from augment.operations.cuts import cut_sample, sample_mask
from augment.operations.mask_library import estimate_part
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord, SampleRecord, Store
from augment.views import View

__all__ = ["Numbers", "Opened", "defect_cut", "noise_floor", "open_sample", "real_defects"]

Numbers = dict[str, float]
"""What was measured of one sample, by gate; a gate that has nothing to say of it is not there."""

_DEFECT_PX, _LEAST_PX = 64, 24
_AROUND = View(kind="mask", side_px=_LEAST_PX, margin=1.5)
"""How defects are held against each other: their masks' boxes and a quarter around, 24 px at least."""
_BLUR_PX = 1.0
_STRONGEST = 95  # percentile of the change inside a mask: a thin crack fills little of what was drawn on
_BLURRED_NOISE = 2 * 2**0.5 * 0.28
"""That percentile of the difference of two equally noisy pictures, blurred by 1 px, over the noise of one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Opened:
    """What is kept of a sample. cut: (side, side, C) uint8, as the workspace's networks see it. defect: its own, as
    `defect_cut`, where it was made on a photograph; None for any other sample. numbers: of edit, outside and part."""

    cut: NDArray[np.uint8]
    defect: NDArray[np.uint8] | None
    numbers: Numbers


def open_sample(store: Store, sample: SampleRecord, view: View) -> Opened:
    """Reads a sample, and its photograph where that is of its own size."""
    pixels = decode(store.files.path(sample.sha256)).pixels
    size = (pixels.shape[1], pixels.shape[0])
    where, below = sample_mask(store, sample, size), _below(store, sample, size)
    cut = cut_sample(pixels, where, sample, view)
    if where is None or below is None:
        return Opened(cut=cut, defect=None, numbers={})
    drawn_sha256, support_sha256 = (sample.recipe.get(name) for name in ("drawn_sha256", "support_sha256"))
    drawn = where if drawn_sha256 is None else decode_mask(store.files.path(drawn_sha256), size)
    difference = pixels.astype(np.float32).mean(axis=2) - load_pixels(store, below).astype(np.float32).mean(axis=2)
    numbers: Numbers = {"edit": 0.0}
    if drawn.any():
        numbers["edit"] = float(np.percentile(np.abs(gaussian_filter(difference, _BLUR_PX))[drawn], _STRONGEST))
    if support_sha256 is not None:
        support = decode_mask(store.files.path(support_sha256), size)
        numbers["outside"] = float(((difference != 0) & ~support).sum())
    part = estimate_part(store, below)
    if part is not None and where.any():
        numbers["part"] = float((where & part).sum() / where.sum())
    return Opened(cut=cut, defect=defect_cut(pixels, where) if where.any() else None, numbers=numbers)


def _below(store: Store, sample: SampleRecord, size: tuple[int, int]) -> ImageRecord | None:
    """The photograph that a sample was made on; None where it is gone, or of another size."""
    names = [sample.recipe.get("below_sha256"), *sample.parents]
    image = next((image for name in names if name and (image := store.images.by_sha256(name)) is not None), None)
    return image if image is not None and (image.width_px, image.height_px) == size else None


def defect_cut(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The defect of a mask (H, W) with any True in pixels (H, W, C) and a quarter around it, grey (64, 64, 1) uint8."""
    left, top, side = _AROUND.square(pixels.shape[1], pixels.shape[0], mask, "")
    cut = Image.fromarray(pixels[top : top + side, left : left + side].mean(axis=2).astype(np.uint8))
    return np.asarray(cut.resize((_DEFECT_PX, _DEFECT_PX), Image.Resampling.BICUBIC))[..., None]


def real_defects(images: Sequence[ImageRecord], context: Context) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`defect_cut` (m, 64, 64, 1) of the images that have a mask, and their rows (m,); may raise Cancelled."""
    cuts, rows = [], []
    for row, image in enumerate(images):
        if row % 50 == 0:
            context.progress.check()
        mask = load_mask(context.store, image)
        if mask is not None and mask.any():
            cuts.append(defect_cut(load_pixels(context.store, image), mask))
            rows.append(row)
    return np.array(cuts, dtype=np.uint8).reshape(-1, _DEFECT_PX, _DEFECT_PX, 1), np.array(rows, dtype=np.int64)


def noise_floor(images: Sequence[ImageRecord], context: Context) -> float:
    """The change inside a mask, in levels, that the noise of nearly all of these photographs could make."""
    noise = []
    for image in images:
        context.progress.check()
        noise.append(float(noise_levels(load_pixels(context.store, image)[None])[0]))
    return max(1.0, _BLURRED_NOISE * float(np.percentile(noise, 95)))
