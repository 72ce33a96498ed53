"""The map in a real browser with a real generator: choose, generate, review, export."""

from playwright.sync_api import Page, expect

from augment.store import SampleRecord, Store, Workspace
from tests.browser.conftest import map_stands, open_tab
from tests.browser.workspaces import IMAGES
from tests.server import Server

# All that use this server.

WARM_SECONDS = 120  # the worker's first call also loads torch; on a shared machine that alone can take half a minute


def open_map(page: Page, server: Server) -> None:
    page.set_default_timeout(1000 * WARM_SECONDS)
    expect.set_options(timeout=1000 * WARM_SECONDS)
    open_tab(page, server, "map")
    map_stands(page)
    # What other tests generated on this server must not lie under a click.
    others = page.locator(".map .legend .entry", has_text="generated")
    if others.count():
        others.click()


def found(server: Server) -> dict[int, SampleRecord]:
    """By id, the samples of a server now."""
    with Store(Workspace(server.workspace), read_only=True) as store:
        return {sample.id or 0: sample for sample in store.samples.list()}


def pixel_of(page: Page, image_id: int) -> tuple[float, float]:
    """Where an image's point lies on the screen, from the axes that are drawn and the points that were sent."""
    return tuple(
        page.evaluate(
            """async (id) => {
                const bytes = await (await fetch('kizu/points.bin')).arrayBuffer();
                const runs = new Int32Array(await (await fetch('kizu/map/ids.bin')).arrayBuffer());
                const n = new Uint32Array(bytes, 0, 1)[0];
                let row = 0;
                for (let i = 0; runs[i] + runs[i + 1] <= id; i += 2) row += runs[i + 1];
                row += id - runs.findLast((first, i) => i % 2 === 0 && first <= id);
                const [x, y] = [new Float32Array(bytes, 4, n)[row], new Float32Array(bytes, 4 + 4 * n, n)[row]];
                const plot = document.querySelector('.map .plot');
                const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
                return [box.left + xaxis.l2p(x), box.top + yaxis.l2p(y)];
            }""",
            image_id,
        )
    )


def test_a_click_shows_the_image_and_escape_clears(page: Page, map_server: Server):
    open_map(page, map_server)
    expect(page.locator(".details .title")).to_have_text("Click a point, or between two classes.")
    page.mouse.click(*pixel_of(page, 5))
    expect(page.locator(".details")).to_have_attribute("data-kind", "image")
    expect(page.locator(".details .facts")).to_contain_text("4.png")
    expect(page.locator(".details .thumbs button")).to_have_count(8)
    expect(page.locator(".map")).to_have_class("map dimmed")
    page.keyboard.press("Escape")
    expect(page.locator(".map")).to_have_class("map")
    expect(page.locator(".details .title")).to_have_text("Click a point, or between two classes.")


def test_the_map_is_prepared_while_another_tab_is_shown(page: Page, map_server: Server):
    page.set_default_timeout(1000 * WARM_SECONDS)
    open_tab(page, map_server, "data")
    asked = "performance.getEntriesByType('resource').filter(entry => entry.name.includes('points.bin')).length"
    page.wait_for_function(f"window.Plotly && {asked} === 1")
    assert page.locator(".map").count() == 0  # fetched, not drawn
    page.click("#tab-map-button")
    page.wait_for_selector(".map .legend .entry")
    assert page.evaluate(asked) == 1


def test_a_place_without_data_says_so_and_keeps_its_mark(page: Page, map_server: Server):
    open_map(page, map_server)
    box = page.locator(".map .plot").bounding_box()
    page.mouse.click(box["x"] + 6, box["y"] + 6)
    expect(page.locator(".details .title")).to_have_text("No real image near here")
    mark = page.locator(".overlay .place.empty circle")
    before = float(mark.get_attribute("cx"))
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.wheel(0, 240)
    expect(mark).not_to_have_attribute("cx", str(before))
    expect(mark).to_have_count(1)


def test_a_map_that_does_not_arrive_says_so_and_is_tried_again(page: Page, map_server: Server, watched):
    page.set_default_timeout(1000 * WARM_SECONDS)
    page.route("**/kizu/points*", lambda route: route.fulfill(status=500, json={"error": "the disk is asleep"}))
    open_tab(page, map_server, "map")
    expect(page.locator(".map .none p")).to_have_text("the disk is asleep")
    page.unroute("**/kizu/points*")
    # Not a click: whatever else made the page ask again in the meantime has hidden the button.
    page.locator(".map .none button").dispatch_event("click")
    page.wait_for_selector(".map .legend .entry")
    expect(page.locator(".map .none")).to_be_hidden()
    watched.errors.clear()


def test_a_generation_is_stopped_from_the_page(page: Page, map_server: Server):
    open_map(page, map_server)
    page.mouse.click(*pixel_of(page, 5))
    page.click(".generate summary")
    page.get_by_label("Steps").fill("200")
    page.get_by_label("Number").fill("32")
    page.click(".generate .primary")
    page.click(".generate .progress button")
    expect(page.locator(".generate .progress")).to_have_text("Stopped. No sample was made.")
    expect(page.locator(".generate .primary")).to_be_enabled()


def test_generate_review_export(page: Page, map_server: Server):
    """The loop of the screen: click, generate with the real worker, accept with keys, export, the check."""
    before = found(map_server)
    accepted = sum(sample.status == "accepted" for sample in before.values())
    open_map(page, map_server)
    page.mouse.click(*pixel_of(page, 8))
    expect(page.locator(".generate .primary")).to_contain_text("Generate 8 here")
    page.fill(".generate .row.first input >> nth=0", "3")
    page.locator(".generate input[type=number]").first.blur()
    page.keyboard.press("g")
    expect(page.locator(".generate .results .thumbs button")).to_have_count(3)
    expect(page.locator(".overlay .landed")).to_have_count(3)
    expect(page.locator(".legend")).to_contain_text(f"generated{len(before) + 3}")
    page.click(".generate .results .quiet")
    page.wait_for_selector(".review .tile.cursor")
    for key in ("a", "a", "2"):
        page.keyboard.press(key)
    expect(page.locator(".review .state")).to_have_text("all saved")
    after = found(map_server)
    mine = sorted(after.keys() - before.keys())
    assert sorted(after[sample].status for sample in mine) == ["accepted", "accepted", "rejected"]
    with Store(Workspace(map_server.workspace), read_only=True) as store:
        assert [v.reason for v in store.verdicts.standing(mine).values()].count("wrong label") == 1
    page.click("#tab-export-button")
    expect(page.locator(".export .table tr.sum td").last).to_have_text(str(IMAGES + accepted + 2))
    page.click(".export .primary")
    expect(page.locator(".export .done .verdict")).to_be_visible(timeout=1000 * WARM_SECONDS)
    expect(page.locator(".export .markdown").first).to_contain_text("Classes and splits")
    with page.expect_download() as download:
        page.click(".export a.plain")
    assert download.value.suggested_filename.endswith(".zip")
