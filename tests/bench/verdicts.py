"""Milliseconds from a verdict's arrival at the store to its commit, with 500 and with 20,000 verdicts there."""

import tempfile
import time
from pathlib import Path

from augment.store import SampleRecord, Store, VerdictRecord, Workspace
from tests.bench.measure import Measurement


def measure() -> list[Measurement]:
    """Two hundred single verdicts, each its own transaction, at each size."""
    rows = []
    for there in (500, 20_000):
        with tempfile.TemporaryDirectory() as folder, Store(Workspace(Path(folder))) as store:
            samples = [
                SampleRecord(sha256=f"{n:064x}", label="crack", method="ddpm", seed=n, recipe={}) for n in range(there)
            ]
            ids = store.apply(samples)
            store.verdicts.add_many([_accept(sample_id) for sample_id in ids])
            milliseconds = []
            for sample_id in ids[:200]:
                started = time.perf_counter()
                store.verdicts.add(_accept(sample_id))
                milliseconds.append(1e3 * (time.perf_counter() - started))
        rows.append(Measurement(f"verdict to committed, {there} there", "ms", milliseconds, "30 ms"))
    return rows


def _accept(sample_id: int) -> VerdictRecord:
    return VerdictRecord(sample_id=sample_id, decision="accepted", reviewer="bench")
