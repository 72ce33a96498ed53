"""What to generate next, in a real browser: what is wrong is shown beside what, and one button makes the plan."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from augment.judge.loop_report import Made, loop_report
from augment.notices import notice
from augment.operations.configs import to_json
from augment.store import JobRecord, Store
from tests.browser.conftest import open_tab
from tests.browser.workspaces import mapped_workspace
from tests.judge.test_loop_report import answers
from tests.server import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A map of images with masks, nothing trained, and a loop that was run before."""
    workspace = mapped_workspace(tmp_path_factory.mktemp("plan") / "workspace", masks=True)
    with Store(workspace) as store:
        made = Made(labels={"spot": 6, "free": 4}, samples=10, passed=8, answers=answers(0.9, 1))
        report = to_json(loop_report(answers(0.5, 0), answers(0.5, 0), [made], notice("loop_all_done", rounds=1)))
        store.jobs.add(
            JobRecord(
                operation="loop", config={}, state="done", result={"report": report}, finished_at="2026-01-02T03:04"
            )
        )
    with running(workspace.root) as one:
        yield one


def test_the_plan_is_shown_and_one_button_makes_it(page: Page, server: Server) -> None:
    open_tab(page, server, "evaluate")
    panel = page.locator(".evaluate .plan")
    expect(panel.locator(".trouble")).to_have_count(2)
    expect(panel.locator("[data-label=spot] .planned b")).to_have_text("300")
    # Pasting makes no good parts: it is said, not left to be found out.
    expect(panel.locator("li", has_text="pasting cannot make free")).to_be_visible()
    expect(panel.get_by_role("button", name="Run the loop (3 rounds)")).to_be_enabled()
    panel.locator("input").fill("20")
    expect(panel.get_by_role("button", name="Generate these 20")).to_be_enabled()
    panel.get_by_role("button", name="Generate these 20").click()
    expect(panel.locator("[role=status]")).to_have_text("The samples of the plan wait in Review.")
    panel.get_by_role("button", name="Review them").click()
    expect(page.locator(".review [data-status=candidate] b")).to_have_text("20")


def test_the_last_loop_is_told_with_its_reason(page: Page, server: Server) -> None:
    open_tab(page, server, "evaluate")
    last = page.locator(".evaluate .plan .last")
    expect(last.locator("tbody tr")).to_have_count(2)
    expect(last.locator("tbody tr").last).to_contain_text("4 free, 6 spot")
    expect(last.locator("tbody tr").last).to_contain_text("helps")
    expect(last.locator(".ended")).to_contain_text("All rounds asked for (1) are done")


def test_without_a_map_it_says_where_to_go(page: Page, fresh_server: Callable[..., Server]) -> None:
    open_tab(page, fresh_server(), "evaluate")
    panel = page.locator(".evaluate .plan")
    expect(panel.locator(".empty")).to_contain_text("Build it on Data first.")
    expect(panel.locator(".acts")).to_be_hidden()
    panel.get_by_role("button", name="Go to Data").click()
    expect(page.locator("#tab-data-button")).to_have_attribute("aria-selected", "true")
