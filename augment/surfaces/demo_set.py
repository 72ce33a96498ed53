"""The demo data set: one product, ground metal tiles, good and with four defects, each part under several lights.

320 grey pictures of 128 px with exact masks. Some defects are drawn faint, and some scratches blackened, so that
classes touch: that is where a classifier is unsure and what the map is for. Everything follows from one seed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig
from augment.surfaces.defects import FlawConfig
from augment.surfaces.draw import make_part, photograph
from augment.surfaces.lighting import Light

__all__ = ["DemoImage", "DemoPart", "DemoSetConfig", "demo_parts", "draw_demo_set"]

_KINDS: Mapping[str, str | None] = {
    "blowhole": "hole",
    "crack": "crack",
    "free": None,
    "scratch": "scratch",
    "stain": "stain",
}


@dataclass(frozen=True, kw_only=True)
class DemoSetConfig:
    """Size and seed of the demo data set. The defaults are the shipped one."""

    seed: int = field(default=20, metadata={"help": "determines every part, light and split"})
    free: int = field(default=136, metadata={"help": "pictures of good parts"})
    defective: int = field(default=46, metadata={"help": "pictures of each defect"})
    side_px: int = field(default=128, metadata={"help": "side of the square pictures"})

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InvalidConfig(f"seed {self.seed}: 0 or more; any whole number will do")
        for name, value, low in (
            ("free", self.free, 8),
            ("defective", self.defective, 8),
            ("side_px", self.side_px, 32),
        ):
            if not low <= value <= 1024:
                raise InvalidConfig(f"{name} {value}: {low} to 1024; fewer than {low} cannot be split by part")


@dataclass(frozen=True, kw_only=True)
class DemoPart:
    """A physical part before it is drawn: which, what is wrong with it, and the lights it is photographed under."""

    number: int
    label: str
    split: Literal["train", "validation", "test"]
    severity: float
    dirt: float
    angle_deg: float
    lights: tuple[Light, ...]

    @property
    def group(self) -> str:
        """Name of the part: all its pictures belong together."""
        return f"part-{self.number:03d}"


@dataclass(frozen=True, kw_only=True)
class DemoImage:
    """One picture of the demo set. pixels: (side, side, 1) uint8. mask: (side, side) bool, all False for good parts."""

    name: str
    label: str
    group: str
    split: Literal["train", "validation", "test"]
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    factors: Mapping[str, float]


def demo_parts(config: DemoSetConfig) -> list[DemoPart]:
    """All parts of the set; of each class about two thirds train, a seventh validates, the rest tests."""
    rng = np.random.default_rng((config.seed, 0))
    parts: list[DemoPart] = []
    for label in _KINDS:
        counts = _lights_of_each_part(rng, config.free if label == "free" else config.defective)
        turn = rng.permutation(len(counts))
        for place, lights in zip(turn, counts, strict=True):
            share = (place + 0.5) / len(counts)
            parts.append(
                DemoPart(
                    number=len(parts) + 1,
                    label=label,
                    split="train" if share < 0.66 else "validation" if share < 0.8 else "test",
                    # One defect in six is faint.
                    severity=float(rng.uniform(0.45, 1.0) if rng.random() > 0.16 else rng.uniform(0.1, 0.28)),
                    dirt=float(rng.uniform(0.75, 1.0)) if rng.random() < 0.18 else 0.0,
                    # Parts slide past the same guide, so scratches share a direction.
                    angle_deg=float(rng.uniform(32.0, 58.0)),
                    lights=tuple(_light(rng) for _ in range(lights)),
                )
            )
    return parts


def _lights_of_each_part(rng: np.random.Generator, pictures: int) -> list[int]:
    """Two to four pictures of each part, mostly two, `pictures` in all."""
    counts: list[int] = []
    while sum(counts) < pictures - 4:
        counts.append(int(rng.choice([2, 3, 4], p=[0.7, 0.2, 0.1])))
    rest = pictures - sum(counts)
    if rest == 1:
        counts[counts.index(2)] += 1
        return counts
    return [*counts, *{0: [], 2: [2], 3: [3], 4: [2, 2]}[rest]]


def _light(rng: np.random.Generator) -> Light:
    """A lamp as it may stand at an inspection place for these tiles: any side, dim to bright."""
    return Light(
        azimuth_deg=float(rng.uniform(0.0, 360.0)),
        elevation_deg=float(rng.uniform(32.0, 60.0)),
        ambient=float(rng.uniform(0.28, 0.42)),
        falloff=float(rng.uniform(0.02, 0.25)),
        exposure=float(np.exp(rng.uniform(np.log(0.12), np.log(0.32)))),
    )


def draw_demo_set(config: DemoSetConfig) -> Iterator[DemoImage]:
    """Every picture of the set, part by part. Names look like `crack/part-003-light-2.png`."""
    for plan in demo_parts(config):
        seed = config.seed * 100_000 + plan.number
        flaw = FlawConfig(severity=plan.severity, dirt=plan.dirt, angle_deg=plan.angle_deg)
        part = make_part("ground_metal", _KINDS[plan.label], seed, config.side_px, flaw)
        for k, light in enumerate(plan.lights, start=1):
            drawn = photograph(part, light, seed * 10 + k)
            yield DemoImage(
                name=f"{plan.label}/{plan.group}-light-{k}.png",
                label=plan.label,
                group=plan.group,
                split=plan.split,
                pixels=drawn.pixels,
                mask=drawn.mask,
                factors=drawn.factors,
            )
