"""A real server and a real Chromium for the browser tests.

A server takes longer to start than most tests take, so they share: `demo_server` serves one drawn demo workspace to all
that only look, `map_server` one with a map and a generator to all that generate; `fresh_server` starts one for a single
test that needs an empty workspace or stops its server. `page` fails a test whose page logged an error or asked anything
of another host.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.workspaces import mapped_workspace
from tests.server import Server, running, start_server

ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


# A shared machine with every core busy is a hundred times slower than an idle one.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

# What gradio logs when a page is left or reloaded while one of its requests is under way.
LEAVING = ("signal is aborted", "Connection errored out")


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server on one demo workspace for the whole session; for tests that change nothing others look at."""
    with running(tmp_path_factory.mktemp("demo") / "demo", "--demo-images") as server:
        yield server


@pytest.fixture(scope="session")
def map_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server on a map of IMAGES with a generator; tests may add samples, and count from what they found."""
    with running(mapped_workspace(tmp_path_factory.mktemp("map") / "workspace", generator=True).root) as server:
        yield server


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`fresh_server(*arguments)` starts a server on this test's own workspace; all of them are stopped afterwards."""
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        servers.append(start_server(tmp_path / "workspace", *arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here: python -m tests installs one")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Watched:
    """What went wrong on a page: errors it logged or threw, and requests to other hosts."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._error(str(error)))
        page.on("console", lambda message: self._error(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self._note(request.url))

    def _error(self, text: str) -> None:
        if not any(words in text for words in LEAVING):
            self.errors.append(text)

    def _note(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.outside.append(url)


@pytest.fixture
def watched() -> Watched:
    """The page's log; a test that provokes an error clears `watched.errors` itself."""
    return Watched()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US", color_scheme="light")
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, watched: Watched) -> Iterator[Page]:
    """An empty page at 1440 x 900, English, light."""
    made = context.new_page()
    watched.watch(made)
    yield made
    assert watched.outside == [], "the page asked something of another host"
    assert watched.errors == [], "the page logged an error"


def open_tab(page: Page, server: Server, tab: str) -> Page:
    """Open the app on a tab and wait until the header has its numbers."""
    page.goto(f"{server.url}/?tab={tab}")
    page.wait_for_selector("#kizu-header nav b")
    page.wait_for_function("window.kizu?.state != null")
    page.wait_for_selector(f"#tab-{tab}-button[aria-selected=true]")
    return page


def map_stands(page: Page) -> None:
    """Wait until the map is drawn and can be clicked: what is said while it loads lies over it a few frames longer."""
    page.wait_for_selector(".map .legend .entry")
    expect(page.locator(".map > .none")).to_be_hidden()
