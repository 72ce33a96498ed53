"""Starts the real app for tests: `python app.py` on a free port, ended as Ctrl+C would."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 240.0  # a shared machine with every core busy; 4 s is what the benchmark holds


@dataclass(frozen=True)
class Server:
    """A running `python app.py`."""

    url: str
    workspace: Path
    process: "subprocess.Popen[bytes]"
    log: Path

    def stop(self) -> int:
        """Ends it as Ctrl+C would and returns its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(workspace: Path, *arguments: str) -> Server:
    """Start the app on `workspace` and wait until its page answers."""
    port = free_port()
    log = workspace.with_suffix(".server.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--workspace", str(workspace), "--port", str(port), *arguments],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", workspace, process, log)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(server.url, timeout=5) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            time.sleep(0.1)
    process.kill()
    process.wait()
    raise AssertionError(f"the server did not answer:\n{log.read_text()[-3000:]}")


@contextmanager
def running(workspace: Path, *arguments: str) -> Iterator[Server]:
    server = start_server(workspace, *arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
