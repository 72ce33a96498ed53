"""The app's own routes: pictures by database id, the state of jobs, the page's script and plotly.

Pictures are always drawn anew from the stored bytes (upright, 8 bits), so that what a file claims to be never reaches
the browser. An address with `?v=` and the first characters of the picture's SHA-256 is cached for good; without it
the browser asks again, because another workspace may show another picture under the same id.
"""

import gzip
import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from augment import images
from augment.errors import InvalidInput, NotFound
from augment.store import ImageRecord, SampleRecord
from augment.views import View
from ui import job_routes
from ui.calls import Call, route
from ui.components import asset
from ui.i18n import LANGUAGES, script_table
from ui.state import Desk, Desks

THUMB_SIDES_PX = (64, 96, 128, 192, 256, 384)
PREVIEW_SIDE_PX = 2048
_PAGE_SCRIPT = Path(__file__).parent / "page.js"


def image_url(image: ImageRecord, kind: str = "thumb/image") -> str:
    """Address of an image's picture (`kind` "image", "thumb/image" or "crop") that the browser may keep."""
    return f"/kizu/{kind}/{image.id}?v={image.sha256[:12]}"


def sample_url(sample: SampleRecord, kind: str = "thumb/sample") -> str:
    """Address of a sample's picture (`kind` "sample" or "thumb/sample") that the browser may keep."""
    return f"/kizu/{kind}/{sample.id}?v={sample.sha256[:12]}"


def cut_version(image: ImageRecord, view: View) -> str:
    """What the cut of an image by a view is cached under; its first characters as `?v=` let the browser keep it."""
    cut = hashlib.sha256(json.dumps(view.to_json(), sort_keys=True).encode()).hexdigest()
    return f"{image.sha256[:12]}{cut[:12]}"


def picture(call: Call, sha256: str, data: bytes, media_type: str) -> Response:
    """Picture bytes with caching by content."""
    version = call.query.get("v", "")
    lasting = len(version) >= 8 and sha256.startswith(version)
    cache = "private, max-age=31536000, immutable" if lasting else "private, no-cache"
    return Response(data, media_type=media_type, headers={"Cache-Control": cache, "ETag": f'"{sha256}"'})


def _image(call: Call) -> ImageRecord:
    return call.desk.store.images.get(call.id())


def _sample(call: Call) -> SampleRecord:
    return call.desk.store.samples.get(call.id())


def cached(desk: Desk, name: str, make: Callable[[], bytes]) -> bytes:
    """The bytes under `name` in the workspace's cache folder, made and kept on the first call."""
    path = desk.workspace.cache_dir / "pictures" / name[:2] / name
    try:
        return path.read_bytes()
    except OSError:
        data = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{id(data)}.partial")
        partial.write_bytes(data)
        partial.replace(path)
    except OSError:
        # A full or read-only disk makes pictures slower, not absent.
        pass
    return data


def _thumbnail(call: Call, sha256: str) -> Response:
    wanted = call.query.get("side", "128")
    if not wanted.isdigit() or int(wanted) not in THUMB_SIDES_PX:
        raise InvalidInput(f"side {wanted!r}: one of {', '.join(map(str, THUMB_SIDES_PX))} px is needed")
    side, store = int(wanted), call.desk.store
    data = cached(
        call.desk,
        f"{sha256}-{side}.webp",
        lambda: images.thumbnail(images.decode(store.files.read(sha256)).pixels, side),
    )
    return picture(call, sha256, data, "image/webp")


def _preview(call: Call, sha256: str) -> Response:
    if call.query.get("original") == "1":
        return Response(
            call.desk.store.files.read(sha256),
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{sha256[:16]}"',
                "Cache-Control": "private, no-cache",
            },
        )

    def make() -> bytes:
        pixels = images.decode(call.desk.store.files.read(sha256)).pixels
        if max(pixels.shape[:2]) > PREVIEW_SIDE_PX:
            return images.thumbnail(pixels, PREVIEW_SIDE_PX)
        return images.encode_png(pixels)

    data = cached(call.desk, f"{sha256}-preview", make)
    return picture(call, sha256, data, "image/png" if data.startswith(b"\x89PNG") else "image/webp")


def _mask(call: Call) -> Response:
    image = _image(call)
    if image.mask_sha256 is None:
        raise NotFound(f"image {image.id} has no mask")
    mask = images.decode_mask(call.desk.store.files.read(image.mask_sha256), (image.width_px, image.height_px))
    return picture(call, image.mask_sha256, images.encode_png(mask), "image/png")


def _crop(call: Call) -> Response:
    from augment.operations.views import load_cut

    image, view = _image(call), call.desk.view()
    if "view" in call.query:
        try:
            view = View.from_json(json.loads(call.query["view"]))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"view {call.query['view'][:80]!r} is no view: {error}") from error
    key = cut_version(image, view)
    data = cached(call.desk, f"{key}-cut", lambda: images.encode_png(load_cut(call.desk.store, image, view)))
    return picture(call, key, data, "image/png")


@lru_cache(maxsize=1)
def _plotly_gzip() -> bytes:
    """plotly.js as the installed plotly package brings it, packed once. Found without importing the package."""
    from importlib.util import find_spec

    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise NotFound("the package plotly is not installed: pip install plotly")
    script = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return gzip.compress(script.read_bytes(), 6)


async def _plotly(_: Request) -> Response:
    headers = {"Content-Encoding": "gzip", "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(await run_in_threadpool(_plotly_gzip), media_type="text/javascript", headers=headers)


@lru_cache(maxsize=1)
def _script() -> str:
    tables = ",".join(f'"{language}":{script_table(language)}' for language in LANGUAGES)
    return f"window.kizuTexts={{{tables}}};\n{_PAGE_SCRIPT.read_text(encoding='utf-8')}\n{asset('curve.js')}"


async def _page_script(_: Request) -> Response:
    return Response(_script(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _health(call: Call) -> Response:
    return JSONResponse({"workspace": call.desk.name, "demo": call.desk.demo})


def routes(desks: Desks) -> list[BaseRoute]:
    """All own routes of the shell; those of the jobs are in `job_routes`."""
    return [
        # These two hold nothing of a workspace; the login page needs the texts.
        Route("/kizu/plotly.min.js", _plotly),
        Route("/kizu/page.js", _page_script),
        route("/kizu/health", _health, desks),
        route("/kizu/image/{id}", lambda call: _preview(call, _image(call).sha256), desks),
        route("/kizu/image/{id}/mask", _mask, desks),
        route("/kizu/thumb/image/{id}", lambda call: _thumbnail(call, _image(call).sha256), desks),
        route("/kizu/sample/{id}", lambda call: _preview(call, _sample(call).sha256), desks),
        route("/kizu/thumb/sample/{id}", lambda call: _thumbnail(call, _sample(call).sha256), desks),
        route("/kizu/crop/{id}", _crop, desks),
        *job_routes.routes(desks),
    ]
