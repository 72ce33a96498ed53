"""Starting, watching and ending a worker process, from the server's side. Knows nothing of jobs."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

import augment
from augment.jobs.messages import Channel


class WorkerProcess:
    """A Python process that runs a module of this package, with a channel to it and its output in a file."""

    def __init__(self, module: str, log_file: Path, threads: int | None = None) -> None:
        """Start `python -m module FILE_NUMBER`. Raises OSError when the log cannot be written or no process be made.

        threads: of torch, where the user has not set OMP_NUM_THREADS; as many as there are cores by default.

        The process has a session of its own: Ctrl+C in the server's terminal is the server's to handle, and its own
        children can be ended with it.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs, log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    env=_environment(threads),
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        self.channel = Channel(ours)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def end(self, patience_seconds: float = 0.0) -> str:
        """Wait so long for the process to end by itself, kill it and its children otherwise; returns how it ended."""
        try:
            self._process.wait(patience_seconds or 0.001)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.channel.close()
        return describe_exit(self._process.returncode)


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code == -signal.SIGKILL:
        return "it was killed (by hand, or by the system because memory ran out)"
    if code < 0:
        with suppress(ValueError):
            return f"it was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"it ended with exit code {code}"


def _environment(threads: int | None) -> dict[str, str]:
    environment = dict(os.environ)
    root = Path(augment.__file__).parent.parent
    if root.name not in ("site-packages", "dist-packages"):
        # From a checkout, the child must find the same package; an installed one it finds anyway.
        kept = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{kept}" if kept else str(root)
    environment["PYTHONUNBUFFERED"] = "1"
    if threads is not None:
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    share_cores(environment)
    return environment


def share_cores(environment: MutableMapping[str, str]) -> None:
    """Make the threads of torch sleep while they wait for each other. It works in a process that has no torch yet.

    By default they spin. Where a training, a click and a browser share two cores, a click then took 6.5 s of processor
    time instead of 1.7 s, and minutes instead of seconds on the clock; two trainings beside each other fell to a tenth.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
