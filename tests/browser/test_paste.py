"""Pasting on the tab Variations in a real browser: dragged, sized, harmonised, kept through a reload; many as a job."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from augment.store import Store, Workspace
from tests.browser.conftest import open_tab
from tests.browser.workspaces import mapped_workspace
from tests.server import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A map with a generator, and masks of the spots."""
    workspace = mapped_workspace(tmp_path_factory.mktemp("paste") / "workspace", generator=True, masks=True)
    with running(workspace.root) as one:
        yield one


@pytest.fixture
def ids(server: Server) -> tuple[int, int]:
    """Ids of a flawless photograph and of one with a spot."""
    with Store(Workspace(server.workspace), read_only=True) as store:
        return tuple(store.images.list(label=label, split="train")[0].id for label in ("free", "spot"))


def open_paste(page: Page, server: Server, ids: tuple[int, int]) -> None:
    open_tab(page, server, "variations")
    page.click(".variations .segments [data-mode=paste]")
    # The photograph that was looked at is the one below, until another is.
    expect(page.locator(".variations .hint")).to_contain_text("Now choose the photograph whose defect is cut out")
    for image_id, slot in zip(ids, ("below", "other"), strict=True):
        page.click(f".variations .card[data-slot={slot}]")
        page.locator(f".variations .scroller [data-id='{image_id}']").click()
    expect(page.locator(".variations .sheet .piece")).to_be_visible()


def test_a_piece_is_dragged_turned_harmonised_and_stays(page: Page, server: Server, ids: tuple[int, int]) -> None:
    open_paste(page, server, ids)
    sheet = page.locator(".variations .sheet")
    box = sheet.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.75, steps=5)
    page.mouse.up()
    sheet.focus()
    for key in (".", ".", "+", "f"):
        page.keyboard.press(key)
    fields = page.locator(".variations .pane:visible input[type=number]")
    expect(fields.nth(1)).to_have_value("10")
    expect(page.locator(".variations .pane:visible input[type=checkbox]")).to_be_checked()
    scale = float(fields.nth(0).input_value())
    page.keyboard.press("g")
    made = page.locator(".variations .pasted figure")
    expect(made).to_have_count(1)
    expect(made).to_contain_text("seam ")
    expect(made).to_contain_text("kept ")
    with Store(Workspace(server.workspace), read_only=True) as store:
        sample = store.samples.get(int(made.get_attribute("data-id") or 0))
        below = store.images.get(ids[0])
    placing = sample.recipe["placing"]
    assert sample.method == "cutmix" and sample.label == "spot" and sample.mask_sha256
    assert placing["turn_deg"] == 10 and placing["mirrored"] and placing["scale"] == scale
    # A pixel of the screen is a tenth of one of this photograph: where the pointer was let go is where it lies.
    assert abs(placing["x_px"] - 0.3 * below.width_px) < 0.3 and abs(placing["y_px"] - 0.75 * below.height_px) < 0.3
    page.reload()
    expect(page.locator(".variations .pasted figure")).to_have_count(1)
    expect(fields.nth(1)).to_have_value("10")
    expect(page.locator(".variations .sheet .piece")).to_be_visible()


def test_a_photograph_without_a_mask_says_what_to_do(page: Page, server: Server, ids: tuple[int, int]) -> None:
    open_tab(page, server, "variations")
    page.click(".variations .segments [data-mode=paste]")
    for image_id, slot in ((ids[1], "below"), (ids[0], "other")):
        page.click(f".variations .card[data-slot={slot}]")
        page.locator(f".variations .scroller [data-id='{image_id}']").click()
    expect(page.locator(".variations .hint .bad")).to_contain_text("has no mask")
    expect(page.locator(".variations .pane:visible .primary")).to_be_disabled()
    page.click(".variations .hint .link")
    page.wait_for_selector("#tab-inpaint-button[aria-selected=true]")


def test_many_pairs_run_as_a_job(page: Page, server: Server, ids: tuple[int, int]) -> None:
    open_paste(page, server, ids)
    page.click(".variations .pane:visible details summary")
    page.locator(".variations .pane:visible details input").fill("2")
    page.locator(".variations .pane:visible details select").nth(1).select_option("free")
    page.click(".variations .pane:visible details .plain")
    expect(page.locator(".variations .pane:visible .progress")).to_contain_text("has begun")
    ended = "kizu.state.jobs.some((job) => job.operation === 'paste_batch' && job.state === 'done')"
    page.wait_for_function(ended)
    with Store(Workspace(server.workspace), read_only=True) as store:
        job = next(one for one in store.jobs.list() if one.operation == "paste_batch")
        samples = store.samples.rows(job_id=job.id)
    assert len(samples) == 2 and {row.method for row in samples} == {"cutmix"}
