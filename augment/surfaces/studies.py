"""Studies: cuts of drawn photographs of every material with every defect, for networks to learn what surfaces are.

Unlike the demo set, which is one product, a study is a part of any material under any light, cut as a view would cut
it. Grey, because most inspection cameras are. Knows no network.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig
from augment.surfaces.defects import DEFECTS, FlawConfig
from augment.surfaces.draw import make_part, photograph, some_light
from augment.surfaces.materials import MATERIALS
from augment.views import View

__all__ = ["StudyConfig", "draw_study", "study_labels"]

_FREE_SHARE = 0.3
_DRAWN_PX = 128


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Size of a study."""

    side_px: int = field(default=48, metadata={"help": "side of the square cut, 16 to 128 px"})

    def __post_init__(self) -> None:
        if not 16 <= self.side_px <= _DRAWN_PX:
            raise InvalidConfig(f"side_px {self.side_px}: 16 to {_DRAWN_PX}")


def study_labels() -> tuple[str, ...]:
    """Names of the label indices: "free" and the defects, in order."""
    return ("free", *sorted(DEFECTS))


def draw_study(seed: int, config: StudyConfig) -> tuple[NDArray[np.uint8], int]:
    """One cut (side, side, 1) uint8 and its index in `study_labels`; all of it follows from `seed`.

    Cut as a view of kind "mask" would, with a margin from 1 to 3 and for good parts a square of a like size anywhere,
    so that the frame tells nothing.
    """
    rng = np.random.default_rng((seed, 5))
    labels = study_labels()
    index = 0 if rng.random() < _FREE_SHARE else int(rng.integers(1, len(labels)))
    materials = sorted(MATERIALS)
    flaw = FlawConfig(severity=float(rng.uniform(0.15, 1.0)), dirt=float(rng.choice([0.0, rng.uniform()])))
    part = make_part(
        materials[int(rng.integers(len(materials)))], labels[index] if index else None, seed, _DRAWN_PX, flaw
    )
    drawn = photograph(part, some_light(seed), seed)
    view = View(
        kind="mask",
        side_px=config.side_px,
        colour="grey",
        margin=float(rng.uniform(1.0, 3.0)),
        mask_sides_px=(int(rng.integers(config.side_px, _DRAWN_PX)),),
    )
    sha256 = hashlib.sha256(drawn.pixels.tobytes()).hexdigest()
    return view.cut(drawn.pixels, drawn.mask if index else None, sha256), index
