"""The copy alarm: what repeats a photograph is found however it is turned; what is merely alike is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from augment.judge.copying import RealDefects, look_of


def defect(seed: int) -> NDArray[np.uint8]:
    """(64, 64, 1): a few dark blots in places of their own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64]
    pixels = np.full((64, 64), 150.0) + rng.normal(0, 3, (64, 64))
    for row, column, radius in rng.uniform((12, 12, 4), (52, 52, 12), (3, 3)):
        pixels[np.hypot(y - row, x - column) < radius] = 40
    return pixels.astype(np.uint8)[..., None]


ALL = np.ones((64, 64), bool)
REAL = RealDefects([look_of(defect(seed), ALL) for seed in range(8)])


@pytest.mark.parametrize("turn", [lambda x: x, np.rot90, np.flipud, lambda x: x.transpose(1, 0, 2)])
def test_a_copy_is_found_in_every_turn(turn):
    grain = np.random.default_rng(1).normal(0, 4, (64, 64, 1))
    drawn = np.clip(turn(defect(3)) + grain, 0, 255).astype(np.uint8)
    found = REAL.compare([look_of(drawn, ALL)])
    assert found.copied.tolist() == [True] and found.like.tolist() == [3] and found.alarm


def test_others_of_the_same_kind_are_none():
    found = REAL.compare([look_of(defect(seed), ALL) for seed in range(100, 120)])
    assert not found.copied.any() and not found.alarm


def test_the_alarm_needs_a_quarter():
    looks = [look_of(defect(seed), ALL) for seed in (3, *range(100, 107))]
    assert not REAL.compare(looks).alarm
    assert REAL.compare([*looks[:7], look_of(defect(4), ALL)]).alarm


def test_light_alone_makes_no_other_picture():
    darker = (defect(2) * 0.8).astype(np.uint8)
    assert REAL.compare([look_of(darker, ALL)]).like.tolist() == [2]


def test_few_and_flat_ones_are_judged_by_nothing():
    few = RealDefects([look_of(defect(1), ALL)] * 2)
    assert few.limit is None and not few.compare([look_of(defect(1), ALL)]).alarm
    assert not RealDefects([]).compare([look_of(defect(1), ALL)]).alarm
    flat = look_of(np.full((64, 64, 3), 90, np.uint8), ALL)
    assert np.isfinite(REAL.compare([flat]).nearest).all()


def test_the_look_is_that_of_the_mask():
    pixels, mask = np.full((64, 64, 1), 200, np.uint8), np.zeros((64, 64), bool)
    mask[20:28, 20:28] = True
    pixels[mask] = 0
    look = look_of(pixels, mask)
    assert look.shape == (24, 24, 1) and look[12, 12, 0] == 0 and look[0, 0, 0] == 200
    assert look_of(pixels, np.zeros_like(mask)).shape == (24, 24, 1)
