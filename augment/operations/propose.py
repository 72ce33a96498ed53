"""Places where two classes meet: where a classifier that has not seen the images there is unsure between the two, and
real images are near. What boundary mode generates at.

Reads the map alone: no network, no images. Probabilities are those out of fold of training images; validation and test
images never propose a place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, NotFound, NotReady
from augment.features.atlas import EMPTY, Atlas
from augment.features.neighbours import Floats, nearest
from augment.notices import Notice, notice
from augment.operations.context import Context
from augment.operations.generators import load_map
from augment.operations.places import emptiness, probability_at

__all__ = ["ProposeConfig", "ProposeResult", "ProposedPlace", "boundary_places", "propose"]

_WIDEST_GAP, _LEAST_SUM = 0.3, 0.5
_SPACINGS = (1.0, 0.5, 0.25)
_MOST_ROWS, _MOST_PAIRS, _PARTNERS, _SHARES = 2000, 200, 4, 3


@dataclass(frozen=True, kw_only=True)
class ProposeConfig:
    """Which boundary, and how many places on it."""

    labels: tuple[str, str] = field(metadata={"help": "the two labels between which the classifier is to be unsure"})
    count: int = field(default=8, metadata={"help": "number of places, 1 to 64"})
    seed: int = field(default=0, metadata={"help": "another seed tries other places between the same images"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if self.labels[0] == self.labels[1]:
            raise InvalidConfig(f"labels {self.labels[0]!r} twice: two different labels have a boundary")
        if not 1 <= self.count <= 64:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 64 places")
        if not 0 <= self.seed < 2**32:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**32 - 1}")


@dataclass(frozen=True, kw_only=True)
class ProposedPlace:
    """One place: position (20 numbers) and xy in the view.

    between: ids of the two real images it lies between and the share of the way, as `GenerateConfig.between` takes it;
    twice the same image where the place is an image's own. probability: of the two labels there. distance: to the
    nearest real image in 20-D, in usual distances between parts. text: the same in a sentence.
    """

    position: tuple[float, ...]
    xy: tuple[float, float]
    between: tuple[int, int, float]
    probability: Mapping[str, float]
    distance: float
    text: str


@dataclass(frozen=True, kw_only=True)
class ProposeResult:
    """Places, the best first, and what the user should know about them. There may be fewer than asked for, or none."""

    places: tuple[ProposedPlace, ...]
    warnings: tuple[Notice, ...] = ()


def propose(config: ProposeConfig, context: Context) -> ProposeResult:
    """Places on the boundary of two labels. NotReady without a map; NotFound for a label without training images."""
    projection = context.store.projections.latest()
    if projection is None:
        raise NotReady("this workspace has no map: build it first (embed)")
    return boundary_places(load_map(context, projection), config)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """m places between rows first (m,) and second (m,) of the fitted images, share (m,) of the way from the first."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: Floats


def boundary_places(atlas: Atlas, config: ProposeConfig) -> ProposeResult:
    """The places of `propose` on a map that is open; the same map and config give the same places.

    A place scores 4 p_a p_b, which is 1 where both labels are at one half, times how near real data is: in full up to
    one usual distance between parts, nothing from `EMPTY` on. Places that differ by more than 0.3, or leave more than
    half to other labels, are none. The best is taken, then the best that lies a usual distance away from all taken;
    where too few are left, half and a quarter of that distance will do.
    """
    for label in config.labels:
        if label not in atlas.labels:
            raise NotFound(f"label {label!r} is not on this map: {', '.join(atlas.labels)}")
    rows = np.flatnonzero(atlas.fitted)
    indices = [atlas.labels.index(label) for label in config.labels]
    probability = np.array(atlas.probability[rows][:, indices])
    members = [_unsure_first(np.flatnonzero(atlas.label_index[rows] == index), probability) for index in indices]
    for label, mine in zip(config.labels, members, strict=True):
        if not len(mine):
            raise NotFound(f"label {label!r} has no training image on this map: a boundary needs some of both labels")
    found, gap = _candidates(atlas.projection.position, members, atlas.spacing["position"], config.seed)
    position = _between(atlas.projection.position, found)
    there = probability_at(atlas, position)[:, indices]
    distance = emptiness(atlas, position)
    unsure = (np.abs(there[:, 0] - there[:, 1]) <= _WIDEST_GAP) & (there.sum(axis=1) >= _LEAST_SUM)
    near = np.clip((EMPTY - distance) / (EMPTY - 1.0), 0.0, 1.0)
    score = np.where(unsure, 4.0 * there[:, 0] * there[:, 1] * near, 0.0)
    chosen = _spread(position / atlas.spacing["position"], score, config.count)
    xy = _between(atlas.projection.xy, found)
    places = tuple(
        _place(config, atlas.image_ids[rows], found, index, position[index], xy[index], there[index], distance[index])
        for index in chosen
    )
    return ProposeResult(places=places, warnings=_warnings(config, gap, len(places)))


def _unsure_first(rows: NDArray[np.int64], probability: Floats) -> NDArray[np.int64]:
    """The rows between whose two probabilities (n, 2) the classifier is least sure, at most 2,000."""
    product = probability[rows].prod(axis=1)
    return rows[np.argsort(-product, kind="stable")[:_MOST_ROWS]]


def _candidates(
    position: Floats, members: list[NDArray[np.int64]], spacing: float, seed: int
) -> tuple[_Candidates, float]:
    """Shares of the ways between near images of the two classes, and unsure images themselves; and the narrowest gap
    between the classes in usual distances between parts."""
    here, there = members
    forth, forth_distance = nearest(position[there], position[here], _PARTNERS)
    back, back_distance = nearest(position[here], position[there], _PARTNERS)
    pairs = np.concatenate(
        [
            np.stack([np.repeat(here, forth.shape[1]), there[forth].ravel()], axis=1),
            np.stack([here[back].ravel(), np.repeat(there, back.shape[1])], axis=1),
        ]
    )
    distance = np.concatenate([forth_distance.ravel(), back_distance.ravel()])
    order = np.argsort(distance, kind="stable")
    _, first_seen = np.unique(pairs[order], axis=0, return_index=True)
    kept = order[np.sort(first_seen)][:_MOST_PAIRS]
    # Where the middle is further than EMPTY from both ends, nothing between them is near.
    kept = kept[distance[kept] <= 2 * EMPTY * spacing]
    steps = np.arange(_SHARES) + np.random.default_rng(seed).random((len(kept), _SHARES))
    shares = (0.25 + 0.5 * steps / _SHARES).astype(np.float32)
    alone = np.concatenate([mine[:_MOST_PAIRS] for mine in members])
    found = _Candidates(
        np.concatenate([alone, np.repeat(pairs[kept, 0], _SHARES)]),
        np.concatenate([alone, np.repeat(pairs[kept, 1], _SHARES)]),
        np.concatenate([np.zeros(len(alone), dtype=np.float32), shares.ravel()]),
    )
    return found, float(distance.min()) / spacing


def _between(points: Floats, found: _Candidates) -> Floats:
    """(m, d) float32."""
    start = points[found.first]
    return np.asarray(start + found.share[:, None] * (points[found.second] - start), dtype=np.float32)


def _spread(position: Floats, score: Floats, count: int) -> list[int]:
    """Indices of up to `count` places with a score above 0, the best first, none near another; positions (m, d) in
    usual distances."""
    order = [int(index) for index in np.argsort(-score, kind="stable") if score[index] > 0]
    chosen: list[int] = []
    for apart in _SPACINGS:
        for index in order:
            if len(chosen) == count:
                break
            gaps = np.linalg.norm(position[chosen] - position[index], axis=1)
            if not len(gaps) or gaps.min() >= apart:
                chosen.append(index)
    return sorted(chosen, key=order.index)


def _place(
    config: ProposeConfig,
    image_ids: NDArray[np.int64],
    found: _Candidates,
    index: int,
    position: Floats,
    xy: Floats,
    there: Floats,
    distance: np.float32,
) -> ProposedPlace:
    first, second = int(image_ids[found.first[index]]), int(image_ids[found.second[index]])
    share = float(found.share[index])
    probability = {label: round(float(value), 4) for label, value in zip(config.labels, there, strict=True)}
    where = f"image {first}" if first == second else f"{share:.2f} of the way from image {first} to {second}"
    shown = ", ".join(f"{label} {value:.2f}" for label, value in probability.items())
    return ProposedPlace(
        position=tuple(float(value) for value in position),
        xy=(float(xy[0]), float(xy[1])),
        between=(first, second, share),
        probability=probability,
        distance=round(float(distance), 3),
        text=f"{where}: {shown}; nearest real image {distance:.2f} usual distances away",
    )


def _warnings(config: ProposeConfig, gap: float, found: int) -> tuple[Notice, ...]:
    first, second = config.labels
    told = [notice("classes_apart", first=first, second=second, times=round(gap))] if gap > EMPTY else []
    if not found:
        told.append(notice("no_boundary", first=first, second=second))
    elif found < config.count:
        told.append(notice("boundary_few", found=found, asked=config.count, first=first, second=second))
    return tuple(told)
