"""What the classifier gets wrong out of fold: for each label which images, taken for what, and beside which images of
that other label they lie.

Reads an open map alone; no torch, no store.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.features.atlas import Atlas
from augment.features.neighbours import nearest

__all__ = ["Pair", "Trouble", "find_troubles"]

_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A training image and one of another label near it: a place where two labels meet.

    margin: of the image, -1 to 1, below 0 where it is named wrongly. distance: between their 20-D positions, in usual
    distances between parts. mutual: each is the other's nearest of its label.
    """

    image_id: int
    partner_id: int
    partner_label: str
    margin: float
    distance: float
    mutual: bool


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A label: `wrong` of its `images` training images are taken for another one by a classifier that has not seen
    their part, most of them for `rival`.

    worst: the wrong ones, the worst first, at most 12, each beside the nearest image of what it is taken for.
    boundary: where the label and its rival meet, mutual pairs, those of wrong images first, at most 12.
    """

    label: str
    images: int
    wrong: int
    rival: str | None
    worst: tuple[Pair, ...] = ()
    boundary: tuple[Pair, ...] = ()


def find_troubles(atlas: Atlas) -> tuple[Trouble, ...]:
    """Of every label with training images on the map, the one with the largest share of wrong ones first."""
    training = np.asarray(atlas.fitted)
    found = []
    for index, label in enumerate(atlas.labels):
        rows = np.flatnonzero(training & (np.asarray(atlas.label_index) == index))
        if not len(rows):
            continue
        margin = np.asarray(atlas.margin)[rows]
        order = rows[np.argsort(margin, kind="stable")]
        wrong = int((margin < 0).sum())
        rivals = _rivals(atlas, order[: max(wrong, 1)], index)
        rival = int(np.bincount(rivals).argmax()) if len(rivals) else None
        found.append(
            Trouble(
                label=label,
                images=len(rows),
                wrong=wrong,
                rival=None if rival is None else atlas.labels[rival],
                worst=_beside(atlas, order[: min(wrong, _SHOWN)], rivals[:_SHOWN], index),
                boundary=() if rival is None else _meeting(atlas, index, rival),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.wrong / one.images, one.label)))


def _rivals(atlas: Atlas, rows: NDArray[np.int64], own: int) -> NDArray[np.int64]:
    """What each row is taken for, of labels with training images; empty where there is no other label."""
    probability = np.array(atlas.probability[rows])
    present = np.unique(np.asarray(atlas.label_index)[np.asarray(atlas.fitted)])
    others = present[present != own]
    return np.asarray(others[probability[:, others].argmax(axis=1)] if len(others) else others, dtype=np.int64)


def _beside(atlas: Atlas, rows: NDArray[np.int64], rivals: NDArray[np.int64], own: int) -> tuple[Pair, ...]:
    """Each row with the nearest training image of its rival."""
    label_index, training = np.asarray(atlas.label_index), np.asarray(atlas.fitted)
    mine = np.flatnonzero(training & (label_index == own))
    pairs = []
    for row, rival in zip(rows, rivals, strict=False):
        there = np.flatnonzero(training & (label_index == rival))
        position = atlas.position
        near, distance = nearest(position[there], position[row : row + 1], 1)
        partner = int(there[near[0, 0]])
        back, _ = nearest(position[mine], position[partner : partner + 1], 1)
        pairs.append(_pair(atlas, int(row), partner, float(distance[0, 0]), mutual=int(mine[back[0, 0]]) == int(row)))
    return tuple(pairs)


def _meeting(atlas: Atlas, own: int, rival: int) -> tuple[Pair, ...]:
    """The map's mutual pairs of two labels, the own label's image first."""
    found = []
    for (first, second), distance in zip(np.asarray(atlas.pairs), np.asarray(atlas.pair_distance), strict=True):
        if {int(atlas.label_index[first]), int(atlas.label_index[second])} == {own, rival}:
            row, partner = (first, second) if atlas.label_index[first] == own else (second, first)
            found.append(_pair(atlas, int(row), int(partner), float(distance), mutual=True))
    return tuple(sorted(found, key=lambda pair: pair.margin >= 0)[:_SHOWN])


def _pair(atlas: Atlas, row: int, partner: int, distance: float, *, mutual: bool) -> Pair:
    return Pair(
        image_id=int(atlas.image_ids[row]),
        partner_id=int(atlas.image_ids[partner]),
        partner_label=atlas.label_of(partner),
        margin=round(float(atlas.margin[row]), 4),
        distance=round(distance / atlas.spacing["position"], 3),
        mutual=mutual,
    )
