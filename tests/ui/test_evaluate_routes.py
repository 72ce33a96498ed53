"""Routes of the tab Evaluate: reports that are done or partial, their files, and what is refused before a job."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.judge.contest import ContestReport, Point, contest_report
from augment.judge.verdict import Answers
from augment.operations.configs import to_json
from augment.operations.contest_files import write_report
from augment.store import JobRecord, Store
from tests.operations.mapped import add_images
from tests.ui.desks import Recorded, client_of, desk_of
from ui import evaluate_routes


@pytest.fixture
def filled(store: Store) -> Store:
    add_images(store, 24)
    return store


def client(store: Store, recorded: Recorded | None = None, *, demo: bool = False):
    return client_of(evaluate_routes.routes(desk_of(store, recorded, demo=demo)))


def report_of(store: Store) -> ContestReport:
    images = store.images.list()
    true = np.arange(len(images)) % 2
    answers = {
        Point(arm=arm): Answers(predicted=np.tile(told, (3, 1)), true=true, part=np.arange(len(images)))
        for arm, told in (("classical", 1 - true), ("gated", true))
    }
    return contest_report(answers, [one.id or 0 for one in images], ("free", "spot"), "builtin", "classical")


def add_job(store: Store, report: ContestReport, folder: Path, state: str) -> int:
    write_report(report, folder)
    result = {"folder": str(folder), "report": to_json(report), "markdown": "", "seconds": 1.0}
    record = JobRecord(operation="evaluate_classifier", config={"seeds": 3}, state=state)  # type: ignore[arg-type]
    return store.jobs.add(replace(record, result=result if state == "done" else None)).id or 0


def test_a_report_and_its_files(filled: Store):
    folder = filled.workspace.exports_dir / "evaluate-classifier-1"
    job = add_job(filled, report_of(filled), folder, "done")
    asked = client(filled)
    assert [one["job"] for one in asked.get("/kizu/evaluate/state").json()["reports"]] == [job]
    told = asked.get(f"/kizu/evaluate/{job}").json()
    assert len(told["report"]["arms"]) == 2 and len(told["versions"]) == 24
    for name, kind in evaluate_routes.FILES.items():
        answer = asked.get(f"/kizu/evaluate/{job}/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.content == (folder / name).read_bytes()


def test_recipes_wait_for_the_label_of_good_parts(filled: Store):
    """These images have no masks that would tell it."""
    asked = client(filled)

    def missing(query: str) -> str | None:
        found = {one["name"]: one["missing"] for one in asked.get(f"/kizu/evaluate/state{query}").json()["arms"]}
        return found["recipe 1"] and found["recipe 1"]["key"]

    assert asked.get("/kizu/evaluate/state").json()["labels"] == ["free", "spot"]
    assert missing("") == "recipe_no_good" and missing("?good=free") is None
    assert "choose of free, spot" in asked.get("/kizu/evaluate/state?good=other").json()["error"]


def test_a_stopped_one_shows_what_was_complete(filled: Store):
    stopped = filled.jobs.add(JobRecord(operation="evaluate_classifier", config={"seeds": 3}, state="cancelled")).id
    asked = client(filled)
    assert asked.get("/kizu/evaluate/state").json()["reports"] == []
    folder = filled.workspace.exports_dir / f"partial-evaluate-classifier-{stopped}"
    write_report(replace(report_of(filled), partial=True), folder)
    [listed] = asked.get("/kizu/evaluate/state").json()["reports"]
    assert listed["partial"] is True and listed["job"] == stopped
    assert asked.get(f"/kizu/evaluate/{stopped}").json()["report"]["partial"] is True


def test_no_file_but_the_reports_own_is_given(filled: Store, tmp_path: Path):
    outside = add_job(filled, report_of(filled), tmp_path / "elsewhere", "done")
    asked = client(filled)
    answer = asked.get(f"/kizu/evaluate/{outside}/classifier.json")
    assert answer.status_code == 404 and "not among the workspace's exports" in answer.json()["error"]
    inside = add_job(filled, report_of(filled), filled.workspace.exports_dir / "evaluate-classifier-1", "done")
    (filled.workspace.exports_dir / "evaluate-classifier-1" / "other.txt").write_text("secret")
    assert asked.get(f"/kizu/evaluate/{inside}/other.txt").status_code == 404
    assert asked.get(f"/kizu/evaluate/{inside}/..%2f..%2fkizu.db").status_code == 404


def test_folds_and_the_published_protocol_become_a_job(filled: Store):
    recorded = Recorded()
    asked = client(filled, recorded)
    assert asked.post("/kizu/evaluate/start", json={"arms": ["real"], "folds": 3, "seeds": 3}).json() == {"job": 7}
    assert asked.post("/kizu/evaluate/start", json={"arms": ["real"], "mirrored": True}).status_code == 200
    assert [config["folds"] for _, config, _ in recorded.calls] == [3, 0]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"folds": 1}, "folds 1"),
        ({"folds": 2, "mirrored": True}, "mirrored with folds"),
        ({"arms": ["recipe 2"]}, "needs to know the label of good parts"),
        ({"arms": ["recipe 2"], "good": "free"}, "needs generated samples of free"),
        ({"arms": ["generated"]}, "Arm generated is empty"),
    ],
)
def test_what_cannot_be_evaluated_is_told_before_a_job_begins(filled: Store, form: dict, words: str):
    recorded = Recorded()
    answer = client(filled, recorded).post("/kizu/evaluate/start", json={"arms": ["real"], **form})
    assert answer.status_code == 400 and words in answer.json()["error"] and not recorded.calls


@pytest.mark.parametrize("form", [{"classifier": "timm:/etc"}, {"seeds": 5, "images_seen": 12_000}])
def test_a_visitor_of_the_demo_evaluates_little_and_names_no_files(filled: Store, form: dict):
    recorded = Recorded()
    asked = client(filled, recorded, demo=True)
    assert asked.post("/kizu/evaluate/start", json={"arms": ["real"], **form}).status_code == 403
    small = {"arms": ["real"], "seeds": 1, "images_seen": 2000}
    assert asked.post("/kizu/evaluate/start", json=small).status_code == 200 and len(recorded.calls) == 1
