"""The networks of factors: an encoder to independent normals, a decoder, and a discriminator told what it looks at.

Images are (N, C, S, S) float32 in [0, 1]. The convolutions are those that beta-VAEs of 64 x 64 images are compared with
(Burgess et al. 2018, section 3), as the source does not give its own. Knows no training.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from augment.vaegan.settings import FactorShape

__all__ = ["Decoder", "Discriminator", "Encoder", "Factors", "Student"]

_HIDDEN = 256


def _ladder(shape: FactorShape) -> list[int]:
    """Channels from the image to the coarsest layer, a sixteenth as wide."""
    return [shape.channels, shape.width, shape.width, 2 * shape.width, 2 * shape.width]


class Encoder(nn.Module):
    """q(z|x): an independent normal for each dimension."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        ladder = _ladder(shape)
        layers: list[nn.Module] = []
        for wide, narrow in pairwise(ladder):
            layers += [nn.Conv2d(wide, narrow, 4, 2, 1), nn.ReLU()]
        places = (shape.side_px // 16) ** 2
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(ladder[-1] * places, _HIDDEN), nn.ReLU())
        self.mean = nn.Linear(_HIDDEN, shape.dimensions)
        self.logvar = nn.Linear(_HIDDEN, shape.dimensions)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each (N, dimensions) float32."""
        hidden = self.body(x)
        # Variances of e^-12 and less are the same to every loss and overflow none.
        return self.mean(hidden).float(), self.logvar(hidden).float().clamp(-12.0, 6.0)


class Decoder(nn.Module):
    """G(z): the image of latents (N, dimensions)."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        ladder = _ladder(shape)[::-1]
        self.coarse = (ladder[0], shape.side_px // 16, shape.side_px // 16)
        size = self.coarse[0] * self.coarse[1] * self.coarse[2]
        self.start = nn.Sequential(nn.Linear(shape.dimensions, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, size), nn.ReLU())
        layers: list[nn.Module] = []
        for wide, narrow in pairwise(ladder):
            layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])

    def logits(self, z: Tensor) -> Tensor:
        """The image (N, C, S, S) before the sigmoid, float32."""
        values: Tensor = self.body(self.start(z).reshape(len(z), *self.coarse))
        return values.float()

    def forward(self, z: Tensor) -> Tensor:
        """The image (N, C, S, S) float32 in [0, 1]."""
        return self.logits(z).sigmoid()


class Discriminator(nn.Module):
    """D(x, y): the logit that x is a real image of kind y, by projection (Miyato and Koyama 2018), and its features."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        ladder = _ladder(shape)
        layers: list[nn.Module] = []
        for wide, narrow in pairwise(ladder[:-1]):
            layers += [nn.Conv2d(wide, narrow, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.look = nn.Sequential(*layers)
        places = (shape.side_px // 16) ** 2
        self.judge = nn.Sequential(
            nn.Conv2d(ladder[-2], ladder[-1], 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(ladder[-1] * places, _HIDDEN),
            nn.LeakyReLU(0.2),
        )
        self.logit = nn.Linear(_HIDDEN, 1)
        self.kind = nn.Embedding(2, _HIDDEN)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """x: (N, C, S, S) in [0, 1]; y: (N,) int64 -> logits (N,) float32 and features (N, c, S / 8, S / 8)."""
        features = self.look(2 * x - 1)
        hidden = self.judge(features)
        logit = self.logit(hidden)[:, 0] + (hidden * self.kind(y)).sum(dim=1) / _HIDDEN**0.5
        return logit.float(), features.float()


class Factors(nn.Module):
    """Encoder and decoder of one shape: all that is kept of a teacher or a student."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)

    @torch.no_grad()
    def start_from(self, teacher: "Factors") -> None:
        """Takes over what a teacher knows; added dimensions begin as the prior, and as nothing to the decoder."""
        shared = teacher.shape.dimensions
        self.encoder.body.load_state_dict(teacher.encoder.body.state_dict())
        self.decoder.body.load_state_dict(teacher.decoder.body.state_dict())
        for own, other in ((self.encoder.mean, teacher.encoder.mean), (self.encoder.logvar, teacher.encoder.logvar)):
            own.weight.zero_()
            own.bias.zero_()
            own.weight[:shared], own.bias[:shared] = other.weight, other.bias
        start = teacher.decoder.start.state_dict()
        own_start = self.decoder.start.state_dict()
        widened = torch.zeros_like(own_start["0.weight"])
        widened[:, :shared] = start["0.weight"]
        self.decoder.start.load_state_dict({**start, "0.weight": widened})


class Student(Factors):
    """Factors with the discriminator that they learn beside."""

    def __init__(self, shape: FactorShape) -> None:
        """Random weights."""
        super().__init__(shape)
        self.discriminator = Discriminator(shape)
