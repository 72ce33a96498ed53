"""Paths and boundaries on the map, in a real browser with a real generator."""

import numpy as np
from playwright.sync_api import Page, expect

from augment.features.atlas import Atlas
from augment.store import SampleRecord, Store, Workspace
from tests.browser.test_map import found, open_map
from tests.server import Server

# All that use this server.


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


def added(server: Server, before: dict[int, SampleRecord]) -> list[SampleRecord]:
    """The samples that are new since `before` was found, by id."""
    return [sample for number, sample in sorted(found(server).items()) if number not in before]


def surest(atlas: Atlas) -> tuple[int, int]:
    """Rows of the training images that the classifier is surest of, one of each class."""
    rows = np.flatnonzero(atlas.fitted)
    free, spot = (int(rows[atlas.probability[rows, column].argmax()]) for column in (0, 1))
    return free, spot


def test_a_path_is_drawn_generated_and_judged_along_its_way(page: Page, map_server: Server):
    before = found(map_server)
    open_map(page, map_server)
    with Store(Workspace(map_server.workspace), read_only=True) as store:
        atlas = Atlas.load(map_server.workspace / store.projections.latest().path)
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
    samples = added(map_server, before)
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


def test_where_two_classes_meet_is_proposed_marked_and_generated(page: Page, map_server: Server):
    before = found(map_server)
    open_map(page, map_server)
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
    samples = added(map_server, before)
    assert [sample.label for sample in samples] == ["free", "spot"] * 4
    assert all(sample.parents and sample.probability for sample in samples)
    page.locator(".places .thumbs button").first.click()
    expect(page.locator(".details")).to_have_attribute("data-kind", "sample")
    expect(page.locator(".places section")).to_have_count(many)
    page.keyboard.press("Escape")
    expect(places).to_have_count(0)


def test_a_page_loaded_anew_follows_what_was_asked_for(page: Page, map_server: Server):
    before = found(map_server)
    open_map(page, map_server)
    page.fill(".generate .row.first input >> nth=0", "12")
    # Twelve times the usual work: still under way when the new page has loaded, on a fast machine too.
    page.locator(".generate summary", has_text="More").click()
    page.get_by_label("Steps").fill("100")
    page.get_by_label("Steps").blur()
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    words = page.locator(".generate .progress")
    expect(words.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator(".generate .primary")).to_be_disabled()
    expect(words).to_contain_text("are on the map")
    expect(page.locator(".generate .primary")).to_be_enabled()
    expect(page.locator(".legend")).to_contain_text(f"generated{len(before) + 12}")
