"""A piece of one photograph laid on another: cut out, turned, scaled, coloured, blended; and how hard its seam is.

Pixels are uint8 (height, width, C), masks bool (height, width), levels float32 in [0, 255]. Knows no network, no store
and no file.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.errors import InvalidConfig, InvalidInput
from augment.masked import Box

__all__ = ["Blend", "Laid", "Piece", "Placing", "blended", "cut_piece", "lay", "seam_ring", "seam_strength"]

Levels = NDArray[np.float32]
Blend = Literal["hard", "feathered", "poisson"]
"""How a piece meets what it lies on: edge to edge, over a soft rim, or with its gradients alone (Perez et al. 2003)."""

_AROUND_PX = 8
"""Of the picture below that is kept around a piece: for the ring about its seam."""
_RIM_PX = 2
"""Width of the bands beside a seam that tell how strong gradients are without it."""


@dataclass(frozen=True, eq=False)
class Piece:
    """pixels: (h, w, C) uint8, the smallest rectangle around a region; mask: (h, w) bool, the region; marked: (h, w)
    bool, what of it is the defect."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    marked: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where a piece comes to lie: its middle in px of the picture below, its size and turn."""

    x_px: float = field(metadata={"help": "middle of the piece from the left, in px"})
    y_px: float = field(metadata={"help": "middle of the piece from the top, in px"})
    scale: float = field(default=1.0, metadata={"help": "size over its own, 0.05 to 20"})
    turn_deg: float = field(default=0.0, metadata={"help": "turn, clockwise, in degrees"})
    mirrored: bool = field(default=False, metadata={"help": "flip it left to right first"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not all(math.isfinite(value) for value in (self.x_px, self.y_px, self.turn_deg)):
            raise InvalidConfig(f"place {self.x_px}, {self.y_px}, turn {self.turn_deg}: finite numbers are needed")
        if not 0.05 <= self.scale <= 20:
            raise InvalidConfig(f"scale {self.scale}: allowed 0.05 to 20; 1 keeps the piece's size")


@dataclass(frozen=True, eq=False)
class Laid:
    """A piece on a picture, in a box of it that holds the piece and some px around. levels: (h, w, C), meaningless
    outside mask (h, w); marked (h, w): what of the mask is the defect."""

    box: Box
    levels: Levels
    mask: NDArray[np.bool_]
    marked: NDArray[np.bool_]


def cut_piece(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], marked: NDArray[np.bool_] | None = None) -> Piece:
    """The region of a photograph. marked: (H, W), where its defect is; all of the region if None or beside it.

    InvalidInput for an empty mask or one of another size.
    """
    if mask.shape != pixels.shape[:2]:
        raise InvalidInput(f"mask {mask.shape} and photograph {pixels.shape[:2]}: both must have one height and width")
    if not mask.any():
        raise InvalidInput("the region is empty: draw what to cut out, or choose another photograph")
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    own = mask if marked is None or not (marked & mask).any() else marked & mask
    return Piece(pixels[part].copy(), mask[part].copy(), own[part].copy())


def lay(piece: Piece, placing: Placing, size: tuple[int, int], channels: int) -> Laid:
    """The piece at its place on a picture of size (height, width), grey or colour, cut off at its border.

    InvalidInput where nothing of it lies on the picture, or it is too thin at this size for any pixel.
    """
    height, width = size
    reach = 0.5 * placing.scale * math.hypot(*piece.mask.shape) + _AROUND_PX
    left, top = (max(0, math.floor(middle - reach)) for middle in (placing.x_px, placing.y_px))
    right, bottom = min(width, math.ceil(placing.x_px + reach)), min(height, math.ceil(placing.y_px + reach))
    box = Box(left, top, right, bottom)
    if left < right and top < bottom:
        numbers = _backwards(piece, placing, box)
        mask = _moved(piece.mask.astype(np.float32), numbers, box, Image.Resampling.BILINEAR) >= 0.5
        if mask.any():
            colour = piece.pixels.astype(np.float32)
            if colour.shape[2] != channels:
                colour = colour.mean(axis=2, keepdims=True) if channels == 1 else np.repeat(colour, 3, axis=2)
            planes = [
                _moved(colour[..., channel], numbers, box, Image.Resampling.BICUBIC) for channel in range(channels)
            ]
            marked = _moved(piece.marked.astype(np.float32), numbers, box, Image.Resampling.BILINEAR) >= 0.5
            return Laid(box, np.stack(planes, axis=2), mask, marked & mask if (marked & mask).any() else mask)
        if 0 <= placing.x_px < width and 0 <= placing.y_px < height:
            raise InvalidInput(f"at {placing.scale:.3g} of its size the piece is too thin to be seen: make it larger")
    raise InvalidInput(
        f"the piece lies at {placing.x_px:g}, {placing.y_px:g}, outside the picture of {width} x {height} px: "
        "move it onto the picture"
    )


def _backwards(piece: Piece, placing: Placing, box: Box) -> tuple[float, ...]:
    """Where a pixel of the box comes from, as Pillow asks: moved back, turned back, scaled back, flipped back."""
    angle, flip = math.radians(placing.turn_deg), -1.0 if placing.mirrored else 1.0
    cosine, sine = math.cos(angle) / placing.scale, math.sin(angle) / placing.scale
    x, y = placing.x_px - box.left, placing.y_px - box.top
    across = (flip * cosine, flip * sine, piece.mask.shape[1] / 2 - flip * (cosine * x + sine * y))
    return (*across, -sine, cosine, piece.mask.shape[0] / 2 + sine * x - cosine * y)


def _moved(plane: Levels, numbers: tuple[float, ...], box: Box, resampling: Image.Resampling) -> NDArray[np.float32]:
    """A plane (h, w) in the frame of a box; what lies beside it is its rim for colours, 0 for masks."""
    padded = np.pad(plane, 2, mode="edge" if resampling == Image.Resampling.BICUBIC else "constant")
    a, b, c, d, e, f = numbers
    image, (height, width) = Image.fromarray(padded), box.size
    moved = image.transform((width, height), Image.Transform.AFFINE, (a, b, c + 2, d, e, f + 2), resampling)
    return np.asarray(moved, dtype=np.float32)


def blended(below: Levels, laid: Laid, blend: Blend, *, feather_px: int = 4, match_colour: bool = True) -> Levels:
    """What lies in the piece's box, (h, w, C), with the piece on it; outside the piece's mask nothing changes.

    below: (h, w, C), the box of the picture. match_colour: the piece's rim takes the mean of what is around it, of
    which the piece keeps its differences; Poisson does so anyway.
    """
    mask, piece = laid.mask, laid.levels
    if blend == "poisson":
        return np.where(mask[..., None], _poisson(below, piece, mask), below)
    if match_colour:
        rim = seam_ring(mask, 2 * _RIM_PX)
        around, within = rim & ~mask, rim & mask
        if around.any() and within.any():
            piece = piece + (below[around].mean(axis=0) - piece[within].mean(axis=0))
    weight = mask.astype(np.float32) if blend == "hard" else _feathered(mask, feather_px)
    return np.asarray(below + weight[..., None] * (piece - below), dtype=np.float32)


def _feathered(mask: NDArray[np.bool_], feather_px: int) -> NDArray[np.float32]:
    """1 deep inside, falling to 0 at the region's own edge: nothing beside the region is known of its photograph."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    # A piece thinner than two feathers keeps its middle.
    soft = max(1.0, min(float(feather_px), float(depth.max()) / 2))
    return np.asarray(np.clip(depth / (soft + 1), 0, 1), dtype=np.float32) * mask


def _poisson(base: Levels, piece: Levels, mask: NDArray[np.bool_]) -> Levels:
    """`base` with the gradients of `piece` inside the mask: a sparse system of one equation for each pixel of it."""
    from scipy import sparse
    from scipy.sparse import linalg

    if mask.all():
        # Nothing to hold on to: the piece as it is.
        return piece
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(int(mask.sum()))
    rows, columns = np.nonzero(mask)
    count = np.zeros(len(rows))
    wanted = np.zeros((len(rows), base.shape[2]), dtype=np.float64)
    off: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    for step_down, step_across in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        down, across = rows + step_down, columns + step_across
        there = (down >= 0) & (down < mask.shape[0]) & (across >= 0) & (across < mask.shape[1])
        own, down, across = np.flatnonzero(there), down[there], across[there]
        count[own] += 1
        inside = mask[down, across]
        # Beside the region its photograph is not known: there the gradient is that of the picture below.
        wanted[own[inside]] += (piece[rows, columns][own] - piece[down, across])[inside]
        wanted[own[~inside]] += base[down, across][~inside]
        off.append((own[inside], number[down, across][inside]))
    first, second = (np.concatenate(part) for part in zip(*off, strict=True))
    size = (len(rows), len(rows))
    matrix = sparse.csc_matrix((-np.ones(len(first)), (first, second)), size) + sparse.diags(count, format="csc")
    solved = linalg.splu(matrix).solve(wanted)
    result = base.copy()
    result[mask] = solved
    return result


def seam_ring(mask: NDArray[np.bool_], width_px: int) -> NDArray[np.bool_]:
    """Pixels (H, W) within `width_px` of the border of a mask, on both sides; the picture's own border is no seam."""
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask)
    ring = np.where(mask, inside, outside) <= width_px
    return np.asarray(ring & (mask.any() and not mask.all()))


def seam_strength(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Mean step across the border of a mask over the mean step between neighbours in the bands beside it.

    pixels: (H, W, C). About 1 where there is no seam; what real pictures have under such a mask is the measure. 0 for a
    mask without a border.
    """
    levels = pixels.astype(np.float32).mean(axis=2)
    bands = seam_ring(mask, _RIM_PX)
    across: list[NDArray[np.float32]] = []
    beside: list[NDArray[np.float32]] = []
    for axis in (0, 1):
        step = np.abs(np.diff(levels, axis=axis))
        first, second = (np.take(mask, np.arange(mask.shape[axis] - 1) + one, axis=axis) for one in (0, 1))
        near = np.take(bands, np.arange(mask.shape[axis] - 1), axis=axis) & np.take(
            bands, np.arange(mask.shape[axis] - 1) + 1, axis=axis
        )
        across.append(step[first != second])
        beside.append(step[(first == second) & near])
    seam, usual = np.concatenate(across), np.concatenate(beside)
    if not len(seam) or not len(usual):
        return 0.0
    # Half a level: what rounding leaves even in a flat picture.
    return float((seam.mean() + 0.5) / (usual.mean() + 0.5))
