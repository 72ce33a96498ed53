"""How varied a set of images is: as how many different ones. It does not know which encoder made features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_within", "vendi_score"]


def vendi_score(features: NDArray[Any]) -> float:
    """Effective number of different images. Friedman and Dieng 2023, definition 3.1, with the cosine of features.

    exp of the entropy of the eigenvalues of the matrix of likenesses over n; those are also the eigenvalues of the
    second moments of the directions. It grows with n: compare at equal numbers only.

    Args:
        features: (n, d) float, n >= 1. A row of zeros is like nothing.

    Returns:
        1 (all alike) to the smaller of n and d.
    """
    points = np.asarray(features, dtype=np.float64)
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    likeness = points @ points.T if len(points) < points.shape[1] else points.T @ points
    share = np.linalg.eigvalsh(likeness / len(points)).clip(np.finfo(np.float64).tiny)
    return float(np.exp(-(share * np.log(share)).sum()))


def mean_within(between: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    """Mean over images of the mean distance (n, n) to the others of their label (n,); NaN where no label has two."""
    same = label[:, None] == label[None, :]
    np.fill_diagonal(same, False)
    others = same.sum(axis=1)
    means = np.where(same, between, 0.0).sum(axis=1)[others > 0] / others[others > 0]
    return float(means.mean()) if len(means) else float("nan")
