"""The tab Variations in a real browser: a strip of strengths, variations at one, and both after a reload."""

import re

from playwright.sync_api import Page, expect

from augment.store import Store, Workspace
from tests.browser.conftest import open_tab
from tests.server import Server

# All that use this server.


def test_strengths_are_swept_one_is_chosen_and_varied(page: Page, map_server: Server) -> None:
    open_tab(page, map_server, "variations")
    expect(page.locator(".variations .made")).to_contain_text("No variations of this photograph yet")
    page.select_option(".variations .filter select", index=1)
    page.locator(".variations .scroller [data-id]").nth(1).click()
    page.fill(".variations .form input[type=number] >> nth=1", "12000")
    page.keyboard.press("Tab")
    page.locator(".variations .work:visible").click()
    page.keyboard.press("s")
    cells = page.locator(".variations .strip .cell")
    expect(cells.locator("img")).to_have_count(10)
    alike = [float(re.sub(r"[^0-9.-]", "", text)) for text in cells.locator(".caption span").all_inner_texts()]
    # A generator that was trained for a moment: near at little noise, far at much.
    assert len(alike) == 10 and alike[0] > alike[-1]
    cells.nth(1).click()
    expect(page.locator(".variations .form")).to_contain_text("t 200")
    expect(cells.nth(1)).to_have_attribute("aria-pressed", "true")
    page.fill(".variations .form input[type=number] >> nth=0", "3")
    page.locator(".variations .work:visible").click()
    page.keyboard.press("g")
    figures = page.locator(".variations .grid figure")
    expect(figures).to_have_count(3)
    expect(figures.first).to_contain_text("like ")
    shown = [int(figure.get_attribute("data-id") or 0) for figure in figures.all()]
    with Store(Workspace(map_server.workspace), read_only=True) as store:
        samples = [store.samples.get(one) for one in shown]
    assert {sample.method for sample in samples} == {"vary"} and {sample.status for sample in samples} == {"candidate"}
    assert [sample.seed for sample in samples] == [12000, 12001, 12002]
    page.reload()
    expect(page.locator(".variations .grid figure")).to_have_count(3)
    assert [int(one.get_attribute("data-id") or 0) for one in page.locator(".variations .grid figure").all()] == shown


def test_many_photographs_are_marked_varied_and_left_to_a_job(page: Page, map_server: Server) -> None:
    open_tab(page, map_server, "variations")
    cells = page.locator(".variations .scroller [data-id]")
    cells.nth(0).click()
    cells.nth(2).click(modifiers=["Shift"])
    expect(page.locator(".variations .form")).to_contain_text("3 photographs are marked")
    cells.nth(1).click(modifiers=["ControlOrMeta"])
    expect(page.locator(".variations .form")).to_contain_text("2 photographs are marked")
    ids = [int(cells.nth(at).get_attribute("data-id") or 0) for at in (0, 2)]
    page.reload()
    expect(page.locator(".variations .form")).to_contain_text("2 photographs are marked")
    page.click(".variations [data-mode=paste]")
    expect(page.locator(".variations .scroller [aria-checked=true]")).to_have_count(0)
    page.click(".variations [data-mode=vary]")
    expect(page.locator(".variations .form")).to_contain_text("2 photographs are marked")
    page.fill(".variations .form input[type=number] >> nth=0", "2")
    page.locator(".variations .work:visible").click()
    page.keyboard.press("g")
    rows = page.locator(".variations .made .grid")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator("figure")).to_have_count(3)  # The photograph and its two variations.
    shown = [int(one.get_attribute("data-id") or 0) for one in page.locator(".variations .made [data-id]").all()]
    with Store(Workspace(map_server.workspace), read_only=True) as store:
        parents = [store.samples.get(one).parents for one in shown]
        assert parents == [(store.images.get(one).sha256,) for one in ids for _ in range(2)]
        count = len(store.images.list())
    page.keyboard.press("a")
    expect(page.locator(".variations .form")).to_contain_text(f"{count} photographs are marked")
    page.fill(".variations .form input[type=number] >> nth=0", "1")
    page.locator(".variations .work:visible").click()
    expect(page.locator(".variations .form .primary")).to_contain_text(f"Generate {count} variations as a job")
    page.keyboard.press("g")
    expect(page.locator(".variations .progress:visible")).to_contain_text("has begun")
    page.wait_for_function("kizu.state.jobs.some((job) => job.operation === 'vary' && job.state === 'done')")
    with Store(Workspace(map_server.workspace), read_only=True) as store:
        job = next(one for one in store.jobs.list() if one.operation == "vary")
        assert len(store.samples.rows(job_id=job.id)) == count
    cells.nth(1).click()
    expect(page.locator(".variations .form")).not_to_contain_text("are marked")


def test_strength_0_is_said_to_be_the_photograph_itself(page: Page, map_server: Server) -> None:
    open_tab(page, map_server, "variations")
    strength = page.locator(".variations .form input[type=range]")
    strength.fill("0")
    expect(page.locator(".variations .form .note").last).to_have_text(
        "Strength 0 is the photograph itself. Choose more."
    )
    expect(page.locator(".variations .primary:visible").first).to_be_disabled()
    strength.fill("300")
    expect(page.locator(".variations .form .primary")).to_be_enabled()


def test_without_a_generator_the_tab_says_what_to_do(page: Page, fresh_server) -> None:
    open_tab(page, fresh_server(), "variations")
    expect(page.locator(".variations .none")).to_contain_text("No images")
    page.locator(".variations .none button").click()
    page.wait_for_selector("#tab-data-button[aria-selected=true]")
