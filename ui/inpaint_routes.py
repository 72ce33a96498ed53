"""Own routes of the mask canvas: previews, the drawn masks, masks from elsewhere, and the crop that the model will see.

The photograph goes out as a preview of at most 2048 px; its pixels never come back. A mask comes and goes at the size
of the upright photograph, in the form of `mask_bits`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment import images
from augment.errors import InvalidInput, NotFound
from augment.masked import Box, PasteConfig, crop_box, patch_side, patch_size
from augment.operations.mask_library import estimate_part, library_mask
from augment.operations.redrawn import last_drawn
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord, Store
from ui.calls import Call, route
from ui.mask_bits import pack_mask, unpack_mask
from ui.routes import PREVIEW_SIDE_PX, cached, picture
from ui.state import Desks

MOST_SIDE_PX = 4096


def _image(call: Call) -> ImageRecord:
    return call.desk.store.images.get(call.id())


def _size(image: ImageRecord) -> tuple[int, int]:
    return image.width_px, image.height_px


def stretch_table(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Level to level, (256,), that shows the 0.1 percentile of pixels in [0, 255] as black and the 99.9 as white; flat
    ones stay."""
    low, high = (float(value) for value in np.percentile(pixels, (0.1, 99.9)))
    if high - low < 1:
        return np.arange(256, dtype=np.uint8)
    levels = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255)
    return np.asarray(np.rint(levels), dtype=np.uint8)


def _preview(call: Call) -> Response:
    image = _image(call)
    contrast = call.query.get("contrast") != "0"

    def make() -> bytes:
        pixels = load_pixels(call.desk.store, image)
        if contrast:
            pixels = np.take(stretch_table(pixels[::4, ::4]), pixels)
        return images.thumbnail(pixels, PREVIEW_SIDE_PX)

    data = cached(call.desk, f"{image.sha256}-canvas{int(contrast)}", make)
    return picture(call, image.sha256, data, "image/webp")


# ---- the drawn mask


def load_draft(store: Store, image: ImageRecord) -> NDArray[np.bool_]:
    """What is drawn on an image, (height, width) bool; empty where nothing is."""
    draft = store.drafts.get(image.id or 0)
    if draft is None:
        return np.zeros((image.height_px, image.width_px), dtype=np.bool_)
    return images.decode_mask(store.files.read(draft.mask_sha256), _size(image))


def _packed(mask: NDArray[np.bool_]) -> Response:
    return Response(pack_mask(mask), media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _save(call: Call) -> Response:
    """Answers when the mask is on disk. An empty one forgets what was drawn."""
    image, store = _image(call), call.desk.store
    mask = unpack_mask(call.body, _size(image))
    if not mask.any():
        store.drafts.delete(call.id())
        return JSONResponse({"sha256": None})
    draft = store.drafts.set(call.id(), store.files.put(images.encode_mask(mask)))
    return JSONResponse({"sha256": draft.mask_sha256})


def _download(call: Call) -> Response:
    image = _image(call)
    draft = call.desk.store.drafts.get(call.id())
    if draft is None:
        raise NotFound(f"nothing is drawn on image {image.id}: draw a mask first")
    mask = images.encode_png(load_draft(call.desk.store, image))
    headers = {"Content-Disposition": f'attachment; filename="mask-{image.id}.png"', "Cache-Control": "no-store"}
    return Response(mask, media_type="image/png", headers=headers)


# ---- masks from elsewhere


def _upload(call: Call) -> Response:
    return _packed(images.decode_mask(call.body, _size(_image(call))))


def _own(call: Call) -> Response:
    mask = load_mask(call.desk.store, _image(call))
    if mask is None or not mask.any():
        raise NotFound(f"image {call.id()} came without a mask: draw one, or take one from the library")
    return _packed(mask)


def _last(call: Call) -> Response:
    return _packed(last_drawn(call.desk.store, _size(_image(call))))


def _library(call: Call) -> Response:
    image, store, seed = _image(call), call.desk.store, call.query.get("seed", "0")
    if not (seed.isascii() and seed.isdigit() and len(seed) < 16):
        raise InvalidInput(f"seed {seed!r:.40}: a whole number from 0 is needed")
    return _packed(library_mask(store, call.query.get("label") or None, image, int(seed), estimate_part(store, image)))


# ---- the crop


def _number(call: Call, name: str, default: float) -> float:
    asked = call.query.get(name, "") or str(default)
    try:
        value = float(asked)
    except ValueError as error:
        raise InvalidInput(f"{name} {asked!r:.40}: a number is needed") from error
    if not math.isfinite(value):
        raise InvalidInput(f"{name} {asked!r:.40}: a finite number is needed")
    return value


def asked_box(text: str, image: ImageRecord) -> Box:
    """The box "left,top,right,bottom" of an image. Raises InvalidInput for anything that is none inside it."""
    parts = text.split(",")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        box = Box(*(int(part) for part in parts))
        if box.left < box.right <= image.width_px and box.top < box.bottom <= image.height_px:
            return box
    raise InvalidInput(f"box {text!r:.60}: left,top,right,bottom in px inside {image.width_px} x {image.height_px}")


def _pixels(call: Call, name: str, default: int) -> int:
    value = int(_number(call, name, default))
    if not 1 <= value <= MOST_SIDE_PX:
        raise InvalidInput(f"{name} {value}: 1 to {MOST_SIDE_PX} px")
    return value


def _crop(call: Call) -> Response:
    """What the model will see for a mask in `box`: the square, where only the mask's ends matter; and `seen`, the
    width and height at which it sees it, where the mask on the disk is the one asked for; a thin one is seen larger."""
    image = _image(call)
    box = asked_box(call.query.get("box", ""), image)
    config = PasteConfig(padding=_number(call, "padding", 0.5), feather_px=int(_number(call, "feather", 4)))
    side = _pixels(call, "side", 128)
    mask = np.zeros((image.height_px, image.width_px), dtype=np.bool_)
    mask[box.top, box.left] = mask[box.bottom - 1, box.right - 1] = True
    crop, draft = crop_box(mask, config, side), load_draft(call.desk.store, image)
    seen = None
    if draft.any() and _ends(draft) == box:
        longer = patch_side(draft, crop, side, _pixels(call, "most", side))
        seen = [*reversed(patch_size(crop, longer, _pixels(call, "grid", 8)))]
    return JSONResponse({**described_box(crop), "seen": seen})


def _ends(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def described_box(box: Box) -> dict[str, Any]:
    """A box as the page takes it."""
    return {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom}


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the mask canvas."""
    image = "/kizu/inpaint/image/{id}"
    return [
        route(f"{image}/preview", _preview, desks),
        route(f"{image}/mask", lambda call: _packed(load_draft(call.desk.store, _image(call))), desks),
        route(f"{image}/mask", _save, desks, ("POST",)),
        route(f"{image}/mask.png", _download, desks),
        route(f"{image}/mask/upload", _upload, desks, ("POST",)),
        route(f"{image}/mask/own", _own, desks),
        route(f"{image}/mask/last", _last, desks),
        route(f"{image}/mask/library", _library, desks),
        route(f"{image}/crop", _crop, desks),
    ]
