"""A training on the page through everything that interrupts it: a reload, Stop and Resume, a server killed at once."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched, open_tab
from tests.browser.workspaces import mapped_workspace
from tests.server import Server

# Four times torch is loaded, on a machine whose cores others may use too.
PATIENCE_MS = 240_000

IMAGES = 400_000
"""More than is learned while the test runs, so that nothing depends on the machine's speed."""


def seen(page: Page) -> int:
    """How many images the page says were learned from."""
    found = re.search(r"([\d,]+) of 400,000 images", page.locator(".train .bar .words").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def wait_beyond(page: Page, images: int) -> None:
    """Wait until the shown run is running and has learned from more than `images`."""
    page.wait_for_function(
        """(images) => {
            const words = document.querySelector('.train .bar .words')?.textContent ?? '';
            const found = /([\\d,]+) of 400,000 images/.exec(words);
            return words.startsWith('running') && found && Number(found[1].replaceAll(',', '')) > images;
        }""",
        arg=images,
    )


@pytest.mark.timeout(1200)
def test_a_training_survives_reload_stop_and_kill(
    page: Page, fresh_server: Callable[..., Server], tmp_path: Path, watched: Watched
) -> None:
    mapped_workspace(tmp_path / "workspace")
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    server = fresh_server()
    open_tab(page, server, "train")
    page.get_by_label("Images seen").fill(str(IMAGES))
    page.get_by_label("Width").fill("8")
    page.click(".train summary")
    page.get_by_label("Checkpoint every").fill("320")
    page.click(".train .start .primary")
    wait_beyond(page, 0)
    expect(page.locator("#kizu-strip .strip .eta")).to_contain_text("left")

    # A reload finds the run again.
    page.reload()
    wait_beyond(page, 0)
    expect(page.locator(".train .chart path.line").first).to_be_visible()

    words, button = page.locator(".train .bar .words"), page.locator(".train .bar button")
    button.click()
    expect(words).to_contain_text("stopped")
    stopped = seen(page)
    expect(button).to_have_text("Resume")
    button.click()
    wait_beyond(page, stopped + 320)

    # Without a word to anybody, as a power cut would; the page says that the server is gone.
    server.process.kill()
    server.process.wait()
    expect(page.locator("#kizu-header .offline")).to_be_visible()
    page.goto("about:blank")
    again = fresh_server()
    open_tab(page, again, "train")
    expect(page.locator("#kizu-strip .strip")).to_contain_text("interrupted")
    expect(page.locator(".train .trouble")).to_contain_text("Resume continues from its last checkpoint")
    killed = seen(page)
    assert killed > stopped
    page.click("#kizu-strip .strip >> text=Resume")
    wait_beyond(page, killed)

    # Steps that were gone over again are drawn once.
    steps = page.evaluate("new Promise((done) => kizu.watchJob(1, (job) => done(job.rows.map((row) => row.step))))")
    assert len(steps) > 3
    assert steps == sorted(set(steps))
    button.click()
    expect(words).to_contain_text("stopped")
    watched.errors.clear()
