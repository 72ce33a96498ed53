"""The evaluation that ships with the demo: made, packed by names, and there again in a fresh demo workspace."""

import json
import shutil
from pathlib import Path

import pytest

from augment.operations.demo import DEMO_ASSETS, build_demo
from augment.operations.evaluate_demo import EvaluateDemoConfig, evaluate_demo
from augment.store import Store, Workspace
from tests.operations.mapped import context_of


def test_an_evaluation_is_made_and_unpacked_with_the_demo(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which arms there are changes nothing of how they are packed; 800 pasted images take half a minute.
    monkeypatch.setattr("augment.operations.evaluate_demo._ARMS", ("classical", "generated"))
    packed = Path(shutil.copytree(DEMO_ASSETS, tmp_path / "packed"))
    shutil.rmtree(packed / "evaluation", ignore_errors=True)
    told = evaluate_demo(
        EvaluateDemoConfig(seeds=1, images_seen=32, folder=str(packed)), context_of(store, tmp_path / "job")
    )
    assert "Too few trainings of each arm: 1 of 3." in told.markdown
    assert store.images.count() == 0, "the user's workspace is not touched"
    build_demo(tmp_path / "visitor", packed)
    with Store(Workspace(tmp_path / "visitor")) as visitor:
        (job,) = (one for one in visitor.jobs.list() if one.operation == "evaluate_classifier")
        assert job.state == "done" and job.result is not None
        tested = visitor.images.get_many(job.result["report"]["test_ids"])
        assert {one.split for one in tested} == {"test"} and len(tested) == visitor.images.count("test")
        kept = Path(job.result["folder"])
        assert kept.is_relative_to(visitor.workspace.exports_dir)
        assert json.loads((kept / "classifier.json").read_text())["test_ids"] == job.result["report"]["test_ids"]
        assert (kept / "classifier.png").is_file() and (kept / "classifier.md").read_text() == told.markdown


def test_what_ships_says_honestly_that_nothing_can_be_told() -> None:
    shipped = json.loads((DEMO_ASSETS / "evaluation" / "job.json").read_text(encoding="utf-8"))
    verdicts = {arm["point"]["arm"]: arm["verdict"] for arm in shipped["result"]["report"]["arms"]}
    assert "cannot tell" in verdicts.values() and shipped["config"]["seeds"] >= 3
