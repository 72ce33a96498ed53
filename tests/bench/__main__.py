"""`python -m tests.bench [name ...]`: runs the named benchmarks (all without a name) and prints one Markdown table."""

import argparse
import importlib
import sys

from tests.bench.measure import machine

NAMES = ("startup", "importing", "training", "embedding", "verdicts", "page")


def main() -> int:
    """Run the benchmarks in order; each module's `measure()` returns its measurements."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help=f"any of: {', '.join(NAMES)}")
    names = parser.parse_args().names or NAMES
    print(f"{machine()}\n\n| what | median | spread | target | note |\n|---|---|---|---|---|")
    for name in names:
        for measurement in importlib.import_module(f"tests.bench.{name}").measure():
            print(measurement.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
