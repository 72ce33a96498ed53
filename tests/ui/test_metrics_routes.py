"""The routes of the panel Metrics: what there is to measure, the job, and its report."""

import pytest

from augment.judge.matched import Figure
from augment.judge.metrics import Interval
from augment.judge.sample_report import METRICS, SampleReport, SetFigures
from augment.notices import notice
from augment.operations.configs import to_json
from augment.store import CONTROL, JobRecord, Store
from tests.examples import image_record, sample_record
from tests.ui.desks import Recorded, client_of, desk_of
from ui import metrics_routes

POST = {"headers": {"x-kizu": "1"}}


@pytest.fixture
def job(store: Store) -> int:
    """A job that is done."""
    one = Interval(value=0.2, low=0.1, high=0.3)
    figures = {"kernel": Figure(images=60, parts=9, value=one, floor=one, gap=one)}
    report = SampleReport(
        encoder=notice("judge_named", name="an encoder"),
        lpips="",
        real_images=200,
        real_parts=20,
        sets=[SetFigures(name="generated", kind="arm", samples=60, whole=figures, per_label={})],
        notes=[notice("metrics_nearer")],
    )
    result = {"folder": "exports/evaluate-samples-1", "report": to_json(report), "markdown": "", "seconds": 1.0}
    found = store.jobs.add(JobRecord(operation="evaluate_samples", config={}, state="done", result=result))
    return found.id or 0


def test_a_report_is_listed_and_read(store: Store, job: int):
    client = client_of(metrics_routes.routes(desk_of(store)))
    told = client.get("/kizu/metrics/state").json()
    assert [one["job"] for one in told["reports"]] == [job] and [*told["metrics"]] == [*METRICS]
    assert told["metrics"]["kernel"] == {"title": "KID x 1000", "better": "lower", "scale": 1000.0, "digits": 0}
    report = client.get(f"/kizu/metrics/{job}").json()["report"]
    assert report["sets"][0]["whole"]["kernel"]["value"] == {"value": 0.2, "low": 0.1, "high": 0.3}


def test_a_job_of_another_kind_is_refused(store: Store):
    other = store.jobs.add(JobRecord(operation="gate", config={}, state="done", result={}))
    answer = client_of(metrics_routes.routes(desk_of(store))).get(f"/kizu/metrics/{other.id}")
    assert answer.status_code == 400 and "measured no samples" in answer.json()["error"]


def test_the_job_needs_samples_of_training_parts(store: Store):
    recorded = Recorded()
    client = client_of(metrics_routes.routes(desk_of(store, recorded)))
    store.apply([image_record(0)])
    none = {"nearest_image_id": None}
    store.apply([sample_record(0, method=CONTROL, **none), sample_record(1, split="test", **none)])
    assert client.get("/kizu/metrics/state").json()["samples"] == 0
    answer = client.post("/kizu/metrics/start", json={}, **POST)
    assert answer.status_code == 409 and "generate some first" in answer.json()["error"]
    store.apply([sample_record(2, **none)])
    assert client.get("/kizu/metrics/state").json()["samples"] == 1
    assert client.post("/kizu/metrics/start", json={"judge_images": 64, "folder": "/etc"}, **POST).json() == {"job": 7}
    ((operation, config, _),) = recorded.calls
    assert operation == "evaluate_samples" and config["judge_images"] == 64 and config["folder"] == ""
    refused = client.post("/kizu/metrics/start", json={"judge_images": 0}, **POST)
    assert refused.status_code == 400 and "judge_images 0" in refused.json()["error"]
