"""A student learns what is new in its added dimension alone, and the way that the game asks for."""

from pathlib import Path

import torch
from torch import Tensor

from augment.training.precision import choose_precision
from augment.vaegan.settings import FactorShape, StudentTraining, TeacherTraining
from augment.vaegan.train import train_student, train_teacher

SIDE_PX = 32


def squares(count: int, generator: torch.Generator, red: bool = True) -> tuple[Tensor, Tensor]:
    """White squares of 10 px anywhere, and as many red ones where these are wanted."""
    y = torch.arange(count) % 2 * int(red)
    corner = torch.randint(0, SIDE_PX - 10, (count, 2), generator=generator)
    at = torch.arange(SIDE_PX)
    inside = [(at >= corner[:, axis, None]) & (at < corner[:, axis, None] + 10) for axis in (0, 1)]
    square = (inside[0][:, :, None] & inside[1][:, None, :]).float()
    light = torch.stack([torch.ones(count), 1.0 - y, 1.0 - y], dim=1)
    return square[:, None] * light[:, :, None, None], y


def white(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x, y = squares(count, generator, red=False)
    return x[:, :1], y


def test_the_added_dimension_takes_up_the_colour_and_the_others_stay(tmp_path: Path):
    precision = choose_precision("fp32")
    short = {"batch_size": 16, "learning_rate": 2e-3, "warmup_steps": 5, "seed": 0}
    shape = FactorShape(side_px=SIDE_PX, dimensions=3, width=8)
    teaching = TeacherTraining(images_seen=3200, beta=1.0, **short)
    teacher, _ = train_teacher(shape, white, teaching, tmp_path / "t.pt", lambda *_: None, lambda _: None, precision)
    grown = FactorShape(side_px=SIDE_PX, channels=3, dimensions=4, added=1, width=8)
    learning = StudentTraining(images_seen=1600, **short)
    student, _ = train_student(
        teacher, grown, squares, learning, tmp_path / "s.pt", lambda *_: None, lambda _: None, precision
    )
    x, y = squares(128, torch.Generator().manual_seed(1))
    with torch.no_grad():
        mean, known = student.encoder(x)[0], teacher.known(x)[0]
    # Each red one lies above all white ones: z_y has |z| for what is new.
    assert mean[y == 1, 3].min() > mean[y == 0, 3].max()
    # A teacher's known dimensions spread by 0.7 to 0.9 here.
    assert (mean[:, :3] - known).abs().mean() < 0.2
