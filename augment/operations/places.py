"""Places on the map: from what was asked for (an image, a click, a position, a way between two images) to a position,
and from generated images to where they landed.

Knows the map and its encoder, no generator's inside. Torch is imported when an encoder is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotReady
from augment.features.atlas import EMPTY, Atlas
from augment.features.neighbours import nearest, shepard_weights
from augment.notices import Notice, notice
from augment.operations.context import Context
from augment.operations.generators import Generator, load_map
from augment.store import ImageRecord, ProjectionRecord, SampleRecord, Split, Store

if TYPE_CHECKING:
    from augment.ddpm.steering import Features
    from augment.features.encoders import Encoder

__all__ = [
    "Landing",
    "MappedEncoder",
    "Place",
    "PlaceAsked",
    "class_places",
    "emptiness",
    "find_place",
    "labels_at",
    "placed",
    "places_along",
    "places_of",
    "probability_at",
]


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
    """Where samples are asked for: position (20,), aim (c,) and xy (2,) float32, or none of them, and the images it
    stems from. The aim is what the encoder should give there beside the features."""

    position: NDArray[np.float32] | None = None
    aim: NDArray[np.float32] | None = None
    xy: NDArray[np.float32] | None = None
    parents: tuple[ImageRecord, ...] = ()

    @property
    def numbers(self) -> list[float] | None:
        """The position as JSON says it."""
        return None if self.position is None else [float(value) for value in self.position]

    @property
    def told(self) -> dict[str, list[float] | None]:
        """What a recipe keeps of it: position and aim as JSON."""
        return {"position": self.numbers, "aim": None if self.aim is None else [float(value) for value in self.aim]}

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
    probability: (n, k) float32 of each label by the map's classifier; None where the map keeps none.
    """

    position: NDArray[np.float32]
    xy: NDArray[np.float32]
    nearest_id: NDArray[np.int64]
    nearest_distance: NDArray[np.float32]
    probability: NDArray[np.float32] | None


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
        classifier = self.atlas.classifier
        probability = None if classifier is None else classifier.probability(features)
        if projection.config.metric == "cosine":
            features = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        fitted_ids = self.atlas.image_ids[self.atlas.fitted]
        if len(fitted_ids) != len(projection.features):
            raise NotReady(f"the map {self.record.id} does not match its projection: build the map again")
        rows, distances = nearest(projection.features, features, 1)
        return Landing(position, xy, fitted_ids[rows[:, 0]], distances[:, 0], probability)

    @property
    def steering(self) -> "Features | None":
        """From images to aims, differentiable; None for encoders that cannot be.

        A network of timm's could be, but takes longer for one gradient than the generator for its samples.
        """
        from augment.features.encoders import BuiltinEncoder

        return self.encoder.aim_of if isinstance(self.encoder, BuiltinEncoder) else None

    def place_of(self, image: ImageRecord) -> Place:
        """That of an image. NotFound if it is not on the map."""
        row = self.atlas.row_of(image.id or 0)
        position, aim, xy = (np.array(values[row]) for values in (self.atlas.position, self.atlas.aim, self.atlas.xy))
        return Place(position, aim, xy, (image,))

    def emptiness(self, position: NDArray[np.float32]) -> float:
        """`emptiness` of one position (20,)."""
        return float(emptiness(self.atlas, position[None])[0])

    def emptiness_in_view(self, xy: NDArray[np.float32]) -> float:
        """The same for a place (2,) in the view."""
        _, distances = nearest(self.atlas.projection.xy, xy[None], 1)
        return float(distances[0, 0]) / self.atlas.spacing["xy"]


def placed(
    records: Sequence[SampleRecord],
    images: Sequence[NDArray[np.uint8]],
    places: Sequence[Place],
    mapped: MappedEncoder,
) -> list[SampleRecord]:
    """The records with where their images landed, how far that is from where they were asked for, the nearest training
    image, and what the map's classifier takes them for. images: each (side, side, C) uint8, cut by the view."""
    landed, labels = mapped.land(images), mapped.atlas.labels
    found = []
    for index, (record, place) in enumerate(zip(records, places, strict=True)):
        error, probability = None, None
        usual = mapped.atlas.scale.get(record.label, 0.0)
        if place.position is not None and usual > 0:
            error = float(np.linalg.norm(landed.position[index] - place.position) / usual)
        if landed.probability is not None:
            of_labels = zip(labels, landed.probability[index], strict=True)
            probability = {label: round(float(value), 6) for label, value in of_labels}
        found.append(
            replace(
                record,
                position=tuple(float(value) for value in landed.position[index]),
                xy=(float(landed.xy[index, 0]), float(landed.xy[index, 1])),
                requested=None if place.numbers is None else tuple(place.numbers),
                requested_xy=None if place.xy is None else (float(place.xy[0]), float(place.xy[1])),
                landing_error=error,
                nearest_image_id=int(landed.nearest_id[index]),
                nearest_real_distance=float(landed.nearest_distance[index]),
                probability=probability,
                projection_id=mapped.record.id,
            )
        )
    return found


def emptiness(atlas: Atlas, position: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance (m,) of positions (m, 20) to the nearest fitted one each, in usual distances between parts."""
    _, distances = nearest(atlas.projection.position, position, 1)
    return distances[:, 0] / np.float32(atlas.spacing["position"])


def probability_at(atlas: Atlas, position: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability (m, k) of each label at positions (m, 20): that of the nearest training images, weighted; at an image
    its own. Each is judged out of fold: by a classifier that has not seen the image's group.
    """
    rows, distances = nearest(atlas.projection.position, position, 9)
    known = atlas.probability[np.flatnonzero(atlas.fitted)[rows]]
    return np.asarray(np.einsum("mk,mkc->mc", shepard_weights(distances), known), dtype=np.float32)


def labels_at(atlas: Atlas, position: NDArray[np.float32], allowed: Sequence[str]) -> list[str]:
    """The most probable of the allowed labels at positions (m, 20). InvalidInput if the map knows none of them."""
    columns = [index for index, label in enumerate(atlas.labels) if label in allowed]
    if not columns:
        raise InvalidInput(
            f"the map knows {', '.join(atlas.labels)}, the generator {', '.join(allowed)}: train it again"
        )
    return [atlas.labels[columns[best]] for best in probability_at(atlas, position)[:, columns].argmax(axis=1)]


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
    place, empty = _located(asked, places_of(generator, mapped), store)
    return place, (notice("no_image_near", times=round(empty)),) if empty > EMPTY else ()


def places_along(
    path: tuple[float, float, float, float], count: int, mapped: MappedEncoder
) -> tuple[list[Place], tuple[Notice, ...]]:
    """`count` places at equal steps from (x0, y0) to (x1, y1) of the view, both ends among them; and a warning where
    no real data is near.

    The way is straight between the positions under its ends: 20-D has no other meaning of "between" that a reader
    could check.
    """
    ends_xy = np.asarray(path, dtype=np.float32).reshape(2, 2)
    shares = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    ends = (*mapped.atlas.projection.at(ends_xy), ends_xy)
    position, aim, xy = (start + shares * (end - start) for start, end in ends)
    empty = emptiness(mapped.atlas, position)
    # The position under a click is that of data near it, however far the click is from any.
    for step, end in ((0, ends_xy[0]), (-1, ends_xy[1])):
        empty[step] = max(empty[step], mapped.emptiness_in_view(end))
    far = empty[empty > EMPTY]
    told = (notice("path_empty", empty=len(far), count=count, times=round(float(far.max()))),) if len(far) else ()
    return [Place(*step) for step in zip(position, aim, xy, strict=True)], told


def places_of(generator: Generator, mapped: MappedEncoder | None) -> MappedEncoder:
    """The map, where this generator can be asked for places of it.

    InvalidInput if it cannot use a place or was trained on another map; NotReady without a map.
    """
    if not generator.uses_position:
        raise InvalidInput(
            f"generator {generator.record.id} was trained on labels only and cannot aim at a place: "
            "leave the place out, or train one with condition label+position"
        )
    if mapped is None:
        raise NotReady("this workspace has no map: build it first (embed)")
    generator.check_map(mapped.atlas)
    return mapped


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
    projection = mapped.atlas.projection
    if asked.image_id is not None:
        return mapped.place_of(store.images.get(asked.image_id)), 0.0
    if asked.xy is not None:
        xy = np.asarray(asked.xy, dtype=np.float32)
        position, aim = (values[0] for values in projection.at(xy[None]))
        return Place(position, aim, xy), mapped.emptiness_in_view(xy)
    if asked.between is not None:
        first, second, share = asked.between
        here, there = (mapped.place_of(store.images.get(image_id)) for image_id in (first, second))
        place = _between(here, there, np.float32(share))
        return place, mapped.emptiness(np.asarray(place.position))
    position = np.asarray(asked.position, dtype=np.float32)
    width = mapped.atlas.position.shape[1]
    if position.shape != (width,):
        raise InvalidInput(f"position of {len(position)} numbers: this map has positions of {width}")
    xy, aim = (values[0] for values in projection.near(position[None]))
    return Place(position, aim, xy), mapped.emptiness(position)


def _between(here: Place, there: Place, share: np.float32) -> Place:
    """On the straight way from one image's place to another's; the parents are both, or the one it is."""
    ways = ((here.position, there.position), (here.aim, there.aim), (here.xy, there.xy))
    position, aim, xy = (
        None if start is None or end is None else np.asarray(start + share * (end - start), dtype=np.float32)
        for start, end in ways
    )
    parents = here.parents if here.parents == there.parents else (*here.parents, *there.parents)
    return Place(position, aim, xy, parents)
