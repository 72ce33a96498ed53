"""The workspace folder: where its parts lie, and the lock that lets one process own it.

Knows paths and the lock; knows neither the database's tables nor what the files mean.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from augment.errors import WorkspaceError, WorkspaceInUse

__all__ = ["Hold", "Workspace", "now"]


def now() -> str:
    """Return this moment in UTC as ISO 8601 with microseconds, such as `2026-11-21T03:10:00.123456+00:00`."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Hold:
    """A held lock. The sidecar file beside the lock names the holder, for whoever is turned away."""

    def __init__(self, sidecar: Path, address: str) -> None:
        """Write the sidecar; `Workspace.lock` calls this once it holds the lock."""
        self._sidecar = sidecar
        self._started = now()
        self.announce(address)

    def announce(self, address: str) -> None:
        """Write in the sidecar where the holder can be reached; a server knows its address only once it listens."""
        holder = {"pid": os.getpid(), "address": address, "started": self._started}
        temporary = self._sidecar.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(holder), encoding="utf-8")
        temporary.replace(self._sidecar)


class Workspace:
    """A folder that holds one project: database, files, checkpoints, projections, jobs and exports."""

    def __init__(self, root: Path | str) -> None:
        """Name the folder; nothing is read or made until `create` or `Store` does so."""
        self.root = Path(root).expanduser().absolute()

    def __repr__(self) -> str:
        """Show the folder."""
        return f"Workspace({str(self.root)!r})"

    @property
    def database(self) -> Path:
        """The SQLite database, `kizu.db`."""
        return self.root / "kizu.db"

    @property
    def files_dir(self) -> Path:
        """Content-addressed files: imported bytes, masks, samples."""
        return self.root / "files"

    @property
    def checkpoints_dir(self) -> Path:
        """Trained networks as safetensors."""
        return self.root / "checkpoints"

    @property
    def projections_dir(self) -> Path:
        """Fitted projections, one folder each."""
        return self.root / "projections"

    @property
    def jobs_dir(self) -> Path:
        """One folder a job: log, metrics, previews, checkpoint to resume from."""
        return self.root / "jobs"

    @property
    def exports_dir(self) -> Path:
        """Where exports go unless another folder is named."""
        return self.root / "exports"

    @property
    def cache_dir(self) -> Path:
        """What can be made again at any time (thumbnails, cuts); safe to delete."""
        return self.root / "cache"

    @property
    def exists(self) -> bool:
        """Whether a database is there."""
        return self.database.is_file()

    def create(self) -> "Workspace":
        """Make the folder and its parts where they are missing, and return self.

        Raises WorkspaceError where the folder cannot be made or is a file.
        """
        parts = (
            self.root,
            self.files_dir,
            self.checkpoints_dir,
            self.projections_dir,
            self.jobs_dir,
            self.exports_dir,
            self.cache_dir,
        )
        try:
            for part in parts:
                part.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise WorkspaceError(f"{error.filename} is a file, not a folder: name another folder") from error
        except OSError as error:
            raise WorkspaceError(
                f"the workspace folder {self.root} cannot be made ({error.strerror}): "
                "make it writable or name another folder"
            ) from error
        return self

    @contextmanager
    def lock(self, address: str = "") -> Iterator[Hold]:
        """Own the workspace while the block runs; the yielded `Hold` can announce an address later.

        The operating system frees the lock when the process ends, however it ends, so a leftover sidecar blocks nobody.
        Raises WorkspaceInUse, naming the holder's process, address and start, where another one owns it.
        """
        self.create()
        sidecar = self.root / "kizu.lock.json"
        lock = FileLock(self.root / "kizu.lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise WorkspaceInUse(self._holder_text(sidecar)) from error
        except OSError as error:
            raise WorkspaceError(
                f"the workspace {self.root} cannot be locked ({error.strerror}): make the folder writable"
            ) from error
        try:
            yield self._announced(sidecar, address)
        finally:
            with suppress(OSError):
                sidecar.unlink(missing_ok=True)
            lock.release()

    def _announced(self, sidecar: Path, address: str) -> Hold:
        try:
            return Hold(sidecar, address)
        except OSError as error:
            raise WorkspaceError(
                f"{sidecar} cannot be written ({error.strerror}): free some space or make the folder writable"
            ) from error

    def _holder_text(self, sidecar: Path) -> str:
        try:
            holder = json.loads(sidecar.read_text(encoding="utf-8"))
            place = f" at {holder['address']}" if holder["address"] else ""
            who = f"process {holder['pid']}{place}, since {holder['started']}"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process"
        return f"the workspace {self.root} is open in {who}: use that one, or stop it first"
