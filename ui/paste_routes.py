"""Own routes of pasting on the tab Variations: the piece of a photograph, harmonised pastes of it, and many pairs."""

import base64
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import Cancelled, InvalidInput, NotFound
from augment.images import encode_png
from augment.operations import find_operation, to_json
from augment.operations.harmonise import GENERATOR
from augment.operations.pasting import like_sized, piece_of
from augment.operations.redraw_models import known_models
from augment.pieces import Piece
from augment.store import SampleRecord, Store
from ui.calls import Call, route
from ui.click_routes import click_routes
from ui.inpaint_routes import load_draft
from ui.redraw_routes import refuse_foreign
from ui.state import Desks

MAX_COUNT = 32
"""Samples for one click: what a page can wait for."""
MAX_COUNT_IN_DEMO = 32
"""Of a batch."""
PASTE_TIMEOUT_SECONDS = 1800.0
"""A model of Stable Diffusion's size takes minutes for one sample on a processor."""
SHOWN_SIDE_PX = 1024
"""Longest side of a piece as the page gets it."""
FIGURES = ("seam_before", "seam_after", "kept_below", "kept_piece")

_log = logging.getLogger(__name__)


def _state(call: Call) -> Response:
    """Models that can harmonise, labels with masks to take from, and what was pasted last."""
    store = call.desk.store
    generator = store.models.latest("ddpm") is not None
    return JSONResponse(
        {
            "models": [*([GENERATOR] if generator else []), *(model.id for model in known_models(store))],
            "sources": [label for label in store.images.labels() if store.images.count(label=label, masked=True)],
            "last": _described(call.desk.pastes.last_stored, store),
        }
    )


def _piece(call: Call) -> Response:
    """What is cut out of a photograph, the size of the one that it is laid on, and how large it would lie there.

    drawn: the region is what was drawn on it, not its own mask. picture: a PNG in base64, clear outside the region;
    null, and why, where nothing is marked on the photograph.
    """
    store = call.desk.store
    other = store.images.get(call.id())
    query = call.query.get("below", "")
    if not query.isascii() or not query.isdigit() or len(query) > 15:
        raise InvalidInput(f"below {query!r:.40}: the id of a photograph is needed")
    below = store.images.get(int(query))
    region = load_draft(store, other)
    drawn = bool(region.any())
    size = [below.width_px, below.height_px]
    try:
        piece = piece_of(store, other, region if drawn else None, margin_px=0 if drawn else 4)
    except InvalidInput as error:
        return JSONResponse({"picture": None, "why": str(error), "below_px": size})
    height, width = piece.mask.shape
    return JSONResponse(
        {
            "width_px": width,
            "height_px": height,
            "below_px": size,
            "scale": round(like_sized(other, below), 3),
            "drawn": drawn,
            "picture": base64.b64encode(encode_png(_clear_outside(piece))).decode(),
        }
    )


def _clear_outside(piece: Piece) -> NDArray[np.uint8]:
    """(h, w, 4) uint8, no side above SHOWN_SIDE_PX."""
    colour = np.repeat(piece.pixels, 3, axis=2) if piece.pixels.shape[2] == 1 else piece.pixels
    pixels = np.concatenate([colour, piece.mask[..., None].astype(np.uint8) * 255], axis=2)
    shown = Image.fromarray(pixels)
    shown.thumbnail((SHOWN_SIDE_PX, SHOWN_SIDE_PX))
    return np.asarray(shown)


def _described(ids: Sequence[int], store: Store) -> list[dict[str, Any]]:
    return [_sample(record, store) for record in store.samples.get_many(ids) if record.method == "cutmix"]


def _sample(record: SampleRecord, store: Store) -> dict[str, Any]:
    below = store.images.by_sha256(record.recipe["below_sha256"])
    return {
        "id": record.id,
        "version": record.sha256[:12],
        "image_id": below and below.id,
        "label": record.label,
        "seed": record.seed,
        **{name: record.recipe.get(name) for name in FIGURES},
    }


def _paste(call: Call) -> Response:
    """Answers when the samples are there, or when it was stopped, then with those that were stored before."""
    desk, body = call.desk, call.json()
    key = body.pop("click", None)
    config = find_operation("cutmix").read_config(body)
    if config.model != GENERATOR:
        refuse_foreign(call, config.model)
    if config.count > MAX_COUNT:
        raise InvalidInput(f"count {config.count}: at most {MAX_COUNT} at a click; `kizu cutmix` makes any number")
    began = time.perf_counter()
    with desk.pastes.begin(key, config.count) as click:
        commit = partial(click.commit_to, desk.store)
        try:
            desk.worker.call(
                desk.workspace.root, "cutmix", body, commit, PASTE_TIMEOUT_SECONDS, progress=click, stop=click.stop
            )
        except Cancelled:
            _log.info("pasting was stopped after %d samples", len(click.ids))
        made, stopped = [*click.ids], click.stop.is_set()
    seconds = round(time.perf_counter() - began, 2)
    stopped = stopped and len(made) < config.count
    return JSONResponse({"samples": _described(made, desk.store), "seconds": seconds, "stopped": stopped})


def _batch(call: Call) -> Response:
    """Starts a job over many pairs, after what would fail at once was told."""
    desk = call.desk
    operation = find_operation("paste_batch")
    config = operation.read_config(call.json())
    if config.model != GENERATOR:
        refuse_foreign(call, config.model)
    if desk.demo and config.count > MAX_COUNT_IN_DEMO:
        raise InvalidInput(f"count {config.count}: at most {MAX_COUNT_IN_DEMO} in this public demo")
    if not desk.store.images.count(split="train", label=config.label, masked=True):
        raise NotFound(f"no training image of {config.label!r} has a mask: import masks, or choose another class")
    return JSONResponse({"job": desk.engine.submit(operation.name, to_json(config))})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of pasting."""
    return [
        route("/kizu/paste/state", _state, desks),
        route("/kizu/paste/piece/{id}", _piece, desks),
        route("/kizu/paste", _paste, desks, ("POST",)),
        route("/kizu/paste/batch", _batch, desks, ("POST",)),
        *click_routes("/kizu/paste", desks, lambda desk: desk.pastes),
    ]
