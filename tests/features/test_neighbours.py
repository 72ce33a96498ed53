import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.features import neighbours
from augment.features.neighbours import check_points, knn_accuracy, nearest, shepard_weights


def test_nearest_agrees_with_all_distances_computed(monkeypatch):
    # A block of a few rows: an error at the seams of blocks would otherwise need millions of points to show.
    monkeypatch.setattr(neighbours, "_BLOCK_CELLS", 700)
    rng = np.random.default_rng(0)
    points, query = rng.normal(size=(200, 6)).astype(np.float32), rng.normal(size=(31, 6)).astype(np.float32)
    rows, distances = nearest(points, query, 5)
    whole = np.linalg.norm(points[None] - query[:, None], axis=2)
    assert (rows == np.argsort(whole, axis=1)[:, :5]).all()
    assert np.allclose(distances, np.sort(whole, axis=1)[:, :5], atol=1e-5)


def test_a_point_finds_itself_at_distance_zero_far_from_the_origin():
    # |a|^2 + |b|^2 - 2ab in float32 would be off by 0.1 here, and an exact match would not dominate.
    points = (np.random.default_rng(1).normal(size=(300, 8)) + 1000).astype(np.float32)
    rows, distances = nearest(points, points, 1)
    assert (rows[:, 0] == np.arange(300)).all()
    assert (distances == 0).all()


def test_more_neighbours_than_points_gives_all():
    rows, distances = nearest(np.zeros((3, 2), np.float32), np.ones((1, 2), np.float32), 10)
    assert rows.shape == distances.shape == (1, 3)
    assert list(rows[0]) == [0, 1, 2]


def test_nothing_to_search_says_what_to_do():
    with pytest.raises(InvalidInput, match="map is empty"):
        nearest(np.zeros((0, 2), np.float32), np.zeros((1, 2), np.float32), 1)


@pytest.mark.parametrize(
    ("distances", "weights"),
    [
        ([0.0, 1.0, 2.0], [1, 0, 0]),  # an exact match takes everything
        ([0.0, 0.0, 2.0], [0.5, 0.5, 0]),  # two exact matches share
        ([1.0, 1.0, 1.0], [1 / 3] * 3),  # nobody is nearer
        ([2.0], [1.0]),
        ([1.0, 2.0, 4.0], [0.9, 0.1, 0]),  # ((4-1)/4)^2 : ((4-2)/8)^2 = 9 : 1
    ],
)
def test_shepard_weights(distances, weights):
    assert np.allclose(shepard_weights(np.array([distances], np.float32))[0], weights)


def test_the_first_rows_that_hold_nan_are_named():
    points = np.zeros((4, 2), np.float32)
    points[2, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"1 of 4 rows hold NaN or infinity.*first: 2"):
        check_points(points, "features")


def test_accuracy_of_neighbours(digits):
    half = len(digits.flat) // 2
    accuracy, balanced = knn_accuracy(digits.flat[:half], digits.index[:half], digits.flat[half:], digits.index[half:])
    # 5 neighbours on raw pixels name 95 % of digits; one digit in ten by chance.
    assert accuracy > 0.85
    assert balanced == pytest.approx(accuracy, abs=0.05)


@pytest.mark.parametrize("count", [5, 600, 5000])
def test_blocks_and_strips_find_the_same_as_all_distances(count, monkeypatch):
    rng = np.random.default_rng(0)
    points, asked = rng.normal(size=(count, 6)).astype(np.float32), rng.normal(size=(50, 6)).astype(np.float32)
    monkeypatch.setattr("augment.features.neighbours._BLOCK_CELLS", 7 * count)
    told: list[float] = []
    rows, distances = nearest(points, asked, 4, report=told.append)
    whole = np.linalg.norm(points[None] - asked[:, None], axis=2)
    assert np.array_equal(rows, np.argsort(whole, axis=1, kind="stable")[:, :4])
    assert np.allclose(distances, np.sort(whole, axis=1)[:, :4])
    assert told == [start / 50 for start in range(0, 50, 7)]


def test_points_of_the_own_part_come_last():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(3000, 4)).astype(np.float32)
    part = np.arange(3000) // 3
    rows, distances = nearest(points, points[:90], 2, parts=(part, part[:90]))
    whole = np.linalg.norm(points[None] - points[:90, None], axis=2)
    whole[part[None] == part[:90, None]] = np.inf
    assert np.array_equal(rows, np.argsort(whole, axis=1)[:, :2])
    _, distances = nearest(points[:3], points[:1], 3, parts=(part[:3], part[:1]))
    assert np.isinf(distances).all()


def test_mapped_features_are_checked_without_a_copy(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((10, 3), np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(check_points(mapped, "features"), mapped)
