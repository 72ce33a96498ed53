"""What the benchmarks share: a measurement with its median and spread, the machine's description, a running app."""

import os
import platform
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Measurement:
    """One row of the table. `values` are the repeats; `target` says what was asked for, in the same unit."""

    name: str
    unit: str
    values: Sequence[float]
    target: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        """Middle of the repeats."""
        return statistics.median(self.values)

    def row(self) -> str:
        """The measurement as a Markdown table row."""
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}, n = {len(self.values)}"
        return f"| {self.name} | {self.median:.3g} {self.unit} | {spread} | {self.target} | {self.note} |"


def machine() -> str:
    """Processor, its features that decide the precision, cores, memory, Python and torch."""
    import torch

    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    features = [name for name in ("avx2", "avx512_bf16", "amx_bf16") if name in flags]
    gib = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({', '.join(features) or platform.machine()}), {gib:.0f} GiB, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_app(*arguments: str) -> Iterator[tuple[str, float]]:
    """Start `python app.py ...`; yields its address and the seconds from start to the first answer with status 200."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield url, _seconds_to_first_answer(process, url, started)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _seconds_to_first_answer(process: subprocess.Popen[bytes], url: str, started: float) -> float:
    while process.poll() is None and time.perf_counter() - started < 120:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return time.perf_counter() - started
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the app did not answer at {url} within 120 s (exit code {process.poll()})")
