"""How sharp and how noisy pictures are, beside those of one camera. Knows pixels; no network, no store."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["Sensor", "noise_levels", "sharpness_levels"]

_QUIET_LEVELS = 0.05
"""Of 255: what lies below is the same to every eye, and has no logarithm to speak of."""
_NORMAL_MAD = 1.4826  # a normal distribution's standard deviation over its median absolute deviation
_LEAST_SPREAD = 0.05  # of a logarithm: 5 %


def noise_levels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Standard deviation of the noise of images (n, H, W, C) uint8 in levels of 255, (n,) float32.

    Immerkaer 1996: the mean of what is left when planes and edges are taken out by a difference of two Laplacians.
    Fine texture counts as noise: compare among pictures of one surface.
    """
    grey = images.mean(axis=3, dtype=np.float32)
    rows = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    left = rows[:, :, :-2] - 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    return np.asarray(np.sqrt(np.pi / 2) / 6 * np.abs(left).mean(axis=(1, 2)), dtype=np.float32)


def sharpness_levels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How strong edges of 1 to 2 px are in images (n, H, W, C) uint8, in levels of 255, (n,) float32: the standard
    deviation of the band between two blurs."""
    grey = images.mean(axis=3, dtype=np.float32)
    fine, coarse = (gaussian_filter(grey, (0, sigma, sigma), mode="nearest") for sigma in (1.0, 2.0))
    return np.asarray((fine - coarse).std(axis=(1, 2)), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What is usual of a camera's pictures: middle and spread of the logarithms of noise and sharpness."""

    noise: tuple[float, float]
    sharpness: tuple[float, float]

    @classmethod
    def of(cls, images: NDArray[np.uint8]) -> Self:
        """Of real images (n, H, W, C) uint8, one at least."""
        return cls(noise=_usual(noise_levels(images)), sharpness=_usual(sharpness_levels(images)))

    def noise_off(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How many usual spreads the noise of images lies from the middle, (n,) float32, below 0 where it is less."""
        return _off(noise_levels(images), self.noise)

    def sharpness_off(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The same of sharpness."""
        return _off(sharpness_levels(images), self.sharpness)


def _log(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(np.maximum(levels, _QUIET_LEVELS))


def _usual(levels: NDArray[np.float32]) -> tuple[float, float]:
    logs = _log(levels)
    middle = float(np.median(logs))
    return middle, max(_LEAST_SPREAD, float(_NORMAL_MAD * np.median(np.abs(logs - middle))))


def _off(levels: NDArray[np.float32], usual: tuple[float, float]) -> NDArray[np.float32]:
    return np.asarray((_log(levels) - usual[0]) / usual[1], dtype=np.float32)
