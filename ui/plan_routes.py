"""Own routes of what to generate next: the plan with its pictures, the job that makes it, and the loop."""

import secrets
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, NotReady, Refused
from augment.operations import config_from_json, find_operation, to_json
from augment.operations.loop import LoopConfig
from augment.operations.plan import PlanConfig
from augment.store import JobRecord
from ui.calls import Call, route
from ui.i18n import text
from ui.routes import cut_version
from ui.state import Desks
from ui.theme import class_slots

__all__ = ["routes"]

_TIMEOUT_SECONDS = 60.0
_MOST_SEED = 2**30
MAX_COUNT = 100
"""Samples of a plan in a public demo."""


def _plan(call: Call) -> Response:
    """What is named wrongly, beside what, and what to make of it: `plan`, with the pictures' versions."""
    desk, count = call.desk, _count(call.query.get("count", "300"))
    store = desk.store
    if store.projections.latest() is None:
        return JSONResponse({"missing": text("plan.no_map", call.language), "tab": "data"})
    try:
        found = desk.worker.call(desk.workspace.root, "plan", {"count": count}, store.apply, _TIMEOUT_SECONDS)
    except NotReady as error:
        return JSONResponse({"missing": str(error), "tab": "train"})
    shown = {pair[name] for one in found["troubles"] for pair in one["worst"] for name in ("image_id", "partner_id")}
    images, view = store.images.get_many(sorted(shown)), desk.view()
    return JSONResponse(
        {
            **found,
            "versions": {image.id: cut_version(image, view) for image in images},
            "parts": {image.id: image.group for image in images},
            "slots": class_slots({*store.images.labels(), *store.samples.labels()}),
            "judged": len(store.images.list(split="validation")),
            "loop": _newest_loop(call),
        }
    )


def _count(told: str) -> int:
    if not (told.isascii() and told.isdecimal() and len(told) < 8):
        raise InvalidInput(f"count {told!r:.20}: a whole number is needed")
    return int(told)


def _newest_loop(call: Call) -> dict[str, Any] | None:
    done = [job for job in call.desk.store.jobs.list(states={"done"}) if job.operation == "loop"]
    return _told(done[0]) if done else None


def _told(job: JobRecord) -> dict[str, Any]:
    result = job.result or {}
    return {"job": job.id, "finished": job.finished_at, "report": result.get("report")}


def _submit(call: Call, operation: str, config: PlanConfig | LoopConfig) -> Response:
    """Puts a job in line. A new seed each time: the same one would make the same samples."""
    if call.desk.demo and config.count > MAX_COUNT:
        raise Refused(text("plan.off_in_demo", call.language, n=MAX_COUNT))
    return JSONResponse({"job": call.desk.engine.submit(find_operation(operation).name, to_json(config))})


def _asked(call: Call, names: tuple[str, ...]) -> dict[str, Any]:
    told = {name: value for name, value in call.json().items() if name in names}
    return {**told, "seed": secrets.randbelow(_MOST_SEED)}


def _make(call: Call) -> Response:
    if call.desk.store.projections.latest() is None:
        raise NotReady(text("plan.no_map", call.language))
    return _submit(call, "make_plan", config_from_json(PlanConfig, _asked(call, ("count", "method"))))


def _loop(call: Call) -> Response:
    if not call.desk.store.images.list(split="validation", limit=1):
        raise NotReady(text("plan.no_validation", call.language))
    return _submit(
        call, "loop", config_from_json(LoopConfig, _asked(call, ("count", "rounds", "seeds", "images_seen")))
    )


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of what to generate next."""
    return [
        route("/kizu/plan", _plan, desks),
        route("/kizu/plan/make", _make, desks, ("POST",)),
        route("/kizu/plan/loop", _loop, desks, ("POST",)),
    ]
