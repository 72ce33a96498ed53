"""Opening a workspace for a command: to own it, or only to read it beside a running page."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augment.cli.terminal import note
from augment.errors import WorkspaceError
from augment.store import Store, Workspace

__all__ = ["owned", "read", "shown_workspace", "workspace_of"]

_DEFAULT = "kizu-workspace"
_ENDED = "Its process ended before it was done. Resume continues from its last checkpoint."


def workspace_of(options: argparse.Namespace) -> Workspace:
    """The workspace of --workspace, $KIZU_WORKSPACE or ./kizu-workspace; nothing is made."""
    return Workspace(options.workspace or Path(os.environ.get("KIZU_WORKSPACE") or _DEFAULT))


def shown_workspace(options: argparse.Namespace) -> str:
    """ " --workspace FOLDER" as it was given, to be repeated in advice; empty where it was not."""
    return f" --workspace {options.workspace}" if options.workspace else ""


@contextmanager
def owned(options: argparse.Namespace, *, make: bool = False) -> Iterator[Store]:
    """Own the workspace and open it for writing.

    make: whether it is made where it is not there. Raises WorkspaceError where it is missing, WorkspaceInUse where a
    page or another command owns it.
    """
    workspace = workspace_of(options)
    if not make:
        _require(workspace)
    with workspace.lock(), Store(workspace) as store:
        for job_id in store.jobs.interrupt_running():
            store.jobs.update(job_id, error=_ENDED)
            note(f"job {job_id} was interrupted; continue it with: kizu jobs resume {job_id}{shown_workspace(options)}")
        yield store


@contextmanager
def read(options: argparse.Namespace) -> Iterator[Store]:
    """Open the workspace to read it, whoever owns it. Raises WorkspaceError where it is missing."""
    workspace = workspace_of(options)
    _require(workspace)
    with Store(workspace, read_only=True) as store:
        yield store


def _require(workspace: Workspace) -> None:
    if not workspace.exists:
        raise WorkspaceError(
            f"{workspace.root} holds no workspace: name one with --workspace; `kizu import` and `kizu demo` make one"
        )
