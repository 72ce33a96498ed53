"""Own routes of the tab Export: what there is to export, starting it, and the card and a zip of a finished export.

The operation `export` writes, renames and re-reads; here its result is shown. A token for the Hub passes through as a
secret of the one job and is kept nowhere.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, NotFound
from augment.operations import find_operation
from augment.store import JobRecord, Store, Workspace
from ui.calls import Call, route
from ui.state import Desks
from ui.theme import class_slots

FORMATS = ("parquet", "save_to_disk", "imagefolder")
FIELDS = ("folder", "format", "include_real", "statuses", "labels", "methods", "push_to_hub")
LISTED_EXPORTS = 12
MAX_CARD_CHARACTERS = 40_000
_CHUNK_BYTES = 1 << 20

_log = logging.getLogger(__name__)


def contents(store: Store) -> dict[str, Any]:
    """Counts of images by (label, split) and of samples by (label, split, method, status), as lists for a table."""
    images = [[label, split, count] for (label, split), count in sorted(store.images.counts().items())]
    samples = Counter((row.label, row.split, row.method, row.status) for row in store.samples.rows())
    return {"images": images, "samples": [[*key, count] for key, count in sorted(samples.items())]}


def _state(call: Call) -> Response:
    desk = call.desk
    labels = sorted({*desk.store.images.labels(), *desk.store.samples.labels()})
    return JSONResponse(
        {
            **contents(desk.store),
            "labels": labels,
            "slots": class_slots(labels),
            "methods": list(desk.store.samples.methods()),
            "name": desk.name,
            "exports": str(desk.workspace.exports_dir),
            "demo": desk.demo,
            "jobs": [_described(job) for job in _export_jobs(desk.store)],
        }
    )


def _export_jobs(store: Store) -> list[JobRecord]:
    return [job for job in store.jobs.list() if job.operation == "export"][:LISTED_EXPORTS]


def _described(job: JobRecord) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state,
        "step": job.step,
        "total": job.total,
        "error": job.error,
        "config": job.config,
        "result": job.result,
        "finished": job.finished_at,
    }


def export_folder(workspace: Workspace, name: str, *, anywhere: bool) -> Path:
    """Where an export called `name` goes: inside the workspace's `exports`, or where an absolute path says.

    anywhere: whether paths outside `exports` may be written; not in a public demo. Raises InvalidInput for an empty
    name or one that leads outside.
    """
    if not name.strip() or "\0" in name:
        raise InvalidInput("folder: a name for the export is needed")
    exports = workspace.exports_dir.resolve()
    given = Path(name.strip()).expanduser()
    folder = (given if given.is_absolute() else exports / given).resolve()
    inside = folder != exports and folder.is_relative_to(exports)
    if not inside and (not anywhere or not given.is_absolute()):
        raise InvalidInput(f"folder {name!r} is outside the workspace's exports: give a plain name")
    return folder


def _start(call: Call) -> Response:
    desk, body = call.desk, call.json()
    token = body.pop("token", "")
    unknown = sorted(set(body) - set(FIELDS))
    if unknown:
        raise InvalidInput(f"field {unknown[0]!r} is not one of {', '.join(FIELDS)}")
    if body.get("push_to_hub"):
        desk.refuse_in_demo("sending to the Hugging Face Hub")
    if not isinstance(token, str) or not isinstance(body.get("folder"), str):
        raise InvalidInput("folder and token: text is needed")
    config = {**body, "folder": str(export_folder(desk.workspace, body["folder"], anywhere=not desk.demo))}
    secrets = {"hf_token": token} if token and body.get("push_to_hub") else {}
    return JSONResponse({"job": desk.engine.submit("export", config, secrets)})


def _preview(call: Call) -> Response:
    from augment.operations.export import preview_card

    body = call.json()
    unknown = sorted(set(body) - set(FIELDS))
    if unknown:
        raise InvalidInput(f"field {unknown[0]!r} is not one of {', '.join(FIELDS)}")
    config = find_operation("export").read_config({**body, "folder": "preview"})
    return JSONResponse({"card": preview_card(config, call.desk.store)[:MAX_CARD_CHARACTERS]})


def _finished(call: Call) -> Path:
    job = call.desk.store.jobs.get(call.id())
    if job.operation != "export" or job.state != "done":
        raise NotFound(f"job {call.id()} is no finished export")
    folder = Path(str((job.result or {}).get("folder") or job.config.get("folder", "")))
    if not folder.is_dir():
        raise NotFound(f"the export of job {call.id()} is no longer there: it was moved or deleted")
    return folder


def _card(call: Call) -> Response:
    try:
        text = (_finished(call) / "README.md").read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"the export of job {call.id()} has no card: {error.strerror}") from error
    return JSONResponse({"card": text[:MAX_CARD_CHARACTERS]})


class _Pipe:
    """What `ZipFile` writes into; it cannot seek, so sizes follow each file."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self.chunks.append(bytes(data))
        return len(data)

    def close(self) -> None:
        """Nothing is to be closed."""

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data, self.chunks = b"".join(self.chunks), []
        return data


def zipped(folder: Path) -> Iterator[bytes]:
    """The folder as a zip, made while it is sent; pictures are packed already, so nothing is compressed again."""
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_STORED, allowZip64=True) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            info = ZipInfo.from_file(path, Path(folder.name) / path.relative_to(folder))
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
                    yield pipe.take()
    yield pipe.take()


def _download(call: Call) -> Response:
    folder = _finished(call).resolve()
    if not folder.is_relative_to(call.desk.workspace.exports_dir.resolve()):
        raise NotFound(f"the export of job {call.id()} lies outside the workspace: take it from {folder}")
    headers = {
        "Content-Disposition": f'attachment; filename="kizu-export-{call.id()}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(zipped(folder), media_type="application/zip", headers=headers)


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the export tab."""
    return [
        route("/kizu/export/state", _state, desks),
        route("/kizu/export/start", _start, desks, ("POST",)),
        route("/kizu/export/card", _preview, desks, ("POST",)),
        route("/kizu/export/{id}/card", _card, desks),
        route("/kizu/export/{id}/download", _download, desks),
    ]
