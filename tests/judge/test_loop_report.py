"""Rounds of a loop: one that helps goes on and is proven, one that does not ends it, and looks are counted."""

import numpy as np
import pytest

from augment.judge.loop_report import Made, loop_markdown, loop_report, why_last
from augment.judge.verdict import Answers, compare
from augment.notices import notice

TRUE = np.repeat([0, 1, 2], 40)


def answers(right: float, seed: int) -> Answers:
    """Three trainings that name so large a share of 120 images of 120 parts rightly."""
    rng = np.random.default_rng(seed)
    flags = rng.random((3, len(TRUE))) < right
    return Answers(predicted=np.where(flags, TRUE, (TRUE + 1) % 3), true=TRUE, part=np.arange(len(TRUE)))


def made(given: Answers | None, passed: int = 8) -> Made:
    return Made(labels={"crack": 6, "free": 4}, samples=10, passed=passed, answers=given)


def test_a_round_that_helps_goes_on_and_one_that_repeats_the_last_ends_it():
    before, better = answers(0.5, 0), answers(0.9, 1)
    assert why_last(1, made(better), before) is None
    # The same answers again: a gain of 0 is none.
    same, none = why_last(2, made(better), better), why_last(1, made(None, passed=0), before)
    assert same is not None and same.text.startswith("Round 2 added nothing: balanced accuracy 0.9")
    assert none is not None and "Look at them in Review" in none.text


def test_what_is_proven_is_told_round_by_round_and_in_all():
    without, first, second = answers(0.5, 0), answers(0.8, 1), answers(0.81, 2)
    report = loop_report(without, without, [made(first), made(second)], notice("loop_all_done", rounds=2))
    assert [one.verdict for one in report.rounds] == ["helps", "cannot tell"] and report.verdict == "helps"
    assert report.rounds[1].gain is not None and report.total is not None
    assert report.rounds[1].gain.difference == pytest.approx(compare(second, first).difference)
    assert report.total.difference == pytest.approx(compare(second, without).difference)
    # Three looks at the same images: each p is larger than that of one look.
    assert report.rounds[1].gain.p >= compare(second, first).p
    assert report.rounds[0].gain is not None and report.rounds[0].gain.p >= 2 * compare(first, without).p
    told = loop_markdown(report)
    assert "| 1 | 6 crack, 4 free | 8 of 10 |" in told and "All rounds asked for (2) are done" in told
    assert "All samples that pass against none: +0.3" in told


def test_samples_that_were_there_are_not_the_first_rounds_merit():
    without, before = answers(0.5, 0), answers(0.8, 1)
    report = loop_report(without, before, [made(before)], notice("loop_all_done", rounds=1))
    assert report.rounds[0].gain is not None and report.rounds[0].gain.difference == 0
    assert report.total is not None and report.total.difference > 0.2


def test_a_round_without_a_sample_that_passes_has_no_number():
    without = answers(0.5, 0)
    report = loop_report(without, without, [made(None, passed=0)], notice("loop_none_passes", round=1, samples=10))
    assert report.rounds[0].gain is None and report.total is None and "| 0 of 10 |  |  |  |" in loop_markdown(report)
