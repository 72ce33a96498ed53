"""Sprites with known factors: a shape of some size, turn and place on black, 64 x 64, binary or in a colour.

The factors of dSprites (Matthey et al. 2017), drawn by arithmetic whenever they are needed; nothing is stored.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "FACTORS", "SIDE_PX", "Factor", "draw_sprites"]

SIDE_PX = 64


class Factor(NamedTuple):
    """A factor and how many values it has."""

    name: str
    size: int


FACTORS = (Factor("shape", 3), Factor("scale", 6), Factor("turn", 40), Factor("x", 32), Factor("y", 32))
"""737,280 sprites. Shapes are square, ellipse and heart; scales go from a half to 1; turns around the circle."""
COLOURS = 5
"""From white to red in even steps, both included."""

_RADIUS_PX = 11.0
"""Of a sprite of scale 1, from its middle to about its corner."""
_FIRST_PX, _LAST_PX = 15.5, 47.5
"""Middles of the outermost places: no sprite leaves the picture."""


def draw_sprites(factors: NDArray[np.int64], colour: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """Sprites (n, 64, 64, C) uint8 of 0 and 255, C = 3 where colours are given, else 1.

    factors: (n, 5), in the order of `FACTORS`, each from 0 to its size - 1. colour: (n,) from 0 (white) to 4 (red).
    """
    shape, scale, turn, x, y = (factors[:, column, None, None] for column in range(len(FACTORS)))
    across = np.arange(SIDE_PX, dtype=np.float32)
    step = (_LAST_PX - _FIRST_PX) / (FACTORS[3].size - 1)
    angle = (turn * (2 * np.pi / FACTORS[2].size)).astype(np.float32)
    size = (_RADIUS_PX * (0.5 + 0.5 * scale / (FACTORS[1].size - 1))).astype(np.float32)
    right = (across[None, None, :] - (_FIRST_PX + step * x).astype(np.float32)) / size
    down = (across[None, :, None] - (_FIRST_PX + step * y).astype(np.float32)) / size
    cosine, sine = np.cos(angle), np.sin(angle)
    u, v = cosine * right + sine * down, cosine * down - sine * right
    inside = np.where(shape == 0, _square(u, v), np.where(shape == 1, _ellipse(u, v), _heart(u, v)))
    if colour is None:
        return (inside[..., None] * np.uint8(255)).astype(np.uint8)
    faded = np.rint(255 * (1 - colour / (COLOURS - 1))).astype(np.uint8)
    paint = np.stack([np.full_like(faded, 255), faded, faded], axis=1)
    return np.where(inside[..., None], paint[:, None, None, :], np.uint8(0)).astype(np.uint8)


def _square(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(np.maximum(np.abs(u), np.abs(v)) <= 0.75)


def _ellipse(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray((u / 1.0) ** 2 + (v / 0.6) ** 2 <= 1)


def _heart(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The curve (a^2 + b^2 - 1)^3 = a^2 b^3, its middle moved to the origin."""
    a, b = 1.2 * u, 0.1 - 1.2 * v
    return np.asarray((a * a + b * b - 1) ** 3 - a * a * b**3 <= 0)
