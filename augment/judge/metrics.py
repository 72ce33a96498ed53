"""Distances between two sets of images given as features or class probabilities, and shares with their intervals.

It does not know which encoder made the features: whoever prints a number names the encoder beside it, and only
distances in the original Inception network may be called FID. Set distances are unstable for few images, so below 50
they are not computed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = [
    "FEWEST",
    "Interval",
    "Share",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "real_floor",
    "wilson",
    "wilson_interval",
]

FEWEST = 50
"""Images in each set below which set distances are None: printed as "too few"."""

_BLOCK_CELLS = 4_000_000  # of a kernel held at once: 32 MB
_NORMAL = 1.959963984540054  # 97.5 % quantile of the standard normal

Exact = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Share(Interval):
    """`right` of `count` as a share in [0, 1] with its interval."""

    right: int
    count: int


def frechet_distance(a: NDArray[Any], b: NDArray[Any], *, fewest: int = FEWEST) -> float | None:
    """Frechet distance between normal distributions fitted to two sets of features. Heusel et al. 2017, equation 6.

    |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)), in float64. The trace of the root is the sum of
    the root eigenvalues of the symmetric cov_a^(1/2) cov_b cov_a^(1/2), which stays real where fewer images than
    dimensions make both singular; for so few it is had faster as the sum of the singular values of the centred rows'
    products. It is biased upwards for few images: compare at equal numbers only.

    Args:
        a: (n, d) float, b: (m, d) float, finite.
        fewest: rows below which there is no answer; resampling, which leaves some of enough rows out, asks for fewer.

    Returns:
        Distance, 0 or more; None with fewer rows in either.
    """
    x, y = _pair(a, b)
    if min(len(x), len(y)) < fewest:
        return None
    gap = x.mean(axis=0) - y.mean(axis=0)
    x, y = ((one - one.mean(axis=0)) / np.sqrt(len(one) - 1) for one in (x, y))
    if min(len(x), len(y)) < x.shape[1]:
        across = x @ y.T if len(x) <= len(y) else y @ x.T
        overlap = np.sqrt(np.linalg.eigvalsh(across @ across.T).clip(0)).sum()
    else:
        value, vector = np.linalg.eigh(x.T @ x)
        root = (vector * np.sqrt(value.clip(0))) @ vector.T
        product = root @ (y.T @ y) @ root
        overlap = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(0)).sum()
    return max(0.0, float(gap @ gap + (x**2).sum() + (y**2).sum() - 2 * overlap))


def kernel_distance(a: NDArray[Any], b: NDArray[Any], *, fewest: int = FEWEST) -> Interval | None:
    """Kernel distance: unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3, with its interval.

    Binkowski et al. 2018, equation 4, over all rows: what the mean over many random subsets comes to. The interval is
    the value plus and minus 1.96 standard errors of the two-sample jackknife, because the spread between subsets tells
    how much a subset varies, not the mean. Below 0 means: nearer than chance would put two equal distributions.

    Args:
        a: (n, d) float, b: (m, d) float, finite.
        fewest: as for `frechet_distance`.

    Returns:
        Distance; None with fewer rows in either.
    """
    x, y = _pair(a, b)
    n, m = len(x), len(y)
    if min(n, m) < fewest:
        return None
    own_x, own_y = _kernel_sums(x, x) - _kernel_own(x), _kernel_sums(y, y) - _kernel_own(y)
    across_x, across_y = _kernel_sums(x, y), _kernel_sums(y, x)
    within_x, within_y, across = own_x.sum(), own_y.sum(), across_x.sum()
    value = within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * across / (n * m)
    without_x = (
        (within_x - 2 * own_x) / ((n - 1) * (n - 2))
        + within_y / (m * (m - 1))
        - 2 * (across - across_x) / ((n - 1) * m)
    )
    without_y = (
        within_x / (n * (n - 1))
        + (within_y - 2 * own_y) / ((m - 1) * (m - 2))
        - 2 * (across - across_y) / (n * (m - 1))
    )
    error = np.sqrt(without_x.var() * (n - 1) + without_y.var() * (m - 1))
    return Interval(value=float(value), low=float(value - _NORMAL * error), high=float(value + _NORMAL * error))


def inception_score(probability: NDArray[Any]) -> float | None:
    """exp of the mean divergence of each image's class probabilities from their mean over images. Salimans et al. 2016.

    Over all images at once, not the mean of ten parts as there: parts of few images score lower.

    Args:
        probability: (n, k) float, rows summing to 1, from whatever classifier is named beside the score.

    Returns:
        1 (images all alike, or all undecided) to k; None with fewer than 50 rows.
    """
    p = np.asarray(probability, dtype=np.float64)
    if p.ndim != 2 or not np.isfinite(p).all() or not np.allclose(p.sum(axis=1), 1.0, atol=1e-3):
        raise InvalidInput(f"probabilities of shape {p.shape}: (images, classes), finite, rows summing to 1 are needed")
    if len(p) < FEWEST:
        return None
    mean = p.mean(axis=0)
    tiny = np.finfo(np.float64).tiny
    divergence = (p * (np.log(p.clip(tiny)) - np.log(mean.clip(tiny)))).sum(axis=1)
    return float(np.exp(divergence.mean()))


def real_floor(
    real: NDArray[Any],
    count: int,
    seed: int,
    distance: Callable[[Exact, Exact], float | None],
    samples: NDArray[Any] | None = None,
) -> float | None:
    """What a perfect generator would get: the distance between `count` real images and the others, mean of 5 splits.

    Args:
        real: (n, d) float features. count: images on one side, at most n / 2.
        distance: such as `frechet_distance`.
        samples: (m, d) float, m >= count: `count` of them take the place of the real ones, for a distance at equal
            numbers of images.

    Returns:
        The mean; None where a side has fewer than 50.
    """
    points = np.asarray(real, dtype=np.float64)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(5):
        order = rng.permutation(len(points))
        ours = points[order[:count]] if samples is None else np.asarray(samples)[rng.permutation(len(samples))[:count]]
        found.append(distance(ours, points[order[count:]]))
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def wilson(flags: NDArray[np.bool_]) -> Share | None:
    """The share of True with its 95 % interval. Wilson 1927: unlike the normal interval it stays inside 0 to 1.

    Args:
        flags: (n,) bool.

    Returns:
        None of none.
    """
    count, right = len(flags), int(np.count_nonzero(flags))
    if not count:
        return None
    one = wilson_interval(right / count, count)
    return Share(value=one.value, low=one.low, high=one.high, right=right, count=count)


def wilson_interval(value: float, count: int) -> Interval:
    """A share in [0, 1] of `count` with the same interval; for a mean over trainings as well, of so many images."""
    z2 = _NORMAL**2 / count
    middle = (value + z2 / 2) / (1 + z2)
    half = float(_NORMAL * np.sqrt(value * (1 - value) / count + z2 / (4 * count)) / (1 + z2))
    return Interval(value=value, low=max(0.0, middle - half), high=min(1.0, middle + half))


def _pair(a: NDArray[Any], b: NDArray[Any]) -> tuple[Exact, Exact]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise InvalidInput(f"features {x.shape} and {y.shape}: two matrices of one width are needed; use one encoder")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInput("features with NaN or infinity: train the encoder again or use another one")
    return x, y


def _kernel_sums(x: Exact, y: Exact) -> Exact:
    """Sum over all rows of y of the kernel with each row of x; in blocks, so that memory does not grow with both."""
    rows = max(1, _BLOCK_CELLS // len(y))
    parts = []
    for i in range(0, len(x), rows):
        base = x[i : i + rows] @ y.T / x.shape[1] + 1
        parts.append((base * base * base).sum(axis=1))  # a power of an array takes ten times as long
    return np.concatenate(parts)


def _kernel_own(x: Exact) -> Exact:
    return np.asarray((np.einsum("nd,nd->n", x, x) / x.shape[1] + 1) ** 3, dtype=np.float64)
