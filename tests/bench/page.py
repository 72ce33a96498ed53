"""What a user waits for, in a real Chromium: 8 samples after a click; maps of 100,000 and 1,000,000 points;
a key held down.

Times are from the click or key to what it changed on the page; drawing is software WebGL.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from augment.features.atlas import Atlas
from augment.features.projection import Projection, ProjectionConfig
from augment.store import ModelRecord, ProjectionRecord, Store, Workspace
from augment.views import View
from tests.bench.measure import Measurement, running_app
from tests.browser.chromium import find_chromium
from tests.browser.workspaces import mapped_workspace

_REPEATS = 5
_POINTS = 100_000
_MANY_POINTS = 1_000_000
_ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_PREPARED = "window.Plotly && performance.getEntriesByType('resource').some(entry => entry.name.includes('points.bin'))"
_BYTES = """() => performance.getEntriesByType('resource')
    .filter((entry) => /points.bin|kizu.map.*bin/.test(entry.name))
    .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
_MIDDLE = """() => {
    const box = document.querySelector('.map .plot').getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
}"""
_PLACE_OF = """async (row) => {
    const bytes = await (await fetch('kizu/points.bin')).arrayBuffer();
    const n = new Uint32Array(bytes, 0, 1)[0];
    const plot = document.querySelector('.map .plot'), box = plot.getBoundingClientRect();
    const { xaxis, yaxis } = plot._fullLayout;
    return [box.left + xaxis.l2p(new Float32Array(bytes, 4, n)[row]),
            box.top + yaxis.l2p(new Float32Array(bytes, 4 + 4 * n, n)[row])];
}"""


def measure() -> list[Measurement]:
    """Each on its own workspace."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_clicks(Path(folder)), *_points(Path(folder)), _held_key(Path(folder))]


@contextmanager
def browsing(workspace: Path, *arguments: str) -> Iterator[tuple[Page, str]]:
    """An empty page with nothing cached, and the address of an app on `workspace`."""
    executable = find_chromium()
    with running_app("--workspace", str(workspace), *arguments) as (url, _), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        yield page, url
        chromium.close()


@contextmanager
def opened(workspace: Path, tab: str, *arguments: str) -> Iterator[Page]:
    """A page of an app on `workspace`, at a tab."""
    with browsing(workspace, *arguments) as (page, url):
        page.goto(f"{url}?tab={tab}")
        yield page


def _clicks(folder: Path) -> list[Measurement]:
    """Seconds from the key G to 8 new samples on the map: the first after a start, and later ones."""
    first, later = [], []
    for start in range(_REPEATS):
        with opened(folder / f"demo-{start}", "map", "--demo-images") as page:
            page.wait_for_selector(".map .legend .entry")
            time.sleep(20)  # the worker loads torch and the models meanwhile, as it does while a user looks around
            for click in range(3):
                page.mouse.click(*page.evaluate(_PLACE_OF, 11 + 7 * click + start))
                page.wait_for_function("document.querySelector('.generate .primary').textContent.includes('here')")
                began = time.perf_counter()
                page.keyboard.press("g")
                page.wait_for_function("document.querySelectorAll('.overlay .landed').length === 8")
                (later if click else first).append(time.perf_counter() - began)
                page.keyboard.press("Escape")
                page.wait_for_function("document.querySelectorAll('.overlay .landed').length === 0")
    return [
        Measurement("first click on the demo map to 8 samples drawn", "s", first, "3 s"),
        Measurement("later clicks to 8 samples drawn", "s", later, "3 s"),
    ]


def _points(folder: Path) -> list[Measurement]:
    """A map of 100,000 points, opened by three ways, and one of 1,000,000: what each use of it takes."""
    few, many = (_large_workspace(folder / f"{points}", points) for points in (_POINTS, _MANY_POINTS))
    opened: list[float] = []
    for _ in range(_REPEATS):
        with browsing(few) as (page, url):
            opened.append(_until_drawn(page, partial(page.goto, f"{url}?tab=map")))
    return [
        _tab_chosen(few, _POINTS, "2 s", rested=True),
        _tab_chosen(few, _POINTS, "", rested=False),
        Measurement(f"map of {_POINTS:,} points, address opened to drawn", "s", opened, "", "gradio's start included"),
        *_uses(few, _POINTS, "150 ms"),
        _tab_chosen(many, _MANY_POINTS, "5 s", rested=True),
        _tab_chosen(many, _MANY_POINTS, "5 s", rested=False),
        *_uses(many, _MANY_POINTS, "200 ms"),
    ]


def _tab_chosen(workspace: Path, points: int, target: str, *, rested: bool) -> Measurement:
    """Seconds from a click on the tab Map to the drawn map: at once, or as somebody does who looks at Data first."""
    values = []
    for _ in range(_REPEATS):
        with opened(workspace, "data") as page:
            page.wait_for_selector("#tab-map-button")
            if rested:
                page.wait_for_function(_PREPARED)
                time.sleep(3)
            values.append(_until_drawn(page, partial(page.click, "#tab-map-button")))
    how, note = ("", "page open for some seconds") if rested else (" at once", "while the tab Data is being drawn")
    return Measurement(f"map of {points:,} points, tab chosen{how} to drawn", "s", values, target, note)


def _uses(workspace: Path, points: int, target: str) -> list[Measurement]:
    """Bytes on the wire; milliseconds of a click to the details, of a pan or wheel to its frame; seconds of a lasso."""
    details: list[float] = []
    lassos: list[float] = []
    with opened(workspace, "map") as page:
        page.wait_for_selector(".map .legend .entry")
        time.sleep(3)
        size = float(page.evaluate(_BYTES)) / points
        for row in range(points // 20, points, points // 20):
            page.mouse.move(*page.evaluate(_PLACE_OF, row))
            began = time.perf_counter()
            page.mouse.down()
            page.mouse.up()
            page.wait_for_selector(".details[data-kind=image]")
            details.append(1e3 * (time.perf_counter() - began))
            page.keyboard.press("Escape")
            page.wait_for_selector(".details[data-kind=blank]")
        x, y = page.evaluate(_MIDDLE)
        page.mouse.move(x, y)
        page.mouse.down()
        pans = [_until(page, partial(page.mouse.move, x + 8 * step, y + 3 * step)) for step in range(1, 31)]
        page.mouse.up()
        wheels = [_until(page, partial(page.mouse.wheel, 0, -40)) for _ in range(10)]
        page.keyboard.press("0")
        for _ in range(_REPEATS):
            page.keyboard.press("l")
            page.mouse.move(x - 250, y - 200)
            page.mouse.down()
            for corner in ((x + 250, y - 200), (x + 250, y + 200), (x - 250, y + 200)):
                page.mouse.move(*corner, steps=20)
            lassos.append(_until(page, page.mouse.up, ".details[data-kind=lasso]") / 1e3)
            page.keyboard.press("Escape")
            page.wait_for_selector(".details[data-kind=blank]")
    what = f"map of {points:,} points"
    return [
        Measurement(f"{what}, bytes a point over the wire", "B", [size], "9 B"),
        Measurement(f"{what}, click to details", "ms", details, target),
        Measurement(f"{what}, step of a pan to its frame", "ms", pans, "", "software drawing and compositing"),
        Measurement(f"{what}, step of the wheel to its frame", "ms", wheels, "", "software drawing and compositing"),
        Measurement(f"{what}, lasso let go to the counts", "s", lassos, "1 s"),
    ]


def _until(page: Page, act: Callable[[], object], selector: str | None = None) -> float:
    """Milliseconds from `act` to the frame after the one in which `selector` is there."""
    began = time.perf_counter()
    act()
    if selector is not None:
        page.wait_for_selector(selector)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return 1e3 * (time.perf_counter() - began)


def _until_drawn(page: Page, act: Callable[[], object]) -> float:
    """Seconds from `act` to the frame after the one in which the map's points and legend are there."""
    return _until(page, act, ".map .legend .entry") / 1e3


def _held_key(folder: Path) -> Measurement:
    """Verdicts lost of 500 with A held down; repeats as fast as the page takes them."""
    lost = []
    for repeat in range(_REPEATS):
        workspace = mapped_workspace(folder / f"held-{repeat}", samples=500)
        with opened(workspace.root, "review") as page:
            page.wait_for_selector(".review .tile.cursor")
            for _ in range(500):
                page.keyboard.down("a")
            page.keyboard.up("a")
            page.wait_for_function("document.querySelector('.review .state').textContent === 'all saved'")
        with Store(workspace, read_only=True) as store:
            lost.append(float(500 - store.samples.counts()["accepted"]))
    return Measurement("verdicts lost of 500, key held down", "", lost, "0")


def _large_workspace(root: Path, points: int) -> Path:
    """A map of `points` points in six clumps; the images have records but no files."""
    rng = np.random.default_rng(0)
    labels = ["blowhole", "break", "crack", "fray", "free", "uneven"]
    label_index = rng.integers(0, len(labels), points)
    xy = (rng.normal(0, 6, (len(labels), 2))[label_index] + rng.normal(0, 1, (points, 2))).astype(np.float32)
    position = np.concatenate([xy, rng.normal(0, 0.1, (points, 18)).astype(np.float32)], axis=1)
    workspace = Workspace(root)
    with Store(workspace) as store:
        model = ModelRecord(kind="encoder", name="bench", path="none", sha256="0" * 64, config={})
        (encoder_id,) = store.apply([model])
        store.apply([ProjectionRecord(encoder_id=encoder_id, path="projections/1", config={})])
        store.settings.set("view", View(kind="whole", side_px=28, colour="grey").to_json())
    _add_records(workspace, [labels[index] for index in label_index.tolist()])
    Atlas.write(
        root / "projections" / "1",
        image_ids=np.arange(1, points + 1),
        features=position,
        aim=position,
        labels=labels,
        label_index=label_index,
        fitted=np.ones(points, bool),
        probability=rng.dirichlet(np.ones(len(labels)), points).astype(np.float32),
        margin=rng.uniform(-1, 1, points).astype(np.float32),
        pairs=np.zeros((0, 2), np.int32),
        pair_distance=np.zeros(0, np.float32),
        scale=dict.fromkeys(labels, 1.0),
        spacing={"position": 1.0, "xy": 0.05},
        position=position,
        xy=xy,
        projection=Projection(ProjectionConfig(), position[:1000], position[:1000], xy[:1000], position[:1000], "umap"),
    )
    return root


def _add_records(workspace: Workspace, labels: list[str]) -> None:
    """Rows of the table of images, ids from 1, in one statement: a million by `Store.apply` would take minutes."""
    rows = (
        (n, f"{n:064x}", f"{n}.png", label, f"lot {n % 1000}", "train", 28, 28, 1, "bench", "2026-11-21T00:00:00+00:00")
        for n, label in enumerate(labels, start=1)
    )
    with closing(sqlite3.connect(workspace.database)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.executemany("INSERT INTO groups VALUES (?, 'train')", [(f"lot {n}",) for n in range(1000)])
        database.executemany(
            'INSERT INTO images (id, sha256, name, label, "group", split, width_px, height_px, size_bytes, source,'
            " imported_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
