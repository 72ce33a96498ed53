"""What the rounds of a closed loop added, and whether that is proven; as dataclasses that become JSON, and as Markdown.

A round goes on where its gain is above 0 by its estimate alone: one that adds nothing goes on by chance in half of all
cases, which costs time and nothing else. Whether a gain is proven is said beside it, by the verdict's own statistics,
corrected for the number of looks. Knows answers and names; no classifier, no store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from augment.judge.verdict import Answers, Comparison, Verdict, balanced_accuracy, compare, corrected
from augment.notices import Notice, notice

__all__ = ["LoopReport", "Made", "Round", "loop_markdown", "loop_report", "why_last"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """One round: samples made of each label; how many there are in all, how many of them pass every gate; and the
    answers of classifiers that have learned from those, None where none passes."""

    labels: Mapping[str, int]
    samples: int
    passed: int
    answers: Answers | None


@dataclass(frozen=True, kw_only=True)
class Round:
    """The same as numbers. balanced_accuracy: mean over the trainings. gain: over what was there before the round,
    paired by training and image; None where no sample passes."""

    labels: Mapping[str, int]
    samples: int
    passed: int
    balanced_accuracy: float | None
    gain: Comparison | None
    verdict: Verdict | None


@dataclass(frozen=True, kw_only=True)
class LoopReport:
    """images, parts: validation images, and of how many parts. seeds: trainings of each. without: balanced accuracy
    without any sample. before: with the samples that were there before the first round and pass; as `without` where
    there were none. total: all samples that pass after the last round against none. ended: why."""

    images: int
    parts: int
    seeds: int
    without: float
    before: float
    rounds: tuple[Round, ...]
    total: Comparison | None
    verdict: Verdict | None
    ended: Notice


def why_last(number: int, made: Made, before: Answers) -> Notice | None:
    """Why the round `number`, from 1, is the last one; None where another may help."""
    if made.answers is None:
        return notice("loop_none_passes", round=number, samples=made.samples)
    gain = compare(made.answers, before)
    if gain.difference > 0:
        return None
    return notice(
        "loop_no_gain",
        round=number,
        own=f"{balanced_accuracy(made.answers):.3f}",
        before=f"{balanced_accuracy(before):.3f}",
        gain=f"{gain.difference:+.3f}",
        low=f"{gain.low:+.3f}",
        high=f"{gain.high:+.3f}",
    )


def loop_report(without: Answers, before: Answers, rounds: Sequence[Made], ended: Notice) -> LoopReport:
    """Each round beside the one before it, and all of them beside no samples at all; p is corrected for their number.

    Raises:
        InvalidInput: answers to other images, or of another number of trainings.
    """
    compared: dict[str, Comparison] = {}
    last = before
    for number, made in enumerate(rounds):
        if made.answers is not None:
            compared[str(number)] = compare(made.answers, last)
            last = made.answers
    if compared:
        compared["total"] = compare(last, without)
    told = corrected(compared)
    total = told.get("total")
    return LoopReport(
        images=len(without.true),
        parts=len(np.unique(without.part)),
        seeds=len(without.predicted),
        without=balanced_accuracy(without),
        before=balanced_accuracy(before),
        rounds=tuple(_round(made, told.get(str(number))) for number, made in enumerate(rounds)),
        total=total,
        verdict=None if total is None else total.verdict,
        ended=ended,
    )


def _round(made: Made, gain: Comparison | None) -> Round:
    return Round(
        labels=dict(made.labels),
        samples=made.samples,
        passed=made.passed,
        balanced_accuracy=None if made.answers is None else balanced_accuracy(made.answers),
        gain=gain,
        verdict=None if gain is None else gain.verdict,
    )


def loop_markdown(report: LoopReport) -> str:
    """The table, why it ended, and what is proven."""
    lines = [
        f"{report.images} validation images of {report.parts} parts, {report.seeds} trainings of each. Balanced "
        f"accuracy without samples {report.without:.3f}, before the first round {report.before:.3f}.",
        "",
        "| round | made | samples that pass, of all | balanced accuracy | gain over the round before | |",
        "|---|---|---|---|---|---|",
    ]
    for number, one in enumerate(report.rounds, start=1):
        made = ", ".join(f"{count} {label}" for label, count in one.labels.items())
        reached = "" if one.balanced_accuracy is None else f"{one.balanced_accuracy:.3f}"
        gain = "" if one.gain is None else _interval(one.gain)
        cells = [str(number), made, f"{one.passed} of {one.samples}", reached, gain, one.verdict or ""]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", report.ended.text]
    if report.total is not None:
        lines.append(f"All samples that pass against none: {_interval(report.total)}, {report.verdict}.")
    lines.append(
        "Validation images chose when to stop, so these numbers flatter; the test split can still prove it "
        "(kizu evaluate classifier)."
    )
    return "\n".join([*lines, ""])


def _interval(one: Comparison) -> str:
    return f"{one.difference:+.3f}, 95 % {one.low:+.3f} to {one.high:+.3f}"
