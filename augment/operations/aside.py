"""A folder that is written aside and gets its name when all of it is on disk. What is in it is not known here."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augment.errors import WorkspaceError
from augment.exporting.writers import flush

__all__ = ["written_aside"]


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
