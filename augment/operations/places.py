"""Places on the map: from what was asked for (an image, a click, a position, a way between two images) to a position,
and from generated images to where they landed.

Knows the map and its encoder, no generator's inside. Torch is imported when an encoder is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotReady
from augment.features.atlas import EMPTY, Atlas
from augment.features.neighbours import nearest, shepard_weights
from augment.operations.context import Context
from augment.operations.generators import Generator, load_map
from augment.operations.notices import Notice, notice
from augment.store import ImageRecord, ProjectionRecord, Split, Store

if TYPE_CHECKING:
    from augment.features.encoders import Encoder

__all__ = ["Landing", "MappedEncoder", "Place", "PlaceAsked", "class_places", "find_place"]


class PlaceAsked(Protocol):
    """The fields of a config that name a place; at most one is given."""

    @property
    def image_id(self) -> int | None: ...  # noqa: D102
    @property
    def xy(self) -> tuple[float, float] | None: ...  # noqa: D102
    @property
    def position(self) -> tuple[float, ...] | None: ...  # noqa: D102
    @property
    def between(self) -> tuple[int, int, float] | None: ...  # noqa: D102


@dataclass(frozen=True)
class Place:
    """Where samples are asked for: position (20,) and xy (2,) float32, or neither, and the images it stems from."""

    position: NDArray[np.float32] | None = None
    xy: NDArray[np.float32] | None = None
    parents: tuple[ImageRecord, ...] = ()

    @property
    def split(self) -> Split:
        """That of the parents; what stems from a test image can never train."""
        splits = {parent.split for parent in self.parents}
        return "test" if "test" in splits else "validation" if "validation" in splits else "train"

    @property
    def group(self) -> str:
        """The groups of the parents."""
        return " + ".join(sorted({parent.group for parent in self.parents}))


@dataclass(frozen=True)
class Landing:
    """Where n images landed: position (n, 20), xy (n, 2), nearest_id (n,) int64 and nearest_distance (n,) float32.

    The nearest image is one the projection was fitted on, by distance between features as the projection scales them.
    """

    position: NDArray[np.float32]
    xy: NDArray[np.float32]
    nearest_id: NDArray[np.int64]
    nearest_distance: NDArray[np.float32]


@dataclass(frozen=True)
class MappedEncoder:
    """A map with the encoder that its features came from, both kept loaded."""

    record: ProjectionRecord
    atlas: Atlas
    encoder: "Encoder"

    @classmethod
    def load(cls, context: Context, record: ProjectionRecord) -> "MappedEncoder":
        """From the workspace, once in a process. NotFound or NotReady if map or weights are gone."""
        from augment.features.encoders import load_encoder

        model = context.store.models.get(record.encoder_id)
        key = f"encoder:{model.sha256}"
        if key not in context.cache:
            context.cache[key] = load_encoder(model.config, context.store.workspace.root / model.path)
        return cls(record, load_map(context, record), context.cache[key])

    def land(self, images: Sequence[NDArray[np.uint8]]) -> Landing:
        """Places images (side, side, C) uint8 as any new image is placed."""
        projection = self.atlas.projection
        features = self.encoder.encode(images)
        position, xy = projection.place(features)
        if projection.config.metric == "cosine":
            features = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        fitted_ids = self.atlas.image_ids[self.atlas.fitted]
        if len(fitted_ids) != len(projection.features):
            raise NotReady(f"the map {self.record.id} does not match its projection: build the map again")
        rows, distances = nearest(projection.features, features, 1)
        return Landing(position, xy, fitted_ids[rows[:, 0]], distances[:, 0])

    def position_of(self, image_id: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Position (20,) and xy (2,) of an image. NotFound if it is not on the map."""
        row = self.atlas.row_of(image_id)
        return np.array(self.atlas.position[row]), np.array(self.atlas.xy[row])

    def xy_at(self, position: NDArray[np.float32]) -> NDArray[np.float32]:
        """The place (2,) in the view of a position (20,): its nearest fitted points', weighted."""
        projection = self.atlas.projection
        rows, distances = nearest(projection.position, position[None], 7)
        blended = np.einsum("mk,mkd->md", shepard_weights(distances), projection.xy[rows])
        return np.asarray(blended[0], dtype=np.float32)

    def emptiness(self, position: NDArray[np.float32]) -> float:
        """Distance of a position (20,) to the nearest fitted one, in usual distances between parts."""
        _, distances = nearest(self.atlas.projection.position, position[None], 1)
        return float(distances[0, 0]) / self.atlas.spacing["position"]

    def emptiness_in_view(self, xy: NDArray[np.float32]) -> float:
        """The same for a place (2,) in the view."""
        _, distances = nearest(self.atlas.projection.xy, xy[None], 1)
        return float(distances[0, 0]) / self.atlas.spacing["xy"]


def find_place(
    asked: PlaceAsked, generator: Generator, mapped: MappedEncoder | None, store: Store
) -> tuple[Place, tuple[Notice, ...]]:
    """The place, and warnings where there is no real data. An empty `Place` if none was asked for.

    InvalidInput if the generator cannot use a place, needs one, or was trained on another map; NotReady without a map;
    NotFound for an image that is not there.
    """
    wanted = [name for name in ("image_id", "xy", "position", "between") if getattr(asked, name) is not None]
    if not wanted:
        if not generator.uses_label:
            raise InvalidInput(f"generator {generator.record.id} knows positions only: choose a place on the map")
        return Place(), ()
    if not generator.uses_position:
        raise InvalidInput(
            f"generator {generator.record.id} was trained on labels only and cannot aim at a place: "
            "leave the place out, or train one with condition label+position"
        )
    if mapped is None:
        raise NotReady("this workspace has no map: build it first (embed)")
    generator.check_map(mapped.atlas)
    place, emptiness = _located(asked, mapped, store)
    if emptiness <= EMPTY:
        return place, ()
    return place, (notice("no_image_near", times=round(emptiness)),)


def class_places(label: str, generator: Generator, mapped: MappedEncoder) -> list[int]:
    """Ids of a label's training images in a fixed order without meaning: where its samples are asked for when no place
    is named. Empty where the generator knows no positions of this map, or the map no such image.
    """
    atlas = mapped.atlas
    if label not in atlas.labels or not generator.knows(atlas):
        return []
    rows = np.flatnonzero(atlas.fitted & (atlas.label_index == atlas.labels.index(label)))
    return [int(image_id) for image_id in atlas.image_ids[np.random.default_rng(0).permutation(rows)]]


def _located(asked: PlaceAsked, mapped: MappedEncoder, store: Store) -> tuple[Place, float]:
    """The one place that was asked for, and how empty it is there."""
    if asked.image_id is not None:
        position, xy = mapped.position_of(asked.image_id)
        return Place(position, xy, (store.images.get(asked.image_id),)), 0.0
    if asked.xy is not None:
        xy = np.asarray(asked.xy, dtype=np.float32)
        position = mapped.atlas.projection.positions_at(xy[None])[0]
        return Place(position, xy), mapped.emptiness_in_view(xy)
    if asked.between is not None:
        first, second, share = asked.between
        (position, xy), (position_there, xy_there) = mapped.position_of(first), mapped.position_of(second)
        position = np.asarray(position + np.float32(share) * (position_there - position), dtype=np.float32)
        xy = np.asarray(xy + np.float32(share) * (xy_there - xy), dtype=np.float32)
        parents = (store.images.get(first), store.images.get(second))
        return Place(position, xy, parents[: 1 if first == second else 2]), mapped.emptiness(position)
    position = np.asarray(asked.position, dtype=np.float32)
    width = mapped.atlas.position.shape[1]
    if position.shape != (width,):
        raise InvalidInput(f"position of {len(position)} numbers: this map has positions of {width}")
    return Place(position, mapped.xy_at(position)), mapped.emptiness(position)
