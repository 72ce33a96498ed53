"""LPIPS, the learned distance between two pictures, where its weights are on this machine. Nothing is downloaded here.

It knows arrays and where torch keeps what it has downloaded; no store.
"""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from augment.judge.sample_report import LPIPS_FILE

__all__ = ["has_lpips", "lpips_between"]

_SIDE_PX = 64  # of the patches that LPIPS was fitted on
_BATCH = 64


def has_lpips() -> bool:
    """Whether it can be had without a download: torchmetrics, which brings the linear layers, and AlexNet's file."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / LPIPS_FILE
    return importlib.util.find_spec("torchmetrics") is not None and file.is_file()


def lpips_between(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """LPIPS (n, n) between all pairs of images (n, side, side, 1 or 3). Zhang et al. 2018, equation 1.

    Each image goes through the network once: the distance is the squared one between its activations, brought to
    length 1 at each place and weighted by channel. Only where `has_lpips`.
    """
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    net = LearnedPerceptualImagePatchSimilarity(net_type="alex").net
    points = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            pixels = torch.from_numpy(np.ascontiguousarray(images[start : start + _BATCH])).permute(0, 3, 1, 2)
            shown = torch.nn.functional.interpolate(
                pixels.expand(-1, 3, -1, -1) / 127.5 - 1, size=_SIDE_PX, mode="bilinear", antialias=True
            )
            parts = []
            for seen, linear in zip(net.net(net.scaling_layer(shown)), net.lins, strict=True):
                direction = seen / (seen.square().sum(dim=1, keepdim=True) + 1e-8).sqrt()
                weight = linear.model[-1].weight / (seen.shape[2] * seen.shape[3])
                parts.append((direction * weight.sqrt()).flatten(1))
            points.append(torch.cat(parts, dim=1))
        every = torch.cat(points)
        return np.asarray(torch.cdist(every, every).square().numpy(), dtype=np.float32)
