"""How severe the defects of photographs are, measured within their masks. No torch."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from augment.operations.context import Context
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord

__all__ = ["SEVERITIES", "severities"]

SEVERITIES: Mapping[str, str] = {
    "size": "area of the mask in px of the photograph",
    "contrast": "mean difference within the mask from the ring around it, in grey levels of 256",
}
_LEAST_RING_PX = 3


def severities(images: Sequence[ImageRecord], context: Context) -> dict[str, NDArray[np.float64]]:
    """Of each image, (n,) by the names of SEVERITIES; NaN without a mask, or where nothing is left around it.

    May raise Cancelled.
    """
    found = {name: np.full(len(images), np.nan) for name in SEVERITIES}
    for row, image in enumerate(images):
        if row % 20 == 0:
            context.progress.check()
        mask = load_mask(context.store, image)
        if mask is not None and mask.any():
            found["size"][row] = mask.sum()
            found["contrast"][row] = contrast(load_pixels(context.store, image), mask)
    return found


def contrast(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Mean over the mask (H, W) of how far pixels (H, W, C) lie from the mean of the ring around it, 0 to 255.

    The ring is as wide as a third of the root of the mask's area, 3 px at least. NaN where the mask fills the picture.
    """
    from scipy import ndimage

    width = max(_LEAST_RING_PX, round(float(np.sqrt(mask.sum())) / 3))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    near = tuple(slice(max(0, own[0] - width), own[-1] + width + 1) for own in (rows, columns))
    own, grey = mask[near], pixels[near].mean(axis=2)
    ring = (ndimage.distance_transform_edt(~own) <= width) & ~own
    return float(np.abs(grey[own] - grey[ring].mean()).mean()) if ring.any() else float("nan")
