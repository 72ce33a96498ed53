"""Whether samples lie among real images, and whether real images are reached: two shares that one distance hides.

Knows features alone, and not which encoder made them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.features.neighbours import nearest
from augment.judge.metrics import FEWEST

__all__ = ["Manifold", "manifold", "reached"]

_NEIGHBOURS = 5
"""How far a real image reaches: to so many others. Naeem et al. 2020, section 4."""


@dataclass(frozen=True, kw_only=True)
class Manifold:
    """precision: share of samples within some real image's reach (Kynkaanniemi et al. 2019, equation 2). coverage:
    share of real images with a sample within theirs (Naeem et al. 2020, equation 9). Both 0 to 1."""

    precision: float
    coverage: float


def manifold(samples: NDArray[Any], real: NDArray[Any], *, fewest: int = FEWEST) -> Manifold | None:
    """Of features (n, d) beside real ones (m, d). Coverage grows with n and falls with m: compare at equal numbers.

    None with fewer rows than `fewest` in either (see `frechet_distance`). InvalidInput for features of two widths.
    """
    if samples.ndim != 2 or real.ndim != 2 or samples.shape[1] != real.shape[1]:
        raise InvalidInput(f"features {samples.shape} and {real.shape}: two matrices of one width are needed")
    if min(len(samples), len(real)) < fewest:
        return None
    from scipy.spatial.distance import cdist

    # The nearest of all is the image itself.
    reach = nearest(real, real, _NEIGHBOURS + 1)[1][:, -1]
    within = cdist(np.asarray(samples, dtype=np.float64), np.asarray(real, dtype=np.float64)) <= reach
    return Manifold(precision=float(within.any(axis=1).mean()), coverage=float(within.any(axis=0).mean()))


def reached(points: NDArray[Any], real: NDArray[Any], left_out: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """How far each of points (n, d) lies from the real image (m, d) that reaches farthest to it, in that one's reach.

    1 or less is among the real images (Kynkaanniemi et al. 2019, equation 2). left_out: (n, m) bool, real images that
    a point is not held against: those of its own part. Infinite where none is left.
    """
    from scipy.spatial.distance import cdist

    if len(real) <= _NEIGHBOURS:
        return np.full(len(points), np.inf, dtype=np.float32)
    reach = nearest(real, real, _NEIGHBOURS + 1)[1][:, -1]
    far = cdist(np.asarray(points, dtype=np.float64), np.asarray(real, dtype=np.float64)) / np.maximum(reach, 1e-9)
    if left_out is not None:
        far[left_out] = np.inf
    return np.asarray(far.min(axis=1), dtype=np.float32)
