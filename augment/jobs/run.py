"""One run of a job, from the server's side: starts the process, stores what it commits, and learns how it ends."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from augment.errors import KizuError
from augment.jobs.folder import JobFolder
from augment.jobs.messages import Message, decode_changes, encode_error
from augment.jobs.process import WorkerProcess
from augment.operations import Operation
from augment.store import Change, JobRecord, JobState, Store

_POLL_SECONDS = 0.2
_EXIT_PATIENCE_SECONDS = 10.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended: a final state, and the result or the reason."""

    state: JobState
    error: str | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a run needs.

    report: called as (step, total, metrics) from the run's thread. grace_seconds: between "stop" and the kill.
    """

    record: JobRecord
    operation: Operation
    store: Store
    report: Callable[[int, int, dict[str, float]], None]
    secrets: Mapping[str, str]
    grace_seconds: float


class Run:
    """`go` in a thread of its own; `stop` from any thread, also before `go`."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is started before `go`."""
        self._plan = plan
        self._folder = JobFolder(plan.store.workspace, plan.record.id or 0)
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None
        self._kill_at: float | None = None

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self._plan.operation.name

    @property
    def pid(self) -> int | None:
        """The process's number while there is one."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Tell the operation to checkpoint and stop; it is killed after the grace."""
        with self._lock:
            if self._kill_at is None:
                self._kill_at = time.monotonic() + self._plan.grace_seconds
            if self._process is not None:
                try:
                    self._process.channel.send({"kind": "cancel"})
                except OSError:
                    logger.info("job %s had ended when it was told to stop", self._plan.record.id)

    def go(self) -> Outcome:
        """Run to the end, whatever end it is."""
        try:
            self._folder.make()
            with self._lock:
                if self._kill_at is not None or self._folder.stop_asked:
                    return Outcome(state="cancelled")
                self._process = process = WorkerProcess("augment.jobs.child", self._folder.log_file)
        except OSError as error:
            return Outcome(
                state="failed", error=f"The job could not be started ({error.strerror}): free some space or memory"
            )
        try:
            final = self._talk(process)
        except BaseException:
            process.end()
            raise
        how = process.end(_EXIT_PATIENCE_SECONDS if final else 0.0)
        return _outcome(final) if final else self._lost(how)

    def _talk(self, process: WorkerProcess) -> Message | None:
        """Everything until the final message; None when the process ended, or was killed, without one."""
        try:
            with self._lock:
                process.channel.send(self._start_message())
                if self._kill_at is not None:
                    process.channel.send({"kind": "cancel"})
        except OSError:
            return None
        while True:
            try:
                message = process.channel.receive(_POLL_SECONDS)
            except TimeoutError:
                # A grandchild may hold the socket open, so its end alone does not tell that the process ended.
                if not process.alive or (self._kill_at is not None and time.monotonic() > self._kill_at):
                    return None
                continue
            except EOFError:
                return None
            if message["kind"] == "progress":
                self._plan.report(message["step"], message["total"], message["metrics"])
            elif message["kind"] == "commit":
                if not self._answer(process, message):
                    return None
            else:
                if message["total"]:
                    self._plan.report(message["step"], message["total"], {})
                return message

    def _answer(self, process: WorkerProcess, message: Message) -> bool:
        try:
            process.channel.send(store_changes(self._plan.store.apply, message))
        except OSError:
            return False
        return True

    def _start_message(self) -> Message:
        plan = self._plan
        return {
            "kind": "start",
            "operation": asdict(plan.operation),
            "config": plan.record.config,
            "workspace": str(plan.store.workspace.root),
            "job_id": plan.record.id,
            "secrets": dict(plan.secrets),
            "grace_seconds": plan.grace_seconds,
        }

    def _lost(self, how: str) -> Outcome:
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            how = f"it did not stop within {self._plan.grace_seconds:.0f} s and was ended"
        said = self._folder.last_words()
        text = f"The job's process is gone: {how}. Resume continues from its last checkpoint."
        return Outcome(state="interrupted", error=f"{text} Last lines of its log: {said}" if said else text)


def settle(operation: Operation, store: Store) -> None:
    """Let the operation's `settle` do what only the owner may; a run that is done stays done if that fails."""
    try:
        operation.load_settle()(store)
    except KizuError:
        logger.warning("after %s, the workspace could not be settled", operation.name, exc_info=True)


def store_changes(apply: Callable[[list[Change]], list[int]], message: Message) -> Message:
    """Apply a `commit` message and make its answer: `committed` with the ids, or `refused` with the reason."""
    try:
        return {"kind": "committed", "ids": apply(decode_changes(message["changes"]))}
    except KizuError as error:
        return {"kind": "refused", **encode_error(error)}
    except Exception as error:
        logger.exception("a commit failed")
        return {"kind": "refused", **encode_error(error)}


def _outcome(message: Message) -> Outcome:
    if message["kind"] == "done":
        return Outcome(state="done", result=message["result"])
    if message["kind"] == "cancelled":
        return Outcome(state="cancelled")
    return Outcome(state="failed", error=message["text"])
