"""Good surfaces: what a part looks like where nothing is wrong.

Each maker takes a generator and a side and returns a relief (height, albedo, gloss), with the small variety that real
lots have: grain, tone, stray marks. `Finish` says what a defect needs to know: the grain, the bare material.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import NotFound
from augment.surfaces.lighting import Relief
from augment.surfaces.noise import Field, cells, spectral

__all__ = ["MATERIALS", "Finish", "material"]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """A good surface and what defects need to know of it.

    grain_deg: direction of grinding or grain, 90 is upright. bare: albedo of the material under its skin.
    lip: how far material is thrown up beside a scratch, 0 (brittle) to 1 (soft metal).
    """

    relief: Relief
    grain_deg: float
    bare: tuple[float, float, float]
    lip: float


def material(name: str, rng: np.random.Generator, side_px: int) -> Finish:
    """The good surface `name`, (side_px, side_px). Raises NotFound, naming the materials there are."""
    if name not in MATERIALS:
        raise NotFound(f"surface {name!r} is not one of: {', '.join(sorted(MATERIALS))}")
    return MATERIALS[name](rng, side_px)


def _grey(tone: Field) -> Field:
    return np.clip(tone, 0.01, 0.98)[..., None].astype(np.float32)


def _coloured(tone: NDArray[np.floating[Any]], colour: tuple[float, float, float]) -> Field:
    shaded = np.clip(tone[..., None] * np.array(colour, dtype=np.float32), 0.0, 0.98)
    return np.asarray(shaded, dtype=np.float32)


def ground_metal(rng: np.random.Generator, side_px: int) -> Finish:
    """A ground ferrite or steel tile, grey: upright grinding lines that glint, grit, clouds of tone, a slight bend."""
    grain = 90.0
    fine = spectral(rng, side_px, shortest_px=1.6, longest_px=8.0, stretch=30.0, angle_deg=grain)
    hair = spectral(rng, side_px, shortest_px=1.5, longest_px=8.0, stretch=160.0, angle_deg=grain)
    broad = spectral(rng, side_px, shortest_px=4.0, longest_px=50.0, stretch=120.0, angle_deg=grain, exponent=0.8)
    grit = spectral(rng, side_px, shortest_px=1.7, longest_px=12.0, stretch=2.2, angle_deg=grain)
    clouds = spectral(rng, side_px, shortest_px=10.0, longest_px=120.0, exponent=1.4)
    fine = 0.65 * fine + 0.75 * hair
    depth, contrast = rng.uniform(0.04, 0.1), rng.uniform(0.5, 1.5)
    height = depth * (fine + 0.6 * broad) + 0.06 * grit
    glint = np.maximum(0.8 * fine + broad - 0.9, 0.0) * np.maximum(0.8 * grit + 0.6, 0.0)
    tone = 0.42 * (1.0 + contrast * (0.07 * fine + 0.1 * broad + 0.05 * grit) + rng.uniform(0.03, 0.09) * clouds)
    tone += _specks(rng, side_px, rng.poisson(side_px * side_px / 5000.0), dark=True)
    gloss = 0.05 + 0.24 * contrast * glint
    bend = (float(rng.uniform(-0.22, 0.22)), float(rng.uniform(-0.05, 0.05)))
    relief = Relief(height=height, albedo=_grey(tone), gloss=gloss.astype(np.float32), shininess=14.0, bend=bend)
    return Finish(relief=relief, grain_deg=grain, bare=(0.62, 0.62, 0.62), lip=0.7)


def brushed_metal(rng: np.random.Generator, side_px: int) -> Finish:
    """Brushed stainless steel or aluminium: long hairlines across the picture, satin gloss."""
    grain = float(rng.choice([0.0, 90.0])) + float(round(rng.normal(0.0, 1.0)))
    hair = spectral(rng, side_px, shortest_px=1.4, longest_px=6.0, stretch=120.0, angle_deg=grain)
    bands = spectral(rng, side_px, shortest_px=4.0, longest_px=60.0, stretch=150.0, angle_deg=grain, exponent=0.7)
    grit = spectral(rng, side_px, shortest_px=1.4, longest_px=3.0)
    height = 0.09 * hair + 0.05 * bands + 0.012 * grit
    tone = 0.5 * (1.0 + 0.05 * hair + 0.06 * bands + 0.02 * grit)
    tint = (1.0, float(rng.uniform(0.98, 1.01)), float(rng.uniform(0.96, 1.05)))
    gloss = (0.16 + 0.05 * np.maximum(hair, 0.0)).astype(np.float32)
    bend = (float(rng.uniform(-0.15, 0.15)), float(rng.uniform(-0.1, 0.1)))
    relief = Relief(height=height, albedo=_coloured(tone, tint), gloss=gloss, shininess=22.0, bend=bend)
    return Finish(relief=relief, grain_deg=grain, bare=(0.75, 0.75, 0.75), lip=0.9)


def cast_metal(rng: np.random.Generator, side_px: int) -> Finish:
    """Sand- or die-cast metal: bumps of several sizes, no direction, dull, small dark pores."""
    bumps = spectral(rng, side_px, shortest_px=2.2, longest_px=14.0, exponent=0.8)
    waves = spectral(rng, side_px, shortest_px=10.0, longest_px=90.0, exponent=1.5)
    patina = spectral(rng, side_px, shortest_px=2.0, longest_px=100.0, exponent=1.3)
    height = rng.uniform(0.3, 0.55) * np.tanh(bumps) + 0.8 * waves
    tone = 0.3 * (1.0 + 0.12 * patina + 0.05 * bumps)
    tone += _specks(rng, side_px, rng.poisson(4), dark=True)
    tint = (1.0, float(rng.uniform(0.95, 1.0)), float(rng.uniform(0.9, 1.0)))
    gloss = np.full_like(tone, 0.05) + 0.02 * np.maximum(bumps, 0.0)
    relief = Relief(height=height, albedo=_coloured(tone, tint), gloss=gloss.astype(np.float32), shininess=9.0)
    return Finish(relief=relief, grain_deg=0.0, bare=(0.6, 0.6, 0.6), lip=0.5)


def painted(rng: np.random.Generator, side_px: int) -> Finish:
    """Painted sheet: one colour, orange peel, a clear mirror of the lamp; metal under the paint."""
    peel = spectral(rng, side_px, shortest_px=6.0, longest_px=22.0, exponent=0.5)
    waves = spectral(rng, side_px, shortest_px=40.0, longest_px=200.0, exponent=1.0)
    flakes = spectral(rng, side_px, shortest_px=1.4, longest_px=2.4)
    colours = (
        (0.62, 0.05, 0.04),
        (0.05, 0.12, 0.4),
        (0.72, 0.72, 0.7),
        (0.06, 0.3, 0.13),
        (0.78, 0.5, 0.05),
        (0.1, 0.1, 0.11),
    )
    metallic = np.float32(rng.choice([0.0, 0.05]))
    height = rng.uniform(0.06, 0.16) * peel + 0.8 * waves
    tone = 1.0 + 0.012 * peel + metallic * flakes
    gloss = np.full((side_px, side_px), 0.3, dtype=np.float32) * (1.0 + metallic * 4.0 * np.maximum(flakes, 0.0))
    bend = (float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.2, 0.2)))
    albedo = _coloured(tone, colours[int(rng.integers(len(colours)))])
    relief = Relief(height=height, albedo=albedo, gloss=gloss.astype(np.float32), shininess=60.0, bend=bend)
    return Finish(relief=relief, grain_deg=0.0, bare=(0.55, 0.54, 0.53), lip=0.2)


def ceramic(rng: np.random.Generator, side_px: int) -> Finish:
    """Glazed tile: pale, mottled, speckled, with a soft mirror of the lamp; darker body under the glaze."""
    glaze = spectral(rng, side_px, shortest_px=14.0, longest_px=80.0, exponent=1.2)
    mottle = spectral(rng, side_px, shortest_px=3.0, longest_px=50.0, exponent=1.2)
    tone = 0.72 * (1.0 + 0.05 * mottle) + _specks(rng, side_px, rng.poisson(side_px / 6), dark=True, strength=0.3)
    tints = ((1.0, 0.97, 0.9), (0.93, 0.97, 1.0), (1.0, 0.92, 0.82), (0.8, 0.85, 0.83))
    height = 0.35 * glaze + 0.02 * mottle
    gloss = np.full((side_px, side_px), 0.22, dtype=np.float32)
    albedo = _coloured(tone, tints[int(rng.integers(len(tints)))])
    bend = (float(rng.uniform(-0.15, 0.15)), float(rng.uniform(-0.15, 0.15)))
    relief = Relief(height=height, albedo=albedo, gloss=gloss, shininess=90.0, bend=bend)
    return Finish(relief=relief, grain_deg=0.0, bare=(0.5, 0.38, 0.3), lip=0.0)


def plastic(rng: np.random.Generator, side_px: int) -> Finish:
    """Moulded plastic with an eroded (VDI) texture and faint flow lines."""
    texture = spectral(rng, side_px, shortest_px=1.8, longest_px=5.0)
    flow = spectral(rng, side_px, shortest_px=12.0, longest_px=100.0, stretch=3.0, angle_deg=30.0, exponent=1.3)
    colours = ((0.06, 0.06, 0.065), (0.7, 0.69, 0.65), (0.16, 0.17, 0.19), (0.1, 0.2, 0.42), (0.6, 0.25, 0.06))
    height = rng.uniform(0.12, 0.32) * texture + 0.35 * flow
    tone = 1.0 + 0.03 * flow + 0.03 * texture
    gloss = np.full((side_px, side_px), 0.06, dtype=np.float32)
    albedo = _coloured(tone, colours[int(rng.integers(len(colours)))])
    bend = (float(rng.uniform(-0.1, 0.1)), float(rng.uniform(-0.1, 0.1)))
    relief = Relief(height=height, albedo=albedo, gloss=gloss, shininess=18.0, bend=bend)
    red, green, blue = (min(1.0, float(channel) + 0.2) for channel in albedo.mean(axis=(0, 1)))
    return Finish(relief=relief, grain_deg=0.0, bare=(red, green, blue), lip=0.4)


def wood(rng: np.random.Generator, side_px: int) -> Finish:
    """Planed softwood: early and late wood in bands, fibres, open pores."""
    along = 90.0
    warp = spectral(rng, side_px, shortest_px=25.0, longest_px=200.0, stretch=4.0, angle_deg=along, exponent=1.3)
    fibre = spectral(rng, side_px, shortest_px=1.5, longest_px=6.0, stretch=25.0, angle_deg=along)
    across = np.arange(side_px, dtype=np.float32)[None, :] + 7.0 * warp
    rings = np.modf(across / rng.uniform(9.0, 22.0) + 100.0)[0] ** 2
    pores = np.maximum(
        spectral(rng, side_px, shortest_px=1.6, longest_px=5.0, stretch=12.0, angle_deg=along) - 1.9, 0.0
    )
    tone = 1.0 - 0.38 * rings + 0.05 * fibre - 0.45 * pores
    colours = ((0.6, 0.38, 0.2), (0.66, 0.48, 0.3), (0.42, 0.23, 0.12))
    height = 0.1 * fibre + 0.25 * rings - 0.8 * pores
    gloss = np.full((side_px, side_px), 0.03, dtype=np.float32)
    albedo = _coloured(tone, colours[int(rng.integers(len(colours)))])
    relief = Relief(height=height.astype(np.float32), albedo=albedo, gloss=gloss, shininess=12.0)
    return Finish(relief=relief, grain_deg=along, bare=(0.74, 0.58, 0.4), lip=0.3)


def fabric(rng: np.random.Generator, side_px: int) -> Finish:
    """Plain weave: threads over and under, each of its own thickness, slightly out of line."""
    pitch = rng.uniform(5.0, 9.0)
    drift = spectral(rng, side_px, shortest_px=20.0, longest_px=150.0, exponent=1.0)
    fuzz = spectral(rng, side_px, shortest_px=1.4, longest_px=4.0)
    axis = np.arange(side_px, dtype=np.float32)
    x, y = (axis[None, :] + 0.7 * drift) / pitch, (axis[:, None] - 0.7 * drift) / pitch
    warp = np.abs(np.sin(np.pi * x)) ** 0.7 * (1.0 + 0.8 * np.sin(np.pi * (np.floor(x) + y)))
    weft = np.abs(np.sin(np.pi * y)) ** 0.7 * (1.0 - 0.8 * np.sin(np.pi * (np.floor(y) + x)))
    top = np.maximum(warp, weft)
    colours = ((0.3, 0.33, 0.4), (0.55, 0.5, 0.42), (0.1, 0.14, 0.28), (0.62, 0.6, 0.57))
    height = 1.1 * top + 0.15 * fuzz
    tone = 0.65 + 0.25 * top + 0.08 * fuzz
    albedo = _coloured(tone.astype(np.float32), colours[int(rng.integers(len(colours)))])
    gloss = np.full((side_px, side_px), 0.01, dtype=np.float32)
    relief = Relief(height=height.astype(np.float32), albedo=albedo, gloss=gloss, shininess=6.0)
    return Finish(relief=relief, grain_deg=0.0, bare=(0.6, 0.6, 0.6), lip=0.0)


def leather(rng: np.random.Generator, side_px: int) -> Finish:
    """Grained leather: small pillows between creases, satin."""
    distance, _ = cells(rng, side_px, rng.uniform(5.0, 8.0))
    wrinkle = spectral(rng, side_px, shortest_px=6.0, longest_px=60.0, exponent=1.2)
    fine = spectral(rng, side_px, shortest_px=1.6, longest_px=4.0)
    pillow = -(np.minimum(distance, 1.1) ** 2)
    height = 1.0 * pillow + 0.4 * wrinkle + 0.06 * fine
    tone = 1.0 + 0.3 * pillow + 0.05 * wrinkle
    colours = ((0.28, 0.13, 0.07), (0.06, 0.055, 0.05), (0.45, 0.27, 0.14))
    gloss = np.full((side_px, side_px), 0.05, dtype=np.float32)
    albedo = _coloured(tone, colours[int(rng.integers(len(colours)))])
    relief = Relief(height=height.astype(np.float32), albedo=albedo, gloss=gloss, shininess=16.0)
    return Finish(relief=relief, grain_deg=0.0, bare=(0.5, 0.36, 0.25), lip=0.1)


def glass(rng: np.random.Generator, side_px: int) -> Finish:
    """Float glass over a dark background: a smooth reflection, a little dust."""
    waves = spectral(rng, side_px, shortest_px=60.0, longest_px=250.0, exponent=1.0)
    tone = 0.13 * (1.0 + 0.08 * waves) + _specks(rng, side_px, rng.poisson(8), dark=False, strength=0.2)
    gloss = np.full((side_px, side_px), 0.16, dtype=np.float32)
    bend = (float(rng.uniform(-0.2, 0.2)), float(rng.uniform(-0.2, 0.2)))
    albedo = _coloured(tone, (0.85, 1.0, 0.95))
    relief = Relief(height=0.5 * waves, albedo=albedo, gloss=gloss, shininess=60.0, bend=bend)
    return Finish(relief=relief, grain_deg=0.0, bare=(0.75, 0.8, 0.8), lip=0.0)


def _specks(rng: np.random.Generator, side_px: int, count: int, *, dark: bool, strength: float = 0.14) -> Field:
    """Dust or tiny pores, one to two pixels wide: added to a tone."""
    field = np.zeros((side_px, side_px), dtype=np.float32)
    rows, columns = rng.integers(0, side_px - 1, count), rng.integers(0, side_px - 1, count)
    amount = rng.uniform(0.3, 1.0, count).astype(np.float32) * np.float32(-strength if dark else strength)
    field[rows, columns] += amount
    field[rows + 1, columns] += 0.5 * amount
    field[rows, columns + 1] += 0.4 * amount
    return field


MATERIALS: dict[str, Callable[[np.random.Generator, int], Finish]] = {
    "brushed_metal": brushed_metal,
    "cast_metal": cast_metal,
    "ceramic": ceramic,
    "fabric": fabric,
    "glass": glass,
    "ground_metal": ground_metal,
    "leather": leather,
    "painted": painted,
    "plastic": plastic,
    "wood": wood,
}
