"""A DCGAN of labelled images: the generator that diffusion models were first compared with.

Radford et al. 2016: strided convolutions, batch normalisation, LeakyReLU. Told the label by an embedding that z is
multiplied with, and judged by projection (Miyato and Koyama 2018). Knows arrays; no workspace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from augment.baselines.settings import DcganShape, DcganTraining
from augment.errors import InvalidInput
from augment.images import to_float, to_uint8
from augment.training.averages import settle_norms
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision
from augment.training.randomness import seed_everything

__all__ = ["Dcgan", "draw_dcgan", "train_dcgan"]


class Dcgan(nn.Module):
    """A generator of images (N, C, S, S) in [-1, 1] and the discriminator that it learns against."""

    def __init__(self, shape: DcganShape) -> None:
        """Random weights, normal with a deviation of 0.02 as published."""
        super().__init__()
        self.shape = shape
        ladder = [shape.width * 2**level for level in reversed(range(shape.doublings))]
        self.label = nn.Embedding(shape.labels, shape.latents)
        rising: list[nn.Module] = [
            nn.ConvTranspose2d(shape.latents, ladder[0], shape.start_px, bias=False),
            *_normalised(ladder[0]),
        ]
        for wide, narrow in pairwise(ladder):
            rising += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), *_normalised(narrow)]
        self.generator = nn.Sequential(*rising, nn.ConvTranspose2d(ladder[-1], shape.channels, 4, 2, 1), nn.Tanh())
        self.discriminator = _Discriminator(shape, ladder[::-1])
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """z: (N, latents) standard normal; label: (N,) int64 -> (N, C, S, S) float32 in [-1, 1]."""
        # Beside z it would be a picture of its own for each label: z is unlearned within 300 steps, all samples alike.
        images: Tensor = self.generator((z * self.label(label))[:, :, None, None])
        return images.float()


def _normalised(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ReLU()]


class _Discriminator(nn.Module):
    def __init__(self, shape: DcganShape, ladder: list[int]) -> None:
        super().__init__()
        falling: list[nn.Module] = [nn.Conv2d(shape.channels, ladder[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for narrow, wide in pairwise(ladder):
            falling += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*falling, nn.Flatten())
        size = ladder[-1] * shape.start_px**2
        self.logit, self.label = nn.Linear(size, 1), nn.Embedding(shape.labels, size)
        nn.init.normal_(self.label.weight, 0.0, size**-0.5)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """x: (N, C, S, S) in [-1, 1] -> (N,) float32, the logit of being a real image of the label."""
        hidden = self.body(x)
        logit: Tensor = self.logit(hidden)[:, 0] + (hidden * self.label(label)).sum(dim=1)
        return logit.float()


def train_dcgan(
    pixels: NDArray[np.uint8],
    label: NDArray[np.int64],
    labels: int,
    training: DcganTraining,
    checkpoint: Path,
    report: Report,
    precision: Precision,
) -> tuple[Dcgan, dict[str, float]]:
    """The averaged network and its last metrics; see `train_network`. pixels: (n, S, S, C) uint8; label: (n,) int64.

    InvalidInput for fewer than two images.
    """
    if len(pixels) < 2:
        raise InvalidInput(f"{len(pixels)} images: a DCGAN learns from 2 or more, and well from thousands")
    seed_everything(training.seed)
    shape = DcganShape(side_px=pixels.shape[1], channels=pixels.shape[3], labels=labels, width=training.width)
    task = _Game(pixels, label, training)
    trained, metrics = train_network(Dcgan(shape), task, training, checkpoint, report, precision)
    _settle(trained, label, precision)
    return trained.eval(), metrics


@dataclass(frozen=True)
class _Game:
    """One step moves both: each is held still, by its detached weights, in the loss of the other."""

    pixels: NDArray[np.uint8]
    label: NDArray[np.int64]
    training: DcganTraining

    def losses(self, network: Dcgan, draw: Draw) -> Tensor:
        """As `Task`: the discriminator's loss, and the generator's that does not fade (Goodfellow et al. 2014)."""
        generator = draw.generator
        rows = torch.multinomial(self._chances(), draw.count, replacement=True, generator=generator).numpy()
        real = torch.from_numpy(to_float(self.pixels[rows]))
        if self.training.mirror:
            flips = torch.rand(draw.count, generator=generator) < 0.5
            real = torch.where(flips[:, None, None, None], real.flip(3), real)
        z = torch.randn(draw.count, network.shape.latents, generator=generator)
        device = draw.precision.device
        real, z = draw.precision.arrange(real), z.to(device)
        label = torch.from_numpy(self.label[rows]).to(device)
        judge = network.discriminator
        # Buffers of their own, or judging for the generator would count twice in the normalisation.
        still = {name: value.detach() for name, value in judge.named_parameters()}
        still |= {name: value.clone() for name, value in judge.named_buffers()}
        with draw.precision.autocast():
            fake = network(z, label)
            fooled = functional.softplus(-functional_call(judge, still, (fake, label)))
            seen = functional.softplus(-judge(real, label)) + functional.softplus(judge(fake.detach(), label))
        return fooled + seen

    def previews(self, averaged: Dcgan, precision: Precision) -> NDArray[np.uint8]:
        """(8, S, S, C): classes in turn, always the same z. The average learns its normalisation from itself first."""
        _settle(averaged, self.label, precision)
        present = np.unique(self.label)
        return draw_dcgan(averaged, precision, [int(present[n % len(present)]) for n in range(8)], range(8))

    def held_out(self, averaged: Dcgan, precision: Precision) -> Mapping[str, float]:
        """Nothing: a game has no loss to be compared."""
        return {}

    def _chances(self) -> Tensor:
        counts = np.bincount(self.label)
        return torch.from_numpy(1.0 / counts[self.label] ** self.training.balance)


def _settle(network: Dcgan, label: NDArray[np.int64], precision: Precision) -> None:
    generator = torch.Generator("cpu").manual_seed(0)

    def look() -> None:
        rows = torch.randint(len(label), (64,), generator=generator).numpy()
        z = torch.randn(64, network.shape.latents, generator=generator)
        with precision.autocast():
            network(z.to(precision.device), torch.from_numpy(label[rows]).to(precision.device))

    settle_norms(network.generator, look)


@torch.no_grad()
def draw_dcgan(network: Dcgan, precision: Precision, label: Sequence[int], seeds: Sequence[int]) -> NDArray[np.uint8]:
    """Images (n, S, S, C) uint8, one for each label and seed; each is computed by itself and depends on no other."""
    images = []
    for index, seed in zip(label, seeds, strict=True):
        z = torch.randn(1, network.shape.latents, generator=torch.Generator("cpu").manual_seed(int(seed)))
        with precision.autocast():
            images.append(network(z.to(precision.device), torch.tensor([index], device=precision.device)))
    return to_uint8(torch.cat(images).cpu().numpy())
