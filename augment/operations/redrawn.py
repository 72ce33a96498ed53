"""What a re-drawn sample looks like beside its photograph: the crop before and after, the difference, the three masks.

Reads what `redraw` stored and computes nothing anew. No torch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import NotFound
from augment.images import Native, decode_mask, decode_native
from augment.masked import Box
from augment.store import SampleRecord, Store

__all__ = ["METHODS", "Redrawn", "last_drawn", "look_at"]

METHODS = ("inpaint", "redraw", "image-to-image")
"""How samples say that `redraw` made them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Redrawn:
    """A crop of a photograph and of the sample made from it, both (h, w, C) float32 in levels of [0, 255] as shown.

    drawn, support, changed: (h, w) bool, as in `augment.masked`. outside_px: pixels of the whole photograph that differ
    outside the support; 0, or the sample would not have been stored.
    """

    box: Box
    original: Native
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    drawn: NDArray[np.bool_]
    support: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    outside_px: int

    @property
    def difference(self) -> NDArray[np.float32]:
        """(h, w) float32: how far the sample lies from the photograph, the largest of the channels, in levels."""
        return np.asarray(np.abs(self.after - self.before).max(axis=2))

    @property
    def overlap(self) -> float:
        """Intersection over union of what was drawn on and what changed, in [0, 1]."""
        return float((self.drawn & self.changed).sum() / max(int((self.drawn | self.changed).sum()), 1))


def look_at(store: Store, sample: SampleRecord) -> Redrawn:
    """Both pictures and the masks of a sample.

    NotFound for a sample that `redraw` did not make, or whose photograph or masks are gone.
    """
    recipe = sample.recipe
    image = store.images.by_sha256(sample.parents[0]) if sample.parents else None
    if sample.method not in METHODS or image is None or sample.mask_sha256 is None:
        raise NotFound(
            f"sample {sample.id} was not drawn on a photograph of this workspace: choose one made on Inpaint"
        )
    original, result = (decode_native(store.files.path(sha256)) for sha256 in (image.sha256, sample.sha256))
    size = (image.width_px, image.height_px)
    drawn, support, changed = (
        decode_mask(store.files.path(sha256), size)
        for sha256 in (recipe["drawn_sha256"], recipe["support_sha256"], sample.mask_sha256)
    )
    differs = (original.values != result.values).any(axis=2)
    box = Box(*recipe["box"])
    part = box.slices
    return Redrawn(
        box=box,
        original=original,
        before=original.levels(part),
        after=original.levels_of(result.values[part]),
        drawn=drawn[part],
        support=support[part],
        changed=changed[part],
        outside_px=int((differs & ~support).sum()),
    )


def last_drawn(store: Store, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (height, width) drawn for the newest re-drawn sample, scaled to a picture of size (width, height).

    NotFound where there is none.
    """
    rows = [row for method in METHODS for row in store.samples.rows(method=method, descending=True, limit=1)]
    if not rows:
        raise NotFound("no sample has been drawn on a photograph yet: draw a mask, then generate")
    sample = store.samples.get(max(row.id for row in rows))
    image = store.images.by_sha256(sample.parents[0])
    if image is None:
        raise NotFound(f"the photograph of sample {sample.id} is no longer in this workspace: draw a mask")
    mask = decode_mask(store.files.path(sample.recipe["drawn_sha256"]), (image.width_px, image.height_px))
    down = (np.arange(size[1]) * mask.shape[0]) // size[1]
    across = (np.arange(size[0]) * mask.shape[1]) // size[0]
    return np.asarray(mask[np.ix_(down, across)])
