"""Generated or real: the area is the share of pairs, its interval holds what is there, and few parts say nothing."""

import numpy as np
import pytest
from scipy import stats

from augment.judge.separability import FEWEST_PARTS_EACH, told_apart


def scores(rng: np.random.Generator, each: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    generated = np.arange(2 * each) >= each
    return rng.normal(0, 1, 2 * each) + apart * generated, generated


def test_the_interval_holds_the_area():
    rng = np.random.default_rng(0)
    apart = 1.5
    true = stats.norm.cdf(apart / np.sqrt(2))
    held = 0
    for _ in range(200):
        score, generated = scores(rng, 25, apart)
        area = told_apart(score, generated, np.zeros(50, int), np.arange(50)).area
        assert area is not None and 0 <= area.low <= area.value <= area.high <= 1
        held += area.low <= true <= area.high
    # 95 % of 200, less three of its standard deviations.
    assert held / 200 >= 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5


def test_an_area_of_one_is_not_certain():
    score, generated = np.arange(20.0), np.arange(20) >= 10
    area = told_apart(score, generated, np.zeros(20, int), np.arange(20)).area
    assert area is not None and area.value == area.high == 1.0 and 0.6 < area.low < 0.95


def test_only_pairs_of_one_judge_count():
    """The second judge gives higher scores to all: across judges, pairs would say nothing."""
    generated = np.tile([False, True], 10)
    fold = np.repeat([0, 1], 10)
    score = 10.0 * fold + generated
    area = told_apart(score, generated, fold, np.arange(20)).area
    assert area is not None and area.value == 1.0


def test_photographs_of_a_part_count_once():
    rng = np.random.default_rng(1)
    score, generated = scores(rng, 12, 1.0)
    once = told_apart(score, generated, np.zeros(24, int), np.arange(24))
    often = told_apart(np.tile(score, 4), np.tile(generated, 4), np.zeros(96, int), np.tile(np.arange(24), 4))
    assert once.area is not None and often.area is not None
    assert (once.area.low, once.area.high) == pytest.approx((often.area.low, often.area.high))


def test_few_parts_say_nothing():
    few = 2 * FEWEST_PARTS_EACH - 1
    told = told_apart(np.arange(float(few)), np.arange(few) >= FEWEST_PARTS_EACH, np.zeros(few, int), np.arange(few))
    assert told.area is None and told.why is not None and f"{FEWEST_PARTS_EACH} each are needed" in told.why.text
