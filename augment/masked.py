"""Masked re-drawing without the model: which part of a photograph it sees, and how its answer comes back.

A mask is bool (height, width) at the native size of the upright photograph. Three are kept: `drawn`, what the user
marked; `support`, where the answer has any weight; `changed`, where the result differs visibly. Outside the support the
result is the photograph, bit for bit. Knows no network, no store and no file.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.errors import InvalidConfig, InvalidInput
from augment.images import Native

__all__ = ["Box", "PasteConfig", "Pasted", "Patch", "crop_box", "cut_patch", "paste_back", "patch_side", "patch_size"]

Levels = NDArray[np.float32]
"""(height, width, C) in [0, 255]."""


_LEAST_THICKNESS_PX = 8.0


@dataclass(frozen=True)
class Box:
    """A rectangle of a photograph in px: columns left to right - 1, rows top to bottom - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in px."""
        return self.bottom - self.top, self.right - self.left


@dataclass(frozen=True, kw_only=True)
class PasteConfig:
    """How an answer is cut out and laid over the photograph."""

    padding: float = field(
        default=0.5, metadata={"help": "surroundings the model sees on each side, in longer sides of the mask"}
    )
    feather_px: int = field(default=4, metadata={"help": "width of the soft rim outside the mask, in the photograph"})
    match_colour: bool = field(
        default=True, metadata={"help": "shift the answer's light to that of the surroundings, smoothly"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 0.0 <= self.padding <= 8.0:
            raise InvalidConfig(f"padding {self.padding}: allowed 0 to 8; 0.5 shows the model half a mask on each side")
        if not 0 <= self.feather_px <= 256:
            raise InvalidConfig(f"feather_px {self.feather_px}: allowed 0 (a hard edge) to 256; 4 is usual")


def crop_box(mask: NDArray[np.bool_], config: PasteConfig, side_px: int) -> Box:
    """The square around a mask that the model sees, moved inside the photograph; at least the model's `side_px`, where
    the photograph has that much, so that small defects are seen as large as they are.

    InvalidInput for an empty mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise InvalidInput("the mask is empty: draw where the defect should be, then generate")
    (top, bottom), (left, right) = (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)
    longer = max(bottom - top, right - left)
    margin = max(math.ceil(longer * config.padding), config.feather_px + 1)
    side = max(longer + 2 * margin, side_px)
    spans = []
    for low, high, length in ((left, right, mask.shape[1]), (top, bottom, mask.shape[0])):
        size = min(side, length)
        start = min(max((low + high - size) // 2, 0), length - size)
        spans.append((start, start + size))
    return Box(spans[0][0], spans[1][0], spans[0][1], spans[1][1])


def patch_side(mask: NDArray[np.bool_], box: Box, side_px: int, most_px: int) -> int:
    """The side at which a model should see a box: `side_px`, or up to `most_px` where a thin mask would be lost.

    A crack across a whole part, seen at 64 px, is thinner than a pixel. So the mask, as thick as its area over its
    longer side, stays at least 8 px thick, as far as the photograph and the model have that. mask: (H, W).
    """
    inside = mask[box.slices]
    longer = max(int(inside.any(axis=1).sum()), int(inside.any(axis=0).sum()), 1)
    thickness_px = max(float(inside.sum()) / longer, 1.0)
    wanted = max(box.size) * min(1.0, _LEAST_THICKNESS_PX / thickness_px)
    return int(min(max(side_px, wanted), max(side_px, most_px)))


@dataclass(frozen=True, kw_only=True)
class Patch:
    """What a model is given: a box of a photograph at the model's scale.

    pixels: (h, w, C) uint8; mask: (h, w) bool, True wherever the drawn mask touches a pixel. h and w are multiples of
    the model's grid.
    """

    box: Box
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def patch_size(box: Box, side_px: int, grid_px: int) -> tuple[int, int]:
    """(height, width) at which a model sees a box: its longer side `side_px`, both multiples of `grid_px`."""
    scale = side_px / max(box.size)
    height, width = (max(grid_px, round(length * scale / grid_px) * grid_px) for length in box.size)
    return height, width


def cut_patch(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], box: Box, side_px: int, grid_px: int = 8) -> Patch:
    """The box at the model's scale: its longer side becomes `side_px`, both sides multiples of `grid_px`.

    pixels: (H, W, C) uint8 of the whole photograph; mask: (H, W).
    """
    height, width = patch_size(box, side_px, grid_px)
    inside = pixels[box.slices]
    shrunk = np.rint(_resized(inside.astype(np.float32), (height, width))).clip(0, 255).astype(np.uint8)
    # Reducing keeps a trace of every pixel, so that a mask of one pixel does not vanish in a smaller picture.
    drawn = mask[box.slices].astype(np.float32)[..., None]
    touched = _resized(drawn, (height, width), Image.Resampling.BOX)[..., 0] > 1e-6
    return Patch(box=box, pixels=shrunk, mask=touched)


_MOST_PIECES = 200
"""Above this a mask is grain, and taken as one."""


def separate(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The defects of a mask (H, W), the largest first: pieces that lie near each other, boxes within a sixteenth of the
    picture's longer side, are one. Two far apart share no crop without both becoming small in it."""
    from scipy import ndimage

    numbered, count = ndimage.label(mask, np.ones((3, 3)))
    if not 1 < count <= _MOST_PIECES:
        return [mask] if count else []
    gap_px = max(mask.shape) / 16
    groups: list[tuple[set[int], tuple[int, int, int, int]]] = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(numbered), start=1):
        found, box = {number}, (rows.start, columns.start, rows.stop, columns.stop)
        # One that grows may come near to those that it was far from.
        while near := [group for group in groups if _apart_px(group[1], box) <= gap_px]:
            groups = [group for group in groups if group not in near]
            found = found.union(*(members for members, _ in near))
            boxes = np.array([box, *(other for _, other in near)])
            box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
        groups.append((found, box))
    return sorted([np.isin(numbered, sorted(members)) for members, _ in groups], key=lambda one: -int(one.sum()))


def _apart_px(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> int:
    """Pixels between two boxes (top, left, bottom, right), on the axis on which they are farther apart."""
    return max(max(one[axis], other[axis]) - min(one[axis + 2], other[axis + 2]) for axis in (0, 1))


@dataclass(frozen=True, kw_only=True)
class Pasted:
    """A photograph with the answer in it, and the masks (H, W) bool that tell where.

    values: as `Native.values`. visible_share: changed pixels over drawn ones.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    support: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    visible_share: float


def paste_back(
    native: Native, drawn: NDArray[np.bool_], patch: Patch, before: Levels, after: Levels, config: PasteConfig
) -> Pasted:
    """The photograph with `after` in the place of `before`, both (h, w, C) at the scale of `patch`.

    before: what the model makes of the patch when it changes nothing (through its autoencoder, where it has one), so
    that what it loses in any case is not taken for a change. Detail that the model's scale does not hold, grain above
    all, is the photograph's own. InvalidInput if the answer is not finite.
    """
    if not np.isfinite(after).all():
        raise InvalidInput("the model gives values that are not numbers: choose another checkpoint or precision")
    box = patch.box
    if config.match_colour:
        after = after + _membrane(before - after, ~patch.mask)
    seen = native.levels(box.slices)
    base, new = (_resized(values, box.size) for values in (_channels(before, seen), _channels(after, seen)))
    result = new + _grain(seen - base, np.abs(new - base).max(axis=2, keepdims=True))
    weight = _feathered(drawn[box.slices], config.feather_px)
    blended = seen + weight[..., None] * (result - seen)
    inside = native.from_levels(blended)
    support = np.zeros(drawn.shape, dtype=np.bool_)
    support[box.slices] = weight > 0
    values = native.values.copy()
    values[box.slices] = np.where((weight > 0)[..., None], inside, values[box.slices])
    changed = np.zeros_like(drawn)
    changed[box.slices] = _visible(seen, native.levels_of(values[box.slices]), weight > 0)
    return Pasted(
        values=values,
        support=support,
        changed=changed,
        visible_share=float(changed.sum() / max(int(drawn.sum()), 1)),
    )


def _resized(values: Levels, size: tuple[int, int], resampling: Image.Resampling = Image.Resampling.BICUBIC) -> Levels:
    """(H, W, C) float32 at another (height, width), channel by channel; the same array where the size is the same."""
    if values.shape[:2] == size:
        return values
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(values[..., c])).resize(size[::-1], resampling))
        for c in range(values.shape[2])
    ]
    return np.stack(planes, axis=2).astype(np.float32)


def _channels(values: Levels, like: Levels) -> Levels:
    """Grey or RGB as `like` is."""
    if values.shape[2] == like.shape[2]:
        return values
    return values.mean(axis=2, keepdims=True) if like.shape[2] == 1 else np.repeat(values, 3, axis=2)


def _membrane(difference: Levels, known: NDArray[np.bool_]) -> Levels:
    """`difference` where it is known, carried smoothly into where it is not: normalised Gaussian averages, the widest
    first and each narrower one as far as known pixels reach (Burt and Adelson's pyramid of means, 1983)."""
    from scipy import ndimage

    if not known.any():
        return np.zeros_like(difference)
    weight = known.astype(np.float32)
    carried = np.broadcast_to(difference[known].mean(axis=0), difference.shape).astype(np.float32)
    for width in (max(known.shape) / 4, max(known.shape) / 8, max(known.shape) / 16):
        mass = ndimage.gaussian_filter(weight, width)[..., None]
        local = ndimage.gaussian_filter(difference * weight[..., None], (width, width, 0)) / (mass + 1e-6)
        trust = np.minimum(1.0, 4.0 * mass)
        carried = trust * local + (1.0 - trust) * carried
    return np.asarray(carried, dtype=np.float32)


def _grain(detail: Levels, change: Levels) -> Levels:
    """The photograph's own detail that may stay: all of it where nothing changes, and where something does, no more
    than its usual strength, so that what was redrawn does not shine through."""
    usual = 2.0 * 1.4826 * float(np.median(np.abs(detail)))
    limit = np.where(change > 3.0, usual, np.inf)
    return np.clip(detail, -limit, limit).astype(np.float32)


def _feathered(drawn: NDArray[np.bool_], feather_px: int) -> NDArray[np.float32]:
    """Weight of the answer (h, w): 1 in the mask, falling along a cosine to 0 at `feather_px` outside it."""
    from scipy import ndimage

    if feather_px == 0:
        return drawn.astype(np.float32)
    distance = np.minimum(ndimage.distance_transform_edt(~drawn) / (feather_px + 1), 1.0)
    weight = 0.5 + 0.5 * np.cos(np.pi * distance)
    weight[distance >= 1.0] = 0.0
    return np.asarray(weight, dtype=np.float32)


def _visible(before: Levels, after: Levels, support: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the change, averaged over a pixel's neighbourhood, is above three times the sensor noise averaged alike.

    Noise is taken from the photograph: the median second difference, which edges hardly move (Immerkaer 1996). Single
    pixels are left out, holes of the mask are filled.
    """
    from scipy import ndimage

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    rough = ndimage.convolve(before.mean(axis=2), kernel, mode="nearest")
    noise = 1.4826 * float(np.median(np.abs(rough))) / 6.0
    change = ndimage.gaussian_filter(np.abs(after - before).max(axis=2), 0.7)
    seen = (change > max(3.0 * noise, 3.0)) & support
    seen &= ndimage.uniform_filter(seen.astype(np.float32), 3) > 0.3
    return np.asarray(ndimage.binary_fill_holes(seen) & support)
