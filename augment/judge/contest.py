"""What an evaluation of classifiers found, as dataclasses that become JSON.

Knows numbers and names; not how they were found, nor how they are told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.judge.detectability import Detectability, detectability, why_no_curve
from augment.judge.metrics import Interval, wilson_interval
from augment.judge.separability import Apart
from augment.judge.verdict import (
    Answers,
    Comparison,
    Verdict,
    accuracy,
    balanced_accuracy,
    balanced_interval,
    compare,
    confusion,
    corrected,
)
from augment.notices import Notice

__all__ = [
    "ArmReport",
    "ContestReport",
    "Detected",
    "Mirrored",
    "Point",
    "TrainedOn",
    "contest_report",
    "detected",
    "mirrored_report",
]


@dataclass(frozen=True, order=True, kw_only=True)
class Point:
    """One training set: an arm with at most so many real images of each defect, and samples beside them of each label;
    0 for all."""

    arm: str
    real: int = 0
    beside: int = 0

    @property
    def text(self) -> str:
        """Such as "gated, 10 real of each defect"."""
        parts = [self.arm]
        if self.real:
            parts.append(f"{self.real} real of each defect")
        if self.beside:
            parts.append(f"{self.beside} samples of each label")
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """What an arm has of a label: real images, what stands beside them, and the share of the looks that this has."""

    real: int
    beside: int
    looks: float


@dataclass(frozen=True, kw_only=True)
class Detected:
    """Recall of one arm over a severity of defects. curve: None with `why`."""

    curve: Detectability | None
    why: Notice | None = None


@dataclass(frozen=True, kw_only=True)
class ArmReport:
    """One training set.

    accuracy, balanced_accuracy: means over the trainings. interval: of balanced accuracy, over other test parts and
    trainings. spread: standard deviation of balanced accuracy between trainings; None of one. recall: of each label,
    with Wilson's interval for as many test images. confusion: (labels, labels) images, rows true, over all trainings.
    base: the arm that comparison is with; both None of a base. right: of each test image, the share of trainings that
    name it rightly. trained_on: by label. detected: by the severity's name.
    """

    point: Point
    accuracy: float
    balanced_accuracy: float
    interval: Interval
    spread: float | None
    recall: Mapping[str, Interval]
    confusion: tuple[tuple[int, ...], ...]
    base: str | None
    comparison: Comparison | None
    verdict: Verdict | None
    right: tuple[float, ...]
    trained_on: Mapping[str, TrainedOn] = field(default_factory=dict)
    detected: Mapping[str, Detected] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """The published protocol of one arm: accuracy of each training on its own training images, mirrored left-right.

    mean: over the trainings. leak_free: accuracy on the images that decide, beside it. best: (labels, labels) images of
    the best training, rows true.
    """

    arm: str
    trainings: tuple[float, ...]
    mean: float
    leak_free: float
    best: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ContestReport:
    """test_ids, test_parts: the images judged, by id, and of how many parts. folds: 0 for a locked split. seeds:
    trainings of each arm. base: the arm that others are held against. notes: what a reader must know. partial: whether
    trainings are missing. mirrored: the published protocol, which leaks; nothing is concluded from it. apart: of each
    label, how well generated ones are told from real. severities: what each that `detected` names is, in words. good:
    the label of parts without a defect, "" where none is known: a defect is found that is not taken for it.
    """

    labels: tuple[str, ...]
    test_ids: tuple[int, ...]
    test_parts: int
    seeds: int
    classifier: str
    base: str
    arms: tuple[ArmReport, ...]
    notes: tuple[Notice, ...]
    partial: bool = False
    folds: int = 0
    mirrored: tuple[Mirrored, ...] = ()
    apart: Mapping[str, Apart] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    good: str = ""

    def false_alarms(self, arm: ArmReport) -> float | None:
        """Share of good test images that an arm takes for a defect; None without any. What an arm finds is worth
        nothing without it: who takes all for defects finds them all."""
        recall = arm.recall.get(self.good)
        return None if recall is None else 1 - recall.value


def contest_report(
    answers: Mapping[Point, Answers],
    test_ids: Sequence[int],
    labels: Sequence[str],
    classifier: str,
    base: str,
    notes: Sequence[Notice] = (),
    *,
    other_bases: Mapping[str, str] | None = None,
    partial: bool = False,
    folds: int = 0,
) -> ContestReport:
    """Each training set by itself and beside that of its base with as many real images.

    p is corrected for the number of sets that are compared. other_bases: by arm, where it is another than `base`. A
    base that is not among the answers compares nothing.
    """
    base_of = {point.arm: (other_bases or {}).get(point.arm, base) for point in answers}
    bases = {(point.arm, point.real): given for point, given in answers.items() if not point.beside}
    compared = {
        point: compare(given, bases[base_of[point.arm], point.real])
        for point, given in answers.items()
        if point.arm != base_of[point.arm] and (base_of[point.arm], point.real) in bases
    }
    names = {str(rank): point for rank, point in enumerate(compared)}
    adjusted = corrected({name: compared[point] for name, point in names.items()})
    told = {names[name]: one for name, one in adjusted.items()}
    first = next(iter(answers.values()))
    return ContestReport(
        labels=tuple(labels),
        test_ids=tuple(test_ids),
        test_parts=len(np.unique(first.part)),
        seeds=max(len(given.predicted) for given in answers.values()),
        classifier=classifier,
        base=base,
        arms=tuple(_arm(point, given, labels, base_of[point.arm], told.get(point)) for point, given in answers.items()),
        notes=tuple(notes),
        partial=partial,
        folds=folds,
    )


def mirrored_report(
    arm: str, answers: Answers, predicted: NDArray[np.int64], true: NDArray[np.int64], labels: int
) -> Mirrored:
    """The published protocol of an arm. answers: of the images that decide. predicted: (seeds, n), of mirrored training
    images whose labels are true (n,)."""
    of_mirrored = Answers(predicted=predicted, true=true, part=np.arange(len(true)))
    trainings = of_mirrored.right.mean(axis=1)
    best = predicted[int(trainings.argmax())][None]
    table = confusion(Answers(predicted=best, true=true, part=of_mirrored.part), labels)
    return Mirrored(
        arm=arm,
        trainings=tuple(trainings.tolist()),
        mean=float(trainings.mean()),
        leak_free=accuracy(answers),
        best=tuple(tuple(row) for row in table.tolist()),
    )


def detected(severity: NDArray[np.float64], found: NDArray[np.float64], part: NDArray[np.int64]) -> Detected:
    """Recall over a severity (n,), NaN where it is not known.

    found: (n,) 0 to 1, the share of trainings that find each defect. part: (n,), the same for defects of one part.
    """
    known = np.isfinite(severity) & (severity > 0)
    given = severity[known], found[known]
    return Detected(curve=detectability(*given, part[known]), why=why_no_curve(*given))


def _arm(point: Point, answers: Answers, labels: Sequence[str], base: str, comparison: Comparison | None) -> ArmReport:
    right = answers.right.mean(axis=0)
    each = [
        balanced_accuracy(Answers(predicted=row[None], true=answers.true, part=answers.part))
        for row in answers.predicted
    ]
    found = [(name, answers.true == number) for number, name in enumerate(labels)]
    return ArmReport(
        point=point,
        accuracy=accuracy(answers),
        balanced_accuracy=balanced_accuracy(answers),
        interval=balanced_interval(answers),
        spread=float(np.std(each, ddof=1)) if len(each) > 1 else None,
        recall={name: wilson_interval(float(right[own].mean()), int(own.sum())) for name, own in found if own.any()},
        confusion=tuple(tuple(int(count) for count in row) for row in confusion(answers, len(labels))),
        base=None if comparison is None else base,
        comparison=comparison,
        verdict=None if comparison is None else comparison.verdict,
        right=tuple(round(float(share), 4) for share in right),
    )
