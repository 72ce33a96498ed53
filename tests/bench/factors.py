"""Sliders of factors in a real Chromium: from the move of one to its picture. Half a minute.

A hardly trained model of eight dimensions on drawn surfaces at 64 px takes as long as any. While a slider moves only
the picture is drawn; the traversal, drawn when it is let go, is told beside it.
"""

import tempfile
from pathlib import Path

from augment.jobs.inline import run_inline
from augment.operations.demo import build_demo
from augment.operations.train_factors import TrainFactorsConfig
from augment.operations.views import current_view
from augment.store import Store, Workspace
from tests.bench.measure import Measurement
from tests.bench.page import opened

_MOVES = 60
_DIMENSIONS = 8
_MEASURED = "performance.getEntriesByName('kizu:slider').map((entry) => entry.duration)"


def measure() -> list[Measurement]:
    """On a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "demo")
        build_demo(workspace.root)
        with Store(workspace) as store:
            store.settings.set("view", {**current_view(store).to_json(), "side_px": 64})
            run_inline(store, "train_factors", TrainFactorsConfig(images_seen=128, dimensions=_DIMENSIONS))
        with opened(workspace.root, "factors") as page:
            page.wait_for_function("document.querySelector('.factors .sheet img')?.naturalWidth > 0")
            slider = page.locator(".factors .slider input").first
            slider.focus()
            for _ in range(_MOVES):
                # The value changes as under the pointer, without the release that ends every press of a key.
                page.evaluate(
                    """() => { const one = document.querySelector('.factors .slider input');
                    one.value = String(Number(one.value) + 0.05); one.dispatchEvent(new Event('input')); }"""
                )
                page.wait_for_timeout(100)
            moved = page.evaluate(_MEASURED)[-_MOVES:]
            for _ in range(10):
                slider.press("ArrowLeft")
                page.wait_for_timeout(400)
            released = page.evaluate(_MEASURED)[-10:]
    name = f"slider to picture, {_DIMENSIONS} dimensions at 64 px"
    return [Measurement(name, "ms", moved, "50"), Measurement("the same with the traversal", "ms", released)]
