"""Exact nearest neighbours and distance-weighted averages in plain NumPy.

Fast to import and without compilation, so that the page and a click may use it. It does not know what the points mean.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = ["check_points", "knn_accuracy", "nearest", "shepard_weights"]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

_BLOCK_CELLS = 8_000_000  # query rows x points held at once: 32 MB of float32
_BLOCK_ROWS = 65_536
_STRIP = 32  # scores that share a minimum


def check_points(values: NDArray[Any], what: str, dim: int | None = None) -> Floats:
    """`values` as a finite float32 matrix (n, d); a float32 one is not copied, a memory-mapped one stays mapped.

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
    bad: list[int] = []
    for start in range(0, len(points), _BLOCK_ROWS):
        bad += (start + np.flatnonzero(~np.isfinite(points[start : start + _BLOCK_ROWS]).all(axis=1))).tolist()
    if bad:
        rows = ", ".join(str(row) for row in bad[:5])
        raise InvalidInput(
            f"{what}: {len(bad)} of {len(points)} rows hold NaN or infinity (first: {rows}); "
            "train the encoder again or use another one"
        )
    return points


def nearest(
    position: NDArray[Any],
    query: NDArray[Any],
    k: int,
    *,
    parts: tuple[NDArray[Any], NDArray[Any]] | None = None,
    report: Callable[[float], None] | None = None,
) -> tuple[Rows, Floats]:
    """The k nearest rows of `position` to every row of `query`, nearest first; exact, Euclidean.

    Beyond points, queries and what comes back it holds blocks of 32 MB, however many points and queries there are.

    Args:
        position: (n, d) float, n >= 1.
        query: (m, d) float. A row that is also in `position` finds itself at distance 0.
        k: neighbours, 1 or more; at most n come back.
        parts: (n,) int of the points and (m,) int of the queries: points of a query's own part count as infinitely
            far, and so come last.
        report: told now and then the share of queries that are done, 0 to 1; may raise, which ends the search.

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
        if report is not None:
            report(start / len(asked))
        part = asked[start : start + block]
        # |q - p|^2 without |q|^2, which is the same for all p.
        scores = part @ points.T
        scores *= -2.0
        scores += squares
        own = None if parts is None else parts[1][start : start + block, None]
        if parts is not None:
            scores[parts[0][None, :] == own] = np.inf
        found = _lowest(scores, k + 8)  # a few more: float32 cancellation may swap near equals
        exact = np.linalg.norm(points[found] - part[:, None, :], axis=2)
        if parts is not None:
            exact[parts[0][found] == own] = np.inf
        order = np.lexsort((found, exact), axis=1)[:, :k]
        rows[start : start + block] = np.take_along_axis(found, order, axis=1)
        distances[start : start + block] = np.take_along_axis(exact, order, axis=1)
    return rows, distances


def _lowest(scores: Floats, count: int) -> Rows:
    """Columns (m, min(count, n)) of the lowest of (m, n) scores, in no order.

    The `count` lowest ones lie in the `count` strips with the lowest minima. Minima over strips are one pass at the
    speed of memory, so that a thirtieth of the scores is partitioned: all of them would take twice as long as the
    matrix product before it.
    """
    width = scores.shape[1]
    strips = width // _STRIP
    if strips <= 2 * count:
        if count >= width:
            return np.tile(np.arange(width), (len(scores), 1))
        return np.argpartition(scores, count - 1, axis=1)[:, :count]
    # A strip holds every `strips`-th column; what is left over at the end is always looked at.
    minima = scores[:, : strips * _STRIP].reshape(len(scores), _STRIP, strips).min(axis=1)
    kept = np.argpartition(minima, count - 1, axis=1)[:, :count]
    columns = (kept[:, None, :] + np.arange(_STRIP)[:, None] * strips).reshape(len(scores), -1)
    rest = np.tile(np.arange(strips * _STRIP, width), (len(scores), 1))
    columns = np.concatenate([columns, rest], axis=1)
    few = np.argpartition(np.take_along_axis(scores, columns, axis=1), count - 1, axis=1)[:, :count]
    return np.take_along_axis(columns, few, axis=1)


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

    The time grows with n times m, and both are copied: give a share of many.

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
