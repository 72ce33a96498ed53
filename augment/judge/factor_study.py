"""The published study of factors on sprites: a teacher of white ones, students that learn their colour beside.

Akita and Taguchi 2024: new sprites have one scale and turn, and five colours from white to red. Judged by the score of
Kim and Mnih with and without the colour, and by how often the colour's dimension is the added one. Knows no workspace;
what is trained lies in a folder and is not trained again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.surfaces.sprites import COLOURS, FACTORS, draw_sprites
from augment.training.files import load_weights, save_weights
from augment.training.loop import Report
from augment.training.precision import Precision
from augment.vaegan.disentangle import disentanglement, traversal
from augment.vaegan.model import Factors
from augment.vaegan.settings import FactorShape, StudentTraining, TeacherTraining
from augment.vaegan.train import Source, train_student, train_teacher

__all__ = ["StudentFigures", "Study", "middle_traversal", "mixed_sprites"]

SIZES = tuple(factor.size for factor in FACTORS)
TEACHER = FactorShape(dimensions=len(FACTORS))
STUDENT = FactorShape(channels=3, dimensions=len(FACTORS) + 1, added=1)
_NEW_SCALE, _NEW_TURN = FACTORS[1].size - 1, 0
_ENCODED = 256


@dataclass(frozen=True, kw_only=True)
class StudentFigures:
    """One student. without, with_added: scores of 0 to 1; matched: share of the colour's votes for the added dimension;
    lost: the teacher's score less the student's, both without the colour."""

    gamma: float
    seed: int
    teacher: float
    without: float
    with_added: float
    matched: float

    @property
    def lost(self) -> float:
        """What learning the colour cost; below 0 it gained."""
        return self.teacher - self.without


@dataclass(frozen=True, kw_only=True)
class Study:
    """Where what is trained is kept, how it is trained, and how often each factor is asked for."""

    folder: Path
    teacher: TeacherTraining
    student: StudentTraining
    precision: Precision
    repeats: int = 100

    def teach(self, seed: int, report: Report) -> Factors:
        """The teacher of a seed, from its file where it is there."""
        training = replace(self.teacher, seed=seed)
        name = f"teacher-{seed}"

        def train(checkpoint: Path) -> Factors:
            source = _grey(mixed_sprites(1.0))
            return train_teacher(TEACHER, source, training, checkpoint, report, _no_look, self.precision)[0]

        return self._kept(name, TEACHER, train)

    def learn(self, teacher: Factors, gamma: float, seed: int, report: Report) -> Factors:
        """The student of a teacher, from its file where it is there."""
        training = replace(self.student, seed=seed, gamma=gamma)
        name = f"student-{gamma:g}-{seed}"

        def train(checkpoint: Path) -> Factors:
            source = mixed_sprites(training.known_share)
            student, _ = train_student(teacher, STUDENT, source, training, checkpoint, report, _no_look, self.precision)
            return student

        return self._kept(name, STUDENT, train)

    def score(self, teacher: Factors, seed: int) -> float:
        """Of a teacher, among white sprites."""
        encode = _encoder(teacher, _white, self.precision)
        return disentanglement(encode, SIZES, repeats=self.repeats, seed=seed).score

    def judge(self, student: Factors, gamma: float, seed: int, teacher_score: float) -> StudentFigures:
        """The figures of a student beside its teacher's score.

        Each factor is asked for where it varies: shape, scale, turn and place among white sprites, as of the teacher;
        the colour among the new ones, of one scale and turn. So gamma 1 of the published table follows from its first
        column and match rate: (0.808 x 5 + 1) / 6 = 0.840.
        """
        white, new = (_encoder(student, images, self.precision) for images in (_white, _new))
        known = disentanglement(white, SIZES, repeats=self.repeats, seed=seed)
        sizes = (FACTORS[0].size, FACTORS[3].size, FACTORS[4].size, COLOURS)
        colour = disentanglement(new, sizes, fixed=(3,), repeats=self.repeats, seed=seed).votes
        whole = np.concatenate([known.votes, colour], axis=1)
        return StudentFigures(
            gamma=gamma,
            seed=seed,
            teacher=teacher_score,
            without=known.score,
            with_added=float(whole.max(axis=1).sum() / whole.sum()),
            matched=float(colour[-1, 0] / colour.sum()),
        )

    def _kept(self, name: str, shape: FactorShape, train: Callable[[Path], Factors]) -> Factors:
        """Trained networks lie beside their checkpoint without what only training needs."""
        path = self.folder / f"{name}.safetensors"
        kept = Factors(shape)
        if not path.is_file():
            trained = train(self.folder / f"{name}.pt")
            own = kept.state_dict()
            kept.load_state_dict({key: value for key, value in trained.state_dict().items() if key in own})
            save_weights(path, kept)
        load_weights(path, kept)
        return kept.eval().requires_grad_(False)


def mixed_sprites(known_share: float) -> Source:
    """White sprites of every factor (y = 0), and new ones: one scale and turn, five colours, y = 1 where not white."""

    def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = [torch.randint(size, (count,), generator=generator).numpy() for size in (*SIZES, COLOURS)]
        factors, colour = np.stack(drawn[:-1], axis=1), drawn[-1]
        new = np.arange(count) >= round(known_share * count)
        factors[new, 1], factors[new, 2] = _NEW_SCALE, _NEW_TURN
        colour = np.where(new, colour, 0)
        return _images(factors, colour), torch.from_numpy((colour > 0).astype(np.int64))

    return draw


def _grey(source: Source) -> Source:
    """White sprites in one channel, as a teacher knows them."""

    def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, y = source(count, generator)
        return x[:, :1], y

    return draw


def _images(factors: NDArray[np.int64], colour: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(draw_sprites(factors, colour)).permute(0, 3, 1, 2).float() / 255


def _white(factors: NDArray[np.int64]) -> Tensor:
    """White sprites of factors (n, 5)."""
    return _images(factors, np.zeros(len(factors), dtype=np.int64))


def _new(factors: NDArray[np.int64]) -> Tensor:
    """New sprites of shape, place and colour (n, 4)."""
    fixed = [np.full(len(factors), value, dtype=np.int64) for value in (_NEW_SCALE, _NEW_TURN)]
    shape, x, y, colour = factors.T
    return _images(np.stack([shape, *fixed, x, y], axis=1), colour)


def _encoder(
    network: Factors, images: Callable[[NDArray[np.int64]], Tensor], precision: Precision
) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Factors to the means of their images' latents."""
    network = precision.place(network)

    @torch.no_grad()
    def encode(factors: NDArray[np.int64]) -> NDArray[np.float32]:
        firsts = range(0, len(factors), _ENCODED)
        with precision.autocast():
            parts = [network.known(precision.arrange(images(factors[first : first + _ENCODED])))[0] for first in firsts]
        means: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
        return means

    return encode


@torch.no_grad()
def middle_traversal(network: Factors) -> NDArray[np.uint8]:
    """`traversal` of a large white square in the middle, each dimension from -2 to 2 in nine steps."""
    middle = np.array([[0, FACTORS[1].size - 1, 0, FACTORS[3].size // 2, FACTORS[4].size // 2]])
    z = network.encoder(_images(middle, np.zeros(1, dtype=np.int64)))[0][0]
    return traversal(network, z, np.linspace(-2, 2, 9).tolist())


def _no_look(network: Factors) -> None:
    return None
