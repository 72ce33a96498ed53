"""Training of a teacher of factors, and of a student that learns new ones beside it. Knows arrays; no workspace.

Images come from a source that draws them, so that sprites are rendered while they are learned. One step moves encoder,
decoder and discriminator at once: each is held still, by its detached weights, in the losses of the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from augment.training.loop import Draw, Report, WeightGroup, train_network
from augment.training.precision import Precision
from augment.training.randomness import seed_everything
from augment.vaegan.losses import (
    discriminator_loss,
    feature_error,
    filtered,
    generator_loss,
    kl_between,
    kl_to_prior,
    pixel_error,
    sampled,
)
from augment.vaegan.model import Discriminator, Factors, Student
from augment.vaegan.settings import FactorShape, StudentTraining, TeacherTraining

__all__ = ["Look", "Source", "train_student", "train_teacher"]

_FIRST_LOOK = 512
"""Images from which a student takes its first guess at what is new."""

Look = Callable[[Factors], NDArray[np.uint8] | None]
"""Previews (n, H, W, C) uint8 of the averaged network, or None."""


class Source(Protocol):
    """Where images come from."""

    def __call__(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images (count, C, S, S) float32 in [0, 1] and their kinds y (count,) int64: 1 new, 0 already learned."""
        ...


def train_teacher(
    shape: FactorShape,
    source: Source,
    training: TeacherTraining,
    checkpoint: Path,
    report: Report,
    look: Look,
    precision: Precision,
) -> tuple[Factors, dict[str, float]]:
    """A beta-VAE (Higgins et al. 2017, equation 4), averaged, with its last metrics; see `train_network`."""
    seed_everything(training.seed)
    task = _Teaching(source, look, training)
    return train_network(Factors(shape), task, training, checkpoint, report, precision)


def train_student(
    teacher: Factors,
    shape: FactorShape,
    source: Source,
    training: StudentTraining,
    checkpoint: Path,
    report: Report,
    look: Look,
    precision: Precision,
) -> tuple[Student, dict[str, float]]:
    """A student that starts as its teacher, averaged, with its last metrics; see `train_network`.

    shape: the teacher's with more dimensions, `added` of them, and in colour if it likes.
    """
    seed_everything(training.seed)
    student = Student(shape)
    student.start_from(teacher)
    student.begin_at(*source(_FIRST_LOOK, torch.Generator().manual_seed(training.seed)))
    frozen = precision.place(teacher.eval().requires_grad_(False))
    task = _Learning(frozen, source, look, training)

    def groups(network: Student) -> Sequence[WeightGroup]:
        own = [*network.encoder.parameters(), *network.decoder.parameters()]
        return [WeightGroup(own), WeightGroup(list(network.discriminator.parameters()), training.discriminator_rate)]

    return train_network(student, task, training, checkpoint, report, precision, groups)


@dataclass(frozen=True)
class _Teaching:
    source: Source
    look: Look
    training: TeacherTraining

    def losses(self, network: Factors, draw: Draw) -> Tensor:
        """As `Task`: a sum over the image, told as a mean over its values so that rates suit all sizes."""
        x, _ = self.source(draw.count, draw.generator)
        x = draw.precision.arrange(x)
        with draw.precision.autocast():
            q = network.encoder(x)
            logits = network.decoder.logits(sampled(q, draw.generator))
        return (pixel_error(logits, x) + self.training.beta * kl_to_prior(q)) / x[0].numel()

    def previews(self, averaged: Factors, precision: Precision) -> NDArray[np.uint8] | None:
        """What `look` shows."""
        return self.look(averaged)

    @torch.no_grad()
    def held_out(self, averaged: Factors, precision: Precision) -> Mapping[str, float]:
        """Both terms on always the same images: in nats, and nats for each dimension."""
        generator = torch.Generator("cpu").manual_seed(0)
        x, _ = self.source(256, generator)
        q = averaged.encoder(precision.arrange(x))
        error = pixel_error(averaged.decoder.logits(q[0]), x.to(precision.device))
        return {"reconstruction": float(error.mean()), "kl": float(kl_to_prior(q).mean())}


@dataclass(frozen=True)
class _Learning:
    teacher: Factors
    source: Source
    look: Look
    training: StudentTraining

    def losses(self, network: Student, draw: Draw) -> Tensor:
        """As `Task`: L_vae + L_KD + L_GAN, and the discriminator's own loss."""
        training, generator, shape = self.training, draw.generator, network.shape
        x, y = self.source(draw.count, generator)
        x, y = draw.precision.arrange(x), y.to(draw.precision.device)
        chance = torch.rand(draw.count, shape.dimensions, generator=generator).to(x.device)
        y_prior = torch.randint(2, (draw.count,), generator=generator).to(x.device)
        z_prior = filtered(2 * chance - 1, y_prior, shape.added)
        with draw.precision.autocast():
            q = network.encoder(x)
            with torch.no_grad():
                known = self.teacher.known(x)
            made = network.decoder(torch.cat([sampled(q, generator), z_prior]))
            asked = torch.cat([y, y_prior])
            # The game of E_s and G: the discriminator is held still.
            logit, features = _still(network.discriminator)(made, asked)
            # The discriminator's own: what was made is held still.
            judged, seen = network.discriminator(torch.cat([x, made.detach()]), torch.cat([y, asked]))
        of_x, of_prior = logit.chunk(2)
        vae = training.feature_weight * feature_error(
            [level[: draw.count] for level in features], [level[: draw.count].detach() for level in seen]
        )
        kl = training.kl_weight * training.beta * kl_to_prior(q) + training.distil_weight * kl_between(q, known)
        game = generator_loss(of_x, of_prior, training.gamma)
        real, of_x, of_prior = judged.chunk(3)
        return vae + kl + game + discriminator_loss(real, of_x, of_prior, training.gamma)

    def previews(self, averaged: Student, precision: Precision) -> NDArray[np.uint8] | None:
        """What `look` shows."""
        return self.look(averaged)

    @torch.no_grad()
    def held_out(self, averaged: Student, precision: Precision) -> Mapping[str, float]:
        """On always the same images: reconstruction in nats, and how far the shared dimensions left the teacher's."""
        generator = torch.Generator("cpu").manual_seed(0)
        x, _ = self.source(256, generator)
        x = precision.arrange(x)
        q = averaged.encoder(x)
        error = pixel_error(averaged.decoder.logits(q[0]), x)
        return {
            "reconstruction": float(error.mean()),
            "kl": float(kl_to_prior(q).mean()),
            "forgotten": float(kl_between(q, self.teacher.known(x)).mean()),
        }


def _still(discriminator: Discriminator) -> Callable[[Tensor, Tensor], tuple[Tensor, list[Tensor]]]:
    """The discriminator with weights that take no gradient: what the others learn by must not move it."""
    weights = {name: weight.detach() for name, weight in discriminator.named_parameters()}

    def judged(x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        answer: tuple[Tensor, list[Tensor]] = functional_call(discriminator, weights, (x, y))
        return answer

    return judged
