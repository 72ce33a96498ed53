"""What a user waits for, in a real Chromium: 8 samples after a click; a map of 100,000 points; a key held down.

Times are from the click or key to what it changed on the page; drawing is software WebGL.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from augment.features.atlas import Atlas
from augment.features.projection import Projection, ProjectionConfig
from augment.store import ImageRecord, ModelRecord, ProjectionRecord, Store, Workspace
from augment.views import View
from tests.bench.measure import Measurement, running_app
from tests.browser.chromium import find_chromium
from tests.browser.workspaces import mapped_workspace

_REPEATS = 5
_POINTS = 100_000
_ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_PREPARED = "window.Plotly && performance.getEntriesByType('resource').some(entry => entry.name.includes('points.bin'))"
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
def _browser(workspace: Path, *arguments: str) -> Iterator[tuple[Page, str]]:
    """An empty page with nothing cached, and the address of an app on `workspace`."""
    executable = find_chromium()
    with running_app("--workspace", str(workspace), *arguments) as (url, _), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        yield page, url
        chromium.close()


@contextmanager
def _opened(workspace: Path, tab: str, *arguments: str) -> Iterator[Page]:
    with _browser(workspace, *arguments) as (page, url):
        page.goto(f"{url}?tab={tab}")
        yield page


def _clicks(folder: Path) -> list[Measurement]:
    """Seconds from the key G to 8 new samples on the map: the first after a start, and later ones."""
    first, later = [], []
    for start in range(_REPEATS):
        with _opened(folder / f"demo-{start}", "map", "--demo-images") as page:
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
    """Seconds to a drawn map of 100,000 points by three ways, and milliseconds from a click on it to the details."""
    workspace = _large_workspace(folder / "large")
    opened, at_once, rested, details = [], [], [], []
    for _ in range(_REPEATS):
        with _browser(workspace) as (page, url):
            opened.append(_until_drawn(page, partial(page.goto, f"{url}?tab=map")))
            for row in (1_000, 30_000, 70_000):
                place = page.evaluate(_PLACE_OF, row)
                began = time.perf_counter()
                page.mouse.click(*place)
                page.wait_for_selector(".details[data-kind=image]")
                details.append(1e3 * (time.perf_counter() - began))
                page.keyboard.press("Escape")
                page.wait_for_selector(".details:not([data-kind=image])")
        for values, rest in ((at_once, False), (rested, True)):
            with _opened(workspace, "data") as page:
                page.wait_for_selector("#tab-map-button")
                if rest:
                    page.wait_for_function(_PREPARED)
                    time.sleep(3)  # as somebody does who looks at the tab Data first
                values.append(_until_drawn(page, partial(page.click, "#tab-map-button")))
    what = f"map of {_POINTS:,} points"
    return [
        Measurement(f"{what}, tab chosen to drawn", "s", rested, "2 s", "page open for some seconds"),
        Measurement(f"{what}, tab chosen at once to drawn", "s", at_once, "", "while the tab Data is being drawn"),
        Measurement(f"{what}, address opened to drawn", "s", opened, "", "gradio's own start included"),
        Measurement("click on it to details", "ms", details, "150 ms"),
    ]


def _until_drawn(page: Page, act: Callable[[], object]) -> float:
    """Seconds from `act` to the frame after the one in which the map's points and legend are there."""
    began = time.perf_counter()
    act()
    page.wait_for_selector(".map .legend .entry")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.perf_counter() - began


def _held_key(folder: Path) -> Measurement:
    """Verdicts lost of 500 with A held down; repeats as fast as the page takes them."""
    lost = []
    for repeat in range(_REPEATS):
        workspace = mapped_workspace(folder / f"held-{repeat}", samples=500)
        with _opened(workspace.root, "review") as page:
            page.wait_for_selector(".review .tile.cursor")
            for _ in range(500):
                page.keyboard.down("a")
            page.keyboard.up("a")
            page.wait_for_function("document.querySelector('.review .state').textContent === 'all saved'")
        with Store(workspace, read_only=True) as store:
            lost.append(float(500 - store.samples.counts()["accepted"]))
    return Measurement("verdicts lost of 500, key held down", "", lost, "0")


def _large_workspace(root: Path) -> Path:
    """A map of 100,000 points in six clumps; the images have records but no files."""
    rng = np.random.default_rng(0)
    labels = ["blowhole", "break", "crack", "fray", "free", "uneven"]
    label_index = rng.integers(0, len(labels), _POINTS)
    xy = (rng.normal(0, 6, (len(labels), 2))[label_index] + rng.normal(0, 1, (_POINTS, 2))).astype(np.float32)
    position = np.concatenate([xy, rng.normal(0, 0.1, (_POINTS, 18))], axis=1).astype(np.float32)
    with Store(Workspace(root)) as store:
        ids = store.apply(
            [
                ImageRecord(
                    sha256=f"{n:064x}",
                    name=f"{n}.png",
                    label=labels[label_index[n]],
                    group=f"part {n}",
                    split="train",
                    width_px=28,
                    height_px=28,
                    size_bytes=1,
                    source="bench",
                )
                for n in range(_POINTS)
            ]
        )
        Atlas.write(
            root / "projections" / "1",
            image_ids=np.array(ids),
            features=position,
            labels=labels,
            label_index=label_index,
            fitted=np.ones(_POINTS, bool),
            probability=rng.dirichlet(np.ones(len(labels)), _POINTS).astype(np.float32),
            margin=rng.uniform(-1, 1, _POINTS).astype(np.float32),
            pairs=np.zeros((0, 2), np.int32),
            pair_distance=np.zeros(0, np.float32),
            scale=dict.fromkeys(labels, 1.0),
            spacing={"position": 1.0, "xy": 1.0},
            position=position,
            xy=xy,
            projection=Projection(ProjectionConfig(), position[:1000], position[:1000], xy[:1000], "umap"),
        )
        model = ModelRecord(kind="encoder", name="bench", path="none", sha256="0" * 64, config={})
        (encoder_id,) = store.apply([model])
        store.apply([ProjectionRecord(encoder_id=encoder_id, path="projections/1", config={})])
        store.settings.set("view", View(kind="whole", side_px=28, colour="grey").to_json())
    return root
