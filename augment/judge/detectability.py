"""How severe a defect must be to be found: recall as a curve over severity, and the smallest found nearly always.

A logistic curve of the logarithm of severity, the hit/miss model by which non-destructive testing tells its probability
of detection (MIL-HDBK-1823A). Knows numbers alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.judge.metrics import Interval
from augment.notices import Notice, notice

__all__ = ["FEWEST_DEFECTS", "WANTED_RECALL", "Detectability", "detectability", "why_no_curve"]

FEWEST_DEFECTS = 20
WANTED_RECALL = 0.95
_POINTS, _DRAWS = 40, 200
_WEAK = 100.0
"""Inverse of the penalty: next to none, but a curve that separates perfectly stays finite."""


@dataclass(frozen=True, kw_only=True)
class Detectability:
    """severity: of the curve's points, ascending. recall, low, high: at each, with its 95 % interval. smallest: the
    severity found at 95 % recall, with its interval; None where the curve does not reach it among those seen."""

    severity: tuple[float, ...]
    recall: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    smallest: Interval | None


def detectability(
    severity: NDArray[Any], found: NDArray[Any], part: NDArray[np.int64], seed: int = 0
) -> Detectability | None:
    """The curve of n defects.

    severity: (n,) above 0, in any unit: strength, area, contrast. found: (n,) 0 to 1, the share of trainings that find
    each. part: (n,), the same for defects of one part; intervals are drawn over parts. None where `why_no_curve` says
    why.
    """
    severity, found = np.asarray(severity, dtype=np.float64), np.asarray(found, dtype=np.float64)
    if why_no_curve(severity, found):
        return None
    grid = np.geomspace(severity.min(), severity.max(), _POINTS)
    whole = _curve(severity, found, grid)
    rng = np.random.default_rng(seed)
    parts = [np.flatnonzero(part == one) for one in np.unique(part)]
    drawn = []
    for _ in range(_DRAWS):
        rows = np.concatenate([parts[one] for one in rng.integers(0, len(parts), len(parts))])
        if 0 < found[rows].mean() < 1:
            drawn.append(_curve(severity[rows], found[rows], grid))
    curves = np.stack(drawn)
    low, high = np.quantile(curves, (0.025, 0.975), axis=0)
    least = _smallest(whole, grid)
    smallest = None
    if least is not None:
        each = [one if (one := _smallest(curve, grid)) is not None else grid[-1] for curve in curves]
        smallest = Interval(value=least, low=float(np.quantile(each, 0.025)), high=float(np.quantile(each, 0.975)))
    return Detectability(
        severity=tuple(grid.tolist()),
        recall=tuple(whole.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        smallest=smallest,
    )


def why_no_curve(severity: NDArray[Any], found: NDArray[Any]) -> Notice | None:
    """Why these defects give no curve; None where they do. Arguments as those of `detectability`."""
    if not len(severity):
        return notice("defects_unmasked")
    if len(severity) < FEWEST_DEFECTS:
        return notice("defects_few", count=len(severity), needed=FEWEST_DEFECTS)
    if np.min(severity) == np.max(severity):
        return notice("defects_alike")
    if not 0 < np.mean(found) < 1:
        return notice("defects_all_found" if np.mean(found) else "defects_none_found")
    return None


def _curve(severity: NDArray[np.float64], found: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Recall at each of `grid`: each defect counts as found and as missed, by its share."""
    from sklearn.linear_model import LogisticRegression

    x = np.log(np.concatenate([severity, severity]))[:, None]
    answer = np.repeat([1, 0], len(severity))
    weight = np.concatenate([found, 1 - found])
    kept = weight > 0
    model = LogisticRegression(C=_WEAK, max_iter=1000).fit(x[kept], answer[kept], sample_weight=weight[kept])
    curve: NDArray[np.float64] = model.predict_proba(np.log(grid)[:, None])[:, 1]
    return curve


def _smallest(curve: NDArray[np.float64], grid: NDArray[np.float64]) -> float | None:
    # A curve that falls with severity says that something else decides.
    if curve[-1] < WANTED_RECALL or curve[-1] <= curve[0]:
        return None
    # The curve is a straight line in these two scales, so that between two points nothing is lost.
    return float(np.exp(np.interp(_logit(np.array(WANTED_RECALL)), _logit(curve), np.log(grid))))


def _logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(share / (1 - share)))
