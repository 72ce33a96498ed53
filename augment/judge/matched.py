"""Samples beside real images at equal numbers of each label, and what that comes to with its interval and its floor.

Real images are split by part into two halves: samples are held against one, and so is the other half, at the same
numbers of each label, which is what a perfect generator would get. Knows rows, labels and parts; not what is measured,
and not which encoder stands behind it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from augment.judge.metrics import FEWEST, Interval

__all__ = ["FEWEST_PARTS", "Draw", "Figure", "Matched", "Members", "match", "measure"]

Rows = NDArray[np.int64]
Numbers = Callable[[Rows, Rows], Sequence[float]]

FEWEST_PARTS = 5
"""On each side; with fewer, the spread between parts is a guess."""
_DRAWS = 5
_GROUPS = 20
"""Left out one after the other for an interval; more would take longer and tell little more (Kott 2001)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Members:
    """n images or samples. label: (n,) int64. part: (n,) int64, the same for photographs of one part and for samples
    made on them; a sample made on none is a part of its own."""

    label: Rows
    part: Rows

    def of(self, rows: Rows) -> "Members":
        """Some of them."""
        return Members(label=self.label[rows], part=self.part[rows])

    def parts_of(self, rows: Rows) -> int:
        """How many parts some rows show."""
        return len(np.unique(self.part[rows]))


@dataclass(frozen=True, eq=False, kw_only=True)
class Draw:
    """Rows of as many of each label: of samples, of one half of the real images and of the other; without `other` all
    real images are one side, too few for two."""

    samples: Rows
    real: Rows
    other: Rows | None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of a set. value: of samples; floor: of real images in their place; gap: value less floor; each with
    its 95 % interval. images, parts: on each side of each draw, the fewest. None: there are too few."""

    images: int
    parts: int
    value: Interval | None = None
    floor: Interval | None = None
    gap: Interval | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Matched:
    """Draws of `images` each, and the parts on their smaller side. sample_group, real_group: (n,) and (m,) int64, what
    is left out together for the interval."""

    draws: Sequence[Draw]
    images: int
    parts: int
    sample_group: Rows
    real_group: Rows

    @property
    def enough(self) -> bool:
        """Whether anything may be told of them."""
        return self.images >= FEWEST and self.parts >= FEWEST_PARTS


def match(samples: Members, real: Members, seed: int) -> Matched:
    """Five draws without replacement: of each label as many samples as there are real images of it, or fewer.

    Two halves of real images where they are enough for a floor; else all of them on one side.
    """
    halves = _matched(samples, real, True, seed)
    return halves if halves.enough else _matched(samples, real, False, seed)


def measure(matched: Matched, of_samples: Numbers, of_real: Numbers, names: Sequence[str]) -> dict[str, Figure]:
    """The mean over the draws with the interval of a delete-a-group jackknife over parts (Kott 2001), Student's with
    the degrees of freedom of the fewest parts.

    Nothing is drawn twice, as a bootstrap would: a set with twins in it is nearer to itself than any real one, which
    shifts every one of these numbers.

    Args:
        of_samples: numbers of rows of samples and rows of real images, as many as `names`. of_real: the same of rows of
            real images in the place of samples, and rows of others.
        names: by which figures come back.
    """
    untold = Figure(images=matched.images, parts=matched.parts)
    if not matched.enough:
        return dict.fromkeys(names, untold)
    count = 1 + int(max(matched.sample_group.max(), matched.real_group.max()))
    left_out = range(-1, count)  # no group is -1: first of all, everything
    freedom = min(count, matched.parts) - 1
    values = np.array([_mean(matched, of_samples, group) for group in left_out])
    of = [_jackknifed(column, freedom) for column in values.T]
    if matched.draws[0].other is None:
        return {name: replace(untold, value=value) for name, value in zip(names, of, strict=True)}
    floors = np.array([_mean(matched, of_real, group, floor=True) for group in left_out])
    return {
        name: replace(
            untold,
            value=value,
            floor=_jackknifed(floors[:, column], freedom),
            gap=_jackknifed(values[:, column] - floors[:, column], freedom),
        )
        for column, (name, value) in enumerate(zip(names, of, strict=True))
    }


def _mean(matched: Matched, of: Numbers, left_out: int, *, floor: bool = False) -> NDArray[np.float64]:
    """Mean over the draws of what is found without one group."""
    found = []
    for draw in matched.draws:
        first, group = (draw.other, matched.real_group) if floor else (draw.samples, matched.sample_group)
        assert first is not None
        found.append(of(first[group[first] != left_out], draw.real[matched.real_group[draw.real] != left_out]))
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def _jackknifed(values: NDArray[np.float64], freedom: int) -> Interval:
    """Of the value of all, and those without each of the groups."""
    from scipy import stats

    without = values[1:]
    error = float(np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum()))
    reach = float(stats.t.ppf(0.975, freedom)) * error
    return Interval(value=float(values[0]), low=float(values[0]) - reach, high=float(values[0]) + reach)


def _matched(samples: Members, real: Members, halves: bool, seed: int) -> Matched:
    draws = _drawn(samples, real, halves, seed)
    sides = [(samples, one.samples) for one in draws] + [(real, one.real) for one in draws]
    sides += [(real, one.other) for one in draws if one.other is not None]
    sample_group, real_group = _groups(samples, real, seed)
    return Matched(
        draws=draws,
        images=len(draws[0].samples),
        parts=min(members.parts_of(rows) for members, rows in sides),
        sample_group=sample_group,
        real_group=real_group,
    )


def _groups(samples: Members, real: Members, seed: int) -> tuple[Rows, Rows]:
    """A group for each sample and each real image, whole parts together; real parts are dealt out first and evenly."""
    rng = np.random.default_rng(seed)
    of_real = rng.permutation(np.unique(real.part))
    others = rng.permutation(np.setdiff1d(samples.part, of_real))
    units = np.concatenate([of_real, others])
    order = np.argsort(units)
    group = np.arange(len(units)) % min(_GROUPS, len(units))
    sample_group, real_group = (group[order[np.searchsorted(units[order], one.part)]] for one in (samples, real))
    return sample_group, real_group


def _drawn(samples: Members, real: Members, halves: bool, seed: int) -> list[Draw]:
    """Draws that all have the same numbers of each label."""
    rng = np.random.default_rng(seed)
    labels = np.unique(real.label)
    sides = [_halves(real, rng) if halves else (np.arange(len(real.label)),) for _ in range(_DRAWS)]
    each = {
        label: min(
            int((samples.label == label).sum()),
            *(int((real.label[side] == label).sum()) for pair in sides for side in pair),
        )
        for label in labels
    }

    def some(rows: Rows, label: Rows) -> Rows:
        shuffled = rng.permutation(rows)
        return np.sort(np.concatenate([shuffled[label[shuffled] == one][: each[one]] for one in labels] or [rows[:0]]))

    every = np.arange(len(samples.label))
    return [
        Draw(
            samples=some(every, samples.label),
            real=some(pair[0], real.label),
            other=some(pair[1], real.label) if len(pair) > 1 else None,
        )
        for pair in sides
    ]


def _halves(real: Members, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows of two halves that share no part: parts in random order, each to the half that lacks its labels more."""
    _, label, counts = np.unique(real.label, return_inverse=True, return_counts=True)
    ahead = np.zeros(len(counts))
    first = np.zeros(len(label), dtype=np.bool_)
    for part in rng.permutation(np.unique(real.part)):
        own = real.part == part
        share = np.bincount(label[own], minlength=len(counts)) / counts
        lean = float(ahead @ share)
        to_first = lean < 0 or (lean == 0 and rng.random() < 0.5)
        first[own] = to_first
        ahead += share if to_first else -share
    return np.flatnonzero(first), np.flatnonzero(~first)
