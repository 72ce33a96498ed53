"""Finds a Chromium for the browser tests: playwright's own build if it was downloaded, else the system's."""

import shutil
from pathlib import Path

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of a Chromium executable, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.is_file():
        return str(own)
    return next((path for name in SYSTEM_NAMES if (path := shutil.which(name))), None)
