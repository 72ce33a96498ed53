"""How well generated images are told from real ones: the area under the curve, with its interval.

Knows scores alone; not who gave them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.judge.metrics import Interval
from augment.notices import Notice, notice

__all__ = ["EASILY", "FEWEST_PARTS_EACH", "Apart", "told_apart"]

FEWEST_PARTS_EACH = 5
"""Parts of real and of generated images below which nothing is said."""
EASILY = 0.9
"""Areas from here on: a classifier that has a use for the difference will find it."""
_NORMAL = 1.959963984540054  # 97.5 % quantile of the standard normal
_STEPS = 60  # of a bisection: far below what is printed


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Of one label. area: chance that a generated image looks more generated than a real one, 0.5 where they cannot be
    told apart; None with `why`. real, generated: images judged."""

    area: Interval | None
    real: int
    generated: int
    why: Notice | None = None


def told_apart(
    score: NDArray[Any], generated: NDArray[np.bool_], fold: NDArray[np.int64], part: NDArray[np.int64]
) -> Apart:
    """The area of one label's images, over pairs that one classifier judged, so that classifiers are not mixed.

    score: (n,) float, higher for generated. fold: (n,), which classifier judged. part: (n,), the same for images of one
    part. The interval is Newcombe's (2006, part 2, method 5), by the number of parts, since photographs of a part are
    no more than one.
    """
    counts = int((~generated).sum()), int(generated.sum())
    parts = [len(np.unique(part[own])) for own in (~generated, generated)]
    wins = pairs = 0.0
    for one in np.unique(fold):
        real, made = score[(fold == one) & ~generated], score[(fold == one) & generated]
        difference = made[:, None] - real[None, :]
        wins += float((difference > 0).sum() + 0.5 * (difference == 0).sum())
        pairs += difference.size
    if min(parts) < FEWEST_PARTS_EACH or not pairs:
        why = notice("apart_few_parts", real=parts[0], generated=parts[1], needed=FEWEST_PARTS_EACH)
        return Apart(area=None, real=counts[0], generated=counts[1], why=why)
    return Apart(area=_interval(wins / pairs, *parts), real=counts[0], generated=counts[1])


def _interval(area: float, real: int, generated: int) -> Interval:
    """The areas from which the one found lies less than 1.96 of their standard errors away."""
    low = _border(area, 0.0, real, generated) if area > 0 else 0.0
    high = _border(area, 1.0, real, generated) if area < 1 else 1.0
    return Interval(value=area, low=low, high=high)


def _border(area: float, end: float, real: int, generated: int) -> float:
    inside, outside = area, end
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        if abs(area - middle) <= _NORMAL * _error(middle, real, generated):
            inside = middle
        else:
            outside = middle
    return inside


def _error(area: float, real: int, generated: int) -> float:
    """Standard error of an area (Hanley and McNeil 1982), with the mean of both counts for each, as Newcombe has it."""
    others = (real + generated) / 2 - 1
    spread = 1 + others * ((1 - area) / (2 - area) + area / (1 + area))
    return float(np.sqrt(area * (1 - area) * spread / (real * generated)))
