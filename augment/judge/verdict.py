"""Whether one training set makes a better classifier than another: helps, hurts, or cannot be told.

Two things are left to chance in every such comparison: which parts are in the test set, and how a training went. Both
are counted, so that neither a lucky seed nor one part photographed six times proves anything. Knows answers alone; no
classifier, no image, no store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.judge.metrics import Interval
from augment.notices import Notice, notice

__all__ = [
    "Answers",
    "Comparison",
    "Verdict",
    "accuracy",
    "balanced_accuracy",
    "balanced_interval",
    "compare",
    "confusion",
    "corrected",
]

Verdict = Literal["helps", "hurts", "cannot tell"]
ALPHA = 0.05
"""Share of comparisons without a difference that may be called one, over all arms of an evaluation together."""
FEWEST_SEEDS, FEWEST_PARTS = 3, 8
"""With fewer, the spread between trainings or between parts is a guess."""
_POWER = 0.8  # with which the needed number of test images would tell a difference as large as the one seen


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """What classifiers said of the same test images. predicted: (seeds, n) int, one training a row, in the order of
    seeds. true: (n,) int. part: (n,) int, the same for photographs of one part."""

    predicted: NDArray[np.int64]
    true: NDArray[np.int64]
    part: NDArray[np.int64]

    def __post_init__(self) -> None:
        """InvalidInput where the shapes do not agree or there is no answer."""
        seeds, count = self.predicted.shape if self.predicted.ndim == 2 else (0, 0)
        if not seeds or not count or self.true.shape != (count,) or self.part.shape != (count,):
            raise InvalidInput(
                f"answers {self.predicted.shape}, labels {self.true.shape}, parts {self.part.shape}: (seeds, n), (n,) "
                "and (n,) are needed, with one training and one test image at least"
            )

    @property
    def right(self) -> NDArray[np.float64]:
        """(seeds, n), 1 where the answer is right."""
        return np.asarray(self.predicted == self.true, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Balanced accuracy of one arm less that of another, -1 to 1, with its 95 % interval.

    p: chance of a difference as large where there is none, two-sided; corrected for the number of arms by `corrected`.
    needed: test images of as many parts each that would tell the difference seen, in 4 of 5 evaluations; None for no
    difference. why: what is missing where there are too few seeds or parts to tell anything; else None.
    """

    difference: float
    low: float
    high: float
    p: float
    needed: int | None
    why: Notice | None

    @property
    def verdict(self) -> Verdict:
        """What may be said."""
        if self.why or self.p >= ALPHA:
            return "cannot tell"
        return "helps" if self.difference > 0 else "hurts"


def accuracy(answers: Answers) -> float:
    """Share of right answers, over all trainings."""
    return float(answers.right.mean())


def balanced_accuracy(answers: Answers) -> float:
    """Mean over the labels of the share of their images that are named rightly, over all trainings."""
    return float((answers.right.mean(axis=0) * _weights(answers.true)).sum())


def confusion(answers: Answers, labels: int) -> NDArray[np.int64]:
    """(labels, labels) int: how many images of each label (row) were taken for each (column), over all trainings."""
    found = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(found, (np.broadcast_to(answers.true, answers.predicted.shape), answers.predicted), 1)
    return found


def compare(arm: Answers, base: Answers) -> Comparison:
    """An arm beside a base on the same test images, training paired with training.

    The variance is that of a two-way clustering, of parts and of trainings (Cameron, Gelbach and Miller 2011, equation
    2.7), labels taken as strata however few parts they have (`_moved`); the interval is Student's, with the degrees of
    freedom of Satterthwaite 1946.

    Raises:
        InvalidInput: other test images, or another number of trainings.
    """
    if arm.predicted.shape != base.predicted.shape or (arm.true != base.true).any() or (arm.part != base.part).any():
        raise InvalidInput("two arms are compared on the same test images and with as many trainings each")
    from scipy import stats

    gain = (arm.right - base.right) * _weights(arm.true)
    seeds, images = gain.shape
    found = _estimated(gain, arm)
    difference, error = found.value, found.error
    p = 1.0 if difference == 0 else float(2 * stats.t.sf(abs(difference) / error, found.freedom)) if error else 0.0
    wanted = float(stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(_POWER)) * error
    why = None
    if seeds < FEWEST_SEEDS:
        why = notice("too_few_trainings", count=seeds, needed=FEWEST_SEEDS)
    elif found.parts < FEWEST_PARTS:
        why = notice("too_few_test_parts", count=found.parts, needed=FEWEST_PARTS)
    return Comparison(
        difference=difference,
        low=max(-1.0, difference - found.reach),
        high=min(1.0, difference + found.reach),
        p=p,
        needed=None if not difference or not error else max(1, round(images * (wanted / difference) ** 2)),
        why=why,
    )


def balanced_interval(answers: Answers) -> Interval:
    """Balanced accuracy with its 95 % interval, of other test parts and other trainings alike; as `compare` has it."""
    found = _estimated(answers.right * _weights(answers.true), answers)
    low, high = found.value - found.reach, found.value + found.reach
    return Interval(value=found.value, low=max(0.0, low), high=min(1.0, high))


def corrected(comparisons: Mapping[str, Comparison]) -> dict[str, Comparison]:
    """The same with p corrected for their number (Holm 1979), so that of many arms none helps by chance alone."""
    order: Sequence[str] = sorted(comparisons, key=lambda name: comparisons[name].p)
    found: dict[str, Comparison] = {}
    least = 0.0
    for rank, name in enumerate(order):
        least = max(least, min(1.0, comparisons[name].p * (len(order) - rank)))
        found[name] = replace(comparisons[name], p=least)
    return {name: found[name] for name in comparisons}


@dataclass(frozen=True, kw_only=True)
class _Estimate:
    """A mean, its standard error, the degrees of freedom of that, half of the 95 % interval, and how many parts."""

    value: float
    error: float
    freedom: float
    reach: float
    parts: int


def _estimated(gain: NDArray[np.float64], answers: Answers) -> _Estimate:
    """The sum over images of `gain` (seeds, n), which is weighted, meant over the trainings. See `compare`."""
    from scipy import stats

    seeds, _ = gain.shape
    _, label = np.unique(answers.true, return_inverse=True)
    _, part = np.unique(answers.part, return_inverse=True)
    images = np.zeros((label.max() + 1, part.max() + 1))
    np.add.at(images, (label, part), 1)
    moved = _moved(gain, images, label, part)
    of_parts = float((moved.mean(axis=0) ** 2).sum())
    by_seed = gain.sum(axis=1)
    of_seeds = float(by_seed.var(ddof=1)) / seeds if seeds > 1 else 0.0
    shared = float(((moved - moved.mean(axis=0)) ** 2).sum()) / seeds**2
    error = max(of_parts, of_seeds, of_parts + of_seeds - shared) ** 0.5
    weight = of_parts**2 / _freedom_of_parts(images) + of_seeds**2 / max(1, seeds - 1)
    freedom = (of_parts + of_seeds) ** 2 / weight if weight else 1.0
    return _Estimate(
        value=float(by_seed.mean()),
        error=error,
        freedom=freedom,
        reach=float(stats.t.ppf(1 - ALPHA / 2, freedom)) * error,
        parts=images.shape[1],
    )


def _moved(
    gain: NDArray[np.float64], images: NDArray[np.float64], label: NDArray[np.int64], part: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(seeds, parts): how far each part moves the sum over images of `gain` (seeds, n).

    images: (labels, parts), how many. A part moves its label by what it differs from the label's mean, of which it is a
    share itself: made good by the square root (Bell and McCaffrey 2002, bias-reduced linearization). The only part of a
    label differs from nothing, and is held against the mean of all labels.
    """
    labels, parts = images.shape
    cell = label * parts + part
    sums = np.stack([np.bincount(cell, weights=row, minlength=images.size) for row in gain]).reshape(-1, labels, parts)
    totals = sums.sum(axis=2, keepdims=True)
    share = images / images.sum(axis=1, keepdims=True)
    only = share == 1
    expected = np.where(only, totals.mean(axis=1, keepdims=True), share * totals)
    return np.asarray(((sums - expected) / np.where(only, 1, 1 - share) ** 0.5).sum(axis=1))


def _freedom_of_parts(images: NDArray[np.float64]) -> float:
    """Of the variance between parts, of which every label (labels, parts) has its own and as much for each part."""
    parts = (images > 0).sum(axis=1)
    freedom = (1 / parts).sum() ** 2 / (1 / parts**2 / np.maximum(1, parts - 1)).sum()
    return float(min(freedom, max(1, images.shape[1] - 1)))


def _weights(true: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,): what an image counts for in balanced accuracy; they sum to 1."""
    _, index, counts = np.unique(true, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[index]), dtype=np.float64)
