"""Evaluations that do not end: what was complete is kept and called partial, and nothing is mixed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import augment.judge.trial as trial
from augment.errors import Cancelled, InvalidInput, JobFailed
from augment.operations.context import Progress
from augment.operations.evaluate_classifier import EvaluateClassifierConfig, evaluate_classifier
from augment.store import Store, Workspace
from tests.features.conftest import one_thread
from tests.operations.contested import contested, decided

__all__ = ["one_thread"]
CONFIG = EvaluateClassifierConfig(images_seen=32, apart=False, arms=("classical", "accepted"), seeds=3)


@pytest.fixture
def context(tmp_path: Path):
    """Eight of sixteen samples are accepted."""
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        made = replace(contested(store, tmp_path / "job", 48), job_id=7)
        decided(store, [one.id or 0 for one in store.samples.list()[:8]], "accepted")
        yield made


class StoppedAt(Progress):
    """Told to stop at so many thousandths."""

    def __init__(self, step: int) -> None:
        self._step = step

    def __call__(self, step: int, *_: object) -> None:
        if step >= self._step:
            raise Cancelled


def kept(context) -> dict[str, object]:
    folder = context.store.workspace.exports_dir / "partial-evaluate-classifier-7"
    assert "**Partial**" in (folder / "classifier.md").read_text()
    return json.loads((folder / "classifier.json").read_text())


def test_stopped_it_keeps_the_seeds_that_all_arms_have_and_ends_whole(context):
    with pytest.raises(Cancelled):
        evaluate_classifier(CONFIG, replace(context, progress=StoppedAt(500)))
    told = kept(context)
    assert told["partial"] is True and told["seeds"] == 1 and len(told["arms"]) == 2
    # How severe a defect must be to be found is asked of what is there; generated or real only of what is whole.
    assert all(set(arm["detected"]) == {"size", "contrast"} == set(told["severities"]) for arm in told["arms"])
    assert told["good"] == "free" and told["apart"] == {}
    whole = evaluate_classifier(CONFIG, context).report
    assert not whole.partial and whole.seeds == 3
    assert [path.name for path in context.store.workspace.exports_dir.iterdir()] == ["evaluate-classifier-1"]


def test_a_training_that_diverges_is_named_and_the_rest_is_kept(context, monkeypatch: pytest.MonkeyPatch):
    answered = trial.predicted
    asked: list[int] = []

    def diverged(network: trial.TrialNet, images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return answered(network, images) * (np.nan if len(asked) == 4 else 1)

    monkeypatch.setattr(trial, "predicted", diverged)
    with pytest.raises(JobFailed, match=r"^accepted, seed 1: .*diverged.*partial-evaluate-classifier-7"):
        evaluate_classifier(CONFIG, context)
    assert kept(context)["seeds"] == 1


def test_verdicts_that_come_while_it_runs_change_nothing(context):
    store = context.store

    class Reviewed(Progress):
        """Somebody accepts everything when the first training reports."""

        def __call__(self, step: int, *_: object) -> None:
            if len(store.samples.list(status="accepted")) == 8:
                decided(store, [one.id or 0 for one in store.samples.list(status="candidate")], "accepted")

    report = evaluate_classifier(CONFIG, replace(context, progress=Reviewed())).report
    assert len(store.samples.list(status="accepted")) == 16
    assert sum(one.beside for one in report.arms[1].trained_on.values()) == 8


def test_verdicts_that_come_while_it_is_stopped_are_noticed(context):
    with pytest.raises(Cancelled):
        evaluate_classifier(CONFIG, replace(context, progress=StoppedAt(500)))
    decided(context.store, [context.store.samples.list(status="candidate")[0].id or 0], "accepted")
    with pytest.raises(InvalidInput, match=r"has changed: arm 'accepted' \(8, \w+ then, 9, \w+ now\).*start a new one"):
        evaluate_classifier(CONFIG, context)
    assert kept(context)["seeds"] == 1
