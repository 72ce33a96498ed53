"""Reports of evaluations: verdicts that chance seldom gives, in words, as a figure and as a page of its own."""

from dataclasses import replace

import numpy as np
import pytest

from augment.judge.contest import ContestReport, Point, contest_report, detected, mirrored_report
from augment.judge.contest_curves import plots
from augment.judge.contest_figure import contest_figure
from augment.judge.contest_page import contest_page
from augment.judge.contest_words import markdown
from augment.judge.separability import told_apart
from augment.judge.verdict import ALPHA, Answers, balanced_interval
from augment.notices import notice

PARTS, SEEDS = 60, 5
PART = np.arange(2 * PARTS) // 2
TRUE = PART % 2
LABELS = ("free</script>", "spot|hole")


def answers(rng: np.random.Generator, level: float, ease: np.ndarray) -> Answers:
    odds = np.log(level / (1 - level)) + ease[PART][None]
    right = rng.random((SEEDS, len(PART))) < 1 / (1 + np.exp(-odds))
    return Answers(predicted=np.where(right, TRUE, 1 - TRUE), true=TRUE, part=PART)


def report(**fields: object) -> ContestReport:
    rng = np.random.default_rng(0)
    ease = rng.normal(0, 0.8, PARTS)
    given = {
        Point(arm=arm, real=real): answers(rng, level - 0.1 * (real > 0), ease)
        for real in (5, 0)
        for arm, level in (("classical", 0.6), ("gated", 0.62), ("accepted", 0.95))
    }
    made = contest_report(
        given, range(len(PART)), LABELS, "builtin", "classical", [notice("few_parts_tested", labels="a <b>")]
    )
    severity = np.exp(rng.uniform(0, 5, len(PART)))
    found = rng.binomial(SEEDS, 1 / (1 + np.exp(-2 * (np.log(severity) - 2)))) / SEEDS
    curves = {
        "size": detected(severity, found, PART),
        "contrast": detected(np.full(len(PART), np.nan), found, PART),
    }
    apart = told_apart(severity, TRUE == 1, np.zeros(len(PART), int), PART)
    point = Point(arm="classical")
    mirrored = mirrored_report("classical", given[point], given[Point(arm="accepted")].predicted, TRUE, 2)
    return replace(
        made,
        arms=tuple(replace(arm, detected=curves) for arm in made.arms),
        severities={"size": "px", "contrast": "grey levels"},
        apart={LABELS[1]: apart},
        mirrored=(mirrored,),
        **fields,
    )


def test_of_arms_that_add_nothing_one_seldom_helps():
    """The generated images are real ones again: whichever of three arms "helps" is chance, and told in 5 % at most."""
    runs = 100
    rng = np.random.default_rng(1)
    told = 0
    for _ in range(runs):
        ease = rng.normal(0, 0.8, PARTS)
        arms = {Point(arm=arm): answers(rng, 0.7, ease) for arm in ("classical", "generated", "gated", "accepted")}
        made = contest_report(arms, range(len(PART)), LABELS, "builtin", "classical")
        told += any(arm.verdict == "helps" for arm in made.arms)
    # 5 % of 100, and two of its standard deviations.
    assert told / runs <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


def test_intervals_of_balanced_accuracy_hold_what_is_there():
    rng = np.random.default_rng(2)
    intervals = [balanced_interval(answers(rng, 0.75, rng.normal(0, 0.8, PARTS))) for _ in range(200)]
    true = np.mean([one.value for one in intervals])
    held = np.mean([one.low <= true <= one.high for one in intervals])
    # 95 % of 200, less three of its standard deviations.
    assert held >= 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5


def test_an_arm_is_held_against_its_own_base():
    rng = np.random.default_rng(3)
    ease = rng.normal(0, 0.8, PARTS)
    given = {Point(arm=arm): answers(rng, 0.7, ease) for arm in ("classical", "gated", "recipe 1", "recipe 3")}
    bases = {"recipe 1": "recipe 1", "recipe 3": "recipe 1"}
    made = contest_report(given, range(len(PART)), LABELS, "builtin", "classical", other_bases=bases)
    assert [arm.base for arm in made.arms] == [None, "classical", None, "recipe 1"]


def test_words_say_what_was_found_and_what_was_not():
    told = markdown(report(partial=True))
    assert "- accepted: helps (" in told and "against classical" in told
    assert "**Partial**" in told and r"spot\|hole" in told
    assert "No smallest contrast found at 95 % recall. No test image of a defect has a mask." in told
    assert "Smallest found at 95 % recall, by size (px):" in told and "| not known |" in told
    # Who takes all for defects finds them all: false alarms stand beside what is found.
    made = report()
    good = replace(made, good=LABELS[0])
    share = 1 - made.arms[0].recall[LABELS[0]].value
    assert good.false_alarms(made.arms[0]) == pytest.approx(share) and f"| {share:.0%} |" in markdown(good)
    all_found = {"size": detected(np.exp(np.linspace(0, 5, len(PART))), np.ones(len(PART)), PART)}
    every = replace(good, arms=tuple(replace(arm, detected=all_found) for arm in good.arms), severities={"size": "px"})
    assert f"| Every test defect is found. | {share:.0%} |" in markdown(every)
    # The published protocol is told, and that it leaks; no verdict is.
    published = told[told.index("The published protocol") :]
    assert "leaks" in published and "trial 5" in published and "helps" not in published


def test_curves_are_over_images_and_severities():
    found = {plot.title: plot for plot in plots(report())}
    assert set(found) == {"Balanced accuracy over real images of each defect", "Detectability by size"}
    over = found["Balanced accuracy over real images of each defect"]
    assert over.ticks == ("5", "all") and [curve.name for curve in over.curves] == ["classical", "gated", "accepted"]
    assert all(low <= y <= high for c in over.curves for low, y, high in zip(c.low, c.y, c.high, strict=True))


def test_the_figure_draws_every_arm():
    picture = contest_figure(report())
    assert picture.dtype == np.uint8 and picture.shape[1:] == (1200, 3)
    plain = contest_figure(replace(report(), severities={}))
    # One curve less, and as many rows of dots.
    assert picture.shape[0] > plain.shape[0] > 6 * 30
    for colour in ((0, 120, 80), (110, 110, 110)):
        assert (picture == colour).all(axis=2).any(), "a verdict's colour is missing"


def test_the_page_works_offline_and_trusts_no_name():
    page = contest_page(report(partial=True))
    assert "Plotly.newPlot" in page and "Partial: " in page
    assert '<script src="' not in page and "<link" not in page
    assert "free</script>" not in page and "<b>" not in page.partition("<h2>Notes")[2]
    assert "accepted: helps" in page and "It leaks" in page.replace("It\nleaks", "It leaks")


@pytest.mark.parametrize(
    ("severity", "why"),
    [
        (np.full(30, np.nan), "No test image of a defect has a mask."),
        (np.r_[np.arange(1.0, 11), np.full(20, np.nan)], "10 test defects have a mask, and 20 are needed."),
        (np.full(30, 4.0), "All test defects are equally severe."),
    ],
)
def test_why_there_is_no_curve(severity: np.ndarray, why: str):
    found = detected(severity, np.tile([0.0, 1.0], 15), np.arange(30))
    assert found.curve is None and found.why is not None and found.why.text == why
