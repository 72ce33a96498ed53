"""Own routes of the panel Metrics: the reports that were made, and the job that makes one."""

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, NotReady
from augment.judge.sample_report import METRICS
from augment.operations import config_from_json, to_json
from augment.operations.evaluate_samples import EvaluateSamplesConfig
from augment.store import CONTROL
from ui.calls import Call, route
from ui.state import Desks

OPERATION = "evaluate_samples"
FIELDS = ("encoder", "judge_images")
_REPORTS = 20


def _state(call: Call) -> Response:
    """How many samples there are to measure, what is measured, and the reports, the newest first."""
    store = call.desk.store
    jobs = [job for job in store.jobs.list(states={"done"}) if job.operation == OPERATION][:_REPORTS]
    return JSONResponse(
        {
            "samples": _samples(call),
            "metrics": to_json(METRICS),
            "reports": [{"job": job.id, "finished": job.finished_at} for job in jobs],
        }
    )


def _samples(call: Call) -> int:
    return sum(row.method != CONTROL and row.split == "train" for row in call.desk.store.samples.rows())


def _report(call: Call) -> Response:
    """The report of a job that is done."""
    job = call.desk.store.jobs.get(call.id())
    if job.operation != OPERATION or job.result is None:
        raise InvalidInput(f"job {job.id} measured no samples, or is not done: choose one of the list")
    return JSONResponse({"report": job.result["report"], "folder": job.result["folder"]})


def _start(call: Call) -> Response:
    told = {name: value for name, value in call.json().items() if name in FIELDS}
    config = config_from_json(EvaluateSamplesConfig, told)
    if not _samples(call):
        raise NotReady("there are no samples of training parts to measure: generate some first")
    return JSONResponse({"job": call.desk.engine.submit(OPERATION, to_json(config))})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the panel Metrics."""
    return [
        route("/kizu/metrics/state", _state, desks),
        route("/kizu/metrics/start", _start, desks, ("POST",)),
        route("/kizu/metrics/{id}", _report, desks),
    ]
