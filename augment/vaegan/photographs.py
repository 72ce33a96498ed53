"""Batches of photographs to learn factors from: new ones and known ones, mirrored and given each other's light.

Knows arrays; no workspace and no network.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Photographs"]

_BLACK = 0.05
"""Median brightness of an image, of 1, up to which its ground is black."""


class Photographs:
    """A `Source` of new images, y = 1, and known ones, y = 0."""

    def __init__(
        self, new: NDArray[np.uint8], known: NDArray[np.uint8], known_share: float, *, mirror: bool, relight: bool
    ) -> None:
        """new, known: (n, S, S, C) uint8; known may be empty, else it is known_share (0 to 1) of a batch.

        mirror: flip left to right at random. relight: give images the median brightness of one another; where new parts
        were photographed in other light than known ones, "new" would else mean that light as well.
        """
        self.images, self.known, self.known_share = np.concatenate([known, new]), len(known), known_share
        self.mirror, self.relight = mirror, relight
        self._lights = torch.from_numpy(np.median(self.images, axis=(1, 2, 3)) / 255).float()

    def __call__(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Source`."""
        old = round(self.known_share * count) if self.known else 0
        of_known = torch.randint(max(1, self.known), (old,), generator=generator)
        of_new = torch.randint(self.known, len(self.images), (count - old,), generator=generator)
        taken = torch.cat([of_known, of_new])
        x = torch.from_numpy(self.images[taken.numpy()]).permute(0, 3, 1, 2).float() / 255
        if self.mirror:
            flips = torch.rand(count, generator=generator) < 0.5
            x = torch.where(flips[:, None, None, None], x.flip(3), x)
        if self.relight:
            own = self._lights[taken]
            given = self._lights[torch.randint(len(self._lights), (count,), generator=generator)]
            # Black ground has no light to give or to take.
            gain = torch.where((own > _BLACK) & (given > _BLACK), given / own, torch.ones(count))
            x = (x * gain[:, None, None, None]).clamp(0, 1)
        return x, (torch.arange(count) >= old).long()
