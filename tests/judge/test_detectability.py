"""Detectability: a known curve is found again, within its interval, and what cannot be told is not."""

import numpy as np
import pytest

from augment.judge.detectability import FEWEST_DEFECTS, detectability


def defects(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Severities from 1 to 100 px; found by five trainings with a chance that is 0.5 at 10 px and 0.95 at 27 px."""
    rng = np.random.default_rng(seed)
    severity = np.exp(rng.uniform(0, np.log(100), count))
    chance = 1 / (1 + np.exp(-3 * (np.log(severity) - np.log(10))))
    return severity, rng.binomial(5, chance) / 5, np.arange(count) // 2


def test_the_smallest_that_is_found_lies_in_its_interval():
    found = detectability(*defects(300))
    assert found is not None and found.smallest is not None
    true = 10 * np.exp(np.log(0.95 / 0.05) / 3)
    assert found.smallest.low <= true <= found.smallest.high
    assert found.smallest.value == pytest.approx(true, rel=0.25)
    assert np.all(np.diff(found.recall) > 0) and np.all(np.array(found.low) <= found.high)


def test_fewer_defects_give_a_wider_interval():
    few, many = (detectability(*defects(count)) for count in (40, 400))
    assert few is not None and many is not None and few.smallest is not None and many.smallest is not None
    assert few.smallest.high - few.smallest.low > many.smallest.high - many.smallest.low


def test_what_cannot_be_told():
    severity, found, part = defects(100)
    assert (
        detectability(severity[: FEWEST_DEFECTS - 1], found[: FEWEST_DEFECTS - 1], part[: FEWEST_DEFECTS - 1]) is None
    )
    assert detectability(severity, np.ones(100), part) is None
    assert detectability(np.ones(100), found, part) is None
    never = detectability(severity, found * 0.3, part)
    assert never is not None and never.smallest is None
