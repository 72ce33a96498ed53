"""Images and samples as the workspace's networks see them: cut by its view, samples around what was drawn on.

No torch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from augment.images import decode, decode_mask
from augment.operations.context import Context
from augment.operations.views import load_cut
from augment.store import ImageRecord, SampleRecord, Store
from augment.views import View

__all__ = ["cut_sample", "image_cuts", "sample_cuts", "sample_mask"]


def sample_mask(store: Store, sample: SampleRecord, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """What changed on a sample of size (width, height); what was drawn where nothing did; None without a mask."""
    if sample.mask_sha256 is None:
        return None
    mask = decode_mask(store.files.path(sample.mask_sha256), size)
    drawn_sha256 = sample.recipe.get("drawn_sha256")
    if mask.any() or drawn_sha256 is None:
        return mask
    return decode_mask(store.files.path(drawn_sha256), size)


def cut_sample(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_] | None, sample: SampleRecord, view: View
) -> NDArray[np.uint8]:
    """(side, side, C) uint8 of a sample's pixels (H, W, C). What was made as a cut of the view is one already."""
    if pixels.shape[:2] == (view.side_px, view.side_px):
        mask = np.ones(pixels.shape[:2], dtype=np.bool_)
    return view.cut(pixels, mask, sample.sha256)


def image_cuts(images: Sequence[ImageRecord], view: View, context: Context) -> NDArray[np.uint8]:
    """(n, side, side, C) uint8; may raise Cancelled."""
    cuts = np.empty((len(images), view.side_px, view.side_px, view.channels), dtype=np.uint8)
    for row, image in enumerate(images):
        if row % 50 == 0:
            context.progress.check()
        cuts[row] = load_cut(context.store, image, view)
    return cuts


def sample_cuts(samples: Sequence[SampleRecord], view: View, context: Context) -> NDArray[np.uint8]:
    """(n, side, side, C) uint8; may raise Cancelled."""
    cuts = np.empty((len(samples), view.side_px, view.side_px, view.channels), dtype=np.uint8)
    for row, sample in enumerate(samples):
        if row % 50 == 0:
            context.progress.check()
        pixels = decode(context.store.files.path(sample.sha256)).pixels
        mask = sample_mask(context.store, sample, (pixels.shape[1], pixels.shape[0]))
        cuts[row] = cut_sample(pixels, mask, sample, view)
    return cuts
