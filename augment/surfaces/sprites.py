"""Sprites with known factors: a shape of some size, turn and place on black, 64 x 64, binary or in a colour.

The factors of dSprites (Matthey et al. 2017), drawn by arithmetic whenever they are needed; nothing is stored on disk.
"""

from functools import cache
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
_FIRST_PX = 16
"""Middle of the outermost place; the next is a pixel on. No sprite leaves the picture."""
_REACH_PX = 12
"""No pixel of a sprite is farther from its middle, across or down."""


def draw_sprites(factors: NDArray[np.int64], colour: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """Sprites (n, 64, 64, C) uint8 of 0 and 255, C = 3 where colours are given, else 1.

    factors: (n, 5), in the order of `FACTORS`, each from 0 to its size - 1. colour: (n,) from 0 (white) to 4 (red).
    """
    shape, scale, turn, x, y = factors.T
    reach = np.arange(-_REACH_PX, _REACH_PX + 1) + _FIRST_PX
    inside = np.zeros((len(factors), SIDE_PX, SIDE_PX), dtype=np.uint8)
    rows, columns = (y[:, None] + reach)[:, :, None], (x[:, None] + reach)[:, None, :]
    inside[np.arange(len(factors))[:, None, None], rows, columns] = _outlines()[shape, scale, turn]
    if colour is None:
        return inside[..., None] * np.uint8(255)
    faded = np.rint(255 * (1 - colour / (COLOURS - 1))).astype(np.uint8)
    paint = np.stack([np.full_like(faded, 255), faded, faded], axis=1)
    return inside[..., None] * paint[:, None, None, :]


@cache
def _outlines() -> NDArray[np.uint8]:
    """Every shape at every scale and turn, (3, 6, 40, 25, 25) uint8 of 0 and 1: a place only moves them."""
    scale, turn = np.arange(FACTORS[1].size)[:, None, None, None], np.arange(FACTORS[2].size)[:, None, None]
    offset = np.arange(-_REACH_PX, _REACH_PX + 1, dtype=np.float32)
    size = (_RADIUS_PX * (0.5 + 0.5 * scale / (FACTORS[1].size - 1))).astype(np.float32)
    angle = (turn * (2 * np.pi / FACTORS[2].size)).astype(np.float32)
    right, down = offset[None, :] / size, offset[:, None] / size
    u, v = np.cos(angle) * right + np.sin(angle) * down, np.cos(angle) * down - np.sin(angle) * right
    return np.stack([_square(u, v), _ellipse(u, v), _heart(u, v)]).astype(np.uint8)


def _square(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(np.maximum(np.abs(u), np.abs(v)) <= 0.75)


def _ellipse(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray((u / 1.0) ** 2 + (v / 0.6) ** 2 <= 1)


def _heart(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The curve (a^2 + b^2 - 1)^3 = a^2 b^3, its middle moved to the origin."""
    a, b = 1.2 * u, 0.1 - 1.2 * v
    return np.asarray((a * a + b * b - 1) ** 3 - a * a * b**3 <= 0)
