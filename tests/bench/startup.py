"""Seconds from `python app.py` to the first page, with the demo workspace drawn new and already there."""

import tempfile

from tests.bench.measure import Measurement, running_app


def measure() -> list[Measurement]:
    """Five starts on a fresh workspace folder, five on one that is there."""
    fresh, again = [], []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            for values in (fresh, again):
                with running_app("--workspace", f"{folder}/demo", "--demo-images") as (_, seconds):
                    values.append(seconds)
    return [
        Measurement("start to first page, demo drawn new", "s", fresh, "4 s"),
        Measurement("start to first page, workspace there", "s", again, "4 s"),
    ]
