"""`python -m tests.bench [name ...]`: runs the named benchmarks and prints one Markdown table. Without a name: all but
those that take minutes (`factors`, `gates`, `lora`, `lora_peer`, `named`, `null`, `peers`, `redraw`) or hours
(`control`, `recipes`).
"""

import argparse
import importlib
import sys

from tests.bench.measure import machine

NAMES = ("startup", "importing", "training", "embedding", "verdicts", "page")
LONG_NAMES = (
    "control",
    "factors",
    "gates",
    "lora",
    "lora_peer",
    "named",
    "null",
    "peers",
    "recipes",
    "redraw",
    "variations",
)


def main() -> int:
    """Run the benchmarks in order; each module's `measure()` returns its measurements."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    text = f"any of: {', '.join(NAMES)}; only when named: {', '.join(LONG_NAMES)}"
    parser.add_argument("names", nargs="*", choices=[*NAMES, *LONG_NAMES, []], help=text)
    names = parser.parse_args().names or NAMES
    print(f"{machine()}\n\n| what | median | spread | target | note |\n|---|---|---|---|---|")
    for name in names:
        for measurement in importlib.import_module(f"tests.bench.{name}").measure():
            print(measurement.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
