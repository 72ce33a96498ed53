"""What is measured of a map once its projection is there: every image's place, margins, pairs, scales and metrics.

scikit-learn is imported when it runs. It knows arrays and the catalogue of the images; neither encoders nor files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.features.boundary import coded, margins, mutual_pairs, neighbour_scale, part_spacing, share_of_each
from augment.features.neighbours import Floats, knn_accuracy
from augment.features.projection import Projection
from augment.operations.context import Progress
from augment.operations.embedding import Catalogue, shares

__all__ = ["Measured", "measure_map", "training_share"]

_MOST_PAIRS = 300
_MOST_TRUSTED = 2_000  # points of the map whose neighbourhoods are compared; the cost grows with the square
_MOST_ASKED = 5_000  # validation images that accuracy is judged by: its error is 0.7 % at worst
# Thousandths of the whole that images take to be placed, margins, pairs and scales; metrics take the rest.
_PLACES, _MARGINS, _PAIRS, _SCALES = 400, 450, 70, 70


@dataclass(frozen=True, eq=False)
class Measured:
    """arrays: what `Atlas.write` takes but the projection. metrics: see `EmbedResult`. notes: what a user is told."""

    arrays: dict[str, Any]
    metrics: dict[str, float]
    notes: tuple[str, ...]


def training_share(catalogue: Catalogue, count: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most `count` training images, ascending: all, or of each label an equal share of it."""
    _, index = coded(catalogue.labels)
    return share_of_each(np.where(catalogue.training, index, -1), count, seed)


def measure_map(
    features: Floats,
    catalogue: Catalogue,
    projection: Projection,
    fitted: NDArray[np.bool_],
    *,
    most: int,
    seed: int,
    progress: Progress,
) -> Measured:
    """Everything that a map shows.

    Args:
        features: (n, d) float32 of the catalogue's images; may be memory-mapped.
        fitted: (n,) bool, the rows that the projection was fitted on, in its order.
        most: training images that pairs, spacing and accuracy are judged by: all, or so many drawn by `seed`.
        progress: told how far it is; may raise Cancelled.
    """
    position, xy = projection.place(features, shares(progress, 0, _PLACES))
    # Exactly what was fitted, also for images whose features are equal.
    position[fitted], xy[fitted] = projection.position, projection.xy
    training = catalogue.training
    report = shares(progress, _PLACES, _MARGINS)
    boundary = margins(features, catalogue.labels, catalogue.groups, training, seed=seed, report=report)
    label_index = coded(catalogue.labels)[1].astype(np.int32)
    rows = training_share(catalogue, most, seed)
    labels, parts = [[names[row] for row in rows] for names in (catalogue.labels, catalogue.groups)]
    pairs = mutual_pairs(position[rows], labels, _MOST_PAIRS, report=shares(progress, _PLACES + _MARGINS, _PAIRS))
    progress.check()
    spacing = {
        name: part_spacing(points[rows], parts, seed=seed) for name, points in (("position", position), ("xy", xy))
    }
    scale = _scale(position, catalogue, seed, shares(progress, 1000 - _SCALES - 10, _SCALES))
    usual = float(np.median(list(scale.values())))
    metrics = _trustworthiness(projection, seed)
    asked = np.flatnonzero(catalogue.validation)
    if len(asked):
        asked = np.sort(np.random.default_rng(seed).permutation(asked)[:_MOST_ASKED])
        accuracy, balanced = knn_accuracy(features[rows], label_index[rows], features[asked], label_index[asked])
        metrics |= {"validation_accuracy": accuracy, "validation_balanced_accuracy": balanced}
    arrays = {
        "image_ids": catalogue.ids,
        "features": features,
        "labels": boundary.labels,
        "label_index": label_index,
        "fitted": fitted,
        "probability": boundary.probability,
        "margin": boundary.margin,
        "classifier": boundary.classifier,
        "pairs": np.array([(rows[a], rows[b]) for a, b, _ in pairs], dtype=np.int32).reshape(-1, 2),
        "pair_distance": np.array([distance for _, _, distance in pairs], dtype=np.float32),
        "scale": {label: scale.get(label, usual) for label in boundary.labels},
        "spacing": spacing,
        "position": position,
        "xy": xy,
    }
    return Measured(arrays, metrics, boundary.notes)


def _scale(position: Floats, catalogue: Catalogue, seed: int, report: Callable[[float], None]) -> dict[str, float]:
    """Of all training images, for it is the distance to the nearest of them."""
    rows = np.flatnonzero(catalogue.training)
    labels, parts = [[names[row] for row in rows] for names in (catalogue.labels, catalogue.groups)]
    return neighbour_scale(position[rows], labels, parts, seed=seed, report=report)


def _trustworthiness(projection: Projection, seed: int) -> dict[str, float]:
    """How far neighbours in the view are neighbours in the features (Venna and Kaski 2001): 1 is faithful, 0.5 is
    chance."""
    from sklearn.manifold import trustworthiness

    count = len(projection.features)
    if count < 12:
        return {}
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:_MOST_TRUSTED])
    return {"trustworthiness": float(trustworthiness(projection.features[rows], projection.xy[rows], n_neighbors=5))}
