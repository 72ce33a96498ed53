"""What a re-drawn sample is shown as: both crops, their difference in levels, the masks, and the last mask drawn."""

from dataclasses import replace

import numpy as np
import pytest

from augment.errors import NotFound
from augment.operations.redrawn import last_drawn, look_at
from augment.store import Store
from tests.operations.redrawn_example import BOX, DRAWN, SIZE, spotted


def test_the_difference_is_where_it_was_drawn(store: Store):
    seen = look_at(store, spotted(store))
    assert seen.before.shape == seen.after.shape == (BOX[3] - BOX[1], BOX[2] - BOX[0], 1)
    assert seen.drawn.sum() == 150 and seen.support.sum() == 14 * 19
    assert (seen.difference[seen.drawn] == 20).all() and (seen.difference[seen.support & ~seen.drawn] == 2).all()
    assert not seen.difference[~seen.support].any()
    assert seen.outside_px == 0 and seen.overlap == 1.0


def test_a_16_bit_photograph_is_compared_in_its_own_levels(store: Store):
    seen = look_at(store, spotted(store, kind=np.uint16))
    # Values 4,040 to 5,200 are shown as 0 to 255, by their 0.1 and 99.9 percentiles.
    assert seen.before.min() >= 0 and seen.before.max() <= 256
    assert seen.difference[seen.drawn].mean() == pytest.approx(20 * 40 * 255 / (29 * 40), rel=0.05)
    assert seen.outside_px == 0


def test_a_pixel_outside_is_counted(store: Store):
    sample, other = spotted(store), spotted(store, 2)
    seen = look_at(store, replace(other, parents=sample.parents))
    assert seen.outside_px == SIZE[0] * SIZE[1] - 14 * 19


def test_other_samples_are_refused_in_words(store: Store):
    sample = spotted(store)
    for broken in (replace(sample, method="ddpm"), replace(sample, parents=("0" * 64,)), replace(sample, parents=())):
        with pytest.raises(NotFound, match="was not drawn on a photograph"):
            look_at(store, broken)


def test_the_last_mask_comes_at_the_size_of_another_picture(store: Store):
    with pytest.raises(NotFound, match="no sample has been drawn"):
        last_drawn(store, (10, 10))
    store.apply([spotted(store), spotted(store, 2)])
    same = last_drawn(store, SIZE)
    assert same[DRAWN].all() and same.sum() == 150
    assert last_drawn(store, (SIZE[0] * 2, SIZE[1] * 3)).sum() == 150 * 6
