"""Own routes of the tab Variations: what there is to vary with, and samples at one strength or along a strip."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import Cancelled, InvalidInput
from augment.operations import find_operation
from augment.operations.configs import to_json
from augment.operations.harmonise import GENERATOR
from augment.operations.redraw_models import known_models
from augment.operations.vary import VaryConfig
from augment.store import SampleRecord, Store
from ui.calls import Call, route
from ui.click_routes import click_routes
from ui.redraw_routes import refuse_foreign
from ui.state import Desks

MAX_COUNT = 32
"""Samples for one click: what a page can wait for."""
MAX_COUNT_IN_DEMO = 200
VARY_TIMEOUT_SECONDS = 1800.0
"""A model of Stable Diffusion's size takes minutes for one sample on a processor."""
ALLOWED = ("image_ids", "sigma", "strip", "count", "label", "place", "seed", "steps", "model")
METHODS = ("vary", "image-to-image")

_log = logging.getLogger(__name__)


def _state(call: Call) -> Response:
    """Labels that the generator knows, none where there is no generator; and what was made last."""
    store = call.desk.store
    generator = store.models.latest("ddpm")
    return JSONResponse(
        {
            "generator": None if generator is None else {"id": generator.id, "labels": generator.config["labels"]},
            "models": [*([GENERATOR] if generator else []), *(one.id for one in known_models(store) if one.prompted)],
            "side_px": call.desk.view().side_px if store.images.counts() else None,
            "last": _described(call.desk.variations.last_stored, store),
        }
    )


def _described(ids: Sequence[int], store: Store) -> list[dict[str, Any]]:
    found = [record for record in store.samples.get_many(ids) if record.method in METHODS]
    # A strip has one sample at each of several strengths.
    strip = len({record.strength_sigma for record in found}) > 1
    return [{**_sample(record, store), "strip": strip} for record in found]


def _sample(record: SampleRecord, store: Store) -> dict[str, Any]:
    image = store.images.by_sha256(record.parents[0])
    return {
        "id": record.id,
        "version": record.sha256[:12],
        "image_id": image and image.id,
        "label": record.label,
        "seed": record.seed,
        "sigma": record.strength_sigma,
        "similarity": record.recipe["similarity"],
    }


def _vary(call: Call) -> Response:
    """Answers when the samples are there, or when it was stopped, then with those that were stored before."""
    desk, body = call.desk, call.json()
    key = body.pop("click", None)
    config = _read(body, call)
    count = len(config.series) * len(config.image_ids)
    if count > MAX_COUNT:
        raise InvalidInput(f"count {count}: at most {MAX_COUNT} at a click; a job makes any number")
    began = time.perf_counter()
    warnings: list[Any] = []
    with desk.variations.begin(key, count) as click:
        commit = partial(click.commit_to, desk.store)
        try:
            result = desk.worker.call(
                desk.workspace.root, "vary", body, commit, VARY_TIMEOUT_SECONDS, progress=click, stop=click.stop
            )
            warnings = list(result.get("warnings", ()))
        except Cancelled:
            _log.info("variations were stopped after %d samples", len(click.ids))
        made, stopped = [*click.ids], click.stop.is_set()
    seconds = time.perf_counter() - began
    _log.info("varied into %d samples in %.2f s", len(made), seconds)
    answer = {"samples": _described(made, desk.store), "seconds": round(seconds, 2), "warnings": warnings}
    return JSONResponse({**answer, "stopped": stopped and len(made) < count})


def _read(body: dict[str, Any], call: Call) -> VaryConfig:
    unknown = sorted(set(body) - set(ALLOWED))
    if unknown:
        raise InvalidInput(f"field {unknown[0]!r} is not one of {', '.join(ALLOWED)}")
    config: VaryConfig = find_operation("vary").read_config(body)
    if config.model != GENERATOR:
        refuse_foreign(call, config.model)
    return config


def _job(call: Call) -> Response:
    """Starts a job over many photographs."""
    config = _read(call.json(), call)
    count = len(config.series) * len(config.image_ids)
    if call.desk.demo and count > MAX_COUNT_IN_DEMO:
        raise InvalidInput(f"{count} samples: at most {MAX_COUNT_IN_DEMO} in this public demo")
    return JSONResponse({"job": call.desk.engine.submit("vary", to_json(config))})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab."""
    return [
        route("/kizu/variations/state", _state, desks),
        route("/kizu/variations/vary", _vary, desks, ("POST",)),
        route("/kizu/variations/job", _job, desks, ("POST",)),
        *click_routes("/kizu/variations/vary", desks, lambda desk: desk.variations),
    ]
