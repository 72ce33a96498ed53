"""Where classes meet: out-of-fold margins, mutual cross-class neighbours and the scale of a class.

scikit-learn is imported by `margins` alone. It does not know images; labels and groups are given beside features. At a
million points each function here takes minutes or less and reads memory-mapped features in blocks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.features.linear import LinearClassifier
from augment.features.neighbours import Floats, check_points, nearest

__all__ = [
    "Boundary",
    "coded",
    "folds_by_group",
    "margins",
    "mutual_pairs",
    "neighbour_scale",
    "part_spacing",
    "share_of_each",
]

_MOST_ROWS = 20_000  # rows a fold's classifier is fitted on; more move its plane little and take minutes
_BLOCK_ROWS = 65_536
_MOST_JUDGED, _LEAST_JUDGED = 5_000, 50  # images that the scales of all labels, and of each, are judged by
_MOST_SPACED = 500


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
    report: Callable[[float], None] | None = None,
) -> Boundary:
    """How near each image lies to the class boundary, judged by a classifier that has not seen its group.

    A balanced multinomial logistic regression on standardised features. Training rows are judged out of fold, folds
    cut by group; all other rows by the fit on every training row. Of more than 20,000 rows each fit takes that many,
    drawn by `seed`, of every label as many as it has or an equal share.

    Args:
        features: (n, d) float32, finite; may be memory-mapped, for they are read in blocks.
        labels: n names. groups: n names; a group is in one fold alone.
        training: (n,) bool, the rows that classifiers may be fitted on; all when None.
        folds: 2 or more; fewer are used when there are fewer groups.
        seed: cuts the folds, and draws the rows that are fitted on.
        report: told now and then the share that is done, 0 to 1; may raise, which ends it.

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
    names, y = coded(labels)
    notes = [
        f"label {name!r} has no training image: nothing is known about its boundary"
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
    fold = np.full(len(x), -1, dtype=np.int64)
    fold[rows], fold_notes = folds_by_group(y[rows], coded(groups)[1][rows], folds, seed)
    notes += [note.format(*names) for note in fold_notes]
    probability, classifier = _judged(x, y, fold, rows, names, seed, report or (lambda share: None))
    return _boundary(names, probability, y, classifier, notes)


def folds_by_group(
    y: NDArray[np.int64], groups: NDArray[Any], folds: int, seed: int
) -> tuple[NDArray[np.int64], list[str]]:
    """Fold number of each row so that no group is cut and each class is spread over folds.

    A class with one group is cut by image instead (a note says so); a class with one image gets fold -1: it is never
    held out.

    Args:
        y: (n,) int64 class indices. groups: (n,) names or numbers.

    Returns:
        (n,) int64 in [-1, folds), and notes with `{index}` in place of class names.
    """
    _, unit = np.unique(groups, return_inverse=True)
    counts = np.bincount(y)
    notes: list[str] = []
    never = counts[y] == 1
    for index in np.flatnonzero(counts):
        mine = np.flatnonzero(y == index)
        if len(mine) == 1:
            notes.append(f"label '{{{index}}}' has one training image: its margin is optimistic")
        elif (unit[mine] == unit[mine[0]]).all():
            unit[mine] = unit.max() + 1 + np.arange(len(mine))
            notes.append(f"label '{{{index}}}' has one group: its margins are cut by image and optimistic")
    by_unit = np.argsort(unit, kind="stable")
    starts = np.flatnonzero(np.diff(unit[by_unit], prepend=-1))
    ends = np.append(starts[1:], len(y)).tolist()
    rarest = np.minimum.reduceat(counts[y[by_unit]], starts)
    order = np.random.default_rng(seed).permutation(len(starts))
    # The rarest class is dealt out first: it has the fewest groups to be spread with.
    order = order[np.argsort(rarest[order], kind="stable")]
    held = [[0] * len(counts) for _ in range(max(2, folds))]
    filled = [0] * len(held)
    result = np.full(len(y), -1, dtype=np.int64)
    for place in order.tolist():
        rows = by_unit[starts[place] : ends[place]]
        classes = y[rows].tolist()
        rare = min(classes, key=counts.__getitem__)
        number = min(range(len(held)), key=lambda fold: (held[fold][rare], filled[fold]))
        result[rows] = number
        filled[number] += len(classes)
        for index in classes:
            held[number][index] += 1
    result[never] = -1
    return result, notes


def mutual_pairs(
    position: NDArray[Any],
    labels: Sequence[str],
    limit: int = 100,
    *,
    report: Callable[[float], None] | None = None,
) -> list[tuple[int, int, float]]:
    """Pairs of points of different classes that are each other's nearest point of the other class, nearest pair first.

    Time grows with the square of n: give up to 20,000 points (10 s on one core), a share of more (`share_of_each`).

    Args:
        position: (n, d) float32, finite.
        labels: n names.
        limit: at most so many pairs.
        report: told now and then the share of the pairs of classes that are done; may raise, which ends it.

    Returns:
        (row, row, distance), distance Euclidean in the space of `position`; each pair once, the row of the
        alphabetically first label first. Every two classes give at least one pair before the limit is applied; one
        class gives none.
    """
    points = check_points(position, "positions")
    names, y = coded(labels)
    rows = [np.flatnonzero(y == index) for index in range(len(names))]
    pairs: list[tuple[int, int, float]] = []
    both = list(combinations(range(len(names)), 2))
    for number, (a, b) in enumerate(both):
        if report is not None:
            report(number / len(both))
        forth, distance = nearest(points[rows[b]], points[rows[a]], 1)
        back, _ = nearest(points[rows[a]], points[rows[b]], 1)
        mutual = np.flatnonzero(back[forth[:, 0], 0] == np.arange(len(rows[a])))
        pairs += [(int(rows[a][i]), int(rows[b][forth[i, 0]]), float(distance[i, 0])) for i in mutual]
    pairs.sort(key=lambda pair: (pair[2], pair[0], pair[1]))
    return pairs[:limit]


def neighbour_scale(
    position: NDArray[Any],
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    seed: int = 0,
    report: Callable[[float], None] | None = None,
) -> dict[str, float]:
    """Median distance from an image of a class to the nearest one, of any class, of another part: the unit of the
    landing error.

    Photographs of one part under several lights are all but the same picture: their distance says how steady the
    camera was, and no sample could land within it. Without parts, each image being a group of its own, this is the
    distance to the nearest image.

    Args:
        position: (n, d) float32, finite, of real images that a sample may be near to.
        labels: n names. groups: n names of parts; all of one group count as a group each.
        seed: draws the images that the median is judged by, where there are many.
        report: told now and then the share that is done, 0 to 1; may raise, which ends it.

    Returns:
        label -> distance > 0. Each median is judged by up to 500 images of its label (fewer where there are more
        than 10 labels) against all n. A class whose images lie on those of other parts gets the median over all
        images (1 if that is 0 too).
    """
    points = check_points(position, "positions")
    names, y = coded(labels)
    most = max(_LEAST_JUDGED, _MOST_JUDGED // max(1, len(names)))
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(y == index))[:most] for index in range(len(names))]
    judged = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *rows]))
    gaps = _gaps(points, coded(groups)[1], judged, report)
    whole = _middle(gaps)
    return {name: _middle(gaps[y[judged] == index]) or whole or 1.0 for index, name in enumerate(names)}


def part_spacing(
    points: NDArray[Any],
    groups: Sequence[str],
    *,
    seed: int = 0,
    report: Callable[[float], None] | None = None,
) -> float:
    """How far apart parts usually lie: the median distance from a point to the nearest one of another group.

    Photographs of one part lie much closer than parts do, so their distance says nothing of where data is.

    Args:
        points: (n, d) float32, finite. groups: n names; all of one group count as a group each.
        seed: draws the 500 points that the median is judged by, where there are more.
        report: told now and then the share that is done, 0 to 1; may raise, which ends it.

    Returns:
        Distance > 0; 1 for a single point or equal ones.
    """
    here = check_points(points, "positions")
    rows = np.sort(np.random.default_rng(seed).permutation(len(here))[:_MOST_SPACED])
    return _middle(_gaps(here, coded(groups)[1], rows, report)) or 1.0


def share_of_each(index: NDArray[Any], count: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most `count` points: of each label all it has, or an equal share where it has more than that.

    A plain draw from a million would leave out the thirty images of a rare defect that the work is about.

    Args:
        index: (n,) int, labels as numbers; a negative one is never drawn.
        count: 1 or more. seed: draws.

    Returns:
        (min(count, n),) int64, ascending.
    """
    rng = np.random.default_rng(seed)
    waiting = [np.flatnonzero(index == label) for label in np.unique(index[index >= 0])]
    waiting.sort(key=len)
    left, drawn = count, [np.zeros(0, dtype=np.int64)]
    for place, mine in enumerate(waiting):
        # The fewest first: what they leave of their share goes to the others.
        share = left // (len(waiting) - place)
        drawn.append(mine if len(mine) <= share else rng.choice(mine, share, replace=False))
        left -= len(drawn[-1])
    return np.sort(np.concatenate(drawn))


def coded(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different names, sorted, and the number of each given one, (n,) int64.

    As `np.unique` does, without an array of text: a million names of 100 characters would fill 400 MB.
    """
    different = tuple(sorted({str(name) for name in names}))
    number = {name: index for index, name in enumerate(different)}
    return different, np.fromiter((number[name] for name in names), dtype=np.int64, count=len(names))


def _gaps(
    points: Floats, part: NDArray[np.int64], rows: NDArray[np.int64], report: Callable[[float], None] | None
) -> Floats:
    """Distance (m,) from each of m rows to the nearest point of another part; of another row if there is one part."""
    if not len(points):
        return np.zeros(0, dtype=np.float32)
    if part.max() == 0:
        part = np.arange(len(points))
    return nearest(points, points[rows], 1, parts=(part, part[rows]), report=report)[1][:, 0]


def _middle(gaps: Floats) -> float:
    """The median of the finite ones; 0 if there are none."""
    known = gaps[np.isfinite(gaps)]
    return float(np.median(known)) if len(known) else 0.0


def _boundary(
    names: tuple[str, ...], probability: Floats, y: NDArray[Any], classifier: LinearClassifier | None, notes: list[str]
) -> Boundary:
    margin = probability[np.arange(len(y)), y]
    if len(names) > 1:
        for start in range(0, len(y), _BLOCK_ROWS):
            others = probability[start : start + _BLOCK_ROWS].copy()
            others[np.arange(len(others)), y[start : start + _BLOCK_ROWS]] = 0.0
            margin[start : start + _BLOCK_ROWS] -= others.max(axis=1)
    return Boundary(labels=names, probability=probability, margin=margin, classifier=classifier, notes=tuple(notes))


def _judged(
    x: Floats,
    y: NDArray[np.int64],
    fold: NDArray[np.int64],
    rows: NDArray[np.int64],
    names: tuple[str, ...],
    seed: int,
    tell: Callable[[float], None],
) -> tuple[Floats, LinearClassifier]:
    """Probabilities (n, k), of each fold by a fit on the others, and the fit on all training rows `rows`."""
    tell(0.0)
    # -1 judges what is in no fold: all that is not in training, and what cannot be held out.
    judges = {-1: _fitted(x, y, rows, names, seed)}
    count = int(fold.max()) + 1
    for number in range(count):
        tell((number + 1) / (count + 2))
        kept = rows[fold[rows] != number]
        if len(np.unique(y[kept])) > 1:
            judges[number] = _fitted(x, y, kept, names, seed)
    probability = np.empty((len(x), len(names)), dtype=np.float32)
    for start in range(0, len(x), _BLOCK_ROWS):
        tell((count + 1 + start / len(x)) / (count + 2))
        here = fold[start : start + _BLOCK_ROWS]
        judge = np.where(np.isin(here, list(judges)), here, -1)
        for number in np.unique(judge):
            mine = start + np.flatnonzero(judge == number)
            probability[mine] = judges[int(number)].probability(x[mine])
    return probability, judges[-1]


def _fitted(x: Floats, y: NDArray[Any], rows: NDArray[Any], labels: tuple[str, ...], seed: int) -> LinearClassifier:
    if len(rows) > _MOST_ROWS:
        rows = rows[share_of_each(y[rows], _MOST_ROWS, seed)]
    return LinearClassifier.fit(x[rows], y[rows], labels)
