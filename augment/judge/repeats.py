"""Whether an image repeats another one: flipped, turned, re-encoded or moved by a few pixels, it is still the same.

Pictures are compared where they lie best upon each other, so that a copy has next to no distance and a neighbour in
feature space has its own. Knows pixels and which part they show; no network, no store.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft
from scipy.ndimage import gaussian_filter

from augment.judge.control import TURNS, turned

__all__ = ["Nearest", "Pictures"]

_COARSE_PX, _FINE_PX = 16, 64
"""Sides at which candidates are looked for and then compared."""
_CANDIDATES = 8
_SHIFT_PX = 4
"""At the fine side, either way."""
_BLUR_PX = 1.0
"""At the fine side: what compression and a sensor change from pixel to pixel is no difference."""
_BLOCK = 32  # pictures compared at once: 35 MB


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """Of n pictures: distance (n,) float32 to the nearest picture in row `like` (n,) int64, and `second` (n,) float32,
    to the nearest of any other part; infinite where there is none. Distances are 0 (the same but for light and
    contrast) to 2, 1.41 for what has nothing in common."""

    distance: NDArray[np.float32]
    like: NDArray[np.int64]
    second: NDArray[np.float32]

    @property
    def ratio(self) -> NDArray[np.float32]:
        """(n,) float32 in [0, 1]: how much nearer the nearest is than any other part. 1 where there is no other."""
        with np.errstate(invalid="ignore"):
            share = self.distance / np.maximum(self.second, 1e-6)
        return np.where(np.isfinite(self.second), share, 1.0).astype(np.float32)


class Pictures:
    """Pictures to hold others against."""

    def __init__(self, images: NDArray[np.uint8], part: NDArray[Any]) -> None:
        """images: (n, side, side, C) uint8, square. part: (n,) int, the same for photographs of one part."""
        self._part = np.asarray(part, dtype=np.int64)
        fine = _reduced(images)
        self._coarse = _coarse(fine)
        self._spectrum, self._norm = fft.rfft2(fine), _window_norms(fine)

    def __len__(self) -> int:
        """How many."""
        return len(self._part)

    def nearest(self, images: NDArray[np.uint8], left_out: NDArray[np.bool_] | None = None) -> Nearest:
        """The nearest pictures of images (n, side, side, C) uint8, over 8 flips and turns and small shifts.

        left_out: (n, pictures) bool, those that an image is not held against: its own part, or itself and those after.
        """
        count = len(images)
        distance, second = (np.full(count, np.inf, dtype=np.float32) for _ in range(2))
        like = np.zeros(count, dtype=np.int64)
        for first in range(0, count if len(self) else 0, _BLOCK):
            rows = slice(first, first + _BLOCK)
            out = None if left_out is None else left_out[rows]
            distance[rows], like[rows], second[rows] = self._block(images[rows], out)
        return Nearest(distance=distance, like=like, second=second)

    def _block(
        self, images: NDArray[np.uint8], left_out: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        count = len(images)
        fine = _reduced(np.concatenate([turned(images, turn) for turn in range(TURNS)]))
        likest = (_coarse(fine) @ self._coarse.T).reshape(TURNS, count, -1).max(axis=0)
        if left_out is not None:
            likest[left_out] = -np.inf
        chosen = np.stack([self._candidates(one) for one in likest])
        spectrum = _templates(fine).reshape(TURNS, count, _FINE_PX, -1).transpose(1, 0, 2, 3)
        found = np.stack([self._aligned(own, rows) for own, rows in zip(spectrum, chosen, strict=True)])
        found[~np.isfinite(np.take_along_axis(likest, chosen, axis=1))] = np.inf
        nearest = found.argmin(axis=1)[:, None]
        like = np.take_along_axis(chosen, nearest, axis=1)
        distance = np.take_along_axis(found, nearest, axis=1)[:, 0]
        second = np.where(self._part[chosen] != self._part[like], found, np.inf).min(axis=1)
        return distance, like[:, 0], second

    def _candidates(self, likest: NDArray[np.float32]) -> NDArray[np.int64]:
        """Rows of the likest pictures, and of the likest one of each of the likest parts."""
        order = np.argsort(-likest, kind="stable")
        _, first = np.unique(self._part[order], return_index=True)
        return np.concatenate([order[:_CANDIDATES], order[np.sort(first)[:_CANDIDATES]]])

    def _aligned(self, spectrum: NDArray[np.complex64], chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Distances (k,) from the turns' spectra (8, ...), each moved to where it lies best."""
        product = fft.irfft2(self._spectrum[chosen][:, None] * spectrum[None].conj(), s=(_FINE_PX, _FINE_PX))
        # A template moved by d lies on the picture at d, and below 0 at the end of the axis.
        near = np.arange(-_SHIFT_PX, _SHIFT_PX + 1)
        product = product[:, :, near[:, None], near[None, :]] / self._norm[chosen][:, None]
        return np.asarray(np.sqrt(np.maximum(2 - 2 * product.max(axis=(1, 2, 3)), 0)), dtype=np.float32)


def _reduced(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 64, 64) float32, grey and slightly blurred."""
    made = np.empty((len(images), _FINE_PX, _FINE_PX), dtype=np.float32)
    for row, image in enumerate(images):
        grey = Image.fromarray(image.mean(axis=2).astype(np.float32))
        made[row] = np.asarray(grey.resize((_FINE_PX, _FINE_PX), Image.Resampling.BOX))
    return np.asarray(gaussian_filter(made, (0, _BLUR_PX, _BLUR_PX), mode="nearest"), dtype=np.float32)


def _coarse(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 256) float32: much smaller, without mean, of length 1."""
    step = _FINE_PX // _COARSE_PX
    averaged = fine.reshape(-1, _COARSE_PX, step, _COARSE_PX, step).mean(axis=(2, 4))
    return _unit(averaged.reshape(len(fine), _COARSE_PX**2))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d): without mean, of length 1. A flat one is nothing, and like nothing."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def _templates(fine: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectra (n, 64, 33) of the middles of pictures, where these are laid upon others."""
    inner = slice(_SHIFT_PX, -_SHIFT_PX)
    middle = np.zeros_like(fine)
    cut = fine[:, inner, inner]
    middle[:, inner, inner] = _unit(cut.reshape(len(fine), cut[:1].size)).reshape(cut.shape)
    return np.asarray(fft.rfft2(middle), dtype=np.complex64)


def _window_norms(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Length without its mean of each window that a template may lie on, (n, 9, 9), by summed areas."""
    inner = _FINE_PX - 2 * _SHIFT_PX
    exact = fine.astype(np.float64) - fine.mean(axis=(1, 2), keepdims=True)

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        area = np.pad(values, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
        return np.asarray(
            area[:, inner:, inner:] - area[:, :-inner, inner:] - area[:, inner:, :-inner] + area[:, :-inner, :-inner]
        )

    squares = sums(exact**2) - sums(exact) ** 2 / inner**2
    return np.asarray(np.sqrt(squares.clip(1e-6)), dtype=np.float32)
