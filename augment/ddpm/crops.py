"""Crops of photographs that the re-drawing model is trained on, cut as a user's mask would be, only less regularly.

Knows pixels, masks and seeds; no store and no torch.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import MOST_SIDES
from augment.errors import InvalidInput
from augment.masked import Box, PasteConfig, Patch, crop_box, cut_patch, patch_side

__all__ = ["DISTANCE_SCALE", "Crop", "Crops", "cut_crop", "cut_good"]

DISTANCE_SCALE = 4.0
"""Units of a px in which distances are kept, so that a byte holds a quarter px and 63 px are far."""

_PADDINGS = (0.2, 1.5)
"""Surroundings on each side, in longer sides of the mask; the canvas shows 0.5 unless told otherwise."""


@dataclass(frozen=True)
class Crops:
    """Crops of one split's photographs at the model's scale.

    pixels: (n, side, side, C) uint8. label: (n,) int64. distance: (n, side, side) uint8, quarters of a px to the crop's
    mask, 0 inside it; 255 everywhere where there is no mask.
    """

    pixels: NDArray[np.uint8]
    label: NDArray[np.int64]
    distance: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """InvalidInput if shapes disagree."""
        if self.pixels.ndim != 4 or self.pixels.shape[1] != self.pixels.shape[2] or self.pixels.dtype != np.uint8:
            raise InvalidInput(f"crops {self.pixels.shape} {self.pixels.dtype}: need (n, side, side, channels) uint8")
        if self.distance.shape != self.pixels.shape[:3] or len(self.label) != len(self.pixels):
            raise InvalidInput(
                f"{len(self.pixels)} crops, {len(self.label)} labels, masks {self.distance.shape}: need one each"
            )

    def __len__(self) -> int:
        """n."""
        return len(self.pixels)

    @cached_property
    def masked(self) -> NDArray[np.bool_]:
        """(n,), which crops have a mask of their own."""
        return np.asarray((self.distance == 0).any(axis=(1, 2)))


@dataclass(frozen=True)
class Crop:
    """pixels: (side, side, C) uint8; distance: (side, side) uint8 as in `Crops`; native_px: its side in the
    photograph."""

    pixels: NDArray[np.uint8]
    distance: NDArray[np.uint8]
    native_px: int


def cut_crop(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], side_px: int, rng: np.random.Generator) -> Crop:
    """A square of a photograph (H, W, C) around its mask (H, W), with random surroundings, the mask anywhere in it.

    At the scale at which the whole box would be re-drawn (`patch_side`): of a long thin mask the square holds a part.
    Of a photograph narrower than that, all of it with mirrored rims, or a square that holds a part of the mask.
    """
    box = crop_box(mask, PasteConfig(padding=float(rng.uniform(*_PADDINGS)), feather_px=0), side_px)
    scale = max(box.size) / patch_side(mask, box, side_px, MOST_SIDES * side_px)
    side = min(min(box.size) if rng.random() < 0.5 else max(box.size), round(scale * side_px))
    left, right = _moved(np.flatnonzero(mask.any(axis=0)), mask.shape[1], side, rng)
    top, bottom = _moved(np.flatnonzero(mask.any(axis=1)), mask.shape[0], side, rng)
    patch = cut_patch(pixels, mask, Box(left, top, right, bottom), side_px)
    return _framed(patch, side_px)


def cut_good(pixels: NDArray[np.uint8], native_px: int, side_px: int, rng: np.random.Generator) -> Crop:
    """A square of `native_px` anywhere in a photograph (H, W, C) without a mask; less where it is narrower."""
    side = min(max(native_px, side_px), *pixels.shape[:2])
    left, top = (int(rng.integers(length - side + 1)) for length in (pixels.shape[1], pixels.shape[0]))
    box = Box(left, top, left + side, top + side)
    return _framed(cut_patch(pixels, np.zeros(pixels.shape[:2], np.bool_), box, side_px), side_px)


def _moved(marked: NDArray[np.intp], length: int, side: int, rng: np.random.Generator) -> tuple[int, int]:
    """A span of `side` px, or less where the photograph has no more, anywhere around what is marked, or on it."""
    side = min(side, length)
    low, high = sorted((int(marked[-1]) + 1 - side, int(marked[0])))
    start = int(rng.integers(max(low, 0), min(high, length - side) + 1))
    return start, start + side


def _framed(patch: Patch, side_px: int) -> Crop:
    """A square with mirrored rims, which count as known: the mask is not mirrored."""
    from scipy import ndimage

    margins = [((side_px - length) // 2, (side_px - length + 1) // 2) for length in patch.mask.shape]
    mask = np.pad(patch.mask, margins)
    distance = np.full(mask.shape, 255.0)
    if mask.any():
        distance = np.minimum(ndimage.distance_transform_edt(~mask) * DISTANCE_SCALE, 255.0)
    pixels = np.pad(patch.pixels, [*margins, (0, 0)], mode="symmetric")
    return Crop(pixels, np.rint(distance).astype(np.uint8), max(patch.box.size))
