"""Zip files that a visitor sends: streamed into the workspace under a random name, with a limit, removed when old.

gradio's own upload is not used, because its files can be fetched by anybody who knows the path and stay on disk when
broken off.
"""

import re
import secrets
import shutil
import time
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from augment.errors import InvalidInput, NotFound, Refused, WorkspaceError
from augment.store import Workspace
from ui.state import Desk

DEMO_LIMIT_BYTES = 200 * 2**20
LIMIT_BYTES = 16 * 2**30
KEPT_SECONDS = 24 * 3600.0
_SPARED_DISK_BYTES = 512 * 2**20
_TOKEN = re.compile(r"[0-9a-f]{32}")
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "uploads"


def uploaded_path(workspace: Workspace, token: str) -> Path:
    """The file behind a token that `receive` gave. Raises NotFound for anything else."""
    path = _folder(workspace) / f"{token}.zip"
    if not _TOKEN.fullmatch(token) or not path.is_file():
        raise NotFound("the uploaded file is no longer here: choose it again")
    return path


def sweep(workspace: Workspace, older_than_seconds: float = KEPT_SECONDS) -> None:
    """Remove uploads, whole or broken off, that nobody touched for so long."""
    oldest = time.time() - older_than_seconds
    for path in _folder(workspace).glob("*"):
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


async def receive(request: Request, desk: Desk) -> Response:
    """Store the request's body, a zip, and answer its token as `{"source": token, "size_bytes": n}`.

    Raises InvalidInput for what is no zip, Refused above the limit, WorkspaceError where the disk is too full for it.
    """
    limit = DEMO_LIMIT_BYTES if desk.demo else LIMIT_BYTES
    folder = _folder(desk.workspace)
    await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
    await run_in_threadpool(sweep, desk.workspace)
    token = secrets.token_hex(16)
    partial, size = folder / f"{token}.partial", 0
    try:
        with partial.open("wb") as file:
            async for chunk in request.stream():
                if size == 0 and chunk and not chunk.startswith(_ZIP_STARTS):
                    raise InvalidInput("this file is no zip: pack the folder with your images as .zip and choose that")
                size += len(chunk)
                if size > limit:
                    raise Refused(
                        f"the zip is larger than {limit // 2**20:,} MB: import it from a folder on this machine"
                    )
                if shutil.disk_usage(folder).free < _SPARED_DISK_BYTES:
                    raise WorkspaceError(
                        f"the disk of {folder} is almost full: free some space, then send the zip again"
                    )
                await run_in_threadpool(file.write, chunk)
        if size == 0:
            raise InvalidInput("this file is empty: choose a zip with images")
        partial.replace(folder / f"{token}.zip")
    except OSError as error:
        raise WorkspaceError(f"the zip could not be stored ({error.strerror}): free some space in {folder}") from error
    finally:
        partial.unlink(missing_ok=True)
    return JSONResponse({"source": token, "size_bytes": size})
