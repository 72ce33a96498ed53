"""Own routes of the tab Factors: models, a photograph's factors, the picture of some, and a series into the review."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import Cancelled, InvalidInput, NotReady
from augment.operations import find_operation
from augment.store import ModelRecord, Store
from ui.calls import Call, route
from ui.click_routes import click_routes
from ui.state import Desks

MAX_COUNT = 32
"""Samples for one click: what a page can wait for."""
SERIES_TIMEOUT_SECONDS = 600.0
"""Long enough for a first call on a slow machine, which also loads torch; a worker that hangs longer is restarted."""
SERIES_FIELDS = ("label", "dimension", "image_ids", "z", "low", "high", "count", "model_id", "keep_grain")

_log = logging.getLogger(__name__)


def _state(call: Call) -> Response:
    """Models of factors, the newest first, and the series that was made last."""
    store = call.desk.store
    models = sorted(store.models.list("factors"), key=lambda model: model.id or 0, reverse=True)
    return JSONResponse(
        {"models": [_model(model) for model in models], "last": _described(call.desk.factors.last_stored, store)}
    )


def _model(record: ModelRecord) -> dict[str, Any]:
    shape = record.config["shape"]
    return {
        "id": record.id,
        "label": record.config["label"],
        "dimensions": shape["dimensions"],
        "added": shape["added"],
        "usual": record.config.get("usual", []),
    }


def _described(ids: Sequence[int], store: Store) -> list[dict[str, Any]]:
    return [
        {
            "id": record.id,
            "version": record.sha256[:12],
            "label": record.label,
            "dimension": record.recipe["dimension"],
            "value": record.recipe["z"][record.recipe["dimension"] - 1],
        }
        for record in store.samples.get_many(ids)
        if record.method == "factors"
    ]


def _asked(call: Call, operation: str, allowed: Sequence[str]) -> Response:
    """The answer of an operation that stores nothing."""
    body = call.json()
    unknown = sorted(set(body) - set(allowed))
    if unknown:
        raise InvalidInput(f"field {unknown[0]!r} is not one of {', '.join(allowed)}")
    if not call.desk.store.models.latest("factors"):
        raise NotReady("no model of factors is trained yet: train one on the tab Train, then come back")
    return JSONResponse(call.desk.worker.call(call.desk.workspace.root, operation, body, call.desk.store.apply))


def _encode(call: Call) -> Response:
    return _asked(call, "encode_factors", ("image_id", "model_id"))


def _decode(call: Call) -> Response:
    return _asked(call, "decode_factors", ("z", "model_id", "grid", "over_id"))


def _series(call: Call) -> Response:
    """Answers when the samples are there, or when it was stopped, then with those that were stored before."""
    desk, body = call.desk, call.json()
    key = body.pop("click", None)
    unknown = sorted(set(body) - set(SERIES_FIELDS))
    if unknown:
        raise InvalidInput(f"field {unknown[0]!r} is not one of {', '.join(SERIES_FIELDS)}")
    config = find_operation("factor_series").read_config(body)
    if config.count > MAX_COUNT or len(config.image_ids) > 1:
        raise InvalidInput(
            f"count {config.count}: at most {MAX_COUNT} at a click; `kizu factor-series` makes any number"
        )
    began = time.perf_counter()
    with desk.factors.begin(key, config.count) as click:
        commit = partial(click.commit_to, desk.store)
        try:
            desk.worker.call(
                desk.workspace.root,
                "factor_series",
                body,
                commit,
                SERIES_TIMEOUT_SECONDS,
                progress=click,
                stop=click.stop,
            )
        except Cancelled:
            _log.info("a series was stopped after %d samples", len(click.ids))
        made = [*click.ids]
    seconds = round(time.perf_counter() - began, 2)
    return JSONResponse({"samples": _described(made, desk.store), "seconds": seconds})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab."""
    return [
        route("/kizu/factors/state", _state, desks),
        route("/kizu/factors/encode", _encode, desks, ("POST",)),
        route("/kizu/factors/decode", _decode, desks, ("POST",)),
        route("/kizu/factors/series", _series, desks, ("POST",)),
        *click_routes("/kizu/factors/series", desks, lambda desk: desk.factors),
    ]
