"""Own routes behind the form of the tab Inpaint: what there is to redraw with, making samples, and their pictures."""

import base64
import io
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import Cancelled, InvalidInput, NotReady
from augment.images import encode_png, thumbnail
from augment.latent.settings import SamplerName
from augment.operations import find_operation
from augment.operations.redraw_models import BUILT_IN, WORKSPACE, known_models
from augment.operations.redrawn import METHODS, Redrawn, look_at
from augment.store import ModelRecord, SampleRecord, Store
from ui.calls import Call, route
from ui.click_routes import click_routes
from ui.clicks import Click
from ui.forms import describe_fields
from ui.inpaint_routes import stretch_table
from ui.routes import cached, picture
from ui.state import Desks
from ui.theme import LIGHT

MAX_COUNT = 32
"""Samples for one click: what a page can wait for."""
REDRAW_TIMEOUT_SECONDS = 1800.0
"""A model of Stable Diffusion's size takes minutes for one sample on a processor."""
SHOWN_SIDE_PX = 384
LEAST_GAIN_LEVELS = 64.0
"""A difference picture is stretched to white at its largest value, but never further than this: noise stays dark."""

_log = logging.getLogger(__name__)


def _state(call: Call) -> Response:
    store = call.desk.store
    fields = describe_fields(find_operation("redraw").config_type)
    return JSONResponse(
        {
            "models": [asdict(model) for model in known_models(store)],
            "loras": [] if call.desk.demo else [_lora(model) for model in store.models.list("lora")],
            "samplers": list(get_args(SamplerName)),
            "defaults": {field["name"]: field["default"] for field in fields},
            "drafts": store.drafts.image_ids(),
            "demo": call.desk.demo,
        }
    )


def _lora(model: ModelRecord) -> dict[str, Any]:
    """A LoRA trained here as the form offers it."""
    told = {
        name: model.config.get(name) for name in ("label", "base", "token", "instance_prompt", "class_prompt", "images")
    }
    return {"id": model.id, "name": model.name, **told}


def refuse_foreign(call: Call, model: object) -> None:
    """A visitor of a public demo may not name files of the machine that it runs on."""
    if model not in (BUILT_IN, WORKSPACE):
        call.desk.refuse_in_demo("another model than those that are offered")


# ---- making samples


def _config(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """The config of `redraw` from what the form sent, checked by the operation itself. InvalidInput or Refused."""
    count = body.get("count")
    if isinstance(count, int) and count > MAX_COUNT:
        raise InvalidInput(f"count {count}: at most {MAX_COUNT} at a click; `kizu redraw` makes any number")
    refuse_foreign(call, body.get("model", BUILT_IN))
    if body.get("loras"):
        call.desk.refuse_in_demo("LoRA")
    find_operation("redraw").read_config(body)
    return body


def _redraw(call: Call) -> Response:
    """Answers when the samples are there, or when it was stopped, then with those that were stored before."""
    desk, body = call.desk, call.json()
    key = body.pop("click", None)
    config = _config(call, body)
    if config.get("area") != "whole" and not config.get("mask_sha256"):
        draft = desk.store.drafts.get(int(config["image_id"]))
        if draft is None:
            raise NotReady(f"nothing is drawn on image {config['image_id']}: draw a mask first")
        # Written out, so that what is drawn meanwhile does not change what was asked for.
        config["mask_sha256"] = draft.mask_sha256
    started, count = time.perf_counter(), int(config.get("count", 1))
    warnings: list[Any] = []
    with desk.redraws.begin(key, count) as click:
        try:
            warnings = _work(call, config, click)
        except Cancelled:
            _log.info("a redrawing was stopped after %d samples", len(click.ids))
        made, stopped = [*click.ids], click.stop.is_set()
    seconds = time.perf_counter() - started
    _log.info("redrew %d samples in %.2f s", len(made), seconds)
    complete = len(made) >= count
    answer = {"samples": _those(call, made), "seconds": round(seconds, 2), "warnings": warnings}
    return JSONResponse({**answer, "stopped": stopped and not complete})


def _work(call: Call, config: dict[str, Any], click: Click) -> list[Any]:
    """Has the warm worker draw; returns its warnings."""
    desk, commit = call.desk, partial(click.commit_to, call.desk.store)
    result = desk.worker.call(
        desk.workspace.root, "redraw", config, commit, REDRAW_TIMEOUT_SECONDS, progress=click, stop=click.stop
    )
    return list(result.get("warnings", ()))


def _described(sample: SampleRecord, store: Store) -> dict[str, Any]:
    """A sample as the list of results shows it."""
    left, top, right, bottom = sample.recipe["box"]
    image = store.images.by_sha256(sample.parents[0])
    return {
        "image_id": image and image.id,
        "id": sample.id,
        "version": sample.sha256[:12],
        "label": sample.label,
        "status": sample.status,
        "seed": sample.seed,
        "box": {"left": left, "top": top, "right": right, "bottom": bottom},
        "share": sample.recipe["visible_share"],
    }


def _samples(call: Call) -> Response:
    """Samples by their ids, as they stand now; without ids those that were asked for last, for a page loaded anew."""
    if "ids" not in call.query:
        return JSONResponse({"samples": _those(call, call.desk.redraws.last_stored)})
    asked = call.query["ids"].split(",")
    if len(asked) > MAX_COUNT or not all(one.isascii() and one.isdigit() and len(one) < 16 for one in asked):
        raise InvalidInput(f"ids {call.query.get('ids', '')!r:.80}: up to {MAX_COUNT} ids with commas are needed")
    return JSONResponse({"samples": _those(call, [int(one) for one in asked])})


def _those(call: Call, ids: Sequence[int]) -> list[dict[str, Any]]:
    store = call.desk.store
    return [_described(record, store) for record in store.samples.get_many(ids) if record.method in METHODS]


# ---- their pictures


def _sample(call: Call) -> SampleRecord:
    return call.desk.store.samples.get(call.id())


def _pictures(call: Call) -> Response:
    """Before, after, difference and masks, small, as data addresses, and the numbers that belong to them."""
    sample = _sample(call)
    name = f"{sample.sha256}-{sample.recipe.get('drawn_sha256', '')[:12]}-redrawn"
    data = cached(call.desk, name, lambda: json.dumps(_shown(look_at(call.desk.store, sample))).encode())
    return picture(call, sample.sha256, data, "application/json")


def _shown(seen: Redrawn) -> dict[str, Any]:
    difference = seen.difference
    white = max(float(difference.max(initial=0.0)), LEAST_GAIN_LEVELS)
    stretched = (difference * (255 / white)).clip(0, 255).astype(np.uint8)
    pictures = {"before": _as_canvas(seen, seen.before), "after": _as_canvas(seen, seen.after), "difference": stretched}
    inside = difference[seen.drawn]
    return {
        **{name: _address(thumbnail(pixels, SHOWN_SIDE_PX), "webp") for name, pixels in pictures.items()},
        "masks": _address(_traced(seen), "png"),
        "mean": float(inside.mean()) if len(inside) else 0.0,
        "most": float(difference.max(initial=0.0)),
        "overlap": seen.overlap,
        "outside_px": seen.outside_px,
    }


def _as_canvas(seen: Redrawn, levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Levels (h, w, C) of a crop, stretched as the canvas shows the whole photograph."""
    whole = seen.original.levels((slice(None, None, 4), slice(None, None, 4)))
    return np.take(stretch_table(whole), levels.clip(0, 255).astype(np.uint8))


def _address(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _traced(seen: Redrawn) -> bytes:
    """PNG with transparency: what changed as an area, the blend's support and what was drawn on as outlines."""
    height, width = seen.drawn.shape
    scale = SHOWN_SIDE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = np.zeros((size[1], size[0], 4), dtype=np.uint8)

    def paint(mask: NDArray[np.bool_], tone: str, opacity: int, *, outline: bool) -> None:
        sized = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST).convert("L")
        area = np.asarray(sized) > 0
        if outline:
            area &= ~(np.asarray(sized.filter(ImageFilter.MinFilter(5))) > 0)
        picture[area] = [*bytes.fromhex(LIGHT[tone][1:]), opacity]

    paint(seen.changed, "mask", 120, outline=False)
    paint(seen.support, "warn", 255, outline=True)
    paint(seen.drawn, "accent", 255, outline=True)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="PNG")
    return stream.getvalue()


def _after(call: Call) -> Response:
    """The sample's crop at its own size, stretched as the canvas shows the photograph."""
    sample = _sample(call)
    contrast = call.query.get("contrast") != "0"

    def make() -> bytes:
        seen = look_at(call.desk.store, sample)
        plain = seen.after.clip(0, 255).astype(np.uint8)
        return encode_png(_as_canvas(seen, seen.after) if contrast else plain)

    return picture(call, sample.sha256, cached(call.desk, f"{sample.sha256}-after{int(contrast)}", make), "image/png")


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab's form and of its results."""
    return [
        route("/kizu/inpaint/state", _state, desks),
        route("/kizu/inpaint/redraw", _redraw, desks, ("POST",)),
        *click_routes("/kizu/inpaint/redraw", desks, lambda desk: desk.redraws),
        route("/kizu/inpaint/samples", _samples, desks),
        route("/kizu/inpaint/sample/{id}", _pictures, desks),
        route("/kizu/inpaint/sample/{id}/after", _after, desks),
    ]
