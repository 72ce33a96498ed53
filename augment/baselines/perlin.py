"""Noise defects that need no example: patches of gradient noise filled with other texture.

Zavrtanik et al. 2021 (DRAEM), section 3.2: Perlin noise above a threshold is the mask; another texture fills it, and
what was there shines through by some share. Knows arrays alone.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["perlin_mask", "perlin_noise"]

_THRESHOLD = 0.5
_SHARES = (0.0005, 0.2)
"""Least and most of a picture that a noise defect covers; outside that another noise is drawn."""
_TRIES = 40


def perlin_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> NDArray[np.float32]:
    """Gradient noise (height, width) float32 in about [-1, 1] over a grid of cells (down, across). Perlin 2002."""
    angle = rng.uniform(0, 2 * np.pi, (cells[0] + 1, cells[1] + 1)).astype(np.float32)
    down = (np.arange(size[0], dtype=np.float32) + 0.5) * (cells[0] / size[0])
    across = (np.arange(size[1], dtype=np.float32) + 0.5) * (cells[1] / size[1])
    row, column = down.astype(int)[:, None], across.astype(int)[None, :]
    v, u = down[:, None] - row, across[None, :] - column

    def corner(below: int, beside: int) -> NDArray[np.float32]:
        turn = angle[row + below, column + beside]
        return np.asarray(np.sin(turn) * (v - below) + np.cos(turn) * (u - beside), dtype=np.float32)

    fade_v, fade_u = (t**3 * (t * (6 * t - 15) + 10) for t in (v, u))
    above = corner(0, 0) + fade_u * (corner(0, 1) - corner(0, 0))
    under = corner(1, 0) + fade_u * (corner(1, 1) - corner(1, 0))
    # Gradients of length 1 reach half the root of two.
    return np.asarray(np.sqrt(2) * (above + fade_v * (under - above)), dtype=np.float32)


def perlin_mask(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where a noise defect lies, (height, width), with at least one pixel: one patch or a few, coarse or fine."""
    mask = np.zeros(size, dtype=np.bool_)
    for _ in range(_TRIES):
        cells = (2 ** int(rng.integers(1, 6)), 2 ** int(rng.integers(1, 6)))
        fitting = (min(cells[0], size[0]), min(cells[1], size[1]))
        mask = perlin_noise(rng, size, fitting) > _THRESHOLD
        # All of a fine noise would be a texture of its own: a window of the picture is kept.
        height, width = (max(1, round(length * rng.uniform(0.1, 0.5))) for length in size)
        top, left = (
            int(rng.integers(0, length - part + 1)) for length, part in zip(size, (height, width), strict=True)
        )
        window = np.zeros(size, dtype=np.bool_)
        window[top : top + height, left : left + width] = True
        mask &= window
        if _SHARES[0] <= mask.mean() <= _SHARES[1]:
            return mask
    if not mask.any():
        mask[size[0] // 2, size[1] // 2] = True
    return mask
