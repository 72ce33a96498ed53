"""Build the map: encode every image, fit the projection on the training split, place the rest, measure boundaries.

Imports torch, umap-learn and scikit-learn only when it runs. What was encoded before is not encoded again; cancelled or
killed, it goes on where it was.
"""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, NotReady
from augment.features.atlas import Atlas
from augment.features.boundary import margins, mutual_pairs, neighbour_scale, part_spacing
from augment.features.neighbours import Floats, knn_accuracy
from augment.features.projection import Projection, ProjectionConfig
from augment.operations.context import Context
from augment.operations.embedding import ChosenEncoder, choose_encoder, encode_images, staged
from augment.operations.views import current_view
from augment.store import ImageRecord, ProjectionRecord
from augment.views import View

__all__ = ["EmbedConfig", "EmbedResult", "embed"]

_MOST_PAIRS = 300
# Thousandths of the whole when the encoder is trained, images are encoded, the projection is fitted.
_TRAINED, _ENCODED, _FITTED = 500, 650, 970
_MOST_JUDGED = 2000  # points of the map whose neighbourhoods are compared; the cost grows with the square


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """Which features, and how they become a map."""

    encoder: str = field(
        default="builtin",
        metadata={"help": "builtin (trained here if need be), timm:NAME, timm:FOLDER, timm:NAME=FILE or model:ID"},
    )
    refit: bool = field(
        default=False, metadata={"help": "fit the map anew; otherwise new images join the map there is"}
    )
    neighbours: int = field(default=15, metadata={"help": "neighbours in UMAP: few show detail, many show the whole"})
    min_dist: float = field(default=0.1, metadata={"help": "how closely UMAP may pack points: 0 to 1"})
    seed: int = field(default=0, metadata={"help": "random seed of the encoder's training and of the map"})

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidConfig: a field lies outside its range.
        """
        kind, _, rest = self.encoder.partition(":")
        if self.encoder != "builtin" and not (kind == "timm" and rest) and not (kind == "model" and rest.isdecimal()):
            raise InvalidConfig(f"encoder {self.encoder!r}: builtin, timm:NAME_OR_FOLDER or model:ID is possible")
        self.projection()

    def projection(self) -> ProjectionConfig:
        """The projection's part of this config; raises InvalidConfig."""
        return ProjectionConfig(neighbours=self.neighbours, min_dist=self.min_dist, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class EmbedResult:
    """The map's id and what is on it.

    fitted: images the projection was fitted on; images - fitted were placed. method: "umap" or "pca" (few images).
    metrics: "trustworthiness" of the 2-D view (0 to 1, of up to 2,000 fitted points), and "validation_accuracy" and
    "validation_balanced_accuracy" of the 5 nearest training images, where the validation split has images.
    notes: what a user should be told, in words.
    """

    projection_id: int
    encoder_id: int
    encoder: str
    images: int
    fitted: int
    method: str
    metrics: Mapping[str, float]
    notes: tuple[str, ...]
    seconds: float


def embed(config: EmbedConfig, context: Context) -> EmbedResult:
    """Encode all images, fit or reuse the projection, and commit a ProjectionRecord with its folder of arrays.

    Without `refit` an earlier fit of the same encoder, view and config is kept and only new images are encoded and
    placed.

    Raises:
        NotReady: no images, or none in the training split.
        NotFound, InvalidInput: the encoder cannot be had or does not fit; NaN in features.
        Cancelled: told to stop; encoded features are kept for the next try.
    """
    began = time.monotonic()
    store = context.store
    images = store.images.list()
    if not any(image.split == "train" for image in images):
        raise NotReady(f"{len(images)} images, none in the training split: import images before building the map")
    view = current_view(store)
    chosen = choose_encoder(config.encoder, view, config.seed, staged(context, 0, _TRAINED))
    earlier = _earlier_map(context, config, chosen, view)
    # Another fit of the same encoder and view does not need its features again.
    known = None if earlier is None else Atlas.load(store.workspace.root / earlier.path)
    features = encode_images(images, chosen, view, known, staged(context, _TRAINED, _ENCODED - _TRAINED))
    reused = earlier is not None and not config.refit and earlier.config["projection"] == asdict(config.projection())
    context.progress(_ENCODED, 1000)
    kept = known if reused else None
    projection, fitted = _fit(config, features, images, kept, context)
    context.progress(_FITTED, 1000)
    arrays, metrics, notes = _measure(features, images, fitted, projection, kept, config.seed)
    context.progress(990, 1000)
    folder = _write(context, arrays, projection)
    notes = [*chosen.notes, *projection.notes, *notes]
    record = ProjectionRecord(
        encoder_id=chosen.record_id,
        path=folder.relative_to(store.workspace.root).as_posix(),
        config={
            "projection": asdict(config.projection()),
            "view": view.to_json(),
            "encoder": chosen.encoder.name,
            "method": projection.method,
            "images": len(images),
            "fitted": int(fitted.sum()),
            "metrics": metrics,
            "notes": notes,
        },
    )
    (projection_id,) = context.commit([record])
    context.progress(1000, 1000, metrics)
    return EmbedResult(
        projection_id=projection_id,
        encoder_id=chosen.record_id,
        encoder=chosen.encoder.name,
        images=len(images),
        fitted=int(fitted.sum()),
        method=projection.method,
        metrics=metrics,
        notes=tuple(notes),
        seconds=time.monotonic() - began,
    )


def _earlier_map(context: Context, config: EmbedConfig, chosen: ChosenEncoder, view: View) -> ProjectionRecord | None:
    """The newest readable map of this encoder and view; one with the same projection config if there is one."""
    same = [
        record
        for record in context.store.projections.list()
        if record.encoder_id == chosen.record_id and record.config.get("view") == view.to_json()
    ]
    readable = [record for record in same if _is_readable(context.store.workspace.root / record.path)]
    wanted = asdict(config.projection())
    exact = [record for record in readable if record.config.get("projection") == wanted]
    return next(iter([*exact, *readable]), None)


def _is_readable(folder: Path) -> bool:
    try:
        return len(Atlas.load(folder).projection.features) > 0
    except NotReady:
        return False


def _fit(
    config: EmbedConfig, features: Floats, images: Sequence[ImageRecord], kept: Atlas | None, context: Context
) -> tuple[Projection, NDArray[np.bool_]]:
    """The projection and which rows it was fitted on: the training split now, or that of the fit that is kept."""
    if kept is not None:
        earlier = {int(image_id) for image_id in kept.image_ids[kept.fitted]}
        return kept.projection, np.array([image.id in earlier for image in images])
    training = np.array([image.split == "train" for image in images])

    def report(share: float) -> None:
        context.progress(_ENCODED + round(share * (_FITTED - _ENCODED)), 1000)

    return Projection.fit(features[training], config.projection(), report), training


def _measure(
    features: Floats,
    images: Sequence[ImageRecord],
    fitted: NDArray[np.bool_],
    projection: Projection,
    kept: Atlas | None,
    seed: int,
) -> tuple[dict[str, Any], dict[str, float], list[str]]:
    """All arrays of the atlas, metrics and notes."""
    labels = [image.label for image in images]
    training = np.array([image.split == "train" for image in images])
    position, xy = projection.place(features)
    # Exactly what was fitted, also for images whose features are equal.
    position[fitted], xy[fitted] = projection.position, projection.xy
    boundary = margins(features, labels, [image.group for image in images], training, seed=seed)
    rows = np.flatnonzero(training)
    train_labels = [labels[row] for row in rows]
    pairs = mutual_pairs(position[rows], train_labels, _MOST_PAIRS)
    parts = [images[int(row)].group for row in rows]
    scale = neighbour_scale(position[rows], train_labels, parts, seed=seed)
    usual = float(np.median(list(scale.values())))
    label_index = np.array([boundary.labels.index(label) for label in labels], dtype=np.int32)
    arrays = {
        "image_ids": np.array([image.id for image in images], dtype=np.int64),
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
        "spacing": {"position": part_spacing(position[rows], parts), "xy": part_spacing(xy[rows], parts)},
        "position": position,
        "xy": xy,
    }
    notes = list(boundary.notes)
    if kept is not None and len(images) > len(kept):
        notes.append(f"{len(images) - len(kept)} new images were placed on the map that was there")
    metrics = _trustworthiness(projection, seed)
    held = np.array([image.split == "validation" for image in images])
    if held.any():
        accuracy, balanced = knn_accuracy(features[training], label_index[training], features[held], label_index[held])
        metrics |= {"validation_accuracy": accuracy, "validation_balanced_accuracy": balanced}
    return arrays, metrics, notes


def _trustworthiness(projection: Projection, seed: int) -> dict[str, float]:
    """How far neighbours in the view are neighbours in the features (Venna and Kaski 2001): 1 is faithful, 0.5 is
    chance."""
    from sklearn.manifold import trustworthiness

    count = len(projection.features)
    if count < 12:
        return {}
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:_MOST_JUDGED])
    return {"trustworthiness": float(trustworthiness(projection.features[rows], projection.xy[rows], n_neighbors=5))}


def _write(context: Context, arrays: Mapping[str, Any], projection: Projection) -> Path:
    """Write `projections/<n>` whole or not at all; n is the first free number."""
    home = context.store.workspace.projections_dir
    part = home / f".part-{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    try:
        Atlas.write(part, projection=projection, **arrays)
        for file in part.iterdir():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        taken = [int(folder.name) for folder in home.iterdir() if folder.name.isdecimal()]
        folder = home / str(max(taken, default=0) + 1)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
