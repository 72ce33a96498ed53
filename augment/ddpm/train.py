"""Training of the position-conditioned denoiser on images cut by the view. It knows no workspace and prints nothing."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.ddpm.condition import Condition, ConditionConfig, ConditionKind, Whitening, drop, jitter, turn_images
from augment.ddpm.denoiser import Denoiser, DenoiserConfig
from augment.ddpm.pace import class_chances, image_and_condition
from augment.ddpm.sampling import sample
from augment.ddpm.schedule import NoiseConfig, training_sigmas
from augment.ddpm.settings import DenoiserTraining, SamplerConfig
from augment.ddpm.unet import UNetConfig
from augment.errors import InvalidInput
from augment.images import to_float, to_uint8
from augment.training.averages import settle_norms
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision, choose_precision
from augment.training.randomness import seed_everything

__all__ = ["DenoiserTraining", "TrainingImages", "build_denoiser", "train_denoiser"]


@dataclass(frozen=True)
class TrainingImages:
    """Images of one split, cut by the view.

    pixels: (n, side, side, C) uint8. label: (n,) int64 in 0..labels-1. position: (n, 20) float32, or None.
    neighbour_distance: (n,) float32, the usual distance of the class to the nearest neighbour, in position units.
    aim: (n, c) float32, what the encoder sees, finer than the position, or None; aim_distance: (n,) as above.
    """

    pixels: NDArray[np.uint8]
    label: NDArray[np.int64]
    position: NDArray[np.float32] | None
    neighbour_distance: NDArray[np.float32] | None = None
    aim: NDArray[np.float32] | None = None
    aim_distance: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """InvalidInput if shapes disagree, nothing is there or a position is not finite."""
        count = len(self.pixels)
        if self.pixels.ndim != 4 or self.pixels.shape[1] != self.pixels.shape[2] or self.pixels.dtype != np.uint8:
            raise InvalidInput(f"images {self.pixels.shape} {self.pixels.dtype}: need (n, side, side, channels) uint8")
        if len(self.label) != count or (self.position is not None and len(self.position) != count):
            raise InvalidInput(f"{count} images, {len(self.label)} labels: need one label and position for each image")
        if self.position is not None and not np.isfinite(self.position).all():
            raise InvalidInput("some positions are not finite numbers: build the map again (embed)")

    def __len__(self) -> int:
        """n."""
        return len(self.pixels)

    def clean(self, rows: Tensor) -> Tensor:
        """(N, C, side, side) float32 in [-1, 1] of some rows."""
        return torch.from_numpy(to_float(self.pixels[rows.numpy()]))

    def condition(self, rows: Tensor) -> Condition:
        """Labels, positions and aims of some rows."""
        label, position, aim = (
            None if values is None else torch.from_numpy(values[rows.numpy()])
            for values in (self.label, self.position, self.aim)
        )
        assert label is not None
        return Condition.of(label, position, aim=aim)

    def jittered(self, rows: Tensor, share: float, generator: torch.Generator) -> Condition:
        """The same, moved by `share` of the usual distances to neighbours, where those are known."""
        condition = self.condition(rows)
        if self.neighbour_distance is not None and self.position is not None and share > 0:
            distance = torch.from_numpy(self.neighbour_distance[rows.numpy()]) * share
            condition = replace(condition, position=jitter(condition.position, distance, generator))
        if self.aim_distance is not None and self.aim is not None and share > 0:
            distance = torch.from_numpy(self.aim_distance[rows.numpy()]) * share
            condition = replace(condition, aim=jitter(condition.aim, distance, generator))
        return condition


def build_denoiser(
    data: TrainingImages, labels: int, kind: ConditionKind, training: DenoiserTraining, *, fourier: int = 0
) -> Denoiser:
    """A network with random weights (from the training's seed) and the mean, spread and whitening of `data`.

    InvalidInput if positions are needed and missing, or if all images are one constant.
    """
    if kind != "label" and data.position is None:
        raise InvalidInput(
            f"condition {kind} needs positions: build the map first (embed), or train with condition label"
        )
    seed_everything(training.seed)
    values = data.pixels.astype(np.float32) / 127.5 - 1.0
    sigma_data = float(values.std())
    if sigma_data < 1e-3:
        raise InvalidInput(f"{len(data)} images are all of one constant grey: there is nothing to learn")
    side, channels, published = data.pixels.shape[1], data.pixels.shape[3], training.network != "kizu"
    config = DenoiserConfig(
        side_px=side,
        data_mean=0.0 if published else float(values.mean()),
        sigma_data=sigma_data,
        unet=UNetConfig.published(side, channels, training.width, training.network)
        if published
        else UNetConfig.for_side(side, channels, training.width),
        condition=ConditionConfig(
            labels=labels,
            kind=kind,
            components=0 if kind == "label" or data.aim is None else data.aim.shape[1],
            fourier=fourier,
            turns=training.turns != "none",
        ),
        noise=NoiseConfig.published() if published else NoiseConfig.for_data(sigma_data),
    )
    label = torch.from_numpy(data.label)
    whitening, aim = (
        None if kind == "label" or values is None else Whitening.fit(torch.from_numpy(values), label)
        for values in (data.position, data.aim)
    )
    return Denoiser(config, whitening, aim)


def train_denoiser(
    denoiser: Denoiser,
    data: TrainingImages,
    held_out: TrainingImages | None,
    training: DenoiserTraining,
    checkpoint: Path,
    report: Report,
    precision: Precision | None = None,
) -> tuple[Denoiser, dict[str, float]]:
    """Trains `denoiser` and returns the averaged network with its last metrics; see `train_network`."""
    task = _Positions(data, held_out, training, class_chances(data.label, training.balance))
    groups = partial(image_and_condition, training=training)
    precision = precision or choose_precision()
    trained, metrics = train_network(denoiser, task, training, checkpoint, report, precision, groups)
    task.settle(trained, precision)
    return trained, metrics


@dataclass(frozen=True)
class _Positions:
    """Images with their labels and positions, as a task. others: held out; chances: (n,) of drawing each image."""

    data: TrainingImages
    others: TrainingImages | None
    training: DenoiserTraining
    chances: Tensor

    def losses(self, network: Denoiser, draw: Draw) -> Tensor:
        """As `Task`."""
        rows = torch.multinomial(self.chances, draw.count, replacement=True, generator=draw.generator)
        clean, sigma, noise, condition = _noised(self.data, rows, network.config, self.training, draw.generator)
        return _losses(network, clean, sigma, noise, condition, draw.precision)

    def previews(self, averaged: Denoiser, precision: Precision) -> NDArray[np.uint8]:
        """8 samples (8, side, side, C) uint8 at the places of 8 training images, classes in turn; always the same
        seeds."""
        self.settle(averaged, precision)
        data, config = self.data, averaged.config
        labels = np.unique(data.label)
        order = np.random.default_rng(self.training.seed).permutation(len(data))
        rows = []
        for index in range(8):
            members = [row for row in order if data.label[row] == labels[index % len(labels)]]
            rows.append(int(members[index // len(labels) % len(members)]))
        condition = data.condition(torch.tensor(rows)).to(precision.device)
        shape = (config.unet.channels, config.side_px, config.side_px)
        with precision.autocast():
            images = sample(averaged, condition, range(8), shape, SamplerConfig(), config.noise)
        return to_uint8(images.cpu().numpy())

    def settle(self, averaged: Denoiser, precision: Precision) -> None:
        """Gives batch normalisation, where the network has it, the statistics of its averaged weights."""
        draw = Draw(64, torch.Generator("cpu").manual_seed(2), precision, done=1.0)
        settle_norms(averaged, lambda: self.losses(averaged, draw))

    @torch.no_grad()
    def held_out(self, averaged: Denoiser, precision: Precision) -> dict[str, float]:
        """Mean loss of the averaged network on up to 64 held-out images, always with the same noise."""
        held_out = self.others
        if held_out is None or not len(held_out):
            return {}
        generator = torch.Generator("cpu").manual_seed(1)
        order = torch.randperm(len(held_out), generator=generator)[:64]
        losses = []
        for rows in torch.split(order, 16):
            clean = held_out.clean(rows)
            sigma = training_sigmas(len(rows), averaged.config.noise, generator)
            noise = torch.randn(clean.shape, generator=generator)
            losses.append(_losses(averaged, clean, sigma, noise, held_out.condition(rows), precision))
        return {"held_out_loss": float(torch.cat(losses).mean())}


def _losses(
    network: Denoiser, clean: Tensor, sigma: Tensor, noise: Tensor, condition: Condition, precision: Precision
) -> Tensor:
    device = precision.device
    with precision.autocast():
        return network.loss(precision.arrange(clean), sigma.to(device), precision.arrange(noise), condition.to(device))


def _noised(
    data: TrainingImages, rows: Tensor, config: DenoiserConfig, training: DenoiserTraining, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Condition]:
    """Clean images, noise levels, noise and conditions of some rows; all chance comes from `generator`."""
    clean = data.clean(rows)
    condition = data.jittered(rows, training.jitter, generator)
    if training.turns != "none":
        turn = torch.randint(0, 8 if training.turns == "all" else 4, (len(rows),), generator=generator)
        clean, condition = turn_images(clean, turn), condition.turned(turn)
    condition = drop(condition, training.drop_label, training.drop_position, training.drop_both, generator)
    sigma = training_sigmas(len(rows), config.noise, generator)
    return clean, sigma, torch.randn(clean.shape, generator=generator), condition
