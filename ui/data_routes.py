"""What the tab Data shows and asks for: images, the dry run, the import, the view, building the map.

Everything that takes long is a job; the dry run reads names only. Choosing the view is the one thing written here,
and only as long as nothing was trained on it.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from augment import images
from augment.errors import InvalidInput, NotFound, NotReady, Refused
from augment.operations import find_operation, to_json
from augment.operations.views import enlarged_by, is_view_used
from augment.store import ImageRecord, Split, Store
from augment.views import View
from ui.calls import Call, guarded, route
from ui.forms import describe_fields
from ui.i18n import text
from ui.state import Desk, Desks
from ui.theme import class_slots
from ui.uploads import receive, uploaded_path

if TYPE_CHECKING:
    from augment.operations.import_images import ImportConfig

EXAMPLES = 6
REPORTS = 3
GRID_LIMIT = 50_000
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def _rows(store: Store) -> list[dict[str, Any]]:
    """Class x split counts of what is there, with parts, in the order of the labels."""
    counts = store.images.counts()
    slots = class_slots(store.images.labels())
    return [
        {"label": label, "slot": slot, **{split: counts.get((label, split), 0) for split in _SPLITS}}
        for label, slot in slots.items()
    ]


def _square(store: Store, image: ImageRecord, view: View) -> tuple[float, float, float, float]:
    """The cut square as left, top, width, height in percent of the picture; "whole" is the picture itself."""
    if view.kind == "whole":
        return 0.0, 0.0, 100.0, 100.0
    size = (image.width_px, image.height_px)
    mask = None
    if view.kind == "mask" and image.mask_sha256 is not None:
        mask = images.decode_mask(store.files.read(image.mask_sha256), size)
    left, top, side = view.square(*size, mask, image.sha256)
    wide, high = 100 / size[0], 100 / size[1]
    return left * wide, top * high, side * wide, side * high


def _enlarged(store: Store, view: View) -> dict[str, Any] | None:
    """How many images the view enlarges, and the side that would not; None where it enlarges none."""
    found = enlarged_by(view, store)
    return None if found is None else dataclasses.asdict(found)


def _examples(store: Store, view: View) -> list[dict[str, Any]]:
    """Six images, one of each class first, with the square that the view cuts from each."""
    slots = class_slots(store.images.labels())
    chosen: list[ImageRecord] = []
    for offset in range(EXAMPLES):
        for label in slots:
            if len(chosen) < EXAMPLES:
                chosen.extend(store.images.list(split="train", label=label, limit=1, offset=offset))
    return [
        {
            "id": image.id,
            "v": image.sha256[:12],
            "label": image.label,
            "slot": slots[image.label],
            "width": image.width_px,
            "height": image.height_px,
            "square": _square(store, image, view),
        }
        for image in chosen
    ]


def _reports(store: Store) -> list[dict[str, Any]]:
    """What the last imports left out, newest first."""
    ended = [job for job in store.jobs.list(limit=50) if job.operation == "import" and job.result]
    reports = []
    for job in ended[:REPORTS]:
        result = job.result or {}
        counted = {name: int(result.get(name, 0)) for name in ("imported", "already_there")}
        reports.append({"job": job.id, **counted, "skipped": _pairs(result.get("skipped", []))})
    return reports


def _pairs(skipped: list[Any]) -> list[tuple[str, str]]:
    return [(str(name), str(reason)) for name, reason in skipped]


def _fields() -> list[dict[str, Any]]:
    """The import's fields, with the layouts to choose from in words."""
    from augment.importing.listing import LAYOUTS

    described = describe_fields(find_operation("import").config_type)
    for field in described:
        if field["name"] == "layout":
            field |= {"kind": "choice", "choices": ["auto", *LAYOUTS], "words": dict(LAYOUTS)}
    return described


def _embed_seconds(desk: Desk) -> float | None:
    """How long the map takes, from the last time it was built on this machine; None where it never was."""
    for job in desk.store.jobs.list(limit=50):
        if job.operation == "embed" and job.state == "done" and job.total > 0:
            rows = desk.engine.metrics(job.id or 0)
            seconds = rows[-1].get("seconds") if rows else None
            if isinstance(seconds, int | float):
                atlas = desk.atlas()
                share = desk.store.images.count() / max(1, len(atlas.image_ids)) if atlas else 1.0
                return float(seconds) * share
    return None


def _newer_encoder(store: Store) -> bool:
    """Whether an encoder was trained after the one the map is made of; the next embedding would take it."""
    projection = store.projections.latest()
    used = projection.encoder_id if projection else None
    encoders = store.models.list(kind="encoder")
    return used is not None and any(one.config.get("type") == "builtin" and (one.id or 0) > used for one in encoders)


def _summary(call: Call) -> Response:
    desk, store = call.desk, call.desk.store
    rows, atlas = _rows(store), desk.atlas()
    view = desk.view() if rows else View()
    total, reports = store.images.count(), _reports(store)
    return JSONResponse(
        {
            "name": desk.name,
            "demo": desk.demo,
            "rows": rows,
            "version": f"{total}-{max(store.images.ids(), default=0)}-{reports[0]['job'] if reports else 0}",
            "reports": reports,
            "view": view.to_json(),
            "enlarged": _enlarged(store, view),
            "locked": is_view_used(store),
            "examples": _examples(store, view) if rows else [],
            "unplaced": total - len(atlas.image_ids) if atlas else 0,
            "newer_encoder": _newer_encoder(store),
            "embed_seconds": _embed_seconds(desk),
            "fields": _fields(),
        }
    )


def _listing(call: Call) -> Response:
    store = call.desk.store
    labels = store.images.labels()
    slots, index = class_slots(labels), {label: position for position, label in enumerate(labels)}
    listed = [
        {
            "id": image.id,
            "v": image.sha256[:12],
            "label": index[image.label],
            "split": image.split,
            "group": image.group,
            "name": image.name,
            "w": image.width_px,
            "h": image.height_px,
            "mask": image.mask_sha256 is not None,
        }
        for image in store.images.list(limit=GRID_LIMIT)
    ]
    return JSONResponse({"labels": [{"name": label, "slot": slots[label]} for label in labels], "images": listed})


def _import_config(call: Call) -> "ImportConfig":
    """The import's config from the form.

    Raises Refused in a demo for anything but an upload, NotFound for a missing folder, InvalidInput for a wrong kind.
    """
    values = call.json()
    kind, source = values.pop("kind", "folder"), str(values.get("source", "")).strip()
    if kind == "zip":
        values["source"] = str(uploaded_path(call.desk.workspace, source))
    elif kind in ("folder", "hub"):
        if call.desk.demo:
            raise Refused(text("data.off_in_demo", call.language))
        if kind == "folder":
            path = Path(source).expanduser()
            if not path.exists():
                raise NotFound(text("data.no_folder", call.language, path=source))
            values["source"] = str(path.absolute())
    else:
        raise InvalidInput(f"kind {kind!r}: folder, zip or hub is needed")
    if call.desk.demo and values.get("groups_csv"):
        raise Refused(text("data.off_in_demo", call.language))
    config: ImportConfig = find_operation("import").read_config(values)
    return config


def _plan(call: Call) -> Response:
    from augment.operations.import_images import plan_import

    plan = plan_import(_import_config(call), call.desk.store)
    slots = class_slots({row.label for row in plan.counts} | set(call.desk.store.images.labels()))
    rows: dict[str, dict[str, Any]] = {}
    for count in plan.counts:
        row = rows.setdefault(count.label, {"label": count.label, "slot": slots[count.label], "groups": 0, "masks": 0})
        row[count.split] = count.images
        row["groups"] += count.groups
        row["masks"] += count.masks
    return JSONResponse(
        {
            "layout": plan.layout_text,
            "rows": [rows[label] for label in sorted(rows)],
            "total": plan.images,
            "masks": plan.masks,
            "problems": list(plan.problems),
            "skipped": [list(pair) for pair in plan.skipped],
        }
    )


def _import(call: Call) -> Response:
    return JSONResponse({"job": call.desk.engine.submit("import", _import_config(call))})


def _set_view(call: Call) -> Response:
    store = call.desk.store
    if is_view_used(store):
        raise NotReady(text("data.view_locked", call.language))
    view = View.from_json(call.json())
    # The list of sizes for images without a mask is measured, not chosen: it stays with the suggestion.
    suggested = call.desk.view()
    view = dataclasses.replace(view, mask_sides_px=suggested.mask_sides_px)
    store.settings.set("view", view.to_json())
    return JSONResponse(
        {"view": view.to_json(), "enlarged": _enlarged(store, view), "examples": _examples(store, view)}
    )


def _embed(call: Call) -> Response:
    desk = call.desk
    if not desk.store.images.count():
        raise NotReady(text("data.empty", call.language))
    if desk.store.settings.get("view") is None:
        desk.store.settings.set("view", desk.view().to_json())
    config = find_operation("embed").read_config({})
    return JSONResponse({"job": desk.engine.submit("embed", to_json(config))})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab Data."""

    async def upload(request: Request, call: Call) -> Response:
        return await receive(request, call.desk)

    return [
        route("/kizu/data", _summary, desks),
        route("/kizu/data/images", _listing, desks),
        route("/kizu/data/plan", _plan, desks, ("POST",)),
        route("/kizu/data/import", _import, desks, ("POST",)),
        route("/kizu/data/view", _set_view, desks, ("POST",)),
        route("/kizu/data/embed", _embed, desks, ("POST",)),
        Route("/kizu/data/upload", guarded(desks, upload, read=False), methods=["POST"]),
    ]
