"""Scenes: pictures with masks and captions of every material with every defect, for a latent diffusion model to learn.

Unlike a study, a scene keeps the frame: any part, near or far, turned, before any light and camera, grey or in colour;
with the same picture without the defect and a caption. Knows no network and no tokenizer.
"""

from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from augment.errors import InvalidConfig
from augment.surfaces.blemishes import KINDS, blemish
from augment.surfaces.bodies import OBJECTS, Body, border, ferrite, lay
from augment.surfaces.captions import Seen, caption
from augment.surfaces.defects import Flaw, FlawConfig
from augment.surfaces.draw import visible
from augment.surfaces.lighting import Camera, Light, Relief, develop, expose, jpeg_traces, shade
from augment.surfaces.materials import MATERIALS, Finish, material
from augment.surfaces.noise import Field
from augment.surfaces.strokes import blot

__all__ = ["Scene", "SceneConfig", "draw_scene", "scene_kinds", "scene_materials"]

_VIEWS = (
    (96, 80),
    (96, 96),
    (128, 80),
    (128, 96),
    (128, 112),
    (128, 128),
    (128, 128),
    (160, 112),
    (160, 144),
    (160, 160),
)
"""Side drawn and side of the part of it that is seen, in pixels: few, because filters are kept for each side."""

_Values = TypeVar("_Values", bound=np.generic)

_TRIES = 6
_SHOWN_LEVELS = 4.0
_CRUMB_PX = 12
_LUMA = np.array((0.3, 0.59, 0.11), dtype=np.float32)


def scene_materials() -> tuple[str, ...]:
    """Names of the materials and objects a scene can show, sorted."""
    return tuple(sorted((*MATERIALS, *OBJECTS)))


def scene_kinds() -> tuple[str, ...]:
    """What a scene can be: "good" and the defects, in order."""
    return ("good", *sorted(KINDS))


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What is drawn, how often, how large."""

    side_px: int = field(default=128, metadata={"help": "side of the picture, 32 to 256 px"})
    good_share: float = field(default=0.25, metadata={"help": "share of good parts; defects share the rest evenly"})
    grey_share: float = field(default=0.5, metadata={"help": "share of pictures by grey cameras, 0 to 1"})
    materials: tuple[str, ...] = field(default=(), metadata={"help": "materials to draw; all if empty"})
    kinds: tuple[str, ...] = field(default=(), metadata={"help": "defects to draw; all if empty"})

    def __post_init__(self) -> None:
        if not 32 <= self.side_px <= 256:
            raise InvalidConfig(f"side_px {self.side_px}: 32 to 256; 128 is what the built-in model learns")
        for name in ("good_share", "grey_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidConfig(f"{name} {getattr(self, name)}: 0 to 1; try the default")
        for name, chosen, known in (
            ("materials", self.materials, scene_materials()),
            ("kinds", self.kinds, scene_kinds()[1:]),
        ):
            if unknown := sorted(set(chosen) - set(known)):
                raise InvalidConfig(f"{name} {', '.join(unknown)}: only {', '.join(known)}; leave empty for all")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One example. pixels: (side, side, 3) uint8. clean: the same without the defect, equal outside `mask`.

    mask: (side, side) bool, empty for good parts. part: (side, side) bool, where the part is and not the background.
    material: one of `scene_materials`. kind: one of `scene_kinds`. severity: 0 (good) to 1.
    """

    pixels: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    part: NDArray[np.bool_]
    material: str
    kind: str
    severity: float
    caption: str


@dataclass(frozen=True, kw_only=True)
class _Sitting:
    """A part on the table: good and flawed relief, where the part is, the defect's core."""

    good: Relief
    flawed: Relief | None
    part: Field
    core: NDArray[np.bool_]


def draw_scene(seed: int, config: SceneConfig) -> Scene:
    """The scene that `seed` and the config determine. A defect that cannot be seen is drawn again, elsewhere."""
    rng = np.random.default_rng((seed, 11))
    name, kind = _subject(rng, config)
    grey, severity = bool(rng.random() < config.grey_share), float(rng.uniform(0.15, 1.0))
    for attempt in range(_TRIES):
        rng = np.random.default_rng((seed, 12, attempt))
        flaw = FlawConfig(severity=severity, dirt=float(rng.choice([0.0, rng.uniform()])))
        light = _light(rng)
        drawn_px, seen_px = _VIEWS[int(rng.integers(len(_VIEWS)))]
        sitting = _sit(rng, name, kind, flaw, light, grey=grey, side=drawn_px)
        pixels, clean, mask, part = _picture(rng, sitting, light, seen_px, config.side_px)
        change = np.abs(pixels.astype(np.int16) - clean).max(axis=2)
        if kind == "good" or (mask.sum() >= 5 and float(change[mask].mean()) >= _SHOWN_LEVELS):
            break
        severity = min(1.0, severity + 0.2)
    turns, mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)
    pixels, clean = (_turned(array, turns, mirrored=mirrored) for array in (pixels, clean))
    mask, part = (_turned(array, turns, mirrored=mirrored) for array in (mask, part))
    rows, columns = np.nonzero(mask)
    reach = (max(int(np.ptp(rows)), int(np.ptp(columns))) + 1) / config.side_px if len(rows) else 0.0
    severity = 0.0 if kind == "good" else severity
    seen = Seen(severity=severity, share=float(mask.mean()), reach=reach, grey=grey)
    text = caption(name, kind, seen, rng)
    return Scene(
        pixels=pixels,
        clean=clean,
        mask=mask,
        part=part,
        material=name,
        kind=kind,
        severity=severity,
        caption=text,
    )


def _subject(rng: np.random.Generator, config: SceneConfig) -> tuple[str, str]:
    """Material and kind. The magnetic tile's material comes twice as often as others: most industrial sets show it."""
    names = sorted(config.materials) if config.materials else [*scene_materials(), "ground_metal"]
    kinds = sorted(config.kinds) if config.kinds else sorted(KINDS)
    name = names[int(rng.integers(len(names)))]
    kind = kinds[int(rng.integers(len(kinds)))]
    return name, "good" if rng.random() < config.good_share else kind


def _light(rng: np.random.Generator) -> Light:
    """Any lamp: from any side, grazing to steep, hard to soft, far too dark to nearly too bright."""
    return Light(
        azimuth_deg=float(rng.uniform(0.0, 360.0)),
        elevation_deg=float(rng.uniform(18.0, 75.0)),
        ambient=float(rng.uniform(0.15, 0.65)),
        falloff=float(rng.uniform(0.0, 0.5)),
        exposure=float(np.exp(rng.uniform(np.log(0.05), np.log(0.6)))),
    )


def _camera(rng: np.random.Generator) -> Camera:
    return Camera(
        blur_px=float(0.3 + 0.9 * rng.uniform() ** 2),
        shot_noise=float(rng.uniform(0.004, 0.03)),
        read_noise=float(rng.uniform(0.001, 0.007)),
        vignette=float(rng.uniform(0.0, 0.3)),
        jpeg_quality=int(rng.integers(60, 93)) if rng.random() < 0.25 else 0,
    )


def _sit(
    rng: np.random.Generator, name: str, kind: str, config: FlawConfig, light: Light, *, grey: bool, side: int
) -> _Sitting:
    """Makes the part and its defect, side x side, and lays both on the table."""
    finish, body = _finish(rng, name, side)
    flawed, core = None, np.zeros((side, side), dtype=np.bool_)
    part = np.ones((side, side), dtype=np.float32) if body is None else body.cover
    bitten = body
    if kind != "good":
        at_rim = body is not None and kind == "chip" and rng.random() < 0.7
        if body is not None:
            places = body.rim if at_rim else np.argwhere(part > 0.5)[:, ::-1] + 0.5
            # The mean of two points of a convex part lies in it, and rather in its middle.
            pair = places[rng.integers(len(places), size=1 if at_rim else 2)].mean(axis=0)
            config = replace(config, centre=(float(pair[0] / side), float(pair[1] / side)))
        if rng.random() < 0.5:
            finish = replace(finish, grain_deg=float(rng.uniform(0.0, 180.0)))
        # What breaks throws up no material; what is cut may.
        finish = replace(finish, lip=finish.lip * float(rng.uniform(0.0, 0.3 if kind == "crack" else 1.0)))
        flaw = blemish(kind, rng, finish, config)
        core = flaw.core & (part > 0.5)
        if body is not None and at_rim and rng.random() < 0.5:
            bitten, bite = _bitten(rng, body, flaw, config, side)
            core |= bite
        flawed = _tabled(flaw.relief, bitten, light, grey=grey)
    return _Sitting(good=_tabled(finish.relief, body, light, grey=grey), flawed=flawed, part=part, core=core)


def _finish(rng: np.random.Generator, name: str, side: int) -> tuple[Finish, Body | None]:
    """The good surface; for objects with its body, for others at times with a border in the frame."""
    if name in OBJECTS:
        return OBJECTS[name](rng, side)
    tile = name == "ground_metal"
    finish = ferrite(rng, side) if tile and rng.random() < 0.5 else material(name, rng, side)
    if tile:
        finish = _coarser(finish, tone=float(rng.uniform(0.8, 2.3)), height=float(rng.uniform(0.8, 2.0)))
    bordered = rng.random() < (0.35 if tile else 0.15)
    return finish, border(rng, side) if bordered else None


def _coarser(finish: Finish, *, tone: float, height: float) -> Finish:
    """The finish with its contrast raised to a power and its height stretched: ground anew or with a worn wheel."""
    relief = finish.relief
    mean = np.float32(relief.albedo.mean())
    albedo = np.clip(mean * (relief.albedo / mean) ** np.float32(tone), 0.01, 0.98)
    return replace(finish, relief=replace(relief, albedo=albedo, height=relief.height * np.float32(height)))


def _bitten(
    rng: np.random.Generator, body: Body, flaw: Flaw, config: FlawConfig, side: int
) -> tuple[Body, NDArray[np.bool_]]:
    """The body with a piece of its rim gone, so that the background shows, and where that is."""
    centre = np.array(config.centre) * side
    radius = flaw.factors["radius_px"] * rng.uniform(0.4, 0.8)
    bite = blot(rng, side, centre, radius_px=radius, aspect=rng.uniform(1.0, 1.8), angle_deg=0.0, ragged=0.4)
    return replace(body, cover=body.cover * (1.0 - bite)), (bite > 0.5) & (body.cover > 0.5)


def _tabled(relief: Relief, body: Body | None, light: Light, *, grey: bool) -> Relief:
    """The relief over its body, its albedo in one channel for grey cameras and in three for others."""
    laid = relief if body is None else lay(relief, body, light.azimuth_deg)
    albedo: Field = laid.albedo
    if grey and albedo.shape[2] == 3:
        albedo = (albedo @ _LUMA)[..., None]
    if not grey and albedo.shape[2] == 1:
        albedo = np.repeat(albedo, 3, axis=2)
    return replace(laid, albedo=albedo)


def _picture(
    rng: np.random.Generator, sitting: _Sitting, light: Light, seen_px: int, side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """Photographs a square of `seen_px` of the part at `side_px`. Returns pixels, clean, mask and part."""
    camera = _camera(rng)
    box = _window(rng, sitting.core, seen_px)
    radiance = shade(sitting.good, light)
    gain = light.exposure / max(float((radiance.mean(axis=2) * sitting.part).sum() / sitting.part.sum()), 1e-6)
    tint = np.exp(rng.normal(0.0, 0.07, radiance.shape[2])).astype(np.float32)
    # Stray light in the lens lifts the blacks: what makes many factory pictures flat.
    veil = np.float32(max(rng.uniform(-0.3, 0.4), 0.0) * float(radiance.mean()))

    def taken(light_field: Field) -> Field:
        picture = _resized((light_field + veil) / (1.0 + veil / float(radiance.mean())), box, side_px)
        return expose(picture * tint, camera, gain)

    good = taken(radiance)
    noise = rng.standard_normal(good.shape, dtype=np.float32)
    clean = develop(good, camera, noise)
    part = _resized(sitting.part[..., None], box, side_px)[..., 0] > 0.5
    pixels, mask = clean, np.zeros(part.shape, dtype=np.bool_)
    if sitting.flawed is not None:
        flawed = develop(taken(shade(sitting.flawed, light)), camera, noise)
        core = _resized(sitting.core.astype(np.float32)[..., None], box, side_px)[..., 0]
        mask = _joined(visible(clean, flawed, core > 0.3) & part, core > 0.3, part)
        pixels = np.where(mask[..., None], flawed, clean)
    if camera.jpeg_quality:
        traces = jpeg_traces(clean, camera.jpeg_quality)
        pixels = np.clip(pixels + traces, 0, 255).astype(np.uint8)
        clean = np.clip(clean + traces, 0, 255).astype(np.uint8)
    if clean.shape[2] == 1:
        pixels, clean = np.repeat(pixels, 3, axis=2), np.repeat(clean, 3, axis=2)
    return pixels, clean, mask, part


def _joined(mask: NDArray[np.bool_], core: NDArray[np.bool_], part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without crumbs, pieces that hold nothing of the core and are small, and without pinholes."""
    beside = np.zeros(mask.shape, dtype=np.uint8)
    for axis in (0, 1):
        beside += np.roll(mask, 1, axis)
        beside += np.roll(mask, -1, axis)
    mask = mask | ((beside == 4) & part)
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count < 2:
        return mask
    kept = np.bincount(pieces.ravel(), minlength=count + 1) >= _CRUMB_PX
    kept[pieces[core & mask]] = True
    kept[0] = False
    joined: NDArray[np.bool_] = kept[pieces]
    return joined


def _window(rng: np.random.Generator, core: NDArray[np.bool_], seen_px: int) -> tuple[int, int, int, int]:
    """A square in the drawing, at random, with some of the defect well inside. Returns left, top, right, bottom."""
    spare = core.shape[0] - seen_px
    corner = rng.integers(spare + 1, size=2)
    rows, columns = np.nonzero(core)
    if len(rows):
        k = int(rng.integers(len(rows)))
        place = np.array((columns[k], rows[k]))
        corner = np.clip(place - rng.uniform(0.2, 0.8, 2) * seen_px, 0, spare).astype(np.int64)
    left, top = int(corner[0]), int(corner[1])
    return left, top, left + seen_px, top + seen_px


def _resized(picture: Field, box: tuple[int, int, int, int], side_px: int) -> Field:
    """The box of a picture, (side, side, C) float32, at another size; averaged where it shrinks."""
    left, top, right, bottom = box
    if right - left == side_px:
        return picture[top:bottom, left:right]
    planes = [
        np.asarray(Image.fromarray(plane).resize((side_px, side_px), Image.Resampling.BICUBIC, box))
        for plane in np.ascontiguousarray(np.moveaxis(picture, 2, 0), dtype=np.float32)
    ]
    return np.asarray(np.maximum(np.stack(planes, axis=2), 0.0), dtype=np.float32)


def _turned(array: NDArray[_Values], turns: int, *, mirrored: bool) -> NDArray[_Values]:
    """A copy turned by quarter turns, then mirrored if wanted."""
    turned = np.rot90(array, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
