"""Between pictures and scaled latents, a few at a time, through any AutoencoderKL."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from augment.images import to_float
from augment.training.precision import choose_precision

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

__all__ = ["encode", "shrink_mask"]

_BATCH = 8


@torch.no_grad()
def encode(autoencoder: "AutoencoderKL", pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Pictures (n, H, W, 3) uint8 -> scaled latents (n, c, h, w) float16, means of the posterior."""
    precision = choose_precision()
    autoencoder = precision.place(autoencoder).eval()
    latents = []
    for start in range(0, len(pixels), _BATCH):
        batch = precision.arrange(torch.from_numpy(to_float(pixels[start : start + _BATCH])))
        with precision.autocast():
            mean = autoencoder.encode(batch).latent_dist.mean
        latents.append((mean.float() * autoencoder.config.scaling_factor).cpu().numpy().astype(np.float16))
    return np.concatenate(latents)


def shrink_mask(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Masks (n, H, W) on the latent grid (n, H / factor, W / factor): True wherever any pixel is."""
    n, height, width = mask.shape
    cells = mask.reshape(n, height // factor, factor, width // factor, factor)
    return np.asarray(cells.any(axis=(2, 4)))
