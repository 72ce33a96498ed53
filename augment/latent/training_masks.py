"""Masks for learning to re-draw: where a user might have drawn, given where the defect is.

A user marks loosely: around the defect, with a thick stroke or a rough ring. Knows no network.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["training_mask"]

_FULL_CHANCE = 0.15
_LARGEST_SHARE = 0.6


def training_mask(rng: np.random.Generator, defect: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask (side, side) bool that covers `defect`; anywhere where that is empty; sometimes all of the picture.

    defect: (side, side) bool, exact; empty for a good part.
    """
    from scipy import ndimage

    side = len(defect)
    if rng.random() < _FULL_CHANCE:
        return np.ones_like(defect)
    core = defect if defect.any() else _stroke(rng, side)
    kind = rng.choice(["near", "wide", "box", "ring"], p=[0.35, 0.3, 0.15, 0.2])
    if kind == "box":
        rows, columns = np.flatnonzero(core.any(1)), np.flatnonzero(core.any(0))
        grow = rng.integers(0, side // 8, 4)
        mask = np.zeros_like(core)
        mask[
            max(rows[0] - grow[0], 0) : rows[-1] + 1 + grow[1], max(columns[0] - grow[2], 0) : columns[-1] + 1 + grow[3]
        ] = True
        return mask
    radius = rng.uniform(1.0, 4.0) if kind == "near" else rng.uniform(4.0, side / 8)
    distance = ndimage.distance_transform_edt(~core)
    wobble = ndimage.gaussian_filter(rng.standard_normal(core.shape), side / 20) * side / 20
    mask = core | (distance + (0.0 if kind == "near" else 0.6 * radius) * np.tanh(wobble) <= radius)
    if kind == "ring":
        mask = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(mask, side // 4), iterations=side // 10))
        mask = mask[side // 4 : -(side // 4), side // 4 : -(side // 4)] | core
    return np.asarray(mask if mask.mean() < _LARGEST_SHARE else core | (distance <= 1.5))


def _stroke(rng: np.random.Generator, side: int) -> NDArray[np.bool_]:
    """A bent stroke or a blob anywhere, as thick as defects are."""
    start, turn = rng.uniform(0.15, 0.85, 2) * side, rng.uniform(0, 2 * np.pi)
    length, bend = rng.uniform(0.0, 0.6) * side, rng.normal(0.0, 0.6)
    along = np.linspace(0.0, 1.0, 40)
    angles = turn + bend * along
    path = start + np.cumsum(np.stack([np.sin(angles), np.cos(angles)], 1), axis=0) * length / 40
    axis = np.arange(side)
    near = np.hypot(axis[:, None, None] - path[:, 0], axis[None, :, None] - path[:, 1]).min(axis=2)
    return np.asarray(near <= rng.uniform(1.0, side / 12))
