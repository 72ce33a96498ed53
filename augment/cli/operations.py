"""The commands that run an operation: arguments from its config, progress shown, a Ctrl+C that checkpoints."""

import argparse
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from augment.cli import Command
from augment.cli.forms import LazyParser, add_config, read_config
from augment.cli.terminal import ProgressLine, note, write_json, write_result
from augment.cli.workspaces import owned, shown_workspace
from augment.errors import Cancelled
from augment.jobs import run_inline
from augment.jobs.speed import Speed
from augment.operations import Config, Operation, find_operation, to_json
from augment.store import Store

__all__ = ["fill", "run", "run_recorded"]

_MAKES_WORKSPACE = ("import", "base", "demo", "latent", "evaluate_factors")


def fill(parser: LazyParser, command: Command) -> None:
    """Add the arguments of the command's operation."""
    add_config(parser, find_operation(command.operation).config_type)


def run(options: argparse.Namespace) -> int:
    """Run the command's operation on the workspace. Returns the exit code; raises what the operation raises."""
    operation = find_operation(options.command.operation)
    config = read_config(options.parser, options, operation.config_type)
    with owned(options, make=operation.name in _MAKES_WORKSPACE) as store:
        return run_recorded(options, store, operation, config)


def run_recorded(
    options: argparse.Namespace, store: Store, operation: Operation, config: Config = None, job_id: int | None = None
) -> int:
    """Run an operation, or resume job `job_id`, and write its result. Returns 0, or 1 when it was stopped."""
    begun: list[int] = []
    speed = Speed()

    def eta_seconds(step: int, total: int) -> float | None:
        speed.note(step, total)
        return speed.eta_seconds()

    line = ProgressLine(operation.title, eta_seconds)
    token = os.environ.get("HF_TOKEN")
    with _stopping(line) as stopped:
        try:
            result = run_inline(
                store,
                operation.name,
                config,
                line,
                {"hf_token": token} if token else {},
                job_id=job_id,
                stopped=stopped.is_set,
                on_begin=begun.append,
            )
        except (Cancelled, KeyboardInterrupt) as stop:
            line.end()
            how = "stopped after a checkpoint" if isinstance(stop, Cancelled) else "ended"
            if begun:
                note(f"kizu: {how}; continue with: kizu jobs resume {begun[0]}{shown_workspace(options)}")
            if options.json:
                write_json({"job_id": begun[0] if begun else None, "state": "cancelled"})
            return 1
        finally:
            line.end()
    told = to_json(result) or {}
    if options.json:
        write_json({"job_id": begun[0], "result": told})
    else:
        write_result(told)
    return 0


@contextmanager
def _stopping(line: ProgressLine) -> Iterator[threading.Event]:
    """The event that Ctrl+C or a polite end (SIGTERM) sets; the second Ctrl+C ends at once."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()
        line.end()
        note("stopping at the next step, after a checkpoint; Ctrl+C again ends at once")

    if threading.current_thread() is not threading.main_thread():
        # Python takes signals in the main thread alone; elsewhere there is nobody at a keyboard.
        yield stopped
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
