"""The page around the tabs, in a real Chromium: tabs by key, help, language, the import, the strip."""

import json
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from augment.store import Store, Workspace
from tests.browser.conftest import Watched, open_tab
from tests.server import Server, running
from tests.ui.conftest import png

TABS = ("data", "map", "inpaint", "variations", "factors", "train", "review", "evaluate", "export")


def test_every_tab_opens_by_its_number_and_asks_nothing_outside(page: Page, demo_server: Server) -> None:
    open_tab(page, demo_server, "data")
    for number, tab in enumerate(TABS, start=1):
        page.keyboard.press(f"Alt+{number}")
        page.wait_for_selector(f"#tab-{tab}-button[aria-selected=true]")
        page.wait_for_function(f"new URLSearchParams(location.search).get('tab') === '{tab}'")
    page.wait_for_timeout(1000)


def test_help_shows_the_keys_but_not_while_typing(page: Page, demo_server: Server) -> None:
    open_tab(page, demo_server, "data")
    page.locator(".source input").press("?")
    assert page.locator("#kizu-help").count() == 0
    page.locator("#kizu-header").click()
    page.keyboard.press("?")
    expect(page.locator("#kizu-help")).to_contain_text("Choose a tab")
    page.keyboard.press("Escape")
    assert page.locator("#kizu-help").count() == 0


def test_japanese_is_chosen_and_stays(page: Page, demo_server: Server) -> None:
    open_tab(page, demo_server, "data")
    expect(page.locator("#tab-data-button")).to_contain_text("Data")
    page.click("[data-lang=ja]")
    expect(page.locator("#tab-data-button")).to_contain_text("データ")
    page.reload()
    expect(page.locator("#tab-train-button")).to_contain_text("学習")
    expect(page.locator("#kizu-header")).to_contain_text("画像")
    assert page.evaluate("document.documentElement.lang") == "ja"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_nothing_sticks_out_of_the_window(page: Page, demo_server: Server, width: int, height: int) -> None:
    """Light and dark, on one load of each tab."""
    page.set_viewport_size({"width": width, "height": height})
    for tab in ("data", "inpaint", "variations", "factors", "train"):
        open_tab(page, demo_server, tab)
        for scheme, background in (("dark", "#161615"), ("light", "#f4f4f2")):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_function(
                "(colour) => getComputedStyle(document.body).getPropertyValue('--kizu-bg').trim() === colour",
                arg=background,
            )
            page.wait_for_timeout(200)
            sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert sizes[0] <= width, tab
            assert sizes[1] <= height, tab
            strip = page.locator("#kizu-strip .strip").bounding_box()
            assert strip is not None
            assert strip["y"] + strip["height"] == pytest.approx(height, abs=1), tab


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, and a file that is no picture."""
    root = tmp_path / "source"
    for index in range(12):
        path = root / ("crack" if index % 2 else "free") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(index, side=40))
    (root / "crack" / "broken.png").write_text("not a picture")
    return root


def test_import_from_the_first_look_to_the_wall(page: Page, fresh_server: Callable[..., Server], folder: Path) -> None:
    server = fresh_server()
    open_tab(page, server, "data")
    expect(page.locator(".present")).to_contain_text("No images yet")
    page.fill(".source input", str(folder))
    page.click("text=Look first")
    expect(page.locator(".plan")).to_contain_text("one folder per class")
    expect(page.locator(".plan tbody tr")).to_have_count(3)
    page.click(".actions .primary")
    expect(page.locator(".wall img")).to_have_count(12, timeout=60_000)
    expect(page.locator("#kizu-header")).to_contain_text("12 images")
    expect(page.locator(".left")).to_contain_text("Imported 12")
    page.click("text=1 skipped")
    expect(page.locator(".reasons-list")).to_contain_text("broken.png")
    page.keyboard.press("Escape")

    # The view: a change is kept, and shows on the examples.
    page.click(".view >> text=Centre")
    expect(page.locator(".view >> text=Centre")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".view [aria-busy=false]")).to_have_count(1)
    page.reload()
    expect(page.locator(".view >> text=Centre")).to_have_attribute("aria-pressed", "true")

    # The strip lists what ran, also after the server was started anew.
    page.goto("about:blank")
    assert server.stop() == 0
    again = fresh_server()
    open_tab(page, again, "data")
    page.click("#kizu-strip .open")
    expect(page.locator("#kizu-strip .row")).to_contain_text("Import images")
    expect(page.locator("#kizu-strip .row")).to_contain_text("done")


def test_a_wrong_folder_is_told_in_words(page: Page, demo_server: Server, watched: Watched) -> None:
    open_tab(page, demo_server, "data")
    page.fill(".source input", "/nowhere/at all")
    page.keyboard.press("Enter")
    expect(page.locator(".left .note.bad")).to_contain_text("/nowhere/at all")
    assert all("404" in error for error in watched.errors)
    watched.errors.clear()


@pytest.fixture(scope="module")
def importing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workspace begins empty; tests import what is theirs alone, and count from what they found."""
    with running(tmp_path_factory.mktemp("importing") / "workspace") as server:
        yield server


def images_of(server: Server) -> int:
    with Store(Workspace(server.workspace), read_only=True) as store:
        return store.images.count()


def test_a_label_with_markup_is_shown_as_text(page: Page, importing: Server, tmp_path: Path) -> None:
    root = tmp_path / "markup"
    for label in ("<img src=x onerror=window.owned=1>", "free"):
        (root / label).mkdir(parents=True)
        for index in range(3):
            (root / label / f"{index}.png").write_bytes(png(index + len(label) * 10))
    before = images_of(importing)
    open_tab(page, importing, "data")
    page.fill(".source input", str(root))
    page.click("text=Look first")
    expect(page.locator(".plan")).to_contain_text("onerror")
    page.click(".actions .primary")
    expect(page.locator(".wall img")).to_have_count(before + 6)
    page.keyboard.press("Alt+6")
    expect(page.locator(".bars")).to_contain_text("onerror")
    assert page.evaluate("window.owned") is None


def test_zip_upload(page: Page, importing: Server, folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "parts"), "zip", folder)
    before = images_of(importing)
    open_tab(page, importing, "data")
    page.click("text=Zip file")
    page.set_input_files(".source input[type=file]", archive)
    expect(page.locator(".plan tbody tr")).to_have_count(3)
    page.click(".actions .primary")
    expect(page.locator(".wall img")).to_have_count(before + 12)


@pytest.fixture
def other_site(demo_server: Server) -> Iterator[str]:
    """A page of somebody else that tries to change things here."""
    target = f"{demo_server.url}/kizu/data/embed"
    body = f"<script>fetch('{target}', {{method: 'POST', body: '{{}}', mode: 'no-cors'}})</script>"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_another_site_cannot_start_a_job(page: Page, demo_server: Server, other_site: str, watched: Watched) -> None:
    def jobs() -> int:
        with urllib.request.urlopen(f"{demo_server.url}/kizu/state") as answer:
            return len(json.load(answer)["jobs"])

    before = jobs()
    page.goto(other_site)
    page.wait_for_timeout(800)
    assert jobs() == before
    watched.outside.clear()
    watched.errors.clear()
