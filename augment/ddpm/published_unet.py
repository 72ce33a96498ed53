"""The U-Net of the published work on partial noising and CutMix, to be compared with and to reproduce its figures.

Hirokawa 2024, report 1: few levels of two convolutions each, GELU, BatchNorm or GroupNorm, and the time embedding added
before the first convolution of every level, through two layers of its own. It knows no noise levels.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from augment.ddpm.unet import Padding, UNetConfig

__all__ = ["PublishedUNet"]

_GROUP_CHANNELS = 8


class _Level(nn.Module):
    """Two convolutions, the first of which sees its input with the embedding added."""

    def __init__(self, width_in: int, width: int, config: UNetConfig) -> None:
        super().__init__()
        self.told = nn.Sequential(
            nn.Linear(config.embedding, config.embedding), nn.GELU(), nn.Linear(config.embedding, width_in)
        )
        layers: list[nn.Module] = []
        for entry in (width_in, width):
            layers += [nn.Conv2d(entry, width, 3, padding=1), _norm(width, config), nn.GELU()]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(N, width_in, H, W) and (N, embedding) -> (N, width, H, W)."""
        out: Tensor = self.body(x + self.told(embedding)[:, :, None, None])
        return out


class PublishedUNet(nn.Module):
    """Down by max pooling, up by transposed convolutions, what the way down left laid beside."""

    def __init__(self, config: UNetConfig) -> None:
        """Random weights."""
        super().__init__()
        self.config = config
        widths = config.widths
        self.down = nn.ModuleList(_Level(entry, width, config) for entry, width in pairwise((config.channels, *widths)))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(wide, width, 2, 2) for width, wide in pairwise(widths))
        self.up = nn.ModuleList(_Level(2 * width, width, config) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], config.channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(N, channels, H, W) and (N, embedding) -> (N, channels, H, W). Any H and W: padded, then cropped."""
        padding = Padding(x, 2 ** (len(self.config.widths) - 1))
        x = padding.lay(x)
        kept: list[Tensor] = []
        for number, level in enumerate(self.down):
            x = level(nn.functional.max_pool2d(x, 2) if number else x, embedding)
            kept.append(x)
        for level, rise in zip(reversed(self.up), reversed(self.rise), strict=True):
            x = level(torch.cat([rise(x), kept[len(kept) - 2]], dim=1), embedding)
            kept.pop()
        return padding.take(self.head(x))


def _norm(width: int, config: UNetConfig) -> nn.Module:
    return (
        nn.BatchNorm2d(width) if config.design == "published_batch" else nn.GroupNorm(width // _GROUP_CHANNELS, width)
    )
