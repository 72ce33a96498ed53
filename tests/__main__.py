"""Runs every check of the project: `python -m tests`. Further arguments go to pytest.

First it makes sure that a Chromium is there for the browser tests; then lint, types and tests run, and the exit code is
the first that is not 0. It does not know what the tests are about.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# A workspace flushes every file to disk; where the temporary folders lie in memory, that takes no time.
IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
ROOT = Path(__file__).resolve().parents[1]


def ensure_chromium() -> None:
    """Install a Chromium where there is none: playwright's own, or the system's where a download is not possible."""
    from tests.browser.chromium import find_chromium

    if find_chromium():
        return
    as_root = [] if os.geteuid() == 0 or not shutil.which("sudo") else ["sudo"]
    attempts = [
        [[sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]],
        [[*as_root, "apt-get", "update"], [*as_root, "apt-get", "install", "-y", "chromium"]],
        [[*as_root, "dnf", "install", "-y", "chromium"]],
    ]
    for commands in attempts:
        if all(_succeeds(command) for command in commands) and find_chromium():
            return
    sys.exit(
        "No Chromium was found or could be installed: install one with your system's package manager, then try again."
    )


def _succeeds(command: list[str]) -> bool:
    print("$", " ".join(command), flush=True)
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, check=False).returncode == 0


def _temporary_root() -> dict[str, str]:
    """The variable that tells pytest to make temporary folders in memory; nothing where there is too little."""
    if os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free >= ROOM_BYTES:
        return {"PYTEST_DEBUG_TEMPROOT": str(IN_MEMORY)}
    return {}


def main(pytest_arguments: list[str]) -> int:
    """Run lint, types and tests; return the first exit code that is not 0."""
    ensure_chromium()
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        # Much of what is tested starts processes and waits for them. What shares servers and trained networks runs in
        # one process (tests/conftest.py), in the order in which it is found: the browser's tests take longest.
        ["pytest", "--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder", *pytest_arguments],
    ]
    environment = {"OMP_NUM_THREADS": "1", **_temporary_root(), **os.environ}
    for module, *arguments in checks:
        print("$ python -m", module, *arguments, flush=True)
        command = [sys.executable, "-m", module, *arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
