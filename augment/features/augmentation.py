"""Variants of training images for the built-in encoder: mirrored, shifted, scaled a little, brighter or darker. No
turning.

What is varied here is what the features are taught not to see, so it holds only what a camera does between two shots
of one part.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the field's own name for it
from numpy.typing import NDArray
from torch import Tensor

from augment.features.neighbours import nearest

__all__ = ["mirrors_that_look_real", "vary"]

_PROBED = 400  # images looked at; more change the decision rarely and cost time
_PROBE_SIDE = (
    16  # pixels a side, at which mirrored texture looks like texture but a mirrored letter does not look like a letter
)
_TOLERATED = 1.15


def mirrors_that_look_real(images: NDArray[np.uint8], seed: int = 0) -> tuple[bool, bool]:
    """Whether mirroring left-right, and up-down, gives images like the real ones.

    A mirrored image counts as real-looking when its nearest real image is about as near as the original's nearest
    other image is, compared by the median over up to 400 images at 16 x 16 px. Surfaces pass; digits and oriented
    products do not.

    Args:
        images: (n, side, side, channels) uint8. seed: chooses the images that are looked at.

    Returns:
        (left-right, up-down). With fewer than 8 images nothing can be told: both True, as usual for surfaces.
    """
    if len(images) < 8:
        return True, True
    chosen = np.sort(np.random.default_rng(seed).permutation(len(images))[:_PROBED])
    grey = torch.from_numpy(np.ascontiguousarray(images[chosen])).float().mean(dim=3)
    small = F.adaptive_avg_pool2d(grey[:, None], _PROBE_SIDE)[:, 0]
    real = small.flatten(1).numpy()
    own = float(np.median(nearest(real, real, 2)[1][:, 1]))
    found = []
    for axis in (2, 1):
        mirrored = small.flip(axis).flatten(1).numpy()
        rows, distances = nearest(real, mirrored, 2)
        # The original itself may be the nearest one to its mirror image; it is passed over, as it is for `own`.
        itself = rows[:, 0] == np.arange(len(real))
        other = float(np.median(np.where(itself, distances[:, 1], distances[:, 0])))
        found.append(other <= _TOLERATED * max(own, 1e-6))
    return found[0], found[1]


def vary(x: Tensor, flips: tuple[bool, bool], generator: torch.Generator) -> Tensor:
    """One random variant of each image: mirrored, shifted by up to 8 %, scaled by up to 15 %, contrast 0.7 to 1.4,
    brightness by up to 0.4 standard deviations, a little noise.

    Args:
        x: (N, C, H, W) float32, normalised to mean 0 and deviation 1, on the processor.
        flips: mirror left-right, up-down, each with probability one half.
        generator: of the processor; decides everything.

    Returns:
        (N, C, H, W) float32; edges are filled by reflection.
    """
    n = len(x)

    def between(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    scale = between(0.85, 1.15)
    matrix = torch.zeros(n, 2, 3)
    for axis, mirrored in enumerate(flips):
        sign = torch.where(between(0, 1) < 0.5, -1.0, 1.0)
        matrix[:, axis, axis] = scale * (sign if mirrored else torch.ones(n))
        matrix[:, axis, 2] = between(-0.16, 0.16)  # of half the side
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    contrast, brightness = between(0.7, 1.4).view(n, 1, 1, 1), between(-0.4, 0.4).view(n, 1, 1, 1)
    noise = torch.randn(moved.shape, generator=generator) * between(0.0, 0.1).view(n, 1, 1, 1)
    return moved * contrast + brightness + noise
