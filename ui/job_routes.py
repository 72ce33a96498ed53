"""What the header and the job strip show, as JSON and as server-sent events, and the strip's two commands.

One stream a page carries everything that changes by itself: counts and jobs. It sends a snapshot at once, so that a
page that was reloaded, or a server that was restarted, is up to date within one message; then one whenever something
differs. It ends when the page goes or the server closes.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from augment.errors import InvalidInput, NotFound
from augment.store import JobRecord
from ui.calls import Call, guarded, route
from ui.state import Desk, Desks

LISTED_JOBS = 30
LOG_TAIL_LINES = 40
_POLL_SECONDS = 0.3
_LOOK_SECONDS = 1.0
"""How often counts are read again while no job changes: verdicts and clicks change them too."""
_HEARTBEAT_SECONDS = 15.0


def describe(desk: Desk, job: JobRecord) -> dict[str, Any]:
    """A job as the strip shows it."""
    return {
        "id": job.id,
        "operation": job.operation,
        "title": job.title,
        "state": job.state,
        "step": job.step,
        "total": job.total,
        "metrics": job.metrics,
        "eta": desk.engine.eta_seconds(job.id or 0) if job.state == "running" else None,
        "error": job.error,
        "created": job.created_at,
        "finished": job.finished_at,
    }


def _jobs(desk: Desk) -> list[JobRecord]:
    """The newest jobs, newest first. What is at work is read from the engine, which knows more than the database."""
    listed = desk.store.jobs.list(limit=LISTED_JOBS)
    return [desk.engine.status(job.id or 0) if job.state in ("queued", "running") else job for job in listed]


def counts(desk: Desk) -> dict[str, int]:
    """The header's numbers."""
    store = desk.store
    by_status = store.samples.counts()
    return {
        "images": store.images.count(),
        "classes": len(store.images.labels()),
        "samples": sum(by_status.values()),
        "to_review": by_status.get("candidate", 0),
        "accepted": by_status.get("accepted", 0),
    }


def snapshot(desk: Desk) -> dict[str, Any]:
    """What the header and the strip need: counts, the newest jobs, which of them went wrong, and what is built."""
    projection, ddpm = desk.store.projections.latest(), desk.store.models.latest("ddpm")
    return {
        "workspace": desk.name,
        "demo": desk.demo,
        "counts": counts(desk),
        "projection": projection.id if projection else None,
        "ddpm": ddpm.id if ddpm else None,
        "jobs": [describe(desk, job) for job in _jobs(desk)],
        "wrong": [job.id for job in desk.engine.strip().failed],
    }


async def _stream(request: Request, desk: Desk) -> AsyncIterator[str]:
    last, changes, waited, silent = "", -1, 0.0, 0.0
    yield "retry: 1000\n\n"
    while not request.app.stop_event.is_set() and not await request.is_disconnected():
        if desk.engine.changes != changes or waited >= _LOOK_SECONDS:
            changes, waited = desk.engine.changes, 0.0
            message = json.dumps(await run_in_threadpool(snapshot, desk), separators=(",", ":"))
            if message != last:
                last, silent = message, 0.0
                yield f"data: {message}\n\n"
        if silent >= _HEARTBEAT_SECONDS:
            silent = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(_POLL_SECONDS)
        waited, silent = waited + _POLL_SECONDS, silent + _POLL_SECONDS


async def _events(request: Request, call: Call) -> Response:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(request, call.desk), media_type="text/event-stream", headers=headers)


def _job(call: Call) -> JobRecord:
    return call.desk.store.jobs.get(call.id())


def _details(call: Call) -> Response:
    job, engine = _job(call), call.desk.engine
    since = call.query.get("since", "0")
    if not since.isdigit():
        raise InvalidInput(f"since {since!r}: the number of metric rows already received is needed")
    return JSONResponse(
        {
            **describe(call.desk, job),
            "config": job.config,
            "result": job.result,
            "rows": engine.metrics(call.id(), since=int(since)),
            "previews": engine.previews(call.id()),
            "log": "\n".join(engine.log(call.id()).splitlines()[-LOG_TAIL_LINES:]),
        }
    )


def _preview(call: Call) -> Response:
    name = call.path["name"]
    _job(call)
    if name not in call.desk.engine.previews(call.id()):
        raise NotFound(f"job {call.id()} has no preview {name!r}")
    data = call.desk.engine.preview(call.id(), name)
    return Response(data, media_type="image/png", headers={"Cache-Control": "private, no-cache"})


def _stop(call: Call) -> Response:
    job = _job(call)
    call.desk.engine.cancel(call.id())
    return JSONResponse({"id": job.id})


def _resume(call: Call) -> Response:
    _job(call)
    return JSONResponse({"id": call.desk.engine.resume(call.id())})


def _dismiss(call: Call) -> Response:
    call.desk.engine.dismiss(call.id())
    return JSONResponse({"id": call.id()})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the jobs."""
    return [
        Route("/kizu/events", guarded(desks, _events)),
        route("/kizu/state", lambda call: JSONResponse(snapshot(call.desk)), desks),
        route("/kizu/job/{id}", _details, desks),
        route("/kizu/job/{id}/preview/{name}", _preview, desks),
        route("/kizu/job/{id}/stop", _stop, desks, ("POST",)),
        route("/kizu/job/{id}/resume", _resume, desks, ("POST",)),
        route("/kizu/job/{id}/dismiss", _dismiss, desks, ("POST",)),
    ]
