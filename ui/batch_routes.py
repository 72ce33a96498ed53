"""Own routes of the batch on the tab Inpaint: what there is to draw on and under, and starting the job."""

from collections import Counter
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidConfig, NotReady, Refused
from augment.operations import find_operation, to_json
from augment.operations.redraw_batch import RedrawBatchConfig
from augment.operations.redraw_models import model_choice
from augment.store import Store
from ui.calls import Call, route
from ui.i18n import text
from ui.redraw_routes import MAX_COUNT, refuse_foreign
from ui.state import Desks
from ui.theme import FLAWLESS_LABELS

LISTED_JOBS = 200
MOST_COUNT = 100_000


def _classes(store: Store) -> list[dict[str, Any]]:
    """Of each label with training images: how many, how many came with a mask, how many are drawn on now.

    good: whether its name says that nothing is wrong with the part; the masks of those are empty and do not count.
    """
    drafts = store.images.get_many(store.drafts.image_ids())
    drawn = Counter(image.label for image in drafts if image.split == "train")
    return [
        {
            "label": label,
            "images": count,
            "masks": 0 if good else store.images.count(split="train", label=label, masked=True),
            "drawn": drawn[label],
            "good": good,
        }
        for (label, split), count in store.images.counts().items()
        if split == "train"
        for good in (label.strip().lower() in FLAWLESS_LABELS,)
    ]


def _paces(store: Store) -> list[dict[str, Any]]:
    """How fast earlier batches were here, the newest first: model, steps, whether guided, samples a second."""
    return [
        {
            "model": job.config["model"],
            "steps": job.config["steps"],
            "guided": job.config["guidance"] != 1,
            "rate": job.metrics["images_per_second"],
        }
        for job in store.jobs.list(limit=LISTED_JOBS)
        if job.operation == "redraw_batch" and job.metrics.get("images_per_second")
    ]


def _state(call: Call) -> Response:
    store = call.desk.store
    return JSONResponse(
        {"classes": _classes(store), "paces": _paces(store), "most": MAX_COUNT if call.desk.demo else MOST_COUNT}
    )


def _start(call: Call) -> Response:
    """Answers with the id of the job, after what would fail at once was told."""
    desk, body = call.desk, call.json()
    operation = find_operation("redraw_batch")
    config = operation.read_config(body)
    refuse_foreign(call, config.model)
    if config.loras:
        desk.refuse_in_demo("LoRA")
    if desk.demo and config.count > MAX_COUNT:
        raise Refused(text("inpaint.batch_off_in_demo", call.language, n=MAX_COUNT))
    _refuse_impossible(call, config)
    return JSONResponse({"job": desk.engine.submit(operation.name, to_json(config))})


def _refuse_impossible(call: Call, config: RedrawBatchConfig) -> None:
    """NotReady or InvalidConfig with what to do, where there is nothing to draw on, under or with."""
    classes = _classes(call.desk.store)
    drawn_on = [one for one in classes if config.on in ("", one["label"])]
    if not drawn_on:
        raise NotReady(text("inpaint.batch_no_images", call.language))
    if config.masks == "drawn" and not any(one["drawn"] for one in drawn_on):
        raise NotReady(text("inpaint.batch_nothing_drawn", call.language))
    whose = config.mask_label or config.label
    if config.masks == "library" and not any(one["label"] == whose and one["masks"] for one in classes):
        raise NotReady(text("inpaint.batch_no_masks", call.language, label=whose))
    known = model_choice(call.desk.store, config.model).labels
    if known and config.label not in known:
        raise InvalidConfig(f"label {config.label!r}: this model knows {', '.join(known)}")


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the batch."""
    return [
        route("/kizu/inpaint/batch", _state, desks),
        route("/kizu/inpaint/batch/start", _start, desks, ("POST",)),
    ]
