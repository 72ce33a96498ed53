"""The atlas: every image of a workspace on the map, read from one folder of arrays.

It is the one way in which the pages and the generators read features and positions. NumPy alone, memory-mapped,
quick to open. It does not know how the arrays were made, nor the database; rows are tied to images by `image_ids`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotFound, NotReady
from augment.features.linear import LinearClassifier
from augment.features.neighbours import Floats, nearest
from augment.features.projection import Projection

__all__ = ["EMPTY", "Atlas"]

EMPTY = 3.0
"""Further than this many times `Atlas.spacing` from every real image, a place counts as empty."""

_ARRAYS = {
    "image_ids": "image_ids.npy",
    "features": "features.npy",
    "aim": "aim.npy",
    "position": "position.npy",
    "xy": "xy.npy",
    "label_index": "label_index.npy",
    "fitted": "fitted.npy",
    "probability": "probability.npy",
    "margin": "margin.npy",
    "pairs": "pairs.npy",
    "pair_distance": "pair_distance.npy",
}
_CLASSIFIER = "classifier.npz"


@dataclass(frozen=True, eq=False, kw_only=True)
class Atlas:
    """n images, in ascending order of their id; k labels.

    image_ids: (n,) int64, ascending, ids of the database.
    features: (n, d) float32, as the encoder gave them. aim: (n, c) float32, what it gave beside them (`encoders`).
    position: (n, 20) float32. xy: (n, 2) float32.
    label_index: (n,) int32 into `labels`.
    fitted: (n,) bool; True where the projection was fitted on the image: the training split at the time of the fit,
        or a share of it where it is large. Its rows are the projection's rows, in order.
    probability: (n, k) float32, of each label, from a classifier that has not seen the image's group.
    margin: (n,) float32 in [-1, 1]: probability of the own label minus the highest other one. Near 0 the image lies at
        a boundary; below 0 it looks like another class.
    pairs: (m, 2) int32 rows of training images of different classes that are each other's nearest of the other class
        (among a share of each class where there are many), nearest pair first. pair_distance: (m,) float32, between
        their 20-D positions.
    scale: label -> median distance in 20-D from a training image to the nearest one of another part; the unit of the
        landing error.
    spacing: "position" and "xy" -> median distance from a training image to the nearest one of another part, in 20-D
        and in the view; the unit in which a place is empty.
    """

    folder: Path
    image_ids: NDArray[np.int64]
    features: Floats
    aim: Floats
    position: Floats
    xy: Floats
    label_index: NDArray[np.int32]
    fitted: NDArray[np.bool_]
    probability: Floats
    margin: Floats
    pairs: NDArray[np.int32]
    pair_distance: Floats
    labels: tuple[str, ...]
    scale: Mapping[str, float]
    spacing: Mapping[str, float]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image_ids)

    @classmethod
    def load(cls, folder: Path) -> "Atlas":
        """Open a folder written by `write`; arrays are mapped, not read.

        Raises:
            NotReady: a file is missing, damaged or of another length than the rest.
        """
        try:
            arrays: dict[str, Any] = {name: np.load(folder / file, mmap_mode="r") for name, file in _ARRAYS.items()}
            labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
            scale = json.loads((folder / "scale.json").read_text(encoding="utf-8"))
            spacing = json.loads((folder / "spacing.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise NotReady(f"the map in {folder.name} cannot be read ({error}): build the map again") from error
        try:
            return cls(folder=folder, labels=tuple(labels), scale=scale, spacing=spacing, **arrays)._checked()
        except InvalidInput as error:
            raise NotReady(f"the map in {folder.name} is damaged ({error}): build the map again") from error

    @staticmethod
    def write(
        folder: Path,
        *,
        image_ids: Sequence[int] | NDArray[np.int64],
        features: Floats,
        aim: Floats,
        labels: Sequence[str],
        label_index: NDArray[Any],
        fitted: NDArray[np.bool_],
        probability: Floats,
        margin: Floats,
        pairs: NDArray[Any],
        pair_distance: Floats,
        scale: Mapping[str, float],
        spacing: Mapping[str, float],
        position: Floats,
        xy: Floats,
        projection: Projection,
        classifier: LinearClassifier | None = None,
        report: Callable[[float], None] | None = None,
    ) -> None:
        """Write the arrays and the projection into `folder`. The caller renames the folder into place when this
        returns. Arrays of the right type are not copied, and a memory-mapped one is streamed. `report` is told the
        share of arrays that are written, 0 to 1; it may raise, which ends it.

        Raises:
            InvalidInput: lengths that do not agree, ids that do not ascend, or indices out of range.
        """
        atlas = Atlas(
            folder=folder,
            image_ids=np.asarray(image_ids, dtype=np.int64),
            features=np.asarray(features, dtype=np.float32),
            aim=np.asarray(aim, dtype=np.float32),
            position=np.asarray(position, dtype=np.float32),
            xy=np.asarray(xy, dtype=np.float32),
            label_index=np.asarray(label_index, dtype=np.int32),
            fitted=np.asarray(fitted, dtype=np.bool_),
            probability=np.asarray(probability, dtype=np.float32),
            margin=np.asarray(margin, dtype=np.float32),
            pairs=np.asarray(pairs, dtype=np.int32).reshape(-1, 2),
            pair_distance=np.asarray(pair_distance, dtype=np.float32),
            labels=tuple(labels),
            scale={label: float(value) for label, value in scale.items()},
            spacing={space: float(value) for space, value in spacing.items()},
        )._checked()
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, file) in enumerate(_ARRAYS.items()):
            if report is not None:
                report(number / len(_ARRAYS))
            np.save(folder / file, getattr(atlas, name))
        (folder / "labels.json").write_text(json.dumps(list(atlas.labels), ensure_ascii=False), encoding="utf-8")
        (folder / "scale.json").write_text(json.dumps(dict(atlas.scale), ensure_ascii=False), encoding="utf-8")
        (folder / "spacing.json").write_text(json.dumps(dict(atlas.spacing)), encoding="utf-8")
        projection.save(folder)
        if classifier is not None:
            classifier.save(folder / _CLASSIFIER)

    @cached_property
    def projection(self) -> Projection:
        """The projection of this map, for placing new features and clicks.

        Raises:
            NotReady: its files are missing or damaged.
        """
        return Projection.load(self.folder)

    @cached_property
    def classifier(self) -> LinearClassifier | None:
        """Tells the labels apart by features; fitted on every training image of this map.

        None where training had one label, and for maps of earlier versions.

        Raises:
            NotReady: its file is damaged, or of other labels than the map.
        """
        file = self.folder / _CLASSIFIER
        if not file.is_file():
            return None
        read = LinearClassifier.load(file)
        if read.labels != self.labels or len(read.mean) != self.features.shape[1]:
            raise NotReady(f"the classifier in {self.folder.name} is of another map: build the map again")
        return read

    def row_of(self, image_id: int) -> int:
        """Row of an image.

        Raises:
            NotFound: the image was imported after the map was made.
        """
        row = int(np.searchsorted(self.image_ids, image_id))
        if row == len(self) or int(self.image_ids[row]) != image_id:
            raise NotFound(f"image {image_id} is not on the map: update the map to place new images")
        return row

    def label_of(self, row: int) -> str:
        """The label of a row."""
        return self.labels[int(self.label_index[row])]

    def rival_of(self, row: int) -> str | None:
        """The most probable other label of a row; None if there is only one label."""
        if len(self.labels) < 2:
            return None
        other = np.array(self.probability[row])
        other[int(self.label_index[row])] = -1.0
        return self.labels[int(other.argmax())]

    def neighbours_of(self, row: int, k: int = 8) -> list[tuple[int, float]]:
        """The k nearest other rows in 20-D with their distances, nearest first."""
        rows, distances = nearest(self.position, self.position[row : row + 1], k + 1)
        found = [(int(r), float(d)) for r, d in zip(rows[0], distances[0], strict=True) if int(r) != row]
        return found[:k]

    def _checked(self) -> "Atlas":
        n, k = len(self.image_ids), len(self.labels)
        lengths = {name: len(getattr(self, name)) for name in _ARRAYS if not name.startswith("pair")}
        if set(lengths.values()) != {n}:
            raise InvalidInput(f"arrays of different lengths: {lengths}")
        if n and (np.diff(self.image_ids) <= 0).any():
            raise InvalidInput("image_ids do not ascend")
        if self.xy.shape != (n, 2) or {self.position.ndim, self.features.ndim, self.aim.ndim} != {2}:
            raise InvalidInput(f"xy {self.xy.shape}, position {self.position.shape}, features {self.features.shape}")
        if self.probability.shape != (n, k) or (n and not 0 <= self.label_index.min() <= self.label_index.max() < k):
            raise InvalidInput(f"probability {self.probability.shape} and label indices do not fit {k} labels")
        if len(self.pairs) != len(self.pair_distance) or (len(self.pairs) and self.pairs.max() >= n):
            raise InvalidInput("pairs name rows that are not there")
        return self
