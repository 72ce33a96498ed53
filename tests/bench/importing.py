"""Images a second of import, and the importing process's peak memory, which should not grow with their number."""

import json
import statistics
import subprocess
import sys
import tempfile

from tests.bench.measure import ROOT, SHARED_DATA, Measurement

_CHILD = """
import json, re, sys, time
from pathlib import Path
from augment.jobs.inline import run_inline
from augment.operations.import_images import ImportConfig
from augment.store import Store, Workspace
folder, source, = sys.argv[1:]
with Store(Workspace(Path(folder))) as store:
    started = time.perf_counter()
    report = run_inline(store, "import", ImportConfig(source=source))
    seconds = time.perf_counter() - started
# Not ru_maxrss: that starts at the size of the process this one was forked from.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"images": report.imported, "seconds": seconds, "peak_mib": peak}))
"""


def measure() -> list[Measurement]:
    """Five imports of the tiles and of the digits, each into a new workspace in a new process."""
    rows = []
    for name, source, target in (("tiles", "magnetic-tile", "60"), ("MNIST", "mnist", "500")):
        runs = [_import(str(SHARED_DATA / source)) for _ in range(5)]
        images = runs[0]["images"]
        speeds = [run["images"] / run["seconds"] for run in runs]
        peaks = [run["peak_mib"] for run in runs]
        note = f"peak memory {statistics.median(peaks):.0f} MiB"
        rows.append(Measurement(f"import of {images:.0f} {name}", "images/s", speeds, f"{target} images/s", note))
    return rows


def _import(source: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _CHILD, folder, source]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer
