"""Own routes of the tab Evaluate: which arms there are, the reports that were made, and the job that makes one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, NotFound, NotReady
from augment.notices import notice
from augment.operations import config_from_json, to_json
from augment.operations.evaluate_classifier import EvaluateClassifierConfig, partial_folder
from augment.operations.members import ARMS, WITH_SAMPLES, Members
from augment.operations.recipes import RECIPES
from augment.operations.test_set import FOLDED
from augment.store import JobRecord
from ui.calls import Call, route
from ui.state import Desks
from ui.theme import class_slots

OPERATION = "evaluate_classifier"
FIELDS = ("arms", "seeds", "split", "folds", "real", "beside", "mirrored", "good", "classifier", "images_seen")
FILES = {
    "classifier.html": "text/html",
    "classifier.png": "image/png",
    "classifier.json": "application/json",
    "classifier.md": "text/markdown",
}
MOST_IN_DEMO = 20_000
"""Images that all trainings of an evaluation may see in a public demo: a minute or two on two cores."""
_REPORTS = 20
_ALL_ARMS = (*ARMS, *RECIPES)


def _state(call: Call) -> Response:
    """The arms with what is in them, where `good` is the label of good parts, and the reports, the newest first."""
    store = call.desk.store
    jobs = [job for job in store.jobs.list() if job.operation == OPERATION and _folder(call, job) is not None]
    tested = {split: len(store.images.list(split=split)) for split in ("validation", "test")}
    return JSONResponse(
        {
            "arms": _arms(call),
            "tested": tested,
            "labels": store.images.labels(),
            "slots": class_slots({*store.images.labels(), *store.samples.labels()}),
            "reports": [_listed(job) for job in jobs[:_REPORTS]],
        }
    )


def _arms(call: Call) -> list[dict[str, Any]]:
    try:
        members = Members.of(call.desk.store, good=call.query.get("good", ""))
    except NotReady:
        missing = asdict(notice("no_training_images"))
        return [{"name": arm, "missing": missing, "real": 0, "samples": 0} for arm in _ALL_ARMS]
    found = []
    for arm in _ALL_ARMS:
        samples = int(members.chosen(arm).sum()) if arm in WITH_SAMPLES else 0
        real = 0 if arm == "generated only" or arm in RECIPES else len(members.images)
        why = members.missing(arm)
        found.append({"name": arm, "missing": why and asdict(why), "real": real, "samples": samples})
    return found


def _listed(job: JobRecord) -> dict[str, Any]:
    return {
        "job": job.id,
        "finished": job.finished_at or job.started_at or "",
        "partial": job.state != "done",
        "seeds": job.config.get("seeds"),
        "split": job.config.get("split"),
    }


def _folder(call: Call, job: JobRecord) -> Path | None:
    """Where the report of a job lies, or the partial one of a job that has not ended or was stopped; None without."""
    if job.state == "done":
        return Path(job.result["folder"]) if job.result else None
    folder = partial_folder(call.desk.workspace, job.config.get("folder") or "", job.id)
    return folder if (folder / "classifier.json").is_file() else None


def _evaluation(call: Call) -> tuple[JobRecord, Path]:
    job = call.desk.store.jobs.get(call.id())
    folder = _folder(call, job) if job.operation == OPERATION else None
    if folder is None:
        raise InvalidInput(f"job {job.id} is no evaluation with a report: choose one of the list")
    return job, folder


def _report(call: Call) -> Response:
    """The report of a job, as far as there is one, with the pictures' versions of the images that were judged."""
    job, folder = _evaluation(call)
    done = job.result if job.state == "done" else None
    report = done["report"] if done else json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
    images = call.desk.store.images.get_many(report["test_ids"])
    versions = {image.id: image.sha256[:12] for image in images}
    kept = [name for name in FILES if (folder / name).is_file()]
    return JSONResponse({"report": report, "versions": versions, "folder": str(folder), "files": kept})


def _file(call: Call) -> Response:
    """A file of a report, to be kept. NotFound for any other, and for one outside the workspace."""
    name = call.path["name"]
    job, folder = _evaluation(call)
    path = (folder / name).resolve()
    if name not in FILES or not path.is_relative_to(call.desk.workspace.exports_dir.resolve()) or not path.is_file():
        raise NotFound(f"{name} of job {job.id} is not among the workspace's exports: take it from {folder}")
    return FileResponse(
        path,
        media_type=FILES[name],
        filename=f"kizu-evaluation-{job.id}{path.suffix}",
        headers={"Cache-Control": "no-store"},
    )


def _start(call: Call) -> Response:
    told = {name: value for name, value in call.json().items() if name in FIELDS}
    config = config_from_json(EvaluateClassifierConfig, told)
    trainings = config.seeds * max(1, config.folds) * len(config.arms or ARMS) * len(config.real) * len(config.beside)
    if config.classifier != "builtin" or config.images_seen * trainings > MOST_IN_DEMO:
        call.desk.refuse_in_demo(f"an evaluation with other networks, or of more than {MOST_IN_DEMO:,} images seen,")
    splits = FOLDED if config.folds else ("train",)
    members = Members.of(call.desk.store, splits=splits, good=config.good)
    if not config.folds and not call.desk.store.images.list(split=config.split, limit=1):
        raise NotReady(f"the {config.split} split has no images: nothing can be proved without photographs kept aside")
    for arm in config.arms:
        if missing := members.missing(arm):
            raise InvalidInput(missing.text)
    return JSONResponse({"job": call.desk.engine.submit(OPERATION, to_json(config))})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab Evaluate."""
    return [
        route("/kizu/evaluate/state", _state, desks),
        route("/kizu/evaluate/start", _start, desks, ("POST",)),
        route("/kizu/evaluate/{id}", _report, desks),
        route("/kizu/evaluate/{id}/{name}", _file, desks),
    ]
