"""Training of the re-drawing model on crops around real masks. It knows no workspace and prints nothing.

A user draws a mask loosely, so real masks are widened at random: grown by up to a twelfth of the patch with a wobbling
edge, or to the box or ellipse around. Good images are drawn under masks of defects, turned, as the class they are, so
that a good part can be re-drawn as good.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from augment.ddpm.condition import Condition, ConditionConfig, drop, turn_images
from augment.ddpm.crops import DISTANCE_SCALE, Crops
from augment.ddpm.denoiser import DenoiserConfig
from augment.ddpm.pace import class_chances, image_and_condition
from augment.ddpm.redraw import Redrawer, redraw
from augment.ddpm.schedule import NoiseConfig, training_sigmas
from augment.ddpm.settings import NetworkTraining, SamplerConfig
from augment.ddpm.unet import UNetConfig
from augment.errors import InvalidInput
from augment.images import to_float
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision, choose_precision
from augment.training.randomness import seed_everything

__all__ = ["build_redrawer", "train_redrawer", "widened"]


def build_redrawer(data: Crops, labels: int, training: NetworkTraining) -> Redrawer:
    """A network with random weights (from the training's seed) and the mean and spread of `data`.

    InvalidInput if all crops are one constant.
    """
    seed_everything(training.seed)
    values = data.pixels.astype(np.float32) / 127.5 - 1.0
    sigma_data = float(values.std())
    if sigma_data < 1e-3:
        raise InvalidInput(f"{len(data)} crops are all of one constant grey: there is nothing to learn")
    side, channels = data.pixels.shape[1], data.pixels.shape[3]
    shape = UNetConfig.for_side(side, channels, training.width)
    config = DenoiserConfig(
        side_px=side,
        data_mean=float(values.mean()),
        sigma_data=sigma_data,
        unet=UNetConfig(
            channels=channels, beside=channels + 1, widths=shape.widths, blocks=shape.blocks, embedding=shape.embedding
        ),
        condition=ConditionConfig(labels=labels, kind="label", turns=training.turns != "none"),
        noise=NoiseConfig.for_data(sigma_data),
    )
    return Redrawer(config)


def train_redrawer(
    model: Redrawer,
    data: Crops,
    held_out: Crops | None,
    training: NetworkTraining,
    checkpoint: Path,
    report: Report,
    precision: Precision | None = None,
) -> tuple[Redrawer, dict[str, float]]:
    """Trains `model` and returns the averaged network with its last metrics; see `train_network`.

    InvalidInput if no crop of `data` has a mask.
    """
    if not data.masked.any():
        raise InvalidInput("no crop has a mask: there is nothing to draw into")
    task = _Masks(data, held_out, training, class_chances(data.label, training.balance))
    groups = partial(image_and_condition, training=training)
    return train_network(model, task, training, checkpoint, report, precision or choose_precision(), groups)


@dataclass(frozen=True)
class _Masks:
    """Crops with their masks, as a task. others: held out; chances: (n,) of drawing each crop."""

    data: Crops
    others: Crops | None
    training: NetworkTraining
    chances: Tensor

    def losses(self, network: Redrawer, draw: Draw) -> Tensor:
        """As `Task`."""
        generator = draw.generator
        rows = torch.multinomial(self.chances, draw.count, replacement=True, generator=generator)
        clean, distance, condition = _drawn(self.data, rows, self.training.turns, generator)
        condition = drop(condition, self.training.drop_label, 0.0, 0.0, generator)
        return _losses(network, clean, widened(distance, generator), condition, draw.precision, generator)

    def previews(self, averaged: Redrawer, precision: Precision) -> NDArray[np.uint8]:
        """(8, 2 or 3 sides, side, C) uint8: above, real defects, classes in turn; below, the same place drawn again;
        and, where there are good images, one of them with that defect drawn under the same mask."""
        data, rng = self.data, np.random.default_rng(self.training.seed)
        masked = data.masked
        order = rng.permutation(len(data))
        labels = np.unique(data.label[masked])
        good = [row for row in order if not masked[row]]
        columns = []
        for index in range(8):
            members = [row for row in order if masked[row] and data.label[row] == labels[index % len(labels)]]
            row = int(members[index // len(labels) % len(members)])
            mask = data.distance[row] <= 2 * DISTANCE_SCALE
            column = [data.pixels[row]]
            for place in [row, *good[index : index + 1]]:
                answer = redraw(
                    averaged,
                    precision,
                    data.pixels[place],
                    mask,
                    int(data.label[row]),
                    [index],
                    SamplerConfig(micro_batch=1),
                )
                column.append(np.rint(answer[0]).astype(np.uint8))
            columns.append(np.concatenate(column))
        return np.stack(columns)

    @torch.no_grad()
    def held_out(self, averaged: Redrawer, precision: Precision) -> dict[str, float]:
        """Mean loss of the averaged network on up to 128 held-out crops, masks and noise always the same."""
        held_out = self.others
        if held_out is None or not held_out.masked.any():
            return {}
        generator = torch.Generator("cpu").manual_seed(1)
        order = torch.randperm(len(held_out), generator=generator)[:128]
        losses = []
        for rows in torch.split(order, 16):
            clean, distance, condition = _drawn(held_out, rows, "none", generator)
            losses.append(_losses(averaged, clean, widened(distance, generator), condition, precision, generator))
        return {"held_out_loss": float(torch.cat(losses).mean())}


def _drawn(data: Crops, rows: Tensor, turns: str, generator: torch.Generator) -> tuple[Tensor, Tensor, Condition]:
    """Clean crops (N, C, S, S), distances (N, 1, S, S) float32 in px, and conditions.

    Crops without a mask borrow a turned one.
    """
    clean = torch.from_numpy(to_float(data.pixels[rows.numpy()]))
    masked = data.masked
    lenders = torch.from_numpy(np.flatnonzero(masked))
    lent = lenders[torch.randint(len(lenders), (len(rows),), generator=generator)]
    own = torch.from_numpy(masked)[rows]
    distance = torch.from_numpy(data.distance[torch.where(own, rows, lent).numpy()])[:, None].float() / DISTANCE_SCALE
    twist = torch.where(own, 0, torch.randint(0, 8, (len(rows),), generator=generator))
    distance = turn_images(distance, twist)
    condition = Condition.of(torch.from_numpy(data.label)[rows])
    if turns != "none":
        turn = torch.randint(0, 8 if turns == "all" else 4, (len(rows),), generator=generator)
        clean, distance, condition = turn_images(clean, turn), turn_images(distance, turn), condition.turned(turn)
    return clean, distance, condition


def _losses(
    network: Redrawer,
    clean: Tensor,
    mask: Tensor,
    condition: Condition,
    precision: Precision,
    generator: torch.Generator,
) -> Tensor:
    sigma = training_sigmas(len(clean), network.config.noise, generator)
    noise = torch.randn(clean.shape, generator=generator)
    device = precision.device
    with precision.autocast():
        return network.loss(
            precision.arrange(clean),
            mask.to(device),
            sigma.to(device),
            precision.arrange(noise),
            condition.to(device),
        )


def widened(distance: Tensor, generator: torch.Generator) -> Tensor:
    """Masks (N, 1, S, S) float32 of 0 and 1 that hold all of a real one and more, from its distances in px.

    Grown by 1 px to a twelfth of the side or 3 px, each length as likely as its double, with an edge that wobbles by
    half of it; one in 16 is the box around a mask so grown, one in 16 the ellipse around it. A defect has to stay a
    good part of what is drawn: grown by up to a sixth, 16,000 images of magnetic tiles left most cracks faint.
    """
    count, _, side, _ = distance.shape
    longest = torch.tensor(max(3.0, side / 12)).log()
    reach = (torch.rand(count, 1, 1, 1, generator=generator) * longest).exp()
    coarse = torch.randn(count, 1, 5, 5, generator=generator)
    wobble = functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=True).clamp(-1, 1)
    mask = distance <= reach * (1 + 0.5 * wobble)
    kind = torch.rand(count, 1, 1, 1, generator=generator)
    box, ellipse = _around(distance <= reach)
    mask = torch.where(kind < 1 / 16, box, torch.where(kind < 1 / 8, ellipse | (distance == 0), mask))
    return mask.float()


def _around(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The box around each mask (N, 1, S, S) bool, and the ellipse around that box."""
    side = mask.shape[2]
    place = torch.arange(side, dtype=torch.float32)
    spans = []
    for across in (3, 2):
        held = mask.any(dim=across)[:, 0]
        low = torch.where(held, place, side).amin(dim=1)
        high = torch.where(held, place, -1.0).amax(dim=1)
        centre, half = (low + high)[:, None] / 2, (high - low)[:, None] / 2 + 0.5
        spans.append((place - centre) / half)
    down, right = spans[0][:, None, :, None], spans[1][:, None, None, :]
    return (down.abs() < 1) & (right.abs() < 1), down.square() + right.square() < 2
