"""Verdicts: a difference that is there is told, one that is not is hardly ever told, and lucky seeds prove nothing."""

import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.judge.verdict import (
    ALPHA,
    Answers,
    Comparison,
    accuracy,
    balanced_accuracy,
    compare,
    confusion,
    corrected,
)

LABELS, PARTS, EACH, SEEDS = 4, 60, 3, 5
PART = np.repeat(np.arange(PARTS), EACH)
TRUE = PART % LABELS
RUNS = 400


def answers(
    rng: np.random.Generator,
    level: float,
    part_of: np.ndarray | None = None,
    luck: float = 0.0,
    true: np.ndarray = TRUE,
    part: np.ndarray = PART,
) -> Answers:
    """Trainings that are right with a chance of `level`, and each part's own ease and each training's own luck."""
    ease = rng.normal(0, 0.8, PARTS) if part_of is None else part_of
    odds = np.log(level / (1 - level)) + ease[part][None] + rng.normal(0, luck, (SEEDS, 1))
    right = rng.random((SEEDS, len(part))) < 1 / (1 + np.exp(-odds))
    wrong = (true + rng.integers(1, LABELS, right.shape)) % LABELS
    return Answers(predicted=np.where(right, true, wrong), true=true, part=part)


@pytest.mark.parametrize("luck", [0.0, 0.3])
def test_where_there_is_no_difference_one_is_seldom_told(luck: float):
    """Also where trainings differ among each other by luck, which the parts alone would not show."""
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(RUNS):
        ease = rng.normal(0, 0.8, PARTS)
        told += compare(answers(rng, 0.7, ease, luck), answers(rng, 0.7, ease, luck)).verdict != "cannot tell"
    # 5 % of 400, and two of its standard deviations.
    assert told / RUNS <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / RUNS) ** 0.5


def test_nor_where_labels_have_a_part_or_two():
    """Which parts a label happens to be tested on is chance, also where its only part differs from no other."""
    rng = np.random.default_rng(7)
    parts = np.arange(PARTS)
    kind = np.where(parts < 1, 1, np.where(parts < 3, 2, np.where(parts < 5, 3, 0)))
    part = np.repeat(parts, 6)
    told = 0
    for _ in range(RUNS):
        ease = rng.normal(0, 0.8, PARTS)
        one, other = (answers(rng, 0.6, ease + rng.normal(0, 0.7, PARTS), 0.0, kind[part], part) for _ in range(2))
        told += compare(one, other).verdict != "cannot tell"
    # 5 % of 400, and two of its standard deviations.
    assert told / RUNS <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / RUNS) ** 0.5


def test_the_only_part_of_a_label_leaves_room_for_others():
    """Found by one arm alone, on one part: no more than a photograph of another part would have to bear out."""
    true, part = np.repeat([0, 1], [40, 4]), np.repeat(np.arange(11), 4)
    without = Answers(predicted=np.zeros((3, 44), int), true=true, part=part)
    found = Answers(predicted=np.tile(true, (3, 1)), true=true, part=part)
    told = compare(found, without)
    assert told.difference == pytest.approx(0.5) and told.verdict == "cannot tell" and told.low < 0 < told.high


def test_intervals_hold_what_is_there():
    rng = np.random.default_rng(1)
    ease = [rng.normal(0, 0.8, PARTS) for _ in range(200)]
    gaps = [compare(answers(rng, 0.8, one), answers(rng, 0.65, one)) for one in ease]
    true = np.mean([gap.difference for gap in gaps])
    held = np.mean([gap.low <= true <= gap.high for gap in gaps])
    assert held >= 0.92 and true == pytest.approx(0.13, abs=0.02)


def test_a_difference_is_told_with_its_sign():
    rng = np.random.default_rng(2)
    ease = rng.normal(0, 0.8, PARTS)
    better, worse = answers(rng, 0.85, ease), answers(rng, 0.65, ease)
    assert compare(better, worse).verdict == "helps" and compare(worse, better).verdict == "hurts"
    assert compare(better, worse).difference == pytest.approx(balanced_accuracy(better) - balanced_accuracy(worse))


def test_photographs_of_one_part_are_no_more_than_one():
    """The same answers six times over, as of one part: the interval stays as wide."""
    rng = np.random.default_rng(3)
    once = [answers(rng, level) for level in (0.8, 0.7)]
    often = [Answers(predicted=np.tile(one.predicted, 6), true=np.tile(TRUE, 6), part=np.tile(PART, 6)) for one in once]
    short, long = compare(*once), compare(*often)
    assert (long.low, long.high, long.p) == pytest.approx((short.low, short.high, short.p))
    assert long.needed == pytest.approx(6 * (short.needed or 0), abs=6)


def test_as_many_images_as_needed_tell():
    rng = np.random.default_rng(4)
    ease = rng.normal(0, 0.8, PARTS)
    few = compare(answers(rng, 0.74, ease), answers(rng, 0.7, ease))
    assert few.verdict == "cannot tell" and few.needed is not None and few.needed > len(PART)


@pytest.mark.parametrize(("seeds", "parts", "told"), [(2, 60, "each arm: 2 of 3"), (5, 4, "test parts: 4 of 8")])
def test_too_few_to_tell_anything(seeds: int, parts: int, told: str):
    true, part = np.arange(parts * 10) % 2, np.arange(parts * 10) % parts
    right = Answers(predicted=np.tile(true, (seeds, 1)), true=true, part=part)
    wrong = Answers(predicted=np.tile(1 - true, (seeds, 1)), true=true, part=part)
    found = compare(right, wrong)
    assert found.difference == 1.0 and found.verdict == "cannot tell"
    assert found.why is not None and told in found.why.text


def test_equal_answers_are_no_difference():
    one = answers(np.random.default_rng(5), 0.7)
    found = compare(one, one)
    assert (found.difference, found.p, found.needed, found.verdict) == (0.0, 1.0, None, "cannot tell")


def test_the_rarest_label_counts_as_much():
    true = np.array([0] * 9 + [1])
    answered = Answers(predicted=np.zeros((1, 10), int), true=true, part=np.arange(10))
    assert accuracy(answered) == pytest.approx(0.9) and balanced_accuracy(answered) == pytest.approx(0.5)
    assert confusion(answered, 2).tolist() == [[9, 0], [1, 0]]


def test_many_arms_are_corrected_for():
    def told(p: float) -> Comparison:
        return Comparison(difference=0.1, low=0.0, high=0.2, p=p, needed=1, why=None)

    found = corrected({"a": told(0.02), "b": told(0.01), "c": told(0.4)})
    assert {name: round(one.p, 6) for name, one in found.items()} == {"a": 0.04, "b": 0.03, "c": 0.4}
    assert [one.verdict for one in found.values()] == ["helps", "helps", "cannot tell"]


def test_other_test_images_are_refused():
    rng = np.random.default_rng(6)
    one = answers(rng, 0.7)
    other = Answers(predicted=one.predicted, true=(TRUE + 1) % LABELS, part=PART)
    with pytest.raises(InvalidInput, match="the same test images"):
        compare(one, other)
    with pytest.raises(InvalidInput, match=r"answers \(0, 3\)"):
        Answers(predicted=np.empty((0, 3), int), true=np.zeros(3, int), part=np.zeros(3, int))
