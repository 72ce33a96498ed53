"""Where classes meet: out-of-fold margins, mutual cross-class neighbours and the scale of a class.

scikit-learn is imported by `margins` alone. It does not know images; labels and groups are given beside features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.features.linear import LinearClassifier
from augment.features.neighbours import Floats, check_points, nearest

__all__ = ["Boundary", "folds_by_group", "margins", "mutual_pairs", "nearest", "neighbour_scale", "part_spacing"]

_MOST_ROWS = 20_000  # rows a fold's classifier is fitted on; more move its plane little and take minutes


@dataclass(frozen=True, eq=False, kw_only=True)
class Boundary:
    """labels: k names, sorted. probability: (n, k) float32 out of fold. margin: (n,) float32 in [-1, 1], see `margins`.

    classifier: the one fitted on all training rows, for features that come later; None with one label in training.
    notes: what a user should be told, in words.
    """

    labels: tuple[str, ...]
    probability: Floats
    margin: Floats
    classifier: LinearClassifier | None = None
    notes: tuple[str, ...] = ()


def margins(
    features: NDArray[Any],
    labels: Sequence[str],
    groups: Sequence[str],
    training: NDArray[np.bool_] | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
) -> Boundary:
    """How near each image lies to the class boundary, judged by a classifier that has not seen its group.

    A balanced multinomial logistic regression on standardised features. Training rows are judged out of fold, folds
    cut by group; all other rows by the fit on every training row.

    Args:
        features: (n, d) float32, finite.
        labels: n names. groups: n names; a group is in one fold alone.
        training: (n,) bool, the rows that classifiers may be fitted on; all when None.
        folds: 2 or more; fewer are used when there are fewer groups.
        seed: cuts the folds.

    Returns:
        Boundary; `margin` is the probability of the image's own label minus the highest other one: 0 at the
        boundary, negative where it looks like another class. With one label every probability and margin is 1.
        Labels with one group are cut by image and their margins are optimistic; labels with one image, or none in
        training, are said in `notes`.

    Raises:
        InvalidInput: lengths differ, NaN in features, or no training row.
    """
    x = check_points(features, "features")
    if not len(x) == len(labels) == len(groups):
        raise InvalidInput(f"{len(x)} features, {len(labels)} labels and {len(groups)} groups: one of each is needed")
    train = np.ones(len(x), dtype=np.bool_) if training is None else np.asarray(training, dtype=np.bool_)
    if not train.any():
        raise InvalidInput("no image is in the training split: margins need some; change the split shares")
    names, y = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    notes = [
        f"label {str(name)!r} has no training image: nothing is known about its boundary"
        for index, name in enumerate(names)
        if not (train & (y == index)).any()
    ]
    if len(np.unique(y[train])) < 2:
        if len(names) == 1:
            notes.append("one label: there is no class boundary, every margin is 1")
        probability = np.zeros((len(x), len(names)), dtype=np.float32)
        probability[:, y[train][0]] = 1.0
        return _boundary(names, probability, y, None, notes)
    rows = np.flatnonzero(train)
    fold, fold_notes = folds_by_group(y[rows], np.asarray(groups, dtype=str)[rows], folds, seed)
    notes += [note.format(*(str(name) for name in names)) for note in fold_notes]
    labels_of = tuple(str(name) for name in names)
    whole = _fitted(x, y, rows, labels_of, seed)
    probability = whole.probability(x)
    for number in range(int(fold.max()) + 1):
        held, kept = rows[fold == number], rows[fold != number]
        if len(held) and len(np.unique(y[kept])) > 1:
            probability[held] = _fitted(x, y, kept, labels_of, seed).probability(x[held])
    return _boundary(names, probability, y, whole, notes)


def folds_by_group(
    y: NDArray[np.int64], groups: NDArray[Any], folds: int, seed: int
) -> tuple[NDArray[np.int64], list[str]]:
    """Fold number of each row so that no group is cut and each class is spread over folds.

    A class with one group is cut by image instead (a note says so); a class with one image gets fold -1: it is never
    held out.

    Args:
        y: (n,) int64 class indices. groups: (n,) str.

    Returns:
        (n,) int64 in [-1, folds), and notes with `{index}` in place of class names.
    """
    unit = np.asarray(groups, dtype=object).copy()
    notes: list[str] = []
    never = np.zeros(len(y), dtype=np.bool_)
    for index in np.unique(y):
        mine = np.flatnonzero(y == index)
        if len(mine) == 1:
            never[mine] = True
            notes.append(f"label '{{{index}}}' has one training image: its margin is optimistic")
        elif len(set(unit[mine])) == 1:
            unit[mine] = [f"{unit[row]}\0{row}" for row in mine]
            notes.append(f"label '{{{index}}}' has one group: its margins are cut by image and optimistic")
    members: dict[Any, list[int]] = {}
    for row, name in enumerate(unit):
        members.setdefault(name, []).append(row)
    counts = np.bincount(y, minlength=int(y.max()) + 1)
    names = sorted(members)
    np.random.default_rng(seed).shuffle(names)
    # The rarest class is dealt out first: it has the fewest groups to be spread with.
    names.sort(key=lambda name: min(counts[y[row]] for row in members[name]))
    held = np.zeros((max(2, folds), len(counts)), dtype=np.int64)
    result = np.full(len(y), -1, dtype=np.int64)
    for name in names:
        rare = min((y[row] for row in members[name]), key=lambda index: counts[index])
        number = int(np.lexsort((held.sum(axis=1), held[:, rare]))[0])
        result[members[name]] = number
        np.add.at(held[number], y[members[name]], 1)
    result[never] = -1
    return result, notes


def mutual_pairs(position: NDArray[Any], labels: Sequence[str], limit: int = 100) -> list[tuple[int, int, float]]:
    """Pairs of points of different classes that are each other's nearest point of the other class, nearest pair first.

    Args:
        position: (n, d) float32, finite.
        labels: n names.
        limit: at most so many pairs.

    Returns:
        (row, row, distance), distance Euclidean in the space of `position`; each pair once, the row of the
        alphabetically first label first. Every two classes give at least one pair before the limit is applied; one
        class gives none.
    """
    points = check_points(position, "positions")
    names, y = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    rows = [np.flatnonzero(y == index) for index in range(len(names))]
    pairs: list[tuple[int, int, float]] = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            forth, distance = nearest(points[rows[b]], points[rows[a]], 1)
            back, _ = nearest(points[rows[a]], points[rows[b]], 1)
            mutual = np.flatnonzero(back[forth[:, 0], 0] == np.arange(len(rows[a])))
            pairs += [(int(rows[a][i]), int(rows[b][forth[i, 0]]), float(distance[i, 0])) for i in mutual]
    pairs.sort(key=lambda pair: (pair[2], pair[0], pair[1]))
    return pairs[:limit]


def neighbour_scale(position: NDArray[Any], labels: Sequence[str]) -> dict[str, float]:
    """Median distance from a point to the nearest point of its own class; the unit of the landing error.

    Args:
        position: (n, d) float32, finite.
        labels: n names.

    Returns:
        label -> distance > 0. A class of one image, or of equal ones, gets the median over all points (1 if that is
        0 too).
    """
    points = check_points(position, "positions")
    y = np.asarray(labels, dtype=str)
    whole = _median_gap(points)
    found = {str(name): _median_gap(points[y == name]) for name in np.unique(y)}
    return {name: gap or whole or 1.0 for name, gap in found.items()}


def part_spacing(points: NDArray[Any], groups: Sequence[str]) -> float:
    """How far apart parts usually lie: the median distance from a point to the nearest one of another group.

    Photographs of one part lie much closer than parts do, so their distance says nothing of where data is.

    Args:
        points: (n, d) float32, finite. groups: n names; all of one group count as a group each.

    Returns:
        Distance > 0; 1 for a single point or equal ones. Judged by up to 500 points.
    """
    here = check_points(points, "positions")
    _, part = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if part.max(initial=0) == 0:
        part = np.arange(len(here))
    rows = np.arange(0, len(here), -(-len(here) // 500) or 1)
    # A part rarely has more photographs than this; of one that has, all nearest ones may be its own.
    found, distances = nearest(here, here[rows], min(len(here), 32))
    others = np.where(part[found] != part[rows, None], distances, np.inf).min(axis=1, initial=np.inf)
    known = others[np.isfinite(others)]
    return (float(np.median(known)) if len(known) else 0.0) or 1.0


def _median_gap(points: Floats) -> float:
    if len(points) < 2:
        return 0.0
    _, distances = nearest(points, points, 2)
    return float(np.median(distances[:, 1]))


def _boundary(
    names: NDArray[Any], probability: Floats, y: NDArray[Any], classifier: LinearClassifier | None, notes: list[str]
) -> Boundary:
    own = probability[np.arange(len(y)), y]
    other = probability.copy()
    other[np.arange(len(y)), y] = -1.0
    margin = own - np.maximum(other.max(axis=1), 0.0) if len(names) > 1 else own
    return Boundary(
        labels=tuple(str(name) for name in names),
        probability=probability,
        margin=np.asarray(margin, dtype=np.float32),
        classifier=classifier,
        notes=tuple(notes),
    )


def _fitted(x: Floats, y: NDArray[Any], rows: NDArray[Any], labels: tuple[str, ...], seed: int) -> LinearClassifier:
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_ROWS, replace=False))
    return LinearClassifier.fit(x[rows], y[rows], labels)
