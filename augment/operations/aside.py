"""Folders of results: where they go, and that they get their name when all is on disk. What is in them is not known."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augment.errors import InvalidConfig, InvalidInput, WorkspaceError
from augment.exporting.writers import flush
from augment.store import Workspace

__all__ = ["export_folder", "report_folder", "written_aside"]


def export_folder(workspace: Workspace, folder: str) -> Path:
    """Where an export called `folder` is written: a relative name stays in the workspace's exports.

    Raises InvalidConfig for a relative name that leaves them.
    """
    path = Path(folder).expanduser()
    if path.is_absolute():
        return path
    if ".." in path.parts or path == Path():
        raise InvalidConfig(f"folder {folder!r}: a name inside the workspace's exports, or an absolute path")
    return workspace.exports_dir / path


def report_folder(workspace: Workspace, name: str, folder: str) -> Path:
    """The folder asked for, or without one the first free of name-1, name-2 ... among the exports.

    Raises InvalidInput if it holds anything, and what `export_folder` raises.
    """
    if not folder:
        taken = [path.name.rpartition("-")[2] for path in workspace.exports_dir.glob(f"{name}-*")]
        return workspace.exports_dir / f"{name}-{max((int(n) for n in taken if n.isdecimal()), default=0) + 1}"
    target = export_folder(workspace, folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidInput(f"folder {target} is in use: name a new one")
    return target


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A new, empty folder to write into; when the block ends it is flushed and becomes `target`.

    Where the block raises, or the process is killed, nothing is at `target`; what a killed one left aside goes first.
    Raises WorkspaceError where the disk refuses, or `target` is a folder that holds something by then.
    """
    aside = target.with_name(f".{target.name}.partial")
    try:
        if aside.exists():
            shutil.rmtree(aside)
        aside.mkdir(parents=True)
        yield aside
        flush(aside)
        if target.exists():
            target.rmdir()
        aside.rename(target)
    except OSError as error:
        raise WorkspaceError(
            f"{target} cannot be written ({error.strerror or error}): free space or choose another"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
