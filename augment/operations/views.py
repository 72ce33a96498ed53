"""The workspace's view: the one stored, or a suggestion from its training split; and images cut by it.

Knows the store and the views; no torch. Nothing here writes: whoever holds the workspace stores the setting.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotReady, UnreadableImage
from augment.images import Decoded, decode, decode_mask, is_grey
from augment.store import ImageRecord, Store
from augment.views import Enlarged, View, mask_side

__all__ = [
    "VIEW_SETTING",
    "current_view",
    "enlarged_by",
    "is_view_used",
    "load_cut",
    "load_mask",
    "load_pixels",
    "sized_as",
    "suggest_view",
]

VIEW_SETTING = "view"

_MOST_MASKS = 160
_MOST_COLOURS = 32
_MARGIN = 1.5


def current_view(store: Store) -> View:
    """The view in the workspace's settings, or `suggest_view`. Raises NotReady in a workspace without images."""
    stored = store.settings.get(VIEW_SETTING)
    return View.from_json(stored) if stored else suggest_view(store)


def suggest_view(store: Store) -> View:
    """A view that suits the training split: around the masks if there are any, grey if no picture carries colour.

    Opens at most 160 masks and 32 pictures, spread evenly over the split; the same images give the same view.
    Raises NotReady in a workspace without images.
    """
    images = store.images.list(split="train") or store.images.list()
    if not images:
        raise NotReady("no images to suggest a view for: import some first")
    masked = [image for image in images if image.mask_sha256 is not None]
    sides = _native_sides(store, _some_of_each_label(masked), _MARGIN)
    grey = all(is_grey(load_pixels(store, image)) for image in _spread(images, _MOST_COLOURS))
    sizes = [(image.width_px, image.height_px) for image in images]
    return View.fit(sizes, grey=grey, mask_sides_px=sides, margin=_MARGIN)


def sized_as(label: str, view: View, store: Store) -> View:
    """The view that cuts images without a mask as large as those of one class, in the training split, around theirs.

    The same view where that class has no masks.
    """
    sides = _native_sides(store, store.images.list(split="train", label=label), view.margin)
    return replace(view, mask_sides_px=tuple(sides)) if sides else view


def is_view_used(store: Store) -> bool:
    """Whether a map or a model was made of the view: then another one needs another workspace."""
    return store.projections.latest() is not None or bool(store.models.list())


def enlarged_by(view: View, store: Store) -> Enlarged | None:
    """What a view enlarges among the workspace's images; None where all have the pixels for their cut."""
    return view.enlarged(store.images.sizes())


def load_pixels(store: Store, image: ImageRecord) -> NDArray[np.uint8]:
    """uint8 (height_px, width_px, 1 or 3) of a stored image, upright. Raises NotFound or UnreadableImage."""
    return _decoded(store, image).pixels


def load_mask(store: Store, image: ImageRecord) -> NDArray[np.bool_] | None:
    """bool (height_px, width_px) of a stored image's mask, or None if it has none."""
    if image.mask_sha256 is None:
        return None
    try:
        return decode_mask(store.files.read(image.mask_sha256), (image.width_px, image.height_px))
    except InvalidInput as error:
        raise UnreadableImage(f"mask of image {image.id} ({image.name}): {error}") from error


def load_cut(store: Store, image: ImageRecord, view: View) -> NDArray[np.uint8]:
    """uint8 (side_px, side_px, channels): a stored image as the workspace's networks see it."""
    mask = load_mask(store, image) if view.kind == "mask" else None
    return view.cut(load_pixels(store, image), mask, image.sha256)


def _decoded(store: Store, image: ImageRecord) -> Decoded:
    try:
        return decode(store.files.read(image.sha256))
    except UnreadableImage as error:
        raise UnreadableImage(f"image {image.id} ({image.name}): {error}") from error


def _native_sides(store: Store, images: Iterable[ImageRecord], margin: float) -> list[int]:
    masks = (load_mask(store, image) for image in images)
    return [side for mask in masks if mask is not None and (side := mask_side(mask, margin)) is not None]


def _some_of_each_label(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """At most _MOST_MASKS images, equally many of each label, since good parts often carry empty masks."""
    by_label: dict[str, list[ImageRecord]] = {}
    for image in images:
        by_label.setdefault(image.label, []).append(image)
    share = max(1, _MOST_MASKS // max(1, len(by_label)))
    return [image for label in sorted(by_label) for image in _spread(by_label[label], share)]


def _spread(images: Sequence[ImageRecord], count: int) -> list[ImageRecord]:
    if len(images) <= count:
        return list(images)
    return [images[i] for i in np.linspace(0, len(images) - 1, count).round().astype(int)]
