"""How alike two pictures are to the eye. Knows arrays alone."""

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = ["structural_similarity"]

_WIDTH_PX = 1.5
_BRIGHTNESS, _CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def structural_similarity(a: NDArray[np.uint8], b: NDArray[np.uint8], where: NDArray[np.bool_] | None = None) -> float:
    """Mean SSIM of two pictures (H, W, C) uint8 of one size, in light: 1 for the same, near 0 for unrelated ones.

    Wang et al. 2004, equation 13, with its Gaussian window and constants. where: (H, W), the places that count; 1 if
    there is none. InvalidInput for different sizes.
    """
    from scipy import ndimage

    if a.shape != b.shape:
        raise InvalidInput(f"pictures {a.shape} and {b.shape}: both must have one size")
    x, y = (values.astype(np.float64).mean(axis=2) for values in (a, b))

    def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = ndimage.gaussian_filter(values, _WIDTH_PX, truncate=3.5)
        return blurred

    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    both = smooth(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _BRIGHTNESS) / (mean_x**2 + mean_y**2 + _BRIGHTNESS)
    structure = (2 * both + _CONTRAST) / (var_x + var_y + _CONTRAST)
    found = light * structure
    if where is None:
        return float(found.mean())
    return float(found[where].mean()) if where.any() else 1.0
