"""Parts and their photographs: a surface, a defect, a light and a camera put together, with an exact mask.

The good part and the flawed part are photographed under the same light with the same sensor noise; the mask is where
the two pictures differ visibly, and outside it the picture is the good part's, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.surfaces.defects import Flaw, FlawConfig, defect
from augment.surfaces.lighting import Camera, Light, Relief, develop, expose, jpeg_traces, shade
from augment.surfaces.materials import material

__all__ = ["Drawn", "Part", "draw", "make_part", "photograph", "some_light", "visible"]

_VISIBLE_LEVELS = 5.0
"""A pixel belongs to a defect if it changes by this many of 255 levels: about three times the sensor noise."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A photograph. pixels: (side, side, C) uint8, C is 1 for grey surfaces, else 3. mask: (side, side) bool.

    clean: the same part without the defect under the same light and noise; equal to `pixels` outside the mask.
    factors: everything that was drawn, by name (radius_px, azimuth_deg, severity, ...).
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    clean: NDArray[np.uint8]
    factors: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A physical part: its good surface and, if it has a defect, the flawed one."""

    good: Relief
    flaw: Flaw | None
    factors: Mapping[str, float]


def make_part(surface: str, kind: str | None, seed: int, side_px: int, config: FlawConfig | None = None) -> Part:
    """The part that `seed` determines. kind: a defect of DEFECTS, or None for a good part. side_px: 32 to 1024.

    The surface depends on the seed alone, so a part with and without its defect is the same part.
    """
    if not 32 <= side_px <= 1024:
        raise InvalidInput(f"side_px {side_px}: 32 to 1024; draw at 128 and resize for anything else")
    finish = material(surface, np.random.default_rng((seed, 1)), side_px)
    if kind is None:
        return Part(good=finish.relief, flaw=None, factors={})
    config = FlawConfig() if config is None else config
    flaw = defect(kind, np.random.default_rng((seed, 2)), finish, config)
    return Part(good=finish.relief, flaw=flaw, factors={"severity": config.severity, **flaw.factors})


def some_light(seed: int) -> Light:
    """A light as it varies in a factory: from any side, 28 to 62 degrees high, dim to bright."""
    rng = np.random.default_rng((seed, 3))
    return Light(
        azimuth_deg=float(rng.uniform(0.0, 360.0)),
        elevation_deg=float(rng.uniform(28.0, 62.0)),
        ambient=float(rng.uniform(0.25, 0.45)),
        falloff=float(rng.uniform(0.05, 0.4)),
        exposure=float(np.exp(rng.uniform(np.log(0.05), np.log(0.4)))),
    )


def photograph(part: Part, light: Light, seed: int, camera: Camera | None = None) -> Drawn:
    """One picture of a part. `seed` determines the sensor noise alone. Exposure is set on the good surface."""
    camera = Camera() if camera is None else camera
    radiance = shade(part.good, light)
    gain = light.exposure / max(float(radiance.mean()), 1e-6)
    good = expose(radiance, camera, gain)
    noise = np.random.default_rng((seed, 4)).standard_normal(good.shape, dtype=np.float32)
    clean = develop(good, camera, noise)
    pixels, mask = clean, np.zeros(good.shape[:2], dtype=np.bool_)
    factors = {"azimuth_deg": light.azimuth_deg, "elevation_deg": light.elevation_deg, "exposure": light.exposure}
    if part.flaw is not None:
        flawed = develop(expose(shade(part.flaw.relief, light), camera, gain), camera, noise)
        mask = visible(clean, flawed, part.flaw.core)
        pixels = np.where(mask[..., None], flawed, clean)
    if camera.jpeg_quality:
        # Both get the traces of the good picture, so that compression does not spread the defect over its blocks.
        traces = jpeg_traces(clean, camera.jpeg_quality)
        pixels = np.clip(pixels + traces, 0, 255).astype(np.uint8)
        clean = np.clip(clean + traces, 0, 255).astype(np.uint8)
    return Drawn(pixels=pixels, mask=mask, clean=clean, factors={**part.factors, **factors})


def visible(clean: NDArray[np.uint8], flawed: NDArray[np.uint8], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that change visibly, or lie in the defect's core; lone pixels far from it are left out.

    clean, flawed: (side, side, C) uint8. core: (side, side) bool. Returns (side, side) bool.
    """
    difference = np.abs(flawed.astype(np.int16) - clean).max(axis=2)
    changed = difference >= _VISIBLE_LEVELS
    solid = changed.copy()
    solid[:-1, :-1] = changed[:-1, :-1] & changed[1:, :-1] & changed[:-1, 1:] & changed[1:, 1:]
    solid[-1], solid[:, -1] = False, False
    for axis in (0, 1):
        solid |= np.roll(solid, 1, axis)
    mask: NDArray[np.bool_] = solid | (changed & _grown(_grown(core))) | core
    return mask


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and its four neighbours."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def draw(surface: str, kind: str | None, seed: int, side_px: int = 128, config: FlawConfig | None = None) -> Drawn:
    """One photograph of one part, everything drawn from `seed`: the same seed gives the same picture.

    surface: one of MATERIALS. kind: one of DEFECTS, or None for a good part. Raises NotFound and InvalidInput.
    """
    return photograph(make_part(surface, kind, seed, side_px, config), some_light(seed), seed)
