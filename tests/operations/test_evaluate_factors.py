"""The study as an operation: tables are written, and what is done is not done again."""

import json
from dataclasses import replace

import pytest

from augment.errors import Cancelled, InvalidConfig
from augment.judge import factor_study
from augment.operations.context import Progress
from augment.operations.evaluate_factors import EvaluateFactorsConfig, evaluate_factors
from augment.store import Store
from tests.operations.mapped import context_of

TINY = {"gammas": (0.0, 1.0), "seeds": (0,), "teacher_images": 128, "student_images": 96, "repeats": 1}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks a quarter as wide: what is tested here is what is kept and written, not what is learned."""
    for name, shape in (("TEACHER", factor_study.TEACHER), ("STUDENT", factor_study.STUDENT)):
        monkeypatch.setattr(factor_study, name, replace(shape, width=8))


class Stop(Progress):
    def __init__(self, at: int) -> None:
        self.at, self.steps = at, []

    def __call__(self, step, total, metrics=None, previews=None):
        self.steps.append(step)
        if step >= self.at:
            raise Cancelled("stopped")


def test_a_stopped_study_goes_on_and_ends_in_the_same_table(store: Store, tmp_path):
    whole = evaluate_factors(EvaluateFactorsConfig(**TINY), context_of(store, tmp_path / "whole"))
    assert [row.gamma for row in whole.rows] == [0.0, 1.0]
    assert "(0.804)" in whole.markdown and "| gamma 1 |" in whole.markdown
    folder = tmp_path / "whole"
    assert (folder / "traversal.png").is_file() and (folder / "factors.md").read_text() == whole.markdown
    assert len(json.loads((folder / "factors.json").read_text())) == 2
    context = context_of(store, tmp_path / "stopped")
    context.progress = stop = Stop(5000)
    with pytest.raises(Cancelled):
        evaluate_factors(EvaluateFactorsConfig(**TINY), context)
    assert stop.steps == sorted(stop.steps)
    teacher = (tmp_path / "stopped" / "teacher-0.safetensors").stat().st_mtime_ns
    context.progress = Progress()
    assert evaluate_factors(EvaluateFactorsConfig(**TINY), context).rows == whole.rows
    assert (tmp_path / "stopped" / "teacher-0.safetensors").stat().st_mtime_ns == teacher


def test_settings_out_of_range_are_refused():
    with pytest.raises(InvalidConfig, match="gamma -1"):
        EvaluateFactorsConfig(gammas=(-1.0,))
    with pytest.raises(InvalidConfig, match="each once"):
        EvaluateFactorsConfig(seeds=(0, 0))
    with pytest.raises(InvalidConfig, match="teacher_images 0"):
        EvaluateFactorsConfig(teacher_images=0)
