"""Figures of a slider on planted changes."""

import numpy as np
import pytest

from augment.judge.slider import slider_figures

MOVED = (np.array([-1.0]), np.array([1.0]))


def planted(count: int = 20):
    """Pictures whose change lies in the mask alone, and factors of which only the added one moves."""
    rng = np.random.default_rng(0)
    masks = np.zeros((count, 16, 16), dtype=np.bool_)
    masks[:, 4:8, 4:8] = True
    before = rng.integers(100, 150, (count, 16, 16, 1)).astype(np.uint8)
    after = np.where(masks[..., None], before - 60, before).astype(np.uint8)
    first = rng.normal(size=(count, 4)).astype(np.float32)
    first[:, 2] *= 0.01
    second = first.copy()
    second[:, 3] = first[:, 3] + 1.5
    return (before, after), (first, second), masks


def test_a_change_of_the_place_alone():
    pictures, read, masks = planted()
    found = slider_figures(pictures, read, masks, *MOVED)
    assert (found.photographs, found.inside, found.outside, found.speaking) == (20, 60.0, 0.0, 2)
    assert found.moved == pytest.approx(0.75) and found.others == pytest.approx(1.0)


def test_what_moves_beside_it_is_told():
    pictures, (first, second), masks = planted()
    second[:, 1] = np.random.default_rng(1).normal(size=len(second))
    outside = slider_figures((pictures[0], pictures[0] + np.uint8(10)), (first, second), masks, *MOVED)
    assert outside.inside == outside.outside == 10 and outside.others is not None and outside.others < 0.5
    quiet = slider_figures(pictures, (first * 0, second * 0), masks, *MOVED)
    assert quiet.others is None and quiet.speaking == 0
