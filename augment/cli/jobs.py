"""`kizu jobs`: what ran, what runs beside in a page, and how to go on with what was interrupted."""

import argparse
import sys

from augment.cli import Command
from augment.cli.forms import LazyParser
from augment.cli.operations import run_recorded
from augment.cli.terminal import note, table, write_json
from augment.cli.workspaces import owned, read, shown_workspace
from augment.errors import InvalidInput, WorkspaceInUse
from augment.jobs import RESUMABLE, JobFolder
from augment.operations import find_operation, to_json
from augment.store import JobRecord, Store

__all__ = ["fill", "run"]

_LOG_LINES = 20


def fill(parser: LazyParser, command: Command) -> None:
    """Add the action and the job's id."""
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "show", "resume", "cancel"),
        help="list (default); show ID: all about one, with the end of its log; resume ID: go on from its checkpoint; "
        "cancel ID: checkpoint and stop, also a job of a page that is open",
    )
    parser.add_argument("job_id", nargs="?", type=int, metavar="ID", help="the job, for show, resume and cancel")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="how many to list, newest first (%(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Do what was asked. Raises NotFound for an unknown job."""
    if options.action != "list" and options.job_id is None:
        options.parser.error(f"{options.action} needs the ID of a job: `kizu jobs` lists them")
    if options.action == "resume":
        with owned(options) as store:
            record = store.jobs.get(options.job_id)
            return run_recorded(options, store, find_operation(record.operation), job_id=options.job_id)
    if options.action == "cancel":
        return _cancel(options)
    with read(options) as store:
        return _list(options, store) if options.action == "list" else _show(options, store)


def _list(options: argparse.Namespace, store: Store) -> int:
    records = store.jobs.list(limit=options.limit)
    if options.json:
        write_json(records)
    elif records:
        table(
            ("id", "operation", "state", "progress", "began", "error"),
            [
                (record.id, record.operation, record.state, _progress(record), _minute(record.started_at), record.error)
                for record in records
            ],
        )
    else:
        sys.stdout.write("no jobs yet\n")
    return 0


def _show(options: argparse.Namespace, store: Store) -> int:
    record = store.jobs.get(options.job_id)
    folder = JobFolder(store.workspace, options.job_id)
    if options.json:
        write_json({**to_json(record), "log": folder.log(), "metrics_points": folder.curve()})
        return 0
    for name, value in to_json(record).items():
        if value not in (None, "", {}):
            sys.stdout.write(f"{name.replace('_', ' ')}: {value}\n")
    lines = folder.log().splitlines()[-_LOG_LINES:]
    if lines:
        sys.stdout.write(f"log, {folder.log_file}:\n" + "".join(f"  {line}\n" for line in lines))
    if record.state in RESUMABLE:
        note(f"continue with: kizu jobs resume {record.id}{shown_workspace(options)}")
    return 0


def _cancel(options: argparse.Namespace) -> int:
    try:
        with owned(options) as store:
            record = store.jobs.get(options.job_id)
            if record.state in ("queued", "interrupted"):
                record = store.jobs.update(options.job_id, state="cancelled", error=None)
            elif record.state != "cancelled":
                raise InvalidInput(f"job {options.job_id} is {record.state}: there is nothing to cancel")
            text = f"job {record.id} is cancelled"
    except WorkspaceInUse:
        # The page or command that owns the workspace runs it; its process looks into the job's folder.
        with read(options) as store:
            record = store.jobs.get(options.job_id)
            if record.state not in ("queued", "running"):
                raise InvalidInput(f"job {options.job_id} is {record.state}: there is nothing to cancel") from None
            JobFolder(store.workspace, options.job_id).ask_to_stop()
            text = f"job {record.id} was told to checkpoint and stop"
    if options.json:
        write_json({"job_id": options.job_id, "told": text})
    else:
        sys.stdout.write(f"{text}\n")
    return 0


def _progress(record: JobRecord) -> str:
    return f"{record.step}/{record.total}" if record.total else ""


def _minute(time: str | None) -> str:
    return (time or "")[:16].replace("T", " ")
