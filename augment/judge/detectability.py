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
_STEPS, _HALVINGS = 50, 20
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
    rng = np.random.default_rng(seed)
    _, part_of, sizes = np.unique(part, return_inverse=True, return_counts=True)
    # How often each part is drawn, and with it each of its defects.
    times = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), _DRAWS)[:, part_of].astype(np.float64)
    share = times @ found / times.sum(axis=1)
    times = times[(share > 0) & (share < 1)]
    whole, *drawn = _curves(severity, found, np.concatenate([np.ones((1, len(found))), times]), grid)
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


def _curves(
    severity: NDArray[np.float64], found: NDArray[np.float64], times: NDArray[np.float64], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Recall at each of `grid`, a curve for each row of `times` (curves, n), which says how often each defect counts:
    as found and as missed, by its share.

    Logistic regressions by Newton's method, all of them at once: 200 of sklearn's take seconds.
    """
    from scipy.special import expit

    x = np.log(severity)
    middle, scale = x.mean(), x.std()
    x = (x - middle) / scale
    penalty = np.array([0.0, 1 / (_WEAK * scale**2)])
    columns = np.stack([np.ones_like(x), x])
    line = np.zeros((len(times), 2))
    loss = _losses(line, columns, found, times, penalty)
    for _ in range(_STEPS):
        recall = expit(line @ columns)
        slope = (times * (recall - found)) @ columns.T + penalty * line
        bend = np.einsum("cn,in,jn->cij", times * recall * (1 - recall), columns, columns) + np.diag(penalty)
        # A defect that nothing bends any more leaves a matrix without inverse.
        step = np.linalg.solve(bend + 1e-9 * np.eye(2), slope[:, :, None])[:, :, 0]
        # Halved until it leads downwards, for far from the end Newton's step may be too long.
        for _ in range(_HALVINGS):
            there = _losses(line - step, columns, found, times, penalty)
            worse = there > loss
            if not worse.any():
                break
            step[worse] /= 2
        step[there > loss] = 0
        line = line - step
        loss = np.minimum(there, loss)
        if np.abs(step).max() < 1e-6:
            break
    curves: NDArray[np.float64] = expit(line @ np.stack([np.ones_like(grid), (np.log(grid) - middle) / scale]))
    return curves


def _losses(
    line: NDArray[np.float64],
    columns: NDArray[np.float64],
    found: NDArray[np.float64],
    times: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What each curve's regression makes small: cross entropy and the penalty of its slope."""
    score = line @ columns
    entropy = np.logaddexp(0, score) - found * score
    return np.asarray((times * entropy).sum(axis=1) + (penalty * line**2).sum(axis=1) / 2)


def _smallest(curve: NDArray[np.float64], grid: NDArray[np.float64]) -> float | None:
    # A curve that falls with severity says that something else decides.
    if curve[-1] < WANTED_RECALL or curve[-1] <= curve[0]:
        return None
    # The curve is a straight line in these two scales, so that between two points nothing is lost.
    return float(np.exp(np.interp(_logit(np.array(WANTED_RECALL)), _logit(curve), np.log(grid))))


def _logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(share / (1 - share)))
