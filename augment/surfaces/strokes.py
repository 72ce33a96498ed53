"""Shapes that defects are made of: wandering lines with a width profile, and ragged blots; smooth by oversampling.

A shape is a coverage: (side, side) float32, 0 outside, 1 inside, between at the edge. Knows nothing of what a shape
does to a surface.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from augment.surfaces.noise import Field

__all__ = ["Points", "blot", "bridge", "stroke", "wander"]

Points = NDArray[np.float64]
"""(n, 2): x and y, in pixels; the centre of the first pixel is (0.5, 0.5)."""

_OVERSAMPLING = 4


def bridge(rng: np.random.Generator, start: Points, end: Points, *, roughness: float, levels: int = 5) -> Points:
    """A ragged line between two points by midpoint displacement (Fournier, Fussell, Carpenter 1982).

    roughness: how far the first middle point leaves the straight line, as a share of the length; each level halves it,
    roughly, which leaves kinks at every scale, as fracture does. Returns (2 ** levels + 1, 2).
    """
    points = np.stack([start, end])
    length = float(np.hypot(*(end - start)))
    step = roughness * length
    for _ in range(levels):
        delta = points[1:] - points[:-1]
        normal = (
            np.stack([-delta[:, 1], delta[:, 0]], axis=1)
            / np.maximum(np.hypot(delta[:, 0], delta[:, 1]), 1e-9)[:, None]
        )
        middle = (points[1:] + points[:-1]) / 2 + normal * rng.normal(0.0, step, (len(delta), 1))
        woven = np.empty((len(points) + len(middle), 2))
        woven[0::2], woven[1::2] = points, middle
        points, step = woven, step * 0.55
    return points


def wander(rng: np.random.Generator, start: Points, *, angle_deg: float, length_px: float, turn_deg: float) -> Points:
    """A smooth line that sets out at an angle and bends steadily and a little by chance. Returns (n, 2), 2 px apart."""
    count = max(3, round(length_px / 2.0))
    bend = rng.normal(0.0, turn_deg) / count + rng.normal(0.0, turn_deg * 0.06, count)
    angle = np.deg2rad(angle_deg + np.cumsum(bend))
    steps = np.stack([np.cos(angle), -np.sin(angle)], axis=1) * (length_px / count)
    return np.concatenate([start[None], start + np.cumsum(steps, axis=0)])


def stroke(side_px: int, points: Points, widths_px: NDArray[np.float64]) -> Field:
    """Coverage of a line whose width changes along it. widths_px: (n,), full width at each point, 0 lifts the pen."""
    scale = _OVERSAMPLING
    canvas = Image.new("L", (side_px * scale, side_px * scale))
    pen = ImageDraw.Draw(canvas)
    for k in range(len(points) - 1):
        width = (widths_px[k] + widths_px[k + 1]) * 0.5 * scale
        if width < 0.5:
            continue
        (x0, y0), (x1, y1) = points[k] * scale, points[k + 1] * scale
        pen.line((x0, y0, x1, y1), fill=255, width=max(1, round(width)))
        if width > 3.0:
            pen.ellipse((x1 - width / 2, y1 - width / 2, x1 + width / 2, y1 + width / 2), fill=255)
    return np.asarray(canvas.reduce(scale), dtype=np.float32) / np.float32(255.0)


def blot(
    rng: np.random.Generator,
    side_px: int,
    centre: Points,
    *,
    radius_px: float,
    aspect: float,
    angle_deg: float,
    ragged: float,
) -> Field:
    """Coverage of a closed ragged shape. aspect: length over width. ragged: 0 an ellipse, 0.5 torn."""
    corners = 48
    turn = np.linspace(0.0, 2 * np.pi, corners, endpoint=False)
    radius = np.ones(corners)
    for order in range(2, 9):
        radius += ragged / order * rng.normal() * np.cos(order * turn + rng.uniform(0.0, 2 * np.pi))
    radius = np.clip(radius, 0.3, 1.9) * radius_px
    along, across = radius * np.cos(turn) * np.sqrt(aspect), radius * np.sin(turn) / np.sqrt(aspect)
    angle = np.deg2rad(angle_deg)
    x = centre[0] + along * np.cos(angle) + across * np.sin(angle)
    y = centre[1] - along * np.sin(angle) + across * np.cos(angle)
    scale = _OVERSAMPLING
    canvas = Image.new("L", (side_px * scale, side_px * scale))
    ImageDraw.Draw(canvas).polygon([(px * scale, py * scale) for px, py in zip(x, y, strict=True)], fill=255)
    return np.asarray(canvas.reduce(scale), dtype=np.float32) / np.float32(255.0)
