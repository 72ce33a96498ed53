"""Random fields that surfaces are made of: band-limited, fractal, stretched along a direction, cellular.

Every spectral field is periodic, float32, of zero mean and unit variance. Fields depend on their generator alone and
know nothing of materials or light.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

__all__ = ["Field", "cells", "spectral"]

Field = NDArray[np.float32]


@lru_cache(maxsize=256)
def _filter(
    side_px: int, shortest_px: float, longest_px: float, exponent: float, stretch: float, angle_deg: float
) -> Field:
    """Amplitude of each frequency of a real 2-D transform; (side, side // 2 + 1), no constant part, unit mean power."""
    fy = fft.fftfreq(side_px)[:, None]
    fx = fft.rfftfreq(side_px)[None, :]
    angle = np.deg2rad(angle_deg)
    along = fx * np.cos(angle) + fy * np.sin(angle)
    across = -fx * np.sin(angle) + fy * np.cos(angle)
    frequency = np.sqrt((along * stretch) ** 2 + across**2)
    frequency[0, 0] = 1.0
    high, low = 1.0 / shortest_px, 1.0 / longest_px
    amplitude = frequency**-exponent
    amplitude *= np.exp(-0.5 * (frequency / high) ** 2) * (1.0 - np.exp(-0.5 * (frequency / low) ** 2))
    amplitude[0, 0] = 0.0
    # A frequency of the half plane stands for itself and its mirror, except in the first and last column.
    weight = np.full(amplitude.shape, 2.0)
    weight[:, 0] = weight[:, -1] = 1.0
    power = float(np.sum(weight * amplitude**2))
    return np.asarray(amplitude / np.sqrt(2.0 * max(power, 1e-20)) * side_px**2, dtype=np.float32)


def spectral(
    rng: np.random.Generator,
    side_px: int,
    *,
    shortest_px: float,
    longest_px: float,
    exponent: float = 0.0,
    stretch: float = 1.0,
    angle_deg: float = 0.0,
) -> Field:
    """Gaussian noise whose amplitude falls as frequency ** -exponent between two wavelengths.

    shortest_px, longest_px: the band, in pixels (soft ends). exponent: 0 white, 1 to 2 fractal (clouds, castings).
    stretch: how many times longer the pattern is along `angle_deg` (0 is along x, 90 along y) than across it.
    Returns (side, side) float32, zero mean, unit variance in expectation. Saupe 1988, "spectral synthesis".
    """
    shape = _filter(side_px, shortest_px, longest_px, exponent, stretch, angle_deg)
    real = rng.standard_normal(shape.shape, dtype=np.float32)
    imaginary = rng.standard_normal(shape.shape, dtype=np.float32)
    spectrum = (real + 1j * imaginary) * shape
    return np.asarray(fft.irfft2(spectrum, s=(side_px, side_px)), dtype=np.float32)


def cells(rng: np.random.Generator, side_px: int, spacing_px: float) -> tuple[Field, NDArray[np.int32]]:
    """Distance to the nearest of scattered points and which point that is (Worley 1996, the first distance).

    spacing_px: mean distance of the points, 2 or more. Returns (side, side) float32 in units of the spacing, zero at a
    point, and (side, side) int32 numbers of the points, counted from 1.
    """
    count = max(4, round((side_px / spacing_px) ** 2))
    seeds = np.zeros((side_px, side_px), dtype=np.int32)
    rows, columns = rng.integers(0, side_px, count), rng.integers(0, side_px, count)
    seeds[rows, columns] = np.arange(1, count + 1)
    distance, nearest = ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    return np.asarray(distance / spacing_px, dtype=np.float32), seeds[nearest[0], nearest[1]]
