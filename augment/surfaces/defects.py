"""Defects as changes of a surface: material removed, thrown up, coloured or dulled. Light is left to the lighting.

Each maker takes the good finish and returns the flawed relief, the core of the defect and its factors. A defect never
paints a grey level: a pit is dark because it is deep and dirty, a scratch is bright where its flank faces the lamp.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from augment.errors import InvalidConfig, NotFound
from augment.surfaces.lighting import Relief
from augment.surfaces.materials import Finish
from augment.surfaces.noise import Field, spectral
from augment.surfaces.strokes import Points, blot, bridge, stroke, wander

__all__ = ["DEFECTS", "Flaw", "FlawConfig", "defect"]


@dataclass(frozen=True, kw_only=True)
class FlawConfig:
    """How bad a defect is and, where wanted, where."""

    severity: float = field(default=0.7, metadata={"help": "0 hardly visible, 1 gross: depth, width and contrast"})
    dirt: float = field(
        default=0.0, metadata={"help": "how blackened a scratch is: 0 bare and bright, 1 as dark as a crack"}
    )
    angle_deg: float | None = field(
        default=None, metadata={"help": "direction of a scratch, 90 is upright; drawn if absent"}
    )
    centre: tuple[float, float] | None = field(
        default=None, metadata={"help": "x, y as shares of the side; drawn if absent"}
    )

    def __post_init__(self) -> None:
        if not 0.0 <= self.severity <= 1.0:
            raise InvalidConfig(f"severity {self.severity}: 0 to 1; 0.7 is an ordinary reject")
        if not 0.0 <= self.dirt <= 1.0:
            raise InvalidConfig(f"dirt {self.dirt}: 0 to 1; 0 is a fresh scratch")
        if self.centre is not None and not all(0.0 <= value <= 1.0 for value in self.centre):
            raise InvalidConfig(f"centre {self.centre}: two shares of the side, each 0 to 1; (0.5, 0.5) is the middle")


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A flawed surface. core: (side, side) bool, the pixels at least half covered by the defect itself."""

    relief: Relief
    core: NDArray[np.bool_]
    factors: Mapping[str, float]


def defect(name: str, rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """The surface with the defect `name` in it. Raises NotFound, naming the defects there are."""
    if name not in DEFECTS:
        raise NotFound(f"defect {name!r} is not one of: {', '.join(sorted(DEFECTS))}")
    return DEFECTS[name](rng, finish, config)


def _centre(rng: np.random.Generator, config: FlawConfig, side_px: int, margin: float) -> Points:
    share = np.array(config.centre) if config.centre is not None else rng.uniform(margin, 1.0 - margin, 2)
    return np.asarray(share * side_px, dtype=np.float64)


def _toward(albedo: Field, colour: NDArray[np.float32] | float, amount: Field) -> Field:
    """Albedo moved to a colour by `amount`, 0 to 1."""
    share = np.clip(amount, 0.0, 1.0)[..., None]
    mixed: Field = (albedo * (1.0 - share) + np.float32(1.0) * colour * share).astype(np.float32)
    return mixed


def _bare(finish: Finish) -> NDArray[np.float32]:
    channels = finish.relief.albedo.shape[2]
    return np.asarray(finish.bare[:channels], dtype=np.float32)


def crack(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """A fracture: a ragged, branching, tapering gap, dark to its bottom, one lip a little higher than the other."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    length = rng.uniform(44.0, 66.0 + 30.0 * severity) * unit
    angle = finish.grain_deg + rng.normal(0.0, 20.0)
    along = np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
    centre = _centre(rng, config, side, 0.34)
    start, end = centre - along * length / 2, centre + along * length / 2
    path = bridge(rng, start, end, roughness=rng.uniform(0.02, 0.055), levels=6)
    width = (0.75 + 0.7 * severity * rng.uniform(0.7, 1.35)) * max(unit, 0.6)
    cover = stroke(side, path, width * _taper(rng, len(path)))
    branches = int(rng.binomial(3, 0.1 + 0.25 * severity))
    for _ in range(branches):
        at = int(rng.integers(len(path) // 5, 4 * len(path) // 5))
        fork = angle + float(rng.choice([-1, 1])) * rng.uniform(22.0, 55.0) + float(rng.choice([0.0, 180.0]))
        reach = length * rng.uniform(0.1, 0.28)
        tip = path[at] + reach * np.array([np.cos(np.deg2rad(fork)), -np.sin(np.deg2rad(fork))])
        twig = bridge(rng, path[at], tip, roughness=0.09, levels=4)
        cover = np.maximum(cover, stroke(side, twig, 0.7 * width * np.linspace(1.0, 0.3, len(twig))))
    soft = ndimage.gaussian_filter(cover, 0.6 * max(unit, 0.6))
    depth = 1.2 + 4.0 * severity
    lip = ndimage.gaussian_filter(cover, 1.6 * unit) * finish.lip
    height = relief.height * (1.0 - cover) + lip - depth * soft
    dirt = np.clip((0.5 + 0.5 * severity) * (0.85 * cover + 0.2 * soft), 0.0, 0.93)
    albedo = _toward(relief.albedo, 0.02, dirt)
    flawed = replace(relief, height=height.astype(np.float32), albedo=albedo, gloss=relief.gloss * (1.0 - cover))
    factors = {
        "length_px": length,
        "width_px": width,
        "angle_deg": angle % 180.0,
        "branches": float(branches),
        "depth_px": depth,
    }
    return Flaw(relief=flawed, core=cover > 0.5, factors=factors)


def _taper(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Widths along a crack: full in the middle, thin at the tips, uneven between; (count,), at most about 1.2."""
    place = np.linspace(0.0, 1.0, count)
    swell = np.minimum(1.0, np.minimum(place, 1.0 - place) * rng.uniform(3.0, 8.0) + 0.2)
    uneven = ndimage.gaussian_filter1d(rng.normal(0.0, 1.0, count), 1.6) * 0.8
    return np.asarray(swell * np.clip(1.0 + uneven, 0.45, 1.5))


def scratch(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """One to four nearly straight grooves across the grain: bare material, raised lips, skips where the tool left."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    length = rng.uniform(42.0, 92.0) * unit
    angle = finish.grain_deg + float(rng.choice([-1, 1])) * rng.uniform(22.0, 78.0)
    angle = angle if config.angle_deg is None else config.angle_deg
    count = 1 + int(rng.binomial(3, 0.22))
    along = np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
    across = np.array([along[1], -along[0]])
    centre = _centre(rng, config, side, 0.34)
    cover = np.zeros((side, side), dtype=np.float32)
    width = (0.85 + 1.0 * severity * rng.uniform(0.7, 1.3)) * max(unit, 0.6)
    bend = rng.normal(0.0, 9.0)
    for k in range(count):
        own = length * (1.0 if k == 0 else rng.uniform(0.25, 0.8))
        start = (
            centre
            - along * own / 2
            + across * rng.normal(0.0, 3.2 * unit) * (k > 0)
            + along * rng.normal(0.0, 6.0) * (k > 0)
        )
        path = wander(rng, start, angle_deg=angle - bend / 2, length_px=own, turn_deg=abs(bend) + 1.0)
        place = np.linspace(0.0, 1.0, len(path))
        press = np.minimum(1.0, 4.0 * np.minimum(place + 0.05, 1.05 - place)) * rng.uniform(0.7, 1.0)
        press *= np.clip(1.15 + ndimage.gaussian_filter1d(rng.normal(0.0, 1.6, len(path)), 2.0), 0.0, 1.2)
        cover = np.maximum(cover, stroke(side, path, width * press))
    broken = np.clip(0.95 + 0.3 * spectral(rng, side, shortest_px=2.0, longest_px=12.0), 0.2, 1.0)
    cover = cover * broken
    near, wide = ndimage.gaussian_filter(cover, 0.6), ndimage.gaussian_filter(cover, 1.5)
    depth = 0.4 + 1.4 * severity
    height = relief.height * (1.0 - 0.8 * cover) - depth * near + finish.lip * depth * 1.1 * wide
    shine = (0.6 + 0.4 * severity) * cover
    albedo = _toward(relief.albedo, np.minimum(_bare(finish) * 2.2, 2.0) * np.float32(1.0 - 0.97 * config.dirt), shine)
    gloss = relief.gloss + 1.0 * (1.0 - config.dirt) * severity * cover * (0.4 + finish.lip)
    flawed = replace(relief, height=height.astype(np.float32), albedo=albedo, gloss=gloss.astype(np.float32))
    factors = {
        "length_px": length,
        "width_px": width,
        "angle_deg": angle % 180.0,
        "lines": float(count),
        "depth_px": depth,
    }
    return Flaw(relief=flawed, core=cover > 0.4, factors=factors)


def hole(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """A blowhole: a deep dark pit with a rough floor and a rounded rim, sometimes with smaller ones beside it."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    radius = (2.4 + 5.2 * severity * rng.uniform(0.6, 1.2)) * unit
    centre = _centre(rng, config, side, 0.2)
    aspect, angle = float(np.exp(abs(rng.normal(0.0, 0.35)))), finish.grain_deg + rng.normal(0.0, 25.0)
    cover = blot(rng, side, centre, radius_px=radius, aspect=aspect, angle_deg=angle, ragged=0.22)
    satellites = int(rng.binomial(3, 0.28))
    for _ in range(satellites):
        away = rng.normal(0.0, 1.0, 2)
        place = centre + away / np.hypot(*away) * radius * rng.uniform(1.7, 3.6)
        small = max(0.9 * unit, radius * rng.uniform(0.15, 0.38))
        cover = np.maximum(cover, blot(rng, side, place, radius_px=small, aspect=1.2, angle_deg=angle, ragged=0.2))
    wall = ndimage.gaussian_filter(cover, 0.9 * unit)
    bowl = ndimage.gaussian_filter(cover, max(0.45 * radius, 0.8))
    rough = spectral(rng, side, shortest_px=3.0, longest_px=12.0, exponent=0.8)
    depth = (1.4 + 0.75 * radius) * (0.5 + 0.7 * severity)
    rim = finish.lip * 1.1 * ndimage.gaussian_filter(cover, 1.4 * unit)
    height = relief.height * (1.0 - cover) + rim - depth * (0.4 * wall + 0.6 * bowl) + 0.4 * rough * cover
    deep = np.clip(1.6 * bowl - 0.25, 0.0, 1.0) * cover
    albedo = _toward(relief.albedo, 0.04, np.clip(0.4 * cover + (0.25 + 0.35 * severity) * deep, 0.0, 0.95))
    flawed = replace(relief, height=height.astype(np.float32), albedo=albedo, gloss=relief.gloss * (1.0 - 0.85 * cover))
    factors = {
        "radius_px": radius,
        "aspect": aspect,
        "angle_deg": angle % 180.0,
        "satellites": float(satellites),
        "depth_px": depth,
    }
    return Flaw(relief=flawed, core=cover > 0.5, factors=factors)


def stain(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """A dried drop or oil: a soft blot with a darker drying edge; the grain shows through it, the glint goes."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    radius = rng.uniform(11.0, 20.0) * unit
    centre = _centre(rng, config, side, 0.28)
    aspect, angle = float(np.exp(abs(rng.normal(0.0, 0.3)))), rng.uniform(0.0, 180.0)
    axis = np.arange(side, dtype=np.float32) + 0.5
    x, y = axis[None, :] - np.float32(centre[0]), np.float32(centre[1]) - axis[:, None]
    turn = np.deg2rad(angle)
    along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    distance = np.sqrt(along**2 / aspect + across**2 * aspect) / radius
    warp = spectral(rng, side, shortest_px=9.0 * unit, longest_px=70.0 * unit, exponent=1.5)
    inside = 1.0 - distance + 0.17 * warp - np.maximum(distance - 1.4, 0.0) * 3.0
    softness = rng.uniform(0.04, 0.16)
    cover = (1.0 / (1.0 + np.exp(np.clip(-inside / softness, -30.0, 30.0)))).astype(np.float32)
    rim = 4.0 * cover * (1.0 - cover)
    mottle = np.clip(0.85 + 0.14 * spectral(rng, side, shortest_px=5.0, longest_px=40.0, exponent=1.4), 0.2, 1.2)
    ring = rng.uniform(0.0, 0.6)
    strength = 0.26 + 0.55 * severity
    amount = strength * (cover * mottle * (1.0 - 0.45 * ring) + ring * rim)
    amount[cover < 0.02] = 0.0
    channels = relief.albedo.shape[2]
    tint = np.asarray((0.11, 0.07, 0.04) if channels == 3 else (0.06,), dtype=np.float32)
    albedo = _toward(relief.albedo, tint, amount)
    flawed = replace(relief, albedo=albedo, gloss=relief.gloss * (1.0 - 0.75 * cover * (amount > 0)))
    factors = {"radius_px": radius, "aspect": aspect, "softness": softness, "strength": strength, "ring": ring}
    return Flaw(relief=flawed, core=cover > 0.5, factors=factors)


def dent(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """A smooth depression: nothing removed, nothing coloured; seen only as a dark and a bright flank."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    radius = rng.uniform(5.0, 13.0) * unit
    centre = _centre(rng, config, side, 0.22)
    aspect, angle = float(np.exp(abs(rng.normal(0.0, 0.4)))), rng.uniform(0.0, 180.0)
    cover = blot(rng, side, centre, radius_px=radius, aspect=aspect, angle_deg=angle, ragged=0.15)
    bowl = ndimage.gaussian_filter(cover, 0.42 * radius)
    ridge = ndimage.gaussian_filter(cover, 0.85 * radius)
    depth = (0.2 + 0.55 * severity) * radius
    height = relief.height - depth * bowl + finish.lip * 0.45 * depth * ridge
    flawed = replace(relief, height=height.astype(np.float32))
    factors = {"radius_px": radius, "aspect": aspect, "angle_deg": angle, "depth_px": depth}
    return Flaw(relief=flawed, core=bowl > 0.5, factors=factors)


def chip(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """A piece broken out: a sharp ragged outline, a shell-like floor with ripples, bare and dull, without the grain."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    radius = (6.0 + 11.0 * severity * rng.uniform(0.7, 1.2)) * unit
    centre = _centre(rng, config, side, 0.22)
    aspect, angle = float(np.exp(abs(rng.normal(0.0, 0.3)))), rng.uniform(0.0, 180.0)
    cover = blot(rng, side, centre, radius_px=radius, aspect=aspect, angle_deg=angle, ragged=0.3)
    axis = np.arange(side, dtype=np.float32)
    origin = centre + radius * rng.uniform(0.8, 1.3) * np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
    rough = spectral(rng, side, shortest_px=2.5, longest_px=40.0, exponent=1.6)
    reach = np.hypot(axis[None, :] - np.float32(origin[0]), axis[:, None] - np.float32(origin[1]))
    ripple = np.sin(2 * np.pi * (reach + 1.2 * rough) / (rng.uniform(5.0, 9.0) * unit))
    bowl = ndimage.gaussian_filter(cover, 0.5 * radius)
    wall = ndimage.gaussian_filter(cover, 0.6)
    depth = (0.18 + 0.3 * severity) * radius
    floor = -depth * (0.35 * wall + 0.8 * bowl) + (0.22 * ripple + 0.5 * rough) * wall
    height = relief.height * (1.0 - wall) + floor
    tone = np.clip(0.62 + 0.06 * rough, 0.3, 1.0)[..., None] * _bare(finish)
    albedo = _toward(relief.albedo, tone.astype(np.float32), cover)
    flawed = replace(relief, height=height.astype(np.float32), albedo=albedo, gloss=relief.gloss * (1.0 - 0.9 * cover))
    factors = {"radius_px": radius, "aspect": aspect, "angle_deg": angle, "depth_px": depth}
    return Flaw(relief=flawed, core=cover > 0.5, factors=factors)


DEFECTS: dict[str, Callable[[np.random.Generator, Finish, FlawConfig], Flaw]] = {
    "chip": chip,
    "crack": crack,
    "dent": dent,
    "hole": hole,
    "scratch": scratch,
    "stain": stain,
}
