"""The usual distance between neighbours on a map."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from augment.features.spacing import usual_spacing


def test_it_is_the_median_to_the_nearest_other_point():
    xy = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)  # fewer than the probes: all are looked at
    distances, _ = NearestNeighbors(n_neighbors=2).fit(xy).kneighbors(xy)
    assert usual_spacing(xy) == pytest.approx(np.median(distances[:, 1]), rel=1e-5)


def test_some_hundred_of_many_points_tell_it():
    rng = np.random.default_rng(1)
    xy = (rng.normal(0, 6, (6, 2))[rng.integers(0, 6, 20_000)] + rng.normal(size=(20_000, 2))).astype(np.float32)
    distances, _ = NearestNeighbors(n_neighbors=2).fit(xy).kneighbors(xy)
    # The median of 400 of them: its standard error is about 4 per cent here.
    assert usual_spacing(xy) == pytest.approx(np.median(distances[:, 1]), rel=0.15)


def test_points_in_one_column_and_equal_points():
    column = np.column_stack([np.zeros(200), np.arange(200)])
    assert usual_spacing(np.random.default_rng(0).permutation(column)) == 1.0
    assert usual_spacing(np.zeros((50, 2))) == 0.0


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_points(n: int):
    assert usual_spacing(np.zeros((n, 2))) == 0.0
