"""Own routes of the map: its points as bytes, and what lies under a click.

Layouts, little endian, n rows in ascending order of the images' ids:
    /kizu/points.bin      uint32 n | float32 x[n] | float32 y[n] | uint8 label[n], an index into `labels` of the state
    /kizu/map/ids.bin     int32 pairs (first id, how many follow one another), as many as there are gaps and one
    /kizu/map/split.bin   uint8[n], an index into `splits` of the state
    /kizu/map/margin.bin  uint8[n], 0 to 255 for a margin of -1 to 1
The last two are fetched when a colour mode needs them. Nothing is computed here but look-ups in the atlas.
"""

import logging
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, KizuError, NotReady
from augment.features.atlas import EMPTY, Atlas
from augment.features.neighbours import nearest
from augment.images import decode_mask
from augment.store import ImageRecord, SampleRecord, SampleRow, Split, Store
from ui.calls import Call, route
from ui.routes import cut_version
from ui.state import Desk, Desks
from ui.theme import class_slots

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MAX_LABELS = 256
NEIGHBOURS = 8
LISTED_PAIRS = 60

_log = logging.getLogger(__name__)


def pack_points(xy: NDArray[Any], label: NDArray[Any]) -> bytes:
    """The body of `points.bin`. xy: (n, 2) float. label: (n,) int, 0 to 255."""
    columns = np.asarray(xy, dtype="<f4")
    return b"".join(
        [
            np.uint32(len(columns)).astype("<u4").tobytes(),
            np.ascontiguousarray(columns[:, 0]).tobytes(),
            np.ascontiguousarray(columns[:, 1]).tobytes(),
            np.asarray(label, dtype=np.uint8).tobytes(),
        ]
    )


def pack_ids(ids: NDArray[Any]) -> bytes:
    """The body of `ids.bin`: runs of ids that follow one another. ids: (n,) int, ascending."""
    first = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 2) != 1)
    runs = np.stack([ids[first], np.diff(first, append=len(ids))], axis=1)
    return np.ascontiguousarray(runs, dtype="<i4").tobytes()


def pack_margins(margin: NDArray[Any]) -> bytes:
    """The body of `margin.bin`. margin: (n,) float in [-1, 1]; not a number counts as 1, far from any boundary."""
    steps = np.clip((np.nan_to_num(np.asarray(margin), nan=1.0) + 1.0) * 127.5, 0, 255)
    return np.asarray(steps, dtype=np.uint8).tobytes()


def _splits(call: Call) -> bytes:
    atlas, store = _atlas(call), call.desk.store
    split = np.zeros(len(atlas), dtype=np.uint8)
    for index, name in enumerate(SPLITS[1:], start=1):
        split[np.isin(atlas.image_ids, np.asarray(store.images.ids(split=name), dtype=np.int64))] = index
    return split.tobytes()


def _atlas(call: Call) -> Atlas:
    atlas = call.desk.atlas()
    if atlas is None or not len(atlas):
        raise NotReady("there is no map yet: import images and build it on the tab Data")
    return atlas


def _bytes(pack: Callable[[Call], bytes]) -> Callable[[Call], Response]:
    headers = {"Cache-Control": "no-store"}
    return lambda call: Response(pack(call), media_type="application/octet-stream", headers=headers)


def _points(call: Call) -> bytes:
    atlas = _atlas(call)
    return pack_points(atlas.xy, np.minimum(atlas.label_index, MAX_LABELS - 1))


def _number(value: float | None, digits: int = 4) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


def describe_row(row: SampleRow) -> dict[str, Any]:
    """A sample as the map and its result strip show it."""
    return {
        "id": row.id,
        "version": row.sha256[:12],
        "label": row.label,
        "status": row.status,
        "x": row.x,
        "y": row.y,
        "fromX": row.requested_x,
        "fromY": row.requested_y,
        "error": _number(row.landing_error, 3),
        "nearestId": row.nearest_image_id,
        "nearestDistance": _number(row.nearest_real_distance),
        "method": row.method,
        "seed": row.seed,
    }


def _samples(desk: Desk, projection_id: int) -> list[dict[str, Any]]:
    rows = desk.store.samples.rows()
    return [describe_row(row) for row in rows if row.x is not None and row.projection_id == projection_id]


def _pairs(atlas: Atlas) -> list[dict[str, Any]]:
    listed = []
    for (first, second), distance in zip(atlas.pairs[:LISTED_PAIRS], atlas.pair_distance, strict=False):
        listed.append(
            {
                "ids": [int(atlas.image_ids[first]), int(atlas.image_ids[second])],
                "labels": [atlas.label_of(int(first)), atlas.label_of(int(second))],
                "distance": _number(float(distance), 3),
                "x": float(atlas.xy[first, 0] + atlas.xy[second, 0]) / 2,
                "y": float(atlas.xy[first, 1] + atlas.xy[second, 1]) / 2,
            }
        )
    return listed


def _defaults() -> dict[str, Any]:
    """What the form starts with: the operation's own defaults."""
    from augment.operations.generate import GenerateConfig

    shown = ("count", "steps", "label_guidance", "position_guidance", "steering")
    return {field.name: field.default for field in fields(GenerateConfig) if field.name in shown}


def _state(call: Call) -> Response:
    desk = call.desk
    record, ddpm = desk.store.projections.latest(), desk.store.models.latest("ddpm")
    labels = list(desk.store.images.labels())
    head = {
        "images": desk.store.images.count(),
        "ddpm": ddpm is not None and {"id": ddpm.id, "labels": ddpm.config.get("labels", labels)},
        "demo": desk.demo,
        "defaults": _defaults(),
        "projection": None,
    }
    if record is None or record.id is None:
        return JSONResponse(head)
    atlas = _atlas(call)
    slots = class_slots({*labels, *atlas.labels})
    return JSONResponse(
        {
            **head,
            "projection": record.id,
            "placed": len(atlas),
            "labels": list(atlas.labels),
            "slots": slots,
            "splits": list(SPLITS),
            "nearRadius": EMPTY * atlas.spacing["xy"],
            "pairs": _pairs(atlas),
            "samples": _samples(desk, record.id),
            "notes": list(atlas.projection.notes),
        }
    )


def _listed(call: Call, found: list[tuple[int, float]]) -> list[dict[str, Any]]:
    """Neighbours as (row, distance) with what their thumbnails need; images deleted since the fit are left out."""
    atlas = _atlas(call)
    ids = [int(atlas.image_ids[row]) for row, _ in found]
    records = {image.id: image for image in call.desk.store.images.get_many(ids)}
    return [
        {"id": image_id, "version": records[image_id].sha256[:12], "label": records[image_id].label, "distance": d}
        for image_id, (_, distance) in zip(ids, found, strict=True)
        if image_id in records and (d := _number(distance, 3)) is not None
    ]


def _shown_mask(store: Store, image: ImageRecord) -> str | None:
    """Version of the image's mask, or None where there is nothing to show: no mask, one without a pixel, or broken."""
    if image.mask_sha256 is None:
        return None
    try:
        mask = decode_mask(store.files.read(image.mask_sha256), (image.width_px, image.height_px))
    except KizuError:
        _log.warning("the mask of image %s cannot be read", image.id)
        return None
    return image.mask_sha256[:12] if mask.any() else None


def describe_image(store: Store, image: ImageRecord) -> dict[str, Any]:
    """An image as the panel shows it, without what the atlas knows of it."""
    return {
        "kind": "image",
        "id": image.id,
        "version": image.sha256[:12],
        "label": image.label,
        "group": image.group,
        "split": image.split,
        "name": image.name,
        "width": image.width_px,
        "height": image.height_px,
        "mask": _shown_mask(store, image),
    }


def _image(call: Call) -> Response:
    atlas, image = _atlas(call), call.desk.store.images.get(call.id())
    row = atlas.row_of(call.id())
    return JSONResponse(
        {
            **describe_image(call.desk.store, image),
            "margin": _number(float(atlas.margin[row]), 3),
            "rival": atlas.rival_of(row),
            "fitted": bool(atlas.fitted[row]),
            "neighbours": _listed(call, atlas.neighbours_of(row, NEIGHBOURS)),
        }
    )


def _cut_of_nearest(call: Call, sample: SampleRecord) -> dict[str, Any] | None:
    """The nearest real image as the encoder saw it, to be looked at beside the sample."""
    found = call.desk.store.images.get_many([sample.nearest_image_id]) if sample.nearest_image_id else []
    if not found:
        return None
    return {"id": found[0].id, "label": found[0].label, "cut": cut_version(found[0], call.desk.view())}


def _sample(call: Call) -> Response:
    atlas, sample = _atlas(call), call.desk.store.samples.get(call.id())
    found: list[tuple[int, float]] = []
    if sample.position is not None and len(sample.position) == atlas.position.shape[1]:
        rows, distances = nearest(atlas.position, np.asarray([sample.position], dtype=np.float32), NEIGHBOURS)
        found = [(int(row), float(d)) for row, d in zip(rows[0], distances[0], strict=True)]
    return JSONResponse(
        {
            "kind": "sample",
            "id": sample.id,
            "version": sample.sha256[:12],
            "label": sample.label,
            "method": sample.method,
            "seed": sample.seed,
            "status": sample.status,
            "error": _number(sample.landing_error, 3),
            "probability": sample.probability,
            "nearestDistance": _number(sample.nearest_real_distance),
            "nearest": _cut_of_nearest(call, sample),
            "neighbours": _listed(call, found),
        }
    )


def _place(call: Call) -> Response:
    """What lies at `x`, `y` of the view: the nearest images in the view, and whether any is near at all."""
    atlas = _atlas(call)
    try:
        asked = np.asarray([[float(call.query["x"]), float(call.query["y"])]], dtype=np.float32)
    except (KeyError, ValueError) as error:
        raise InvalidInput("x and y: two numbers are needed, a place on the map") from error
    if not np.isfinite(asked).all():
        raise InvalidInput(f"x {asked[0, 0]}, y {asked[0, 1]}: finite numbers are needed, a place on the map")
    rows, distances = nearest(atlas.xy, asked, NEIGHBOURS)
    found = [(int(row), float(d)) for row, d in zip(rows[0], distances[0], strict=True)]
    return JSONResponse(
        {
            "kind": "place",
            "empty": bool(distances[0, 0] > EMPTY * atlas.spacing["xy"]),
            "neighbours": _listed(call, found),
        }
    )


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the map tab."""
    return [
        route("/kizu/points.bin", _bytes(_points), desks),
        route("/kizu/map/ids.bin", _bytes(lambda call: pack_ids(_atlas(call).image_ids)), desks),
        route("/kizu/map/split.bin", _bytes(_splits), desks),
        route("/kizu/map/margin.bin", _bytes(lambda call: pack_margins(_atlas(call).margin)), desks),
        route("/kizu/map/state", _state, desks),
        route("/kizu/map/image/{id}", _image, desks),
        route("/kizu/map/sample/{id}", _sample, desks),
        route("/kizu/map/place", _place, desks),
    ]
