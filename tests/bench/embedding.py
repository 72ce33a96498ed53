"""A map of 1,000,000 features of 128 dimensions: seconds of each stage, peak memory, and the first fit in a process.

Everything runs in processes of its own, on memory-mapped features in ten clusters that overlap; encoding is not part of
it. `python -m tests.bench.embedding FEATURES FOLDER` is the process that makes one map and prints its numbers as JSON.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from augment.features.atlas import Atlas
from augment.features.projection import Projection
from augment.operations.context import Previews, Progress
from augment.operations.embed import EmbedConfig
from augment.operations.embedding import Catalogue, shares
from augment.operations.measuring import measure_map, training_share
from tests.bench.measure import ROOT, Measurement

_IMAGES, _DIM, _LABELS = 1_000_000, 128, 10
_STAGES = {"place": 0, "margins": 400, "pairs": 850, "scales and metrics": 920}
_FIRST_FIT = """
import time
began = time.perf_counter()
from augment.features.projection import prepare_umap
prepare_umap()
print(time.perf_counter() - began)
"""


def measure() -> list[Measurement]:
    """One map of a million features; three first fits with nothing compiled before, and three later ones."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        colds = [_seconds_of_first_fit(folder / f"cold-{number}") for number in range(3)]
        later = [_seconds_of_first_fit(folder / "cold-0") for _ in range(3)]
        _draw(folder / "features.npy", _IMAGES)
        found = _map_of(folder / "features.npy", folder / "map")
    stages = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in found["busy"].items())
    total = sum(found["seconds"].values())
    return [
        Measurement("UMAP's first fit ever on a machine", "s", colds, "60 s", "on another core while encoding"),
        Measurement("UMAP's first fit in a later process", "s", later, "", "with what numba kept"),
        Measurement("map of 1,000,000 features of 128-D", "s", [total], "", f"processor seconds: {stages}"),
        Measurement(
            "its peak memory, without mapped files",
            "MB",
            [found["anonymous_mb"]],
            "",
            f"{found['resident_mb']:.0f} MB with what it mapped; the features are {_IMAGES * _DIM * 4 / 1e6:.0f} MB",
        ),
        Measurement("longest wait for a cancel in it", "s", [found["longest_wait"]], "2 s", found["longest_where"]),
    ]


def _seconds_of_first_fit(cache: Path) -> float:
    """Import and a small fit in a fresh process whose numba keeps what it compiles in `cache`."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_FIT], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _draw(file: Path, count: int) -> None:
    """Features of `count` images, four overlapping clusters to a label, drawn in blocks into a file."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4 * _LABELS, _DIM)).astype(np.float32)
    features = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(count, _DIM))
    for start in range(0, count, 10_000):
        cluster = np.arange(start, min(start + 10_000, count)) % len(centres)
        features[start : start + len(cluster)] = centres[cluster] + 1.5 * rng.standard_normal(
            (len(cluster), _DIM), dtype=np.float32
        )
    features.flush()


def _map_of(features: Path, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.embedding", str(features), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class _Waits(Progress):
    """Remembers when each stage ended and the longest time between two reports: how long a cancel would wait."""

    def __init__(self) -> None:
        self.last, self.longest, self.where = time.perf_counter(), 0.0, ""
        self.reports: list[tuple[int, float, float]] = []

    def __call__(self, step: int, total: int, metrics: object = None, previews: Previews | None = None) -> None:
        """Take one report."""
        now, busy = time.perf_counter(), time.process_time()
        if now - self.last > self.longest:
            self.longest, self.where = now - self.last, f"before {step} of {total}"
        self.last = now
        self.reports.append((step, now, busy))


class _Memory(threading.Thread):
    """Watches the process's own memory: what is resident but not part of a mapped file, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0

    def run(self) -> None:
        """Look ten times a second."""
        process = psutil.Process()
        while True:
            held = process.memory_info()
            self.peak = max(self.peak, (held.rss - held.shared) / 1e6)
            time.sleep(0.1)


def _make_map(file: Path, folder: Path) -> dict[str, Any]:
    """What `embed` does after encoding, with its defaults."""
    features = np.load(file, mmap_mode="r")
    count = len(features)
    labels = [f"label {number}" for number in range(_LABELS)]
    split = np.random.default_rng(1).integers(0, 10, count)
    catalogue = Catalogue(
        ids=np.arange(1, count + 1),
        labels=[labels[row % (4 * _LABELS) // 4] for row in range(count)],
        groups=[f"part {row}" for row in range(count)],
        training=split < 7,
        validation=split == 7,
        digest="",
    )
    config, waits, memory = EmbedConfig(), _Waits(), _Memory()
    memory.start()
    waits(0, 1)
    rows = training_share(catalogue, config.fit_on, config.seed)
    fitted = np.zeros(count, dtype=np.bool_)
    fitted[rows] = True
    projection = Projection.fit(features[rows], config.projection(), shares(waits, 0, 1000), features[rows, :48])
    fit, waits.reports = waits.reports[0], []
    measured = measure_map(
        features, catalogue, projection, fitted, most=config.fit_on, seed=config.seed, progress=waits
    )
    marks = [fit, *(next(report for report in waits.reports if report[0] >= start) for start in _STAGES.values())]
    waits(0, 1)
    marks.append(waits.reports[-1])
    Atlas.write(folder, projection=projection, **measured.arrays, aim=features[:, :48], report=shares(waits, 0, 1000))
    waits(1, 1)
    marks.append(waits.reports[-1])
    stages = ("fit", *_STAGES, "write")
    return {
        "seconds": {stage: end[1] - start[1] for stage, start, end in zip(stages, marks, marks[1:], strict=False)},
        "busy": {stage: end[2] - start[2] for stage, start, end in zip(stages, marks, marks[1:], strict=False)},
        "anonymous_mb": memory.peak,
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "longest_wait": waits.longest,
        "longest_where": waits.where,
        "metrics": measured.metrics,
    }


if __name__ == "__main__":
    print(json.dumps(_make_map(Path(sys.argv[1]), Path(sys.argv[2]))))
