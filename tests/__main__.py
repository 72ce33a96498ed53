"""Runs every check of the project: `python -m tests`. Further arguments go to pytest.

First it makes sure that a Chromium is there for the browser tests; then lint, types and tests run, and the exit code is
the first that is not 0. It does not know what the tests are about.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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


def main(pytest_arguments: list[str]) -> int:
    """Run lint, types and tests; return the first exit code that is not 0."""
    ensure_chromium()
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        # Much of what is tested starts processes and waits for them. A file's tests share servers and trained networks.
        ["pytest", "--numprocesses", "2", "--dist", "loadfile", *pytest_arguments],
    ]
    one_thread = {"OMP_NUM_THREADS": "1", **os.environ}
    for module, *arguments in checks:
        print("$ python -m", module, *arguments, flush=True)
        command = [sys.executable, "-m", module, *arguments]
        code = subprocess.run(command, cwd=ROOT, env=one_thread, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
