"""Paths and boundaries on the map, in a real browser with a real generator."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from augment.features.atlas import Atlas
from augment.store import Store, Workspace
from tests.browser.conftest import open_tab
from tests.browser.test_map import WARM_SECONDS, open_map
from tests.browser.workspaces import mapped_workspace
from tests.server import Server


@pytest.fixture
def server(tmp_path: Path, fresh_server: Callable[..., Server]) -> Server:
    mapped_workspace(tmp_path / "workspace", generator=True)
    return fresh_server()


def pixel_of(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the view is drawn on the screen."""
    return tuple(
        page.evaluate(
            """([x, y]) => {
                const plot = document.querySelector('.map .plot');
                const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
                return [box.left + xaxis.l2p(x), box.top + yaxis.l2p(y)];
            }""",
            [float(x), float(y)],
        )
    )


def surest(atlas: Atlas) -> tuple[int, int]:
    """Rows of the training images that the classifier is surest of, one of each class."""
    rows = np.flatnonzero(atlas.fitted)
    free, spot = (int(rows[atlas.probability[rows, column].argmax()]) for column in (0, 1))
    return free, spot


def test_a_path_is_drawn_generated_and_judged_along_its_way(page: Page, server: Server):
    open_map(page, server)
    with Store(Workspace(server.workspace), read_only=True) as store:
        atlas = Atlas.load(server.workspace / store.projections.latest().path)
    start, end = (pixel_of(page, *atlas.xy[row]) for row in surest(atlas))
    page.keyboard.down("Shift")
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.locator(".generate .primary")).to_contain_text("Generate 8 along the path")
    expect(page.locator(".generate select").first).to_have_value("auto")
    page.fill(".generate .row.first input >> nth=0", "5")
    page.locator(".generate .row.first input").first.blur()
    page.keyboard.press("g")
    expect(page.locator(".way .strip button")).to_have_count(5)
    expect(page.locator(".way-plot .line")).to_have_count(2)
    expect(page.locator(".overlay .landed")).to_have_count(5)
    with Store(Workspace(server.workspace), read_only=True) as store:
        samples = store.samples.list()
    assert len({sample.seed for sample in samples}) == 1 and len({sample.requested for sample in samples}) == 5
    assert samples[0].label == "free" and samples[-1].label == "spot"
    page.locator(".way .strip button").nth(1).focus()
    page.keyboard.press("ArrowRight")
    words = page.locator(".way .values")
    expect(words).to_have_text(
        "3 of 5: " + ", ".join(f"{label} {samples[2].probability[label]:.2f}" for label in ("free", "spot"))
    )
    page.locator(".way .strip button").nth(0).focus()
    expect(words).to_contain_text("1 of 5")
    page.keyboard.press("Escape")
    expect(page.locator(".way")).to_have_count(0)
    expect(page.locator(".generate select").first).not_to_have_value("auto")


def test_where_two_classes_meet_is_proposed_marked_and_generated(page: Page, server: Server):
    open_map(page, server)
    page.get_by_text("Where two classes meet").click()
    page.get_by_role("button", name="Propose places").click()
    expect(page.locator(".generate .progress")).to_contain_text("places, numbered on the map")
    places = page.locator(".overlay .proposed")
    expect(places.first).to_be_visible()
    many = places.count()
    page.keyboard.press("b")
    expect(page.locator(".places section")).to_have_count(many)
    expect(page.locator(".places .thumbs button")).to_have_count(8)
    expect(page.locator(".places h4").first).to_contain_text("free 0.")
    with Store(Workspace(server.workspace), read_only=True) as store:
        samples = store.samples.list()
    assert [sample.label for sample in samples] == ["free", "spot"] * 4
    assert all(sample.parents and sample.probability for sample in samples)
    page.locator(".places .thumbs button").first.click()
    expect(page.locator(".details")).to_have_attribute("data-kind", "sample")
    expect(page.locator(".places section")).to_have_count(many)
    page.keyboard.press("Escape")
    expect(places).to_have_count(0)


def test_without_a_generator_places_are_shown_and_the_next_step_is_named(page: Page, tmp_path: Path, fresh_server):
    mapped_workspace(tmp_path / "workspace")
    page.set_default_timeout(1000 * WARM_SECONDS)
    open_tab(page, fresh_server(), "map")
    page.wait_for_selector(".map .legend .entry")
    page.get_by_text("Where two classes meet").click()
    first, second = (page.locator(".boundary select").nth(i) for i in (0, 1))
    assert {first.input_value(), second.input_value()} == {"free", "spot"}
    expect(page.get_by_role("button", name="at the boundary")).to_be_disabled()
    words = page.locator(".generate .progress")
    expect(words).to_contain_text("No generator is trained yet")
    page.keyboard.press("b")
    expect(page.locator(".overlay .proposed").first).to_be_visible()
    expect(words).to_contain_text("numbered on the map")
    expect(words).to_contain_text("No generator is trained yet")
    page.keyboard.press("Escape")
    expect(words).to_contain_text("No generator is trained yet")
    words.get_by_role("button", name="Train one").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")


def test_a_page_loaded_anew_follows_what_was_asked_for(page: Page, server: Server):
    open_map(page, server)
    page.fill(".generate .row.first input >> nth=0", "32")
    # Five times the usual work: still under way when the new page has loaded, on a fast machine too.
    page.locator(".generate summary", has_text="More").click()
    page.get_by_label("Steps").fill("60")
    page.get_by_label("Steps").blur()
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    words = page.locator(".generate .progress")
    expect(words.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator(".generate .primary")).to_be_disabled()
    expect(words).to_contain_text("are on the map")
    expect(page.locator(".generate .primary")).to_be_enabled()
    expect(page.locator(".legend")).to_contain_text("generated32")
