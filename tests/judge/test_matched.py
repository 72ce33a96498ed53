"""Equal numbers on both sides, halves that share no part, intervals that hold what they should, floors that are met."""

from collections.abc import Callable

import numpy as np
import pytest

from augment.judge.matched import FEWEST_PARTS, Figure, Matched, Members, match, measure
from augment.judge.metrics import FEWEST, kernel_distance

IMAGES_A_PART = 6


def members(counts: dict[int, int], first_part: int = 0, images_a_part: int = IMAGES_A_PART) -> Members:
    """Images of each label, by label; parts show one label each."""
    label = np.concatenate([np.full(count, one) for one, count in counts.items()])
    part = np.concatenate([np.arange(count) // images_a_part + 1000 * one for one, count in counts.items()])
    return Members(label=label, part=part + first_part)


def own_parts(counts: dict[int, int]) -> Members:
    """Samples that were made on no photograph."""
    return members(counts, first_part=100_000, images_a_part=1)


def gap_of_means(a: np.ndarray, b: np.ndarray) -> float:
    return float(a.mean() - b.mean())


def figure(matched: Matched, a: np.ndarray, b: np.ndarray, of: Callable = gap_of_means) -> Figure:
    return measure(matched, lambda s, r: (of(a[s], b[r]),), lambda o, r: (of(b[o], b[r]),), ("gap",))["gap"]


def test_both_sides_have_as_many_of_each_label_and_no_part_in_common():
    real, samples = members({0: 240, 1: 60, 2: 30}), own_parts({0: 40, 1: 200, 3: 50})
    matched = match(samples, real, seed=0)
    assert matched.enough and len(matched.draws) == 5
    for draw in matched.draws:
        assert draw.other is not None
        counts = [np.bincount(one, minlength=4) for one in (samples.label[draw.samples], real.label[draw.real])]
        assert (counts[0] == counts[1]).all()
        assert (counts[0] == np.bincount(real.label[draw.other], minlength=4)).all()
        # All 40 samples of the first label, near half of the real images of the second, of the others none.
        assert counts[0][0] == 40 and 18 <= counts[0][1] <= 30 and counts[0][2] == counts[0][3] == 0
        assert not set(real.part[draw.real]) & set(real.part[draw.other])
        assert len(set(draw.samples)) == len(draw.samples) == matched.images


def test_too_few_for_a_floor_and_too_few_for_anything():
    between = match(own_parts({0: 200}), members({0: FEWEST + 10}), seed=0)
    assert between.enough and between.images == FEWEST + 10 and between.draws[0].other is None
    found = figure(between, np.zeros(200), np.zeros(60))
    assert found.value is not None and found.floor is None and found.gap is None
    few = match(own_parts({0: 200}), members({0: FEWEST - 1}), seed=0)
    assert figure(few, np.zeros(200), np.zeros(60)) == Figure(images=FEWEST - 1, parts=few.parts)
    # Many images, but of four parts: their spread is a guess.
    parts = match(own_parts({0: 200}), members({0: 200}, images_a_part=50), seed=0)
    assert (parts.images, parts.parts) == (200, FEWEST_PARTS - 1) and not parts.enough
    nothing = match(own_parts({1: 60}), members({0: 200}), seed=0)
    assert nothing.images == 0 and figure(nothing, np.zeros(60), np.zeros(200)).value is None


def test_the_interval_holds_what_it_should_though_photographs_of_a_part_are_alike():
    """Parts differ by 1, their photographs by 0.1: taken as independent, 75 % of the intervals hold it."""
    held = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        real, samples = members({0: 180}), own_parts({0: 90})
        of_part = rng.normal(size=real.part.max() + 1)
        b = of_part[real.part] + rng.normal(0, 0.1, 180)
        a = rng.normal(size=90)
        found = figure(match(samples, real, seed=trial), a, b)
        assert found.value is not None
        held += found.value.low <= 0 <= found.value.high
    # 95 % by construction; 60 trials scatter by 3 %.
    assert held / 60 >= 0.85


def test_samples_like_real_images_meet_the_floor_and_others_do_not():
    rng = np.random.default_rng(0)
    real, samples = members({0: 200, 1: 200}), own_parts({0: 100, 1: 100})
    matched = match(samples, real, seed=0)
    b = rng.normal(size=(400, 4))

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        found = kernel_distance(x, y, fewest=3)
        assert found is not None
        return found.value

    def kernel(a: np.ndarray) -> Figure:
        return figure(matched, a, b, distance)

    alike, shifted = kernel(rng.normal(size=(200, 4))), kernel(rng.normal(1, 1, size=(200, 4)))
    assert alike.gap is not None and alike.gap.low < 0 < alike.gap.high
    assert shifted.gap is not None and shifted.gap.low > 0
    assert shifted.value is not None and shifted.floor is not None
    assert shifted.gap.value == pytest.approx(shifted.value.value - shifted.floor.value)
    assert shifted.floor == alike.floor
    assert kernel(np.zeros((200, 4))) == kernel(np.zeros((200, 4)))


def test_samples_made_on_a_part_are_left_out_with_it():
    real = members({0: 120})
    samples = Members(label=np.zeros(120, np.int64), part=real.part.copy())
    matched = match(samples, real, seed=0)
    assert (matched.sample_group == matched.real_group).all()
