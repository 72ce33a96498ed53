"""Own routes behind "generate here": making samples in the warm worker, how far that is, and stopping it; and asking
where two classes meet."""

import logging
import time
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import Cancelled, InvalidInput, NotReady
from augment.store import SampleRecord, SampleRow
from ui.calls import Call, route
from ui.click_routes import click_routes
from ui.map_routes import describe_row
from ui.state import Desks

MAX_COUNT = 32
"""Samples for one click: what a page can wait for."""
GENERATE_TIMEOUT_SECONDS = 600.0
"""Long enough for a first call on a slow machine, which also loads torch; a worker that hangs longer is restarted."""
PROPOSE_TIMEOUT_SECONDS = 120.0
"""A proposal takes a second, after whatever the worker has to finish before."""
ALLOWED = (
    *("label", "count", "seed", "steps", "label_guidance", "position_guidance", "steering"),
    *("image_id", "xy", "between", "path", "boundary"),
)

_log = logging.getLogger(__name__)


def _row(record: SampleRecord) -> SampleRow:
    x, y = record.xy or (None, None)
    from_x, from_y = record.requested_xy or (None, None)
    same = {name: getattr(record, name) for name in SampleRow._fields if hasattr(record, name)}
    return SampleRow(**same, x=x, y=y, requested_x=from_x, requested_y=from_y)


def _config(body: dict[str, Any]) -> dict[str, Any]:
    """The config of `generate` from what the form sent: only fields the operation knows, checked by the operation."""
    unknown = sorted(set(body) - set(ALLOWED))
    count = body.get("count")
    if isinstance(count, int) and count > MAX_COUNT:
        raise InvalidInput(f"count {count}: at most {MAX_COUNT} at a click; `kizu generate` makes any number")
    if unknown:
        raise InvalidInput(f"field {unknown[0]!r} is not one of {', '.join(ALLOWED)}")
    return {name: body[name] for name in ALLOWED if body.get(name) is not None}


def _generate(call: Call) -> Response:
    """Answers when the samples are there, or when it was stopped, then with those that were stored before."""
    desk, body = call.desk, call.json()
    if desk.store.models.latest("ddpm") is None:
        raise NotReady("no generator is trained yet: train one on the tab Train, then come back")
    key, config = body.pop("click", None), _config(body)
    started = time.perf_counter()
    warnings: list[Any] = []
    with desk.clicks.begin(key, count if isinstance(count := config.get("count"), int) else 1) as click:
        commit = partial(click.commit_to, desk.store)
        try:
            result = desk.worker.call(
                desk.workspace.root,
                "generate",
                config,
                commit,
                GENERATE_TIMEOUT_SECONDS,
                progress=click,
                stop=click.stop,
            )
            warnings = list(result.get("warnings", ()))
        except Cancelled:
            _log.info("a generation was stopped after %d samples", len(click.ids))
        made, stopped = [*click.ids], click.stop.is_set()
    records = desk.store.samples.get_many(made)
    samples = [{**describe_row(_row(record)), "probability": record.probability} for record in records]
    seconds = time.perf_counter() - started
    _log.info("generated %d samples in %.2f s", len(made), seconds)
    complete = len(made) >= int(config.get("count", 1))
    return JSONResponse(
        {
            "samples": samples,
            "seconds": round(seconds, 2),
            "warnings": warnings,
            "stopped": stopped and not complete,
        }
    )


def _propose(call: Call) -> Response:
    """Places where the classifier is unsure between two labels, with warnings: `propose` and nothing else."""
    desk, body = call.desk, call.json()
    asked = {name: body[name] for name in ("labels", "count") if name in body}
    found = desk.worker.call(desk.workspace.root, "propose", asked, desk.store.apply, PROPOSE_TIMEOUT_SECONDS)
    return JSONResponse(found)


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the generate form."""
    return [
        route("/kizu/map/generate", _generate, desks, ("POST",)),
        route("/kizu/map/propose", _propose, desks, ("POST",)),
        *click_routes("/kizu/map/generate", desks, lambda desk: desk.clicks),
    ]
