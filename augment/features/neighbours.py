"""Exact nearest neighbours and distance-weighted averages in plain NumPy.

Fast to import and without compilation, so that the page and a click may use it. It does not know what the points mean.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = ["check_points", "knn_accuracy", "nearest", "shepard_weights"]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

_BLOCK_CELLS = 8_000_000  # query rows x points held at once: 32 MB of float32


def check_points(values: NDArray[Any], what: str, dim: int | None = None) -> Floats:
    """`values` as a finite float32 matrix (n, d).

    Raises:
        InvalidInput: not a matrix, another width than `dim`, or NaN or infinity in it; the first bad rows are named.
    """
    points = np.asarray(values, dtype=np.float32)
    if points.ndim != 2:
        raise InvalidInput(f"{what} of shape {points.shape}: a matrix (rows, dimensions) is needed")
    if dim is not None and points.shape[1] != dim:
        raise InvalidInput(
            f"{what} with {points.shape[1]} dimensions: {dim} are needed; use the encoder that the map was made with"
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        rows = ", ".join(str(row) for row in bad[:5])
        raise InvalidInput(
            f"{what}: {len(bad)} of {len(points)} rows hold NaN or infinity (first: {rows}); "
            "train the encoder again or use another one"
        )
    return points


def nearest(position: NDArray[Any], query: NDArray[Any], k: int) -> tuple[Rows, Floats]:
    """The k nearest rows of `position` to every row of `query`, nearest first; exact, Euclidean.

    Args:
        position: (n, d) float, n >= 1.
        query: (m, d) float. A row that is also in `position` finds itself at distance 0.
        k: neighbours, 1 or more; at most n come back.

    Returns:
        rows (m, min(k, n)) int64 and distances (m, min(k, n)) float32. Equal distances come in row order.

    Raises:
        InvalidInput: there are no points, or the widths differ.
    """
    points, asked = np.asarray(position, dtype=np.float32), np.asarray(query, dtype=np.float32)
    if points.ndim != 2 or asked.ndim != 2 or points.shape[1] != asked.shape[1]:
        raise InvalidInput(f"points {points.shape} and queries {asked.shape}: both must be matrices of one width")
    if not len(points):
        raise InvalidInput("no points to search: the map is empty; import images and build the map")
    k = max(1, min(k, len(points)))
    rows = np.empty((len(asked), k), dtype=np.int64)
    distances = np.empty((len(asked), k), dtype=np.float32)
    squares = np.einsum("nd,nd->n", points, points)
    block = max(1, _BLOCK_CELLS // len(points))
    for start in range(0, len(asked), block):
        part = asked[start : start + block]
        # |q - p|^2 without |q|^2, which is the same for all p.
        scores = squares[None, :] - 2.0 * (part @ points.T)
        few = min(len(points), k + 8)  # a few more: float32 cancellation may swap near equals
        found = (
            np.argpartition(scores, few - 1, axis=1)[:, :few]
            if few < len(points)
            else np.tile(np.arange(len(points)), (len(part), 1))
        )
        exact = np.linalg.norm(points[found] - part[:, None, :], axis=2)
        order = np.lexsort((found, exact), axis=1)[:, :k]
        rows[start : start + block] = np.take_along_axis(found, order, axis=1)
        distances[start : start + block] = np.take_along_axis(exact, order, axis=1)
    return rows, distances


def shepard_weights(distances: NDArray[Any]) -> Floats:
    """Weights of neighbours by inverse distance, continuous in the query.

    Modified Shepard weights w = ((R - d) / (R d))^2 (Franke and Nielson 1980, equation 3), where R is the distance
    of the last neighbour: a neighbour that enters or leaves the list does so with weight 0, and a neighbour at
    distance 0 takes everything.

    Args:
        distances: (m, k) float32, ascending in each row, k >= 1.

    Returns:
        (m, k) float32, rows summing to 1. Neighbours all at one distance share equally.
    """
    d = np.asarray(distances, dtype=np.float64)
    reach = d[:, -1:]
    tiny = np.finfo(np.float32).tiny
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(d > tiny, ((reach - d) / (reach * d)) ** 2, np.inf)
    exact = ~np.isfinite(weights)
    weights = np.where(exact.any(axis=1, keepdims=True), exact.astype(np.float64), weights)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, weights, 1.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def knn_accuracy(
    known: NDArray[Any], known_labels: NDArray[Any], asked: NDArray[Any], asked_labels: NDArray[Any], k: int = 5
) -> tuple[float, float]:
    """How often the k nearest known points, by cosine and weighted by inverse distance, name the right label.

    Args:
        known: (n, d) float, asked: (m, d) float, finite. known_labels: (n,) int, asked_labels: (m,) int, m >= 1.

    Returns:
        (share of points named right, the same averaged over the labels that were asked for), both in [0, 1].
    """
    here, there = check_points(known, "features"), check_points(asked, "features")
    here = here / np.maximum(np.linalg.norm(here, axis=1, keepdims=True), 1e-12)
    there = there / np.maximum(np.linalg.norm(there, axis=1, keepdims=True), 1e-12)
    rows, distances = nearest(here, there, k)
    votes = np.zeros((len(there), int(max(known_labels.max(), asked_labels.max())) + 1))
    np.add.at(votes, (np.arange(len(there))[:, None], known_labels[rows]), 1.0 / (distances + 1e-6))
    right = votes.argmax(axis=1) == asked_labels
    return float(right.mean()), float(
        np.mean([right[asked_labels == label].mean() for label in np.unique(asked_labels)])
    )
