"""How well factors are told apart, and whether a new one is learned without forgetting: the published table again.

Sprites with known factors; every network that is done is kept in the job's folder, so that a stopped evaluation goes on
where it was. Imports torch only when it runs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig
from augment.images import encode_png
from augment.operations.context import Context
from augment.vaegan.settings import StudentTraining, TeacherTraining

if TYPE_CHECKING:
    from augment.judge.factor_study import StudentFigures
    from augment.training.loop import Report

__all__ = ["EvaluateFactorsConfig", "EvaluateFactorsResult", "FactorRow", "evaluate_factors"]

PUBLISHED: Mapping[float, tuple[float, float, float]] = {
    0.0: (0.826, 0.667, 0.0),
    1.0: (0.808, 0.840, 1.0),
    5.0: (0.816, 0.847, 1.0),
    10.0: (0.766, 0.735, 1.0),
}
"""Score without the added factor, with it, and match rate. Akita and Taguchi 2024; their teacher: 0.804."""
PUBLISHED_TEACHER = 0.804
_TEACHER_BETA, _TEACHER_RATE = 4 / 3, 2e-3
"""4 for three channels, a third of it for one. The rate: half of it tells shapes as soon, but draws them worse."""
_STEPS = 10_000
"""Of the progress: a part of them for each network, as long as its training is."""


@dataclass(frozen=True, kw_only=True)
class EvaluateFactorsConfig:
    """Which students are trained, how long, and how often each factor is asked for."""

    gammas: tuple[float, ...] = field(
        default=(0.0, 1.0, 5.0, 10.0), metadata={"help": "weights of the term that ties the new factor, each a student"}
    )
    seeds: tuple[int, ...] = field(default=(0, 1, 2), metadata={"help": "each a teacher with its students"})
    teacher_images: int = field(default=200_000, metadata={"help": "length of a teacher's training in sprites"})
    student_images: int = field(default=20_000, metadata={"help": "length of a student's training in sprites"})
    repeats: int = field(default=100, metadata={"help": "votes for each factor"})
    folder: str = field(
        default="", metadata={"help": "where to write the tables and the picture; beside the job if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not self.gammas or len(set(self.gammas)) < len(self.gammas):
            raise InvalidConfig(f"gammas {self.gammas}: give one or more, each once")
        for gamma in self.gammas:
            StudentTraining(gamma=gamma)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise InvalidConfig(f"seeds {self.seeds}: give one or more from 0, each once")
        for name in ("teacher_images", "student_images", "repeats"):
            if getattr(self, name) < 1:
                raise InvalidConfig(f"{name} {getattr(self, name)}: give 1 or more")


@dataclass(frozen=True, kw_only=True)
class FactorRow:
    """Medians over the seeds, as in `StudentFigures`."""

    gamma: float
    without: float
    with_added: float
    matched: float
    lost: float


@dataclass(frozen=True, kw_only=True)
class EvaluateFactorsResult:
    """The table as numbers and as Markdown, and the folder with both and the picture."""

    folder: str
    teacher: float
    rows: tuple[FactorRow, ...]
    markdown: str


def evaluate_factors(config: EvaluateFactorsConfig, context: Context) -> EvaluateFactorsResult:
    """Trains and judges every teacher and student; writes factors.json, factors.md and traversal.png.

    Cancelled keeps every network that is done, and the checkpoint of the one that is not.
    """
    from augment.judge.factor_study import Study, middle_traversal
    from augment.training.precision import choose_precision

    target = Path(config.folder) if config.folder else context.job_folder
    target.mkdir(parents=True, exist_ok=True)
    study = Study(
        folder=context.job_folder,
        teacher=TeacherTraining(images_seen=config.teacher_images, beta=_TEACHER_BETA, learning_rate=_TEACHER_RATE),
        student=StudentTraining(images_seen=config.student_images),
        precision=choose_precision(),
        repeats=config.repeats,
    )
    stage = _Stages(config, context)
    figures: list[StudentFigures] = []
    for seed in config.seeds:
        teacher = study.teach(seed, stage.next(config.teacher_images))
        score = study.score(teacher, seed)
        for gamma in config.gammas:
            student = study.learn(teacher, gamma, seed, stage.next(config.student_images))
            context.progress.check()
            # Before it is judged: that moves it to the GPU where there is one.
            if gamma == config.gammas[min(1, len(config.gammas) - 1)] and seed == config.seeds[0]:
                (target / "traversal.png").write_bytes(encode_png(middle_traversal(student)))
            figures.append(study.judge(student, gamma, seed, score))
            _write(target, figures)
    result = _summed(config, figures, str(target))
    (target / "factors.md").write_text(result.markdown, encoding="utf-8")
    context.progress(_STEPS, _STEPS)
    return result


class _Stages:
    """Progress of one training after the other as progress of all."""

    def __init__(self, config: EvaluateFactorsConfig, context: Context) -> None:
        each = config.teacher_images + len(config.gammas) * config.student_images
        self._total, self._done, self._context = each * len(config.seeds), 0, context

    def next(self, images: int) -> "Report":
        """The report of the next training, of so many images."""
        first, total, progress = self._done, self._total, self._context.progress
        self._done += images

        def report(
            step: int, steps: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None = None
        ) -> None:
            progress(int(_STEPS * (first + images * step / steps) / total), _STEPS, metrics)

        return report


def _write(target: Path, figures: Sequence["StudentFigures"]) -> None:
    told = [asdict(one) for one in figures]
    (target / "factors.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


def _summed(config: EvaluateFactorsConfig, figures: Sequence["StudentFigures"], folder: str) -> EvaluateFactorsResult:
    rows = []
    for gamma in config.gammas:
        own = [one for one in figures if one.gamma == gamma]
        medians = {
            name: float(np.median([getattr(one, name) for one in own]))
            for name in ("without", "with_added", "matched", "lost")
        }
        rows.append(FactorRow(gamma=gamma, **medians))
    teacher = float(np.median([one.teacher for one in figures]))
    return EvaluateFactorsResult(folder=folder, teacher=teacher, rows=tuple(rows), markdown=_table(teacher, rows))


def _table(teacher: float, rows: Sequence[FactorRow]) -> str:
    lines = [
        "| | score without the added factor | score, all | match rate | lost to the teacher |",
        "|---|---|---|---|---|",
        f"| teacher | {teacher:.3f} ({PUBLISHED_TEACHER}) | | | |",
    ]
    for row in rows:
        published = PUBLISHED.get(row.gamma)
        cells = [row.without, row.with_added, row.matched]
        shown = [
            f"{value:.3f}" + (f" ({published[index]:g})" if published else "") for index, value in enumerate(cells)
        ]
        lines.append(f"| gamma {row.gamma:g} | {' | '.join(shown)} | {row.lost:+.3f} |")
    return "\n".join([*lines, "", "Medians over the seeds; published figures in brackets.", ""])
