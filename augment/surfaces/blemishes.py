"""Blemishes beside the six of `defects`: a print where none belongs, a wrinkle, a tone or texture that is uneven.

They stand apart because the base networks and their labels are made of the six. Like those, a blemish changes relief,
albedo and gloss and never paints a grey level. Knows nothing of light.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import ndimage

from augment.errors import NotFound
from augment.surfaces.defects import DEFECTS, Flaw, FlawConfig
from augment.surfaces.materials import Finish
from augment.surfaces.noise import Field, spectral
from augment.surfaces.strokes import Points, stroke, wander

__all__ = ["KINDS", "blemish"]

_GLYPHS: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), ((0.2, 0.65), (0.8, 0.65))),
    (((0.0, 0.0), (0.0, 1.0)), ((0.9, 0.0), (0.0, 0.55), (0.9, 1.0))),
    (((0.0, 1.0), (0.0, 0.0), (0.7, 0.0), (0.95, 0.25), (0.7, 0.5), (0.0, 0.5)),),
    (((0.0, 0.15), (0.3, 0.0), (0.8, 0.05), (0.9, 0.3), (0.0, 1.0), (1.0, 1.0)),),
    (((0.0, 0.0), (1.0, 0.0), (0.35, 1.0)),),
    (((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
    (((0.95, 0.15), (0.5, 0.0), (0.1, 0.25), (0.0, 0.6), (0.3, 0.97), (0.8, 0.95), (0.95, 0.7), (0.1, 0.6)),),
    (((0.0, 0.0), (0.0, 1.0), (0.9, 1.0)),),
    (((0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)),),
    (((0.2, 0.25), (0.55, 0.0), (0.55, 1.0)),),
    (
        (
            (0.5, 0.0),
            (0.9, 0.15),
            (1.0, 0.5),
            (0.9, 0.85),
            (0.5, 1.0),
            (0.1, 0.85),
            (0.0, 0.5),
            (0.1, 0.15),
            (0.5, 0.0),
        ),
    ),
    (((0.9, 0.0), (0.0, 0.0), (0.0, 1.0), (0.9, 1.0)), ((0.0, 0.5), (0.7, 0.5))),
)
"""Letters and digits as lines in a unit square, y down: A K P 2 7 X 6 L N 1 O E."""

_INKS = ((0.02, 0.02, 0.025), (0.85, 0.85, 0.83), (0.03, 0.06, 0.3), (0.5, 0.04, 0.04), (0.7, 0.7, 0.68))


def _place(rng: np.random.Generator, config: FlawConfig, side_px: int, margin: float) -> Points:
    share = np.array(config.centre) if config.centre is not None else rng.uniform(margin, 1.0 - margin, 2)
    return np.asarray(share * side_px, dtype=np.float64)


def print_mark(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """Letters, digits or bars in ink: flat on the surface, worn, the grain shows through; the glint goes."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    tall = rng.uniform(9.0, 26.0) * unit
    wide, gap = tall * rng.uniform(0.5, 0.75), tall * rng.uniform(0.15, 0.35)
    count = int(rng.integers(1, 2 + int(min(4, 70.0 * unit // (wide + gap)))))
    pen = max(1.0, tall * rng.uniform(0.09, 0.2))
    turn = np.deg2rad(rng.choice([0.0, 90.0, rng.uniform(-60.0, 60.0)]))
    right, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corner = _place(rng, config, side, 0.3) - right * ((wide + gap) * count - gap) / 2 - down * tall / 2
    cover = np.zeros((side, side), dtype=np.float32)
    for k in range(count):
        for line in _GLYPHS[int(rng.integers(len(_GLYPHS)))]:
            path = np.array(line) * (wide, tall) + (k * (wide + gap), 0.0)
            points = corner + path[:, :1] * right + path[:, 1:] * down
            cover = np.maximum(cover, stroke(side, points, np.full(len(points), pen)))
    core = cover > 0.5
    smear = rng.uniform(0.35, 0.9) * max(unit, 0.6)
    worn = 1.0 + 0.3 * spectral(rng, side, shortest_px=2.0, longest_px=24.0, exponent=0.8)
    amount = np.clip((0.35 + 0.6 * severity) * ndimage.gaussian_filter(cover, smear) * worn, 0.0, 0.95)
    ink = np.array(_INKS[int(rng.integers(len(_INKS)))], dtype=np.float32)
    # Ink of the surface's own tone could not be read: it is then black or white.
    under = relief.albedo[core] if core.any() else relief.albedo
    if abs(float(under.mean()) - float(ink.mean())) < 0.22:
        ink = np.full(3, 0.02 if float(under.mean()) > 0.3 else 0.85, dtype=np.float32)
    if relief.albedo.shape[2] == 1:
        ink = ink.mean(keepdims=True)
    albedo = relief.albedo * (1.0 - amount[..., None]) + ink * amount[..., None]
    gloss = relief.gloss * (1.0 - 0.8 * amount)
    flawed = replace(relief, albedo=albedo.astype(np.float32), gloss=gloss.astype(np.float32))
    return Flaw(relief=flawed, core=core, factors={"height_px": tall, "width_px": pen, "signs": float(count)})


def wrinkle(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """One to four soft folds that run beside each other and die out; nothing removed, a little worn on the crest."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    length, angle = rng.uniform(38.0, 95.0) * unit, rng.uniform(0.0, 180.0)
    width = rng.uniform(2.8, 6.5) * unit
    count = 1 + int(rng.binomial(3, 0.55))
    along = np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
    across = np.array([along[1], -along[0]])
    centre, bend = _place(rng, config, side, 0.3), rng.normal(0.0, 55.0)
    fold = np.zeros((side, side), dtype=np.float32)
    for k in range(count):
        own = length * (1.0 if k == 0 else rng.uniform(0.4, 0.95))
        shift = across * (k * width * rng.uniform(1.8, 3.2)) + along * rng.normal(0.0, 7.0 * unit) * (k > 0)
        start = centre + shift - along * own / 2
        path = wander(rng, start, angle_deg=angle - bend / 2, length_px=own, turn_deg=abs(bend) + 20.0)
        place = np.linspace(0.0, 1.0, len(path))
        line = stroke(side, path, 0.9 * width * np.sin(np.pi * np.clip(place, 0.03, 0.97)) ** 0.6)
        fold = np.maximum(fold, line) if rng.random() < 0.7 else fold - 0.8 * line
    crest = ndimage.gaussian_filter(fold, 0.42 * width)
    trough = ndimage.gaussian_filter(fold, 1.1 * width)
    rise = (0.4 + 0.8 * severity) * width
    height = relief.height + np.float32(rise) * (crest - 0.8 * trough)
    rubbed = np.clip(np.abs(crest), 0.0, 1.0)[..., None] * np.float32(0.12 * severity)
    albedo = relief.albedo * (1.0 - rubbed)
    flawed = replace(relief, height=height.astype(np.float32), albedo=albedo.astype(np.float32))
    core = np.abs(crest - 0.8 * trough) > 0.22
    return Flaw(
        relief=flawed,
        core=core,
        factors={"length_px": length, "width_px": width, "lines": float(count), "angle_deg": angle},
    )


def uneven(rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """Tone or texture that differs over a large area: a cloud, a band or one side, its border soft or sharp."""
    relief, side = finish.relief, finish.relief.height.shape[0]
    unit, severity = side / 128.0, config.severity
    cover = _area(rng, config, side, finish.grain_deg)
    sign = float(rng.choice([-1.0, 1.0], p=[0.6, 0.4]))
    streaks = spectral(
        rng, side, shortest_px=3.0, longest_px=40.0, stretch=60.0, angle_deg=round(finish.grain_deg), exponent=0.6
    )
    clouds = spectral(rng, side, shortest_px=6.0, longest_px=60.0, exponent=1.3)
    pattern = 1.0 + rng.uniform(0.0, 0.45) * clouds + rng.uniform(0.0, 0.5) * streaks
    tone = sign * (0.12 + 0.38 * severity) * rng.uniform(0.6, 1.2) * cover * np.clip(pattern, 0.0, 2.2)
    albedo = np.clip(relief.albedo * np.exp(tone)[..., None], 0.005, 0.98)
    # The same place is also rougher or smoother than the rest: ground twice, not ground, rubbed.
    coarse = ndimage.gaussian_filter(relief.height, 3.0 * unit)
    change = rng.uniform(-0.9, 1.4) * (0.4 + 0.6 * severity)
    height = relief.height + np.float32(change) * cover * (relief.height - coarse)
    gloss = relief.gloss * np.exp(rng.normal(0.0, 0.9) * severity * cover)
    flawed = replace(
        relief, height=height.astype(np.float32), albedo=albedo.astype(np.float32), gloss=gloss.astype(np.float32)
    )
    return Flaw(relief=flawed, core=cover > 0.08, factors={"share": float(cover.mean()), "tone": sign})


def _area(rng: np.random.Generator, config: FlawConfig, side: int, grain_deg: float) -> Field:
    """Coverage of a large area that ends in exact zero, so that it leaves no seam where its mask ends."""
    unit = side / 128.0
    axis = np.arange(side, dtype=np.float32) + 0.5
    centre = _place(rng, config, side, 0.22)
    x, y = axis[None, :] - np.float32(centre[0]), np.float32(centre[1]) - axis[:, None]
    angle = np.deg2rad(grain_deg + float(rng.choice([0.0, 90.0])) + rng.normal(0.0, 8.0))
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    warp = spectral(rng, side, shortest_px=18.0, longest_px=90.0, exponent=2.0)
    form = rng.choice(3, p=[0.5, 0.25, 0.25])
    reach = rng.uniform(16.0, 40.0) * unit
    if form == 0:
        aspect = float(np.exp(rng.normal(0.0, 0.4)))
        depth = reach - np.sqrt(along**2 * aspect + across**2 / aspect) + 0.25 * reach * warp
    elif form == 1:
        depth = 0.6 * reach - np.abs(across) + rng.uniform(0.5, 4.0) * unit * warp
    else:
        depth = across + rng.uniform(0.5, 5.0) * unit * warp
    soft = rng.choice([0.9, 2.0, 6.0, 12.0]) * unit
    ramp = np.clip(depth / np.float32(soft), 0.0, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp), dtype=np.float32)


KINDS: dict[str, Callable[[np.random.Generator, Finish, FlawConfig], Flaw]] = {
    **DEFECTS,
    "print": print_mark,
    "uneven": uneven,
    "wrinkle": wrinkle,
}


def blemish(name: str, rng: np.random.Generator, finish: Finish, config: FlawConfig) -> Flaw:
    """The surface with any of the nine KINDS in it. Raises NotFound, naming them."""
    if name not in KINDS:
        raise NotFound(f"defect {name!r} is not one of: {', '.join(sorted(KINDS))}")
    return KINDS[name](rng, finish, config)
