import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.features.boundary import (
    coded,
    folds_by_group,
    margins,
    mutual_pairs,
    neighbour_scale,
    part_spacing,
    share_of_each,
)


def test_margins_are_low_where_an_image_looks_like_another_class(digits):
    names = digits.names
    wrong = int(np.flatnonzero(digits.index == 3)[0])
    names[wrong] = "digit 7"
    found = margins(digits.flat, names, [str(row) for row in range(len(names))])
    assert found.labels == tuple(sorted(set(names)))
    assert found.probability.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert found.margin[wrong] < 0
    # A linear classifier tells about 95 % of these digits apart.
    assert (found.margin > 0).mean() > 0.9


def test_an_image_is_never_judged_by_a_fit_that_saw_its_group():
    # Noise that only the group predicts: a fit that saw the group would be sure of every image.
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 5)
    features = (rng.normal(size=(60, 40))[group] + 0.01 * rng.normal(size=(300, 40))).astype(np.float32)
    labels = [("a", "b")[number % 2] for number in group]
    by_group = margins(features, labels, [str(number) for number in group])
    by_image = margins(features, labels, [str(row) for row in range(300)])
    assert (by_image.margin > 0).mean() > 0.9
    assert (by_group.margin > 0).mean() < 0.75


def test_held_out_rows_do_not_change_the_fit(digits):
    training = np.ones(len(digits.flat), dtype=bool)
    training[-50:] = False
    names, groups = digits.names, [str(row) for row in range(len(digits.flat))]
    first = margins(digits.flat, names, groups, training)
    changed = digits.flat.copy()
    changed[-50:] = changed[-50:][::-1]
    second = margins(changed, names, groups, training)
    assert (first.probability[:-50] == second.probability[:-50]).all()


def test_blocks_do_not_change_what_is_found(digits, monkeypatch):
    training = np.ones(len(digits.flat), dtype=bool)
    training[::7] = False
    groups = [str(row // 2) for row in range(len(digits.flat))]
    whole = margins(digits.flat, digits.names, groups, training)
    told: list[float] = []
    monkeypatch.setattr("augment.features.boundary._BLOCK_ROWS", 60)
    monkeypatch.setattr("augment.features.linear._BLOCK_ROWS", 7)
    blocks = margins(digits.flat, digits.names, groups, training, report=told.append)
    assert np.allclose(whole.probability, blocks.probability, atol=1e-6)
    assert np.allclose(whole.margin, blocks.margin, atol=1e-6)
    assert told == sorted(told) and told[0] == 0 < told[-1] < 1


def test_one_class_has_no_boundary(digits):
    found = margins(digits.flat[:9], ["a"] * 9, ["g"] * 9)
    assert (found.margin == 1).all()
    assert "no class boundary" in found.notes[0]


def test_small_classes_are_judged_and_said(digits):
    rows = [
        *np.flatnonzero(digits.index == 0)[:12],
        *np.flatnonzero(digits.index == 1)[:4],
        np.flatnonzero(digits.index == 2)[0],
    ]
    names = ["zero"] * 12 + ["one"] * 4 + ["two"]
    groups = [str(row) for row in range(12)] + ["only"] * 4 + ["alone"]
    found = margins(digits.flat[rows], names, groups)
    assert np.isfinite(found.margin).all()
    assert any("'one' has one group" in note for note in found.notes)
    assert any("'two' has one training image" in note for note in found.notes)
    assert found.probability.shape == (17, 3)


def test_a_label_that_training_lacks_is_said(digits):
    training = digits.index != 4
    found = margins(digits.flat, digits.names, [str(row) for row in range(len(digits.flat))], training)
    assert found.notes == ("label 'digit 4' has no training image: nothing is known about its boundary",)
    assert (found.probability[:, 4] == 0).all()


def test_folds_keep_groups_whole_and_spread_classes():
    rng = np.random.default_rng(0)
    groups = np.array([f"g{number}" for number in rng.integers(0, 25, 200)])
    y = np.array([int(name[1:]) % 3 for name in groups])
    fold, notes = folds_by_group(y, groups, 5, 0)
    assert not notes
    for name in np.unique(groups):
        assert len(set(fold[groups == name])) == 1
    for index in range(3):
        assert set(fold[y == index]) == {0, 1, 2, 3, 4}


def test_lengths_and_empty_training_are_refused(digits):
    with pytest.raises(InvalidInput, match="one of each"):
        margins(digits.flat[:4], ["a"] * 3, ["g"] * 4)
    with pytest.raises(InvalidInput, match="training split"):
        margins(digits.flat[:4], ["a"] * 4, ["g"] * 4, np.zeros(4, bool))


def test_mutual_pairs_agree_with_all_distances_computed():
    rng = np.random.default_rng(2)
    points, labels = rng.normal(size=(60, 3)), [("a", "b", "c")[number] for number in rng.integers(0, 3, 60)]
    whole = np.linalg.norm(points[:, None] - points[None], axis=2)
    expected = set()
    for i in range(60):
        for other in {"a", "b", "c"} - {labels[i]}:
            theirs = [row for row in range(60) if labels[row] == other]
            j = min(theirs, key=lambda row: whole[i, row])
            mine = [row for row in range(60) if labels[row] == labels[i]]
            if min(mine, key=lambda row: whole[j, row]) == i:
                expected.add(tuple(sorted((i, j))))
    found = mutual_pairs(points, labels)
    assert {tuple(sorted(pair[:2])) for pair in found} == expected
    assert [pair[2] for pair in found] == sorted(pair[2] for pair in found)
    assert all(labels[i] < labels[j] for i, j, _ in found)
    assert len(mutual_pairs(points, labels, 2)) == 2
    assert mutual_pairs(points, ["a"] * 60) == []


def test_scale_is_the_distance_to_the_nearest_image_of_another_part():
    points = np.array([[0, 0], [0, 1], [0, 3], [9, 9], [5, 5], [5, 5]], np.float32)
    labels = ["a", "a", "a", "one", "twin", "twin"]
    scale = neighbour_scale(points, labels, [str(row) for row in range(6)])
    # Each image a part of its own: 1, 1 and 2 within the class; the lone one's nearest is of another class.
    assert scale["a"] == pytest.approx(1.0)
    assert scale["one"] == pytest.approx(np.hypot(4, 4))
    # A class of equal images has no step of its own: the whole map's is used, never 0.
    assert scale["twin"] == pytest.approx(np.median([1, 1, 2, np.hypot(4, 4), 0, 0]))
    assert neighbour_scale(points[:1], ["a"], ["p"]) == {"a": 1.0}


def test_scale_leaves_out_photographs_of_the_same_part():
    # Three parts, ten photographs of each, two classes: parts are 5 apart, their photographs 0.01.
    rng = np.random.default_rng(0)
    points = np.repeat([[0, 0], [5, 0], [10, 0]], 40, axis=0) + rng.normal(0, 0.01, (120, 2))
    parts = [f"p{row // 40}" for row in range(120)]
    labels = [("a", "b", "b")[row // 40] for row in range(120)]
    scale = neighbour_scale(points, labels, parts)
    assert scale["a"] == pytest.approx(5, abs=0.1)
    assert scale["b"] == pytest.approx(5, abs=0.1)
    # Of one part there is nothing else to keep apart from: its photographs are.
    assert neighbour_scale(points, labels, ["p"] * 120)["a"] < 0.05


def test_a_share_keeps_every_image_of_a_rare_label():
    index = np.repeat([0, 1, 2, -1], [10_000, 30, 5_000, 100])
    rows = share_of_each(index, 1000, seed=0)
    assert np.bincount(index[rows]).tolist() == [485, 30, 485]
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, share_of_each(index, 1000, seed=0))
    assert np.array_equal(share_of_each(index, 20_000, seed=0), np.flatnonzero(index >= 0))


def test_names_are_coded_as_numpy_codes_them():
    names = ["ひび", "a", "b", "a"]
    different, codes = coded(names)
    assert different == tuple(np.unique(names))
    assert np.array_equal(codes, np.unique(names, return_inverse=True)[1])


def test_spacing_is_between_parts_not_between_photographs_of_one():
    points = np.array([[0, 0], [0, 0.1], [3, 0], [3, 0.1], [6, 0], [6, 0.1]], np.float32)
    parts = ["p1", "p1", "p2", "p2", "p3", "p3"]
    assert part_spacing(points, parts) == pytest.approx(3.0)
    # Without parts to tell apart every image is one.
    assert part_spacing(points, ["p1"] * 6) == pytest.approx(0.1)
    assert part_spacing(points[:1], ["p1"]) == 1.0
    assert part_spacing(np.repeat(points[:1], 4, axis=0), ["p1", "p1", "p2", "p2"]) == 1.0
