"""A recipe's paste: a piece of one photograph on another, or another's texture in patches of noise, at native size.

No torch. Outside the piece the result is the photograph below, bit for bit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.baselines.perlin import perlin_mask
from augment.errors import InvalidInput, NotFound
from augment.images import Native, decode_mask, decode_native
from augment.masked import Box
from augment.operations.views import load_mask, load_pixels
from augment.pieces import Piece, Placing, blended, cut_piece, lay
from augment.store import ImageRecord, Store

__all__ = ["Composite", "composite_of", "like_sized", "piece_of"]

_MOST_NOISE_PX = 1024
"""Longer side at which noise masks are drawn; larger pictures get them enlarged."""


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


def composite_of(
    recipe: Mapping[str, Any], seed: int, store: Store
) -> tuple[Composite, tuple[ImageRecord, ImageRecord]]:
    """What a recipe of `copy_paste`, `cutmix` or `perlin` pastes, and the photographs below and taken from.

    NotFound if one is gone; InvalidInput where the piece lies beside the photograph.
    """
    below, source = (store.images.by_sha256(recipe[name]) for name in ("below_sha256", "source_sha256"))
    if below is None or source is None:
        raise NotFound("a photograph that this was pasted from is no longer in this workspace")
    native = decode_native(store.files.path(below.sha256))
    paste = _noise if recipe["method"] == "perlin" else _piece
    return paste(recipe, seed, native, source, store), (below, source)


def _piece(recipe: Mapping[str, Any], seed: int, native: Native, source: ImageRecord, store: Store) -> Composite:
    region_sha256, region = recipe.get("region_sha256"), None
    if region_sha256 is not None:
        region = decode_mask(store.files.read(region_sha256), (source.width_px, source.height_px))
    piece = piece_of(store, source, region, margin_px=recipe["margin_px"])
    height, width, channels = native.values.shape
    laid = lay(piece, Placing(**recipe["placing"]), (height, width), channels)
    under, part = native.levels(laid.box.slices), laid.box.slices
    result = blended(under, laid, recipe["blend"], feather_px=recipe["feather_px"], match_colour=recipe["match_colour"])
    values, region, label = native.values.copy(), *np.zeros((2, height, width), dtype=np.bool_)
    values[part] = np.where(laid.mask[..., None], native.from_levels(result), values[part])
    region[part], label[part] = laid.mask, laid.marked
    return Composite(native, values, laid.box, region, label)


def _noise(recipe: Mapping[str, Any], seed: int, native: Native, source: ImageRecord, store: Store) -> Composite:
    """Another photograph's texture through a mask of noise."""
    height, width, channels = native.values.shape
    shrunk = min(1.0, _MOST_NOISE_PX / max(height, width))
    coarse = perlin_mask(np.random.default_rng(seed), (round(height * shrunk), round(width * shrunk)))
    mask = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    pixels = load_pixels(store, source)
    plain = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    texture = np.asarray(plain.convert("L" if channels == 1 else "RGB").resize((width, height)))
    texture = texture.reshape(height, width, channels)[:, :: -1 if recipe["mirrored"] else 1]
    under, inside = native.levels(box.slices), mask[box.slices][..., None]
    mixed = under + recipe["opacity"] * (texture[box.slices].astype(np.float32) - under)
    values = native.values.copy()
    values[box.slices] = np.where(inside, native.from_levels(mixed), values[box.slices])
    return Composite(native, values, box, mask, mask)
