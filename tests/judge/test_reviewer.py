"""The reviewer's model: it learns a rule from few verdicts, and is honest where there is none."""

import numpy as np
import pytest

from augment.judge.reviewer import agreement, predict_verdicts


def numbers(count: int, seed: int = 0) -> np.ndarray:
    """(count, 12): what gates measure, with gaps."""
    found = np.random.default_rng(seed).normal(size=(count, 12))
    found[::3, 5] = np.nan
    found[:, 11] = np.nan
    return found


def test_a_rule_is_learned_from_forty_verdicts():
    x = numbers(400)
    rule = x[:, 0] + 0.7 * x[:, 3] > 0.2
    accepted = np.where(np.arange(400) < 40, rule, np.nan)
    found = predict_verdicts(x, accepted)
    assert found is not None and found.agreed.count == 40
    # Forty verdicts on twelve numbers: about five in six of the others are foretold.
    unseen = (found.accept[40:] > 0.5) == rule[40:]
    assert unseen.mean() > 0.8 and found.agreed.value > found.usual
    # It is surest where it is right.
    sure = np.abs(found.accept[40:] - 0.5)
    assert sure[unseen].mean() > sure[~unseen].mean()


def test_verdicts_without_a_rule_are_foretold_no_better_than_by_the_usual_one():
    rng = np.random.default_rng(1)
    found = predict_verdicts(numbers(300), rng.integers(0, 2, 300).astype(float))
    assert found is not None and found.agreed.low < 0.55 and found.usual < 0.6


@pytest.mark.parametrize(("yes", "no"), [(20, 9), (40, 4), (0, 40)])
def test_too_few_verdicts_foretell_nothing(yes: int, no: int):
    accepted = np.full(60, np.nan)
    accepted[:yes], accepted[yes : yes + no] = 1, 0
    assert predict_verdicts(numbers(60), accepted) is None


def test_two_reviewers():
    first = np.array([True] * 20 + [False] * 20)
    second = first.copy()
    second[[3, 25]] = ~second[[3, 25]]
    found = agreement(first, second)
    assert found is not None and found.kappa == pytest.approx(0.9) and found.differ.tolist() == [3, 25]
    assert found.same.right == 38
    always = agreement(np.ones(5, bool), np.ones(5, bool))
    assert always is not None and always.kappa is None and not len(always.differ)
    assert agreement(np.empty(0, bool), np.empty(0, bool)) is None
