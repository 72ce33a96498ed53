"""A piece of one photograph on another, at native size: which pixels, which label mask. What every paste shares.

No torch. Outside the piece the result is the photograph below, bit for bit.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.images import Native, decode_native
from augment.masked import Box
from augment.operations.views import load_mask, load_pixels
from augment.pieces import Blend, Piece, Placing, blended, cut_piece, lay
from augment.store import ImageRecord, Store

__all__ = ["Composite", "lay_piece", "like_sized", "piece_of"]


@dataclass(frozen=True, eq=False)
class Composite:
    """values: the photograph with the piece, as `Native.values`; region and label (H, W) bool: the piece, and what of
    it is the defect."""

    native: Native
    values: NDArray[np.uint8] | NDArray[np.uint16]
    box: Box
    region: NDArray[np.bool_]
    label: NDArray[np.bool_]


def piece_of(store: Store, source: ImageRecord, region: NDArray[np.bool_] | None = None, margin_px: int = 0) -> Piece:
    """What is cut out of a photograph, with what of it is the defect.

    region: (H, W); the photograph's own mask if None, `margin_px` wider so that the seam runs through good material.
    InvalidInput where there is neither.
    """
    own = load_mask(store, source)
    if region is None:
        if own is None or not own.any():
            raise InvalidInput(f"{source.name} has no mask: draw the region to cut out, or choose another photograph")
        region = _widened(own, margin_px)
    return cut_piece(load_pixels(store, source), region, own)


def _widened(mask: NDArray[np.bool_], margin_px: int) -> NDArray[np.bool_]:
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~mask) <= margin_px)


def like_sized(source: ImageRecord, below: ImageRecord) -> float:
    """The scale at which a piece takes the same share of the picture below as of its own."""
    return math.sqrt(below.width_px * below.height_px / (source.width_px * source.height_px))


def lay_piece(
    store: Store,
    below: ImageRecord,
    piece: Piece,
    placing: Placing,
    blend: Blend,
    feather_px: int,
    match_colour: bool,
) -> Composite:
    """The composite. InvalidInput where the piece lies beside the photograph."""
    native = decode_native(store.files.path(below.sha256))
    height, width, channels = native.values.shape
    laid = lay(piece, placing, (height, width), channels)
    under = native.levels(laid.box.slices)
    result = blended(under, laid, blend, feather_px=feather_px, match_colour=match_colour)
    values, region, label = native.values.copy(), *np.zeros((2, height, width), dtype=np.bool_)
    part = laid.box.slices
    values[part] = np.where(laid.mask[..., None], native.from_levels(result), values[part])
    region[part] = laid.mask
    label[part] = laid.marked
    return Composite(native, values, laid.box, region, label)
