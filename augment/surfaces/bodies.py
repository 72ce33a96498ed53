"""Bodies: parts that end inside the frame, before a plain background. Nuts, tablets, and the border of a flat part.

A body is an outline and the rise of its surface. Defects are made on the flat finish and laid over the body with it,
so that a pit on a nut is the same pit as on a plate. Knows nothing of defects; light only as far as the soft shadow
on the background goes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from augment.surfaces.lighting import Relief
from augment.surfaces.materials import Finish
from augment.surfaces.noise import Field, spectral
from augment.surfaces.strokes import Points

__all__ = ["OBJECTS", "Body", "border", "ferrite", "lay", "nut", "tablet"]

_GROUNDS = ((0.015, 0.015, 0.015), (0.05, 0.05, 0.055), (0.2, 0.2, 0.2), (0.7, 0.7, 0.69), (0.04, 0.1, 0.2))


@dataclass(frozen=True, kw_only=True)
class Body:
    """Where the part is. cover: (side, side) float32, 1 on the part. rise: (side, side) float32, px of height.

    ground: (side, side, 3) float32, albedo of what lies behind. rim: (n, 2) float64, points on the outline, x and y.
    """

    cover: Field
    rise: Field
    ground: Field
    rim: Points


def lay(relief: Relief, body: Body, azimuth_deg: float) -> Relief:
    """The relief wrapped over the body, with its background and the soft shadow that falls on it. Albedo gets three
    channels. azimuth_deg: where the lamp stands."""
    cover = body.cover
    shade = ndimage.gaussian_filter(cover, 4.0)
    away = np.deg2rad(azimuth_deg)
    shade = np.roll(shade, (round(5.0 * np.sin(away)), round(-5.0 * np.cos(away))), axis=(0, 1))
    ground = body.ground * (1.0 - 0.5 * shade)[..., None]
    share = cover[..., None]
    height = (relief.height + body.rise) * cover
    albedo = relief.albedo * share + ground * (1.0 - share)
    return replace(
        relief,
        height=height.astype(np.float32),
        albedo=albedo.astype(np.float32),
        gloss=(relief.gloss * cover).astype(np.float32),
    )


def _ground(rng: np.random.Generator, side_px: int, *, dark: bool) -> Field:
    """A plain background: a belt, a cloth, a lit screen; out of focus, so hardly textured."""
    colour = np.array(_GROUNDS[int(rng.integers(2 if dark else len(_GROUNDS)))], dtype=np.float32)
    fuzz = spectral(rng, side_px, shortest_px=6.0, longest_px=80.0, exponent=1.2)
    tone = np.clip(rng.uniform(0.7, 1.4) * (1.0 + rng.uniform(0.0, 0.1) * fuzz), 0.1, 1.4)
    return np.asarray(np.minimum(tone[..., None] * colour, 0.95), dtype=np.float32)


def _frame(side_px: int, centre: Points, angle: float) -> tuple[Field, Field]:
    """Coordinates of each pixel along and across a direction, from a centre."""
    axis = np.arange(side_px, dtype=np.float32) + 0.5
    x, y = axis[None, :] - np.float32(centre[0]), axis[:, None] - np.float32(centre[1])
    along: Field = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    across: Field = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
    return along, across


def _edge(distance_px: NDArray[np.float32]) -> Field:
    return np.asarray(np.clip(0.5 + distance_px, 0.0, 1.0), dtype=np.float32)


def _outline(cover: Field) -> Points:
    """Pixels where the part begins, as points; (n, 2), n at least 1."""
    inside = cover > 0.5
    rows, columns = np.nonzero(inside & ~ndimage.binary_erosion(inside, border_value=1))
    if not len(rows):
        rows, columns = np.nonzero(inside)
    return np.stack([columns + 0.5, rows + 0.5], axis=1)


def border(rng: np.random.Generator, side_px: int) -> Body:
    """One or two borders of a flat part: nearly straight, a little worn and rounded; behind it mostly dark."""
    fall = np.full((side_px, side_px), np.float32(side_px))
    wear = spectral(rng, side_px, shortest_px=5.0, longest_px=60.0, exponent=1.2) * np.float32(rng.uniform(0.05, 0.3))
    first = float(rng.integers(4)) * np.pi / 2 + rng.normal(0.0, 0.04)
    for k in range(1 + int(rng.random() < 0.25)):
        _, across = _frame(side_px, np.full(2, side_px / 2), first + k * np.pi / 2)
        fall = np.minimum(fall, across + np.float32(rng.uniform(0.22, 0.47) * side_px) + wear)
    round_px = np.float32(rng.uniform(1.0, 5.0))
    rise = round_px * (1.0 - np.exp(-np.maximum(fall, 0.0) / round_px))
    cover = _edge(fall)
    ground = _ground(rng, side_px, dark=rng.random() < 0.8)
    return Body(cover=cover, rise=rise.astype(np.float32), ground=ground, rim=_outline(cover))


def nut(rng: np.random.Generator, side_px: int) -> tuple[Finish, Body]:
    """A hazelnut-like shell: brown, fine streaks from base to tip, a pale rough base, a domed body."""
    radius, stretch = side_px * rng.uniform(0.27, 0.43), float(np.exp(rng.normal(0.04, 0.08)))
    centre, angle = side_px * rng.uniform(0.46, 0.54, 2), float(rng.uniform(0.0, 2 * np.pi))
    along, across = _frame(side_px, centre, angle)
    u, v = along / np.float32(radius * stretch), across / np.float32(radius / stretch)
    turn = np.arctan2(v, u)
    wobble = 0.02 * np.cos(3 * turn + rng.uniform(0.0, 6.0)) + 0.015 * np.cos(2 * turn + rng.uniform(0.0, 6.0))
    reach = np.hypot(u, v) / (1.0 + wobble + rng.uniform(0.0, 0.1) * np.exp(-((turn / 0.3) ** 2)))
    cover = _edge(((1.0 - reach) * np.float32(radius)).astype(np.float32))
    rise = rng.uniform(0.4, 0.65) * radius * np.maximum(1.0 - reach**2, 0.0) ** 0.85
    grain = -round(np.rad2deg(angle) / 15.0) * 15.0
    streaks = spectral(rng, side_px, shortest_px=1.5, longest_px=9.0, stretch=14.0, angle_deg=grain)
    mottle = spectral(rng, side_px, shortest_px=3.0, longest_px=90.0, exponent=1.7)
    tone = 1.0 + rng.uniform(0.03, 0.1) * streaks + rng.uniform(0.05, 0.14) * mottle
    shells = np.array(((0.36, 0.17, 0.07), (0.45, 0.25, 0.12), (0.27, 0.12, 0.05), (0.52, 0.34, 0.19)), np.float32)
    shell = shells[int(rng.integers(len(shells)))]
    base = np.clip((-u - rng.uniform(0.55, 0.9)) * 7.0 + 0.5 * mottle, 0.0, 1.0)[..., None]
    albedo = tone[..., None] * (shell * (1.0 - base) + np.array((0.55, 0.43, 0.3), np.float32) * base)
    height = 0.06 * streaks + 0.2 * mottle + 0.2 * streaks * base[..., 0]
    gloss = (0.05 * (1.0 - base[..., 0])).astype(np.float32)
    relief = Relief(
        height=height.astype(np.float32),
        albedo=np.clip(albedo, 0.01, 0.95).astype(np.float32),
        gloss=gloss,
        shininess=14.0,
    )
    ground = _ground(rng, side_px, dark=rng.random() < 0.6)
    body = Body(cover=cover, rise=rise.astype(np.float32), ground=ground, rim=_outline(cover))
    return Finish(relief=relief, grain_deg=grain, bare=(0.62, 0.5, 0.36), lip=0.1), body


def tablet(rng: np.random.Generator, side_px: int) -> tuple[Finish, Body]:
    """A pressed tablet, round or oval: powder with specks, a bevelled rim, sometimes a score line."""
    radius, longer = side_px * rng.uniform(0.2, 0.4), float(rng.choice([1.0, rng.uniform(1.0, 1.25)]))
    spare = min(0.0 if longer == 1.0 else radius * (longer - 0.9) * 1.5, 0.44 * side_px - radius)
    centre, angle = side_px * rng.uniform(0.46, 0.54, 2), float(rng.uniform(0.0, np.pi))
    along, across = _frame(side_px, centre, angle)
    inside = np.float32(radius) - np.hypot(np.maximum(np.abs(along) - np.float32(max(spare, 0.0)), 0.0), across)
    cover = _edge(inside)
    bevel = np.float32(rng.uniform(2.0, 6.0))
    flat = np.minimum(np.maximum(inside, 0.0) / np.float32(radius), 1.0)
    rise = rng.uniform(0.05, 0.35) * radius * (1.0 - (1.0 - flat) ** 2)
    rise = rise + bevel * (1.0 - np.exp(-np.maximum(inside, 0.0) / bevel))
    if rng.random() < 0.4:
        width = np.float32(rng.uniform(1.2, 2.6))
        rise = rise - rng.uniform(0.8, 2.0) * np.exp(-((along / width) ** 2))
    powder = spectral(rng, side_px, shortest_px=1.6, longest_px=8.0)
    cloud = spectral(rng, side_px, shortest_px=6.0, longest_px=70.0, exponent=1.3)
    tints = ((0.86, 0.85, 0.82), (0.85, 0.72, 0.45), (0.75, 0.45, 0.45), (0.5, 0.62, 0.75), (0.62, 0.7, 0.5))
    albedo = (1.0 + 0.03 * powder + 0.03 * cloud)[..., None] * np.array(
        tints[int(rng.integers(len(tints)))], np.float32
    )
    specks = np.maximum(spectral(rng, side_px, shortest_px=2.2, longest_px=7.0) - rng.uniform(2.0, 3.6), 0.0)
    albedo = albedo * (1.0 - np.minimum(0.5 * specks, 0.7)[..., None] * np.array((0.4, 1.0, 1.0), np.float32))
    gloss = np.full((side_px, side_px), rng.choice([0.02, 0.18]), dtype=np.float32)
    relief = Relief(
        height=(rng.uniform(0.04, 0.2) * powder + 0.1 * cloud).astype(np.float32),
        albedo=np.clip(albedo, 0.01, 0.95).astype(np.float32),
        gloss=gloss,
        shininess=30.0,
    )
    ground = _ground(rng, side_px, dark=rng.random() < 0.6)
    body = Body(cover=cover, rise=rise.astype(np.float32), ground=ground, rim=_outline(cover))
    return Finish(relief=relief, grain_deg=0.0, bare=(0.8, 0.78, 0.74), lip=0.0), body


def ferrite(rng: np.random.Generator, side_px: int) -> Finish:
    """A dull ground ferrite tile: soft grinding lines, grit, blotches, a margin ground otherwise; bent like an arc."""
    grain = 90.0
    fine = spectral(rng, side_px, shortest_px=1.6, longest_px=7.0, stretch=40.0, angle_deg=grain)
    broad = spectral(rng, side_px, shortest_px=4.0, longest_px=60.0, stretch=200.0, angle_deg=grain, exponent=0.8)
    grit = spectral(rng, side_px, shortest_px=1.5, longest_px=6.0, stretch=1.5, angle_deg=grain)
    clouds = spectral(rng, side_px, shortest_px=8.0, longest_px=120.0, exponent=1.4)
    blotches = np.maximum(spectral(rng, side_px, shortest_px=9.0, longest_px=50.0, exponent=0.6) - 1.2, 0.0)
    lines, contrast = rng.uniform(0.15, 1.1), rng.uniform(0.6, 1.9)
    height = 0.06 * lines * (fine + broad) + rng.uniform(0.05, 0.2) * grit
    tone = 1.0 + contrast * (lines * (0.05 * fine + 0.09 * broad) + 0.055 * grit + rng.uniform(0.03, 0.1) * clouds)
    tone -= rng.uniform(0.0, 0.16) * blotches
    if rng.random() < 0.4:
        x = np.arange(side_px, dtype=np.float32)[None, :] + 1.5 * broad
        margin = np.clip((x - rng.uniform(0.1, 0.9) * side_px) / rng.uniform(2.0, 14.0), -1.0, 1.0)
        tone *= 1.0 + rng.uniform(-0.16, 0.16) * margin
    gloss = 0.03 + 0.05 * lines * np.maximum(fine + broad, 0.0)
    bend = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.1, 0.1)))
    relief = Relief(
        height=height.astype(np.float32),
        albedo=np.clip(0.4 * tone, 0.01, 0.95)[..., None].astype(np.float32),
        gloss=gloss.astype(np.float32),
        shininess=10.0,
        bend=bend,
    )
    return Finish(relief=relief, grain_deg=grain, bare=(0.55, 0.55, 0.55), lip=0.35)


OBJECTS: dict[str, Callable[[np.random.Generator, int], tuple[Finish, Body]]] = {"hazelnut": nut, "pill": tablet}
