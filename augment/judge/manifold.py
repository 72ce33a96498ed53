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

__all__ = ["Manifold", "manifold"]

_NEIGHBOURS = 5
"""How far a real image reaches: to so many others. Naeem et al. 2020, section 4."""


@dataclass(frozen=True, kw_only=True)
class Manifold:
    """precision: share of samples within some real image's reach (Kynkaanniemi et al. 2019, equation 2). coverage:
    share of real images with a sample within theirs (Naeem et al. 2020, equation 9). Both 0 to 1."""

    precision: float
    coverage: float


def manifold(samples: NDArray[Any], real: NDArray[Any]) -> Manifold | None:
    """Of features (n, d) beside real ones (m, d). Coverage grows with n and falls with m: compare at equal numbers.

    None with fewer than 50 rows in either. InvalidInput for features of two widths.
    """
    if samples.ndim != 2 or real.ndim != 2 or samples.shape[1] != real.shape[1]:
        raise InvalidInput(f"features {samples.shape} and {real.shape}: two matrices of one width are needed")
    if min(len(samples), len(real)) < FEWEST:
        return None
    from scipy.spatial.distance import cdist

    # The nearest of all is the image itself.
    reach = nearest(real, real, _NEIGHBOURS + 1)[1][:, -1]
    within = cdist(np.asarray(samples, dtype=np.float64), np.asarray(real, dtype=np.float64)) <= reach
    return Manifold(precision=float(within.any(axis=1).mean()), coverage=float(within.any(axis=0).mean()))
