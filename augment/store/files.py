"""Files addressed by the SHA-256 of their content: written once, whole or not at all, never altered.

Knows nothing of what the bytes mean. Several processes may put at the same time.
"""

import errno
import hashlib
import os
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from augment.errors import InvalidInput, NotFound, WorkspaceError

__all__ = ["Files"]

_CHUNK_BYTES = 1 << 20
_STALE_SECONDS = 3600.0
_HEX = frozenset("0123456789abcdef")


class Files:
    """A folder of content-addressed files, `<first two letters>/<sha256>`."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made at the first `put`."""
        self.folder = Path(folder)

    def path(self, sha256: str) -> Path:
        """Return where the file lies or would lie.

        Raises InvalidInput for anything but 64 lower-case hexadecimal digits, so that no address leaves the folder.
        """
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise InvalidInput(f"{sha256!r:.80} is no SHA-256: 64 digits 0-9 a-f are needed")
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the file is there."""
        return self.path(sha256).is_file()

    def read(self, sha256: str, *, verify: bool = False) -> bytes:
        """Return the bytes; with `verify`, check them against their address first.

        Raises NotFound where there is no such file, WorkspaceError where it is damaged or unreadable.
        """
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"file {sha256} is not in {self.folder}: import it again or restore it") from error
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be read ({error.strerror}): check the disk") from error
        if verify and hashlib.sha256(data).hexdigest() != sha256:
            raise WorkspaceError(f"{path} is damaged: its bytes are not those of its name; restore or import it again")
        return data

    def put(self, data: bytes) -> str:
        """Store bytes and return their SHA-256; they are on disk when this returns.

        A file that is there already is checked and, if damaged, replaced. Raises WorkspaceError where it cannot be
        written.
        """
        target = self._place(data)
        self._sync_folders({target.parent})
        return target.name

    def put_many(self, contents: Sequence[bytes]) -> list[str]:
        """Store several files as `put` does and return their SHA-256 in order; they wait for the disk together."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            placed = list(pool.map(self._place, contents))
        self._sync_folders({target.parent for target in placed})
        return [target.name for target in placed]

    def put_path(self, path: Path) -> str:
        """Copy a file in, 1 MiB at a time, and return its SHA-256.

        Raises InvalidInput where the source cannot be read, WorkspaceError where it cannot be written here.
        """
        digest = hashlib.sha256()
        with self._temporary() as (temporary, stream):
            for chunk in _chunks(Path(path)):
                digest.update(chunk)
                stream.write(chunk)
            sha256 = digest.hexdigest()
            target = self.path(sha256)
            if not self._intact(target, sha256, stream.tell()):
                _settle(stream, temporary, target)
        self._sync_folders({target.parent})
        return sha256

    def sweep(self) -> int:
        """Remove what killed writers left behind, older than an hour, and return how many files that was."""
        removed = 0
        for temporary in (self.folder / "tmp").glob("*.tmp"):
            with suppress(OSError):
                if time.time() - temporary.stat().st_mtime > _STALE_SECONDS:
                    temporary.unlink()
                    removed += 1
        return removed

    def _intact(self, target: Path, sha256: str, size_bytes: int) -> bool:
        try:
            if target.stat().st_size != size_bytes:
                return False
            with target.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def _place(self, data: bytes) -> Path:
        """Put one file in its place; its name is on disk only after `_sync_folders`."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        if not self._intact(target, sha256, len(data)):
            with self._temporary() as (temporary, stream):
                stream.write(data)
                _settle(stream, temporary, target)
        return target

    def _sync_folders(self, folders: Collection[Path]) -> None:
        """Flush the names in these folders, and their own, to disk; Windows does so by itself."""
        for folder in (*folders, self.folder) if os.name == "posix" else ():
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def _temporary(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A new file beside the others, gone when the block ends unless it was renamed."""
        temporary = self.folder / "tmp" / f"{uuid4().hex}.tmp"
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as stream:
                yield temporary, stream
        except OSError as error:
            why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
            raise WorkspaceError(
                f"a file cannot be stored in {self.folder} ({why}): free some space or make the folder writable"
            ) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}): check its name and permissions") from error


def _settle(stream: BinaryIO, temporary: Path, target: Path) -> None:
    """Flush the content to disk, then give the file its name."""
    stream.flush()
    os.fsync(stream.fileno())
    target.parent.mkdir(exist_ok=True)
    temporary.replace(target)
