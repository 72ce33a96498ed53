"""Where files come from: a folder, one file, a zip or a repository on the Hub, all read in the same way.

Paths inside a tree are relative, with forward slashes. Nothing outside a tree can be named through it.
"""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from augment.errors import InvalidInput, NotFound
from augment.images import MAX_FILE_BYTES
from augment.importing.listing import Skipped, is_hidden

__all__ = ["FolderTree", "Tree", "open_tree"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


class Tree(Protocol):
    """name: what the source is called. skipped: files that must not be read, and why."""

    name: str
    skipped: list[Skipped]

    def files(self) -> list[str]:
        """All readable files, sorted; hidden and system files are left out."""

    def read(self, path: str) -> bytes:
        """The bytes of one file. Raises InvalidInput if it cannot be read or is larger than MAX_FILE_BYTES."""

    def local(self, path: str) -> Path:
        """A real file with these bytes, valid while the tree is open."""

    def close(self) -> None:
        """Let go of what was opened."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FolderTree(AbstractContextManager["FolderTree"]):
    """A folder, or one file of it. Links are followed, each folder once, for datasets are often links into a store."""

    def __init__(self, root: Path, only: str | None = None) -> None:
        """Name the folder, and the one file in it that counts."""
        self.root = root
        self.name = (root / only).stem if only else root.resolve().name
        self.skipped: list[Skipped] = []
        self._only = only

    def files(self) -> list[str]:
        """See Tree."""
        return [self._only] if self._only else sorted(self._walk())

    def _walk(self) -> Iterator[str]:
        seen: set[tuple[int, int]] = set()
        for folder, subfolders, names in os.walk(self.root, followlinks=True, onerror=self._note):
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                subfolders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            subfolders[:] = sorted(name for name in subfolders if not is_hidden(name))
            inside = Path(folder).relative_to(self.root)
            yield from ((inside / name).as_posix() for name in names if not is_hidden(name))

    def _note(self, error: OSError) -> None:
        self.skipped.append((str(error.filename), f"the folder cannot be read: {error.strerror}"))

    def read(self, path: str) -> bytes:
        """See Tree."""
        file = self.root / path
        try:
            if not file.is_file():
                raise InvalidInput("no regular file: a broken link, a device or gone since it was listed")
            if file.stat().st_size > MAX_FILE_BYTES:
                raise InvalidInput(f"larger than {MAX_FILE_BYTES:,} bytes: cut or compress it")
            return file.read_bytes()
        except OSError as error:
            raise InvalidInput(f"cannot read the file: {error.strerror}") from error

    def local(self, path: str) -> Path:
        """See Tree."""
        return self.root / path

    def close(self) -> None:
        """Nothing is open."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


def open_tree(source: str) -> Tree:
    """A folder, a zip, one table, or a dataset on the Hub ("hf:owner/name", or "owner/name" where no such path is).

    Use it as a context manager. Raises NotFound or InvalidInput, saying what can be given instead.
    """
    import zipfile

    from augment.importing.archives import ZipTree
    from augment.importing.hub import HubTree

    if not source.strip():
        raise InvalidInput("no source: give a folder, a zip, a parquet file or a Hub id such as ylecun/mnist")
    if source.startswith("hf:"):
        return HubTree(source.removeprefix("hf:"))
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            return FolderTree(path)
        if path.is_file():
            return ZipTree(path) if zipfile.is_zipfile(path) else _single(path)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"source {source!r:.200} cannot be read ({error}): check its name and permissions"
        ) from error
    if _HUB_ID.fullmatch(source):
        return HubTree(source)
    raise NotFound(f"source {source!r:.200} is no folder or file here, and no Hub id (owner/name): check the path")


def _single(path: Path) -> Tree:
    if path.stat().st_size == 0:
        raise InvalidInput(f"{path.name} is empty: copy or download it again")
    if path.suffix.lower() not in (".parquet", ".arrow"):
        raise InvalidInput(f"{path.name} is no folder, zip or parquet file: give the folder it lies in, or zip that")
    return FolderTree(path.parent, only=path.name)
