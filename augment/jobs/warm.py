"""The warm worker, from the server's side: one process that answers what a click asks, with models kept loaded.

A crash, or memory running out, takes that process and one request; the next request finds a new one. It serves any
number of workspaces and writes none: the caller's `commit` does, in the caller's thread.
"""

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from augment.errors import Cancelled, JobFailed, Refused
from augment.jobs.messages import Message, decode_error
from augment.jobs.process import WorkerProcess
from augment.jobs.run import store_changes
from augment.jobs.slots import Slots
from augment.operations import OPERATIONS, Config, Registry, find_operation, to_json
from augment.operations.context import Progress
from augment.store import Change

PRELOAD = (
    "torch",
    "safetensors.torch",
    "augment.ddpm.denoiser",
    "augment.ddpm.sampling",
    "augment.features.encoders",
    "augment.operations.generate",
)
"""What the first click on the map needs."""
_THREADS = max(1, (os.cpu_count() or 1) // 2)
"""Half the cores: the networks of a click are small, and threads that sleep while they wait for each other wait longer
than they work. Sampling takes the other half itself, for a second micro-batch."""
_START_ALLOWANCE_SECONDS = 60.0
_POLL_SECONDS = 0.2
_STOP_SECONDS = 10.0
"""What a request gets to stop by itself, and one that still loads its models _START_ALLOWANCE_SECONDS: ending the
process would make the next request load them again."""
logger = logging.getLogger(__name__)

Commit = Callable[[Sequence[Change]], list[int]]


@dataclass(frozen=True)
class _Asked:
    """One request, and whom to tell about it."""

    request: Message
    commit: Commit
    progress: Progress | None
    timeout_seconds: float
    stop: threading.Event


class WarmWorker:
    """`call` from any thread; requests are answered in the order in which they came."""

    def __init__(
        self,
        *,
        preload: Sequence[str] = PRELOAD,
        operations: Registry = OPERATIONS,
        log_file: Path | None = None,
        waiting_limit: int = 16,
    ) -> None:
        """Nothing is started before `start` or the first `call`.

        preload: modules to import before they are needed. log_file: where the process's output and tracebacks go; by
        default a temporary file, removed by `close`. waiting_limit: requests that may wait.
        """
        self._preload = tuple(preload)
        self._operations = operations
        self._own_log = log_file is None
        self._log_file = log_file
        self._waiting_limit = waiting_limit
        self._turns = Slots()
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None
        self._warm = False
        self._closed = False

    def start(self) -> None:
        """Start the process, which loads torch in the background; returns at once. Does nothing where one runs."""
        self._running_process()

    @property
    def pid(self) -> int | None:
        """The process's number while it runs."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def wait_until_warm(self, timeout_seconds: float = 60.0) -> bool:
        """Wait until what is loaded beforehand is loaded; False when it is not in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._turn(timeout_seconds):
            process = self._running_process()
            while not self._warm:
                try:
                    self._warm = process.channel.receive(deadline - time.monotonic())["kind"] == "warm"
                except (TimeoutError, EOFError):
                    return False
        return True

    def call(
        self,
        workspace_root: Path,
        operation: str,
        config: Config,
        commit: Commit,
        timeout_seconds: float = 120.0,
        *,
        secrets: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> dict[str, Any]:
        """Run an operation and return its result as JSON.

        config: the operation's dataclass or its JSON. commit: stores what the operation commits, called in this thread.
        progress: called in this thread. stop: once it is set, the request leaves the line, or stops at its next report.
        Raises Cancelled when it was stopped: what it had committed stays, and so do the loaded models. Raises what
        the operation raised as a KizuError; InvalidConfig and NotFound before anything runs; JobFailed when the worker
        crashed, ran out of memory or took longer than `timeout_seconds`; Refused when too many requests wait.
        """
        found = find_operation(operation, self._operations)
        request = {
            "kind": "request",
            "operation": asdict(found),
            "config": to_json(found.read_config(config)),
            "workspace": str(Path(workspace_root).absolute()),
            "secrets": dict(secrets or {}),
        }
        asked = _Asked(request, commit, progress, timeout_seconds, stop or threading.Event())
        with self._turn(timeout_seconds, asked.stop):
            final = self._answer(asked)
            if final is None:
                # It had died before this request, which therefore has done nothing yet.
                final = self._answer(asked)
        if final is None:
            raise JobFailed(f"The worker does not start: its log {self._log_file} says why")
        if final["kind"] == "failed":
            raise decode_error(final)
        if final["kind"] == "cancelled":
            raise Cancelled
        result: dict[str, Any] = final["result"]
        return result

    def close(self) -> None:
        """End the process. A request in progress fails."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            process.end()
        if self._own_log and self._log_file is not None:
            self._log_file.unlink(missing_ok=True)

    # Inside -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _turn(self, timeout_seconds: float, stop: threading.Event | None = None) -> Iterator[None]:
        if self._turns.waiting >= self._waiting_limit:
            raise Refused(f"{self._turns.waiting} requests are waiting already: try again in a few seconds")
        come = threading.Event()
        ticket = self._turns.enter(come.set)
        deadline = time.monotonic() + timeout_seconds
        while not come.wait(_POLL_SECONDS):
            stopped = stop is not None and stop.is_set()
            if (stopped or time.monotonic() > deadline) and self._turns.withdraw(ticket):
                if stopped:
                    raise Cancelled
                raise JobFailed(f"The requests before this one took longer than {timeout_seconds:.0f} s: try again")
        try:
            yield
        finally:
            self._turns.release()

    def _running_process(self) -> WorkerProcess:
        with self._lock:
            if self._closed:
                raise JobFailed("Kizu is closing: start it again")
            if self._process is not None and not self._process.alive:
                logger.warning("the warm worker is gone: %s; starting another", self._process.end())
                self._process = None
            if self._process is None:
                self._process = self._started()
            return self._process

    def _started(self) -> WorkerProcess:
        if self._log_file is None:
            handle, name = tempfile.mkstemp(prefix="kizu-worker-", suffix=".log")
            self._log_file = Path(name)
            with open(handle, "wb"):  # noqa: PTH123  # closes the number that mkstemp opened
                pass
        self._warm = False
        try:
            process = WorkerProcess("augment.jobs.serve", self._log_file, _THREADS)
            process.channel.send({"kind": "preload", "modules": self._preload})
        except OSError as error:
            raise JobFailed(f"The worker could not be started ({error.strerror}): free some memory or space") from error
        return process

    def _restart(self, process: WorkerProcess, patience_seconds: float = 0.0) -> None:
        process.end(patience_seconds)
        with self._lock:
            if self._process is process:
                self._process = None
            if self._closed:
                return
        with suppress(JobFailed):
            self.start()

    def _answer(self, asked: "_Asked") -> Message | None:
        process = self._running_process()
        try:
            final = self._talk(process, asked)
        except BaseException:
            # A request that was given up midway would answer the next one.
            self._restart(process)
            raise
        if final is None or final.get("out_of_memory"):
            self._restart(process, patience_seconds=1.0)
        return final

    def _talk(self, process: WorkerProcess, asked: "_Asked") -> Message | None:
        """The final message; None when the process was gone before it began with the request."""
        began = told = reported = False
        allowance = 0.0 if self._warm else _START_ALLOWANCE_SECONDS
        deadline = time.monotonic() + asked.timeout_seconds + allowance
        try:
            process.channel.send(asked.request)
            while True:
                if asked.stop.is_set() and not told:
                    told = True
                    process.channel.send({"kind": "cancel"})
                    patience = _STOP_SECONDS if reported else _START_ALLOWANCE_SECONDS
                    deadline = min(deadline, time.monotonic() + patience)
                try:
                    message = process.channel.receive(_POLL_SECONDS)
                except TimeoutError:
                    if time.monotonic() > deadline:
                        raise (Cancelled() if told else self._too_long(asked.timeout_seconds)) from None
                    if not process.alive:
                        raise EOFError from None
                    continue
                began = began or message["kind"] == "began"
                if message["kind"] == "warm":
                    self._warm = True
                elif message["kind"] == "progress":
                    reported = True
                    if asked.progress is not None:
                        asked.progress(message["step"], message["total"], message["metrics"])
                elif message["kind"] == "commit":
                    process.channel.send(store_changes(asked.commit, message))
                elif message["kind"] != "began":
                    return message
        except (EOFError, ConnectionError):
            if not began:
                return None
            how = process.end(1.0)
            logger.warning(
                "the warm worker ended during %s: %s; its log: %s",
                asked.request["operation"]["name"],
                how,
                self._log_file,
            )
            raise JobFailed(
                f"The worker stopped during this request: {how}. A new one has been started: try again, with fewer "
                "samples if memory is short."
            ) from None

    @staticmethod
    def _too_long(timeout_seconds: float) -> JobFailed:
        return JobFailed(
            f"This took longer than {timeout_seconds:.0f} s and was stopped: ask for fewer samples or steps"
        )
