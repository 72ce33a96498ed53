"""The panel Metrics in a real browser: dots on the band of real images, a job that makes them, too few said as such."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from augment.judge.matched import Figure
from augment.judge.metrics import Interval
from augment.judge.sample_report import METRICS, SampleReport, SetFigures
from augment.notices import notice
from augment.operations.configs import to_json
from augment.store import JobRecord, Store, Workspace
from tests.browser.conftest import open_tab
from tests.browser.workspaces import mapped_workspace
from tests.server import Server, running

# All that use this server.


def interval(value: float, reach: float) -> Interval:
    return Interval(value=value, low=value - reach, high=value + reach)


def measured(workspace: Workspace) -> None:
    """A job that is done: one set near real images, one far from them, one of too few."""
    floor = interval(0.02, 0.03)

    def figures(value: float) -> dict[str, Figure]:
        one = Figure(
            images=60, parts=9, value=interval(value, 0.04), floor=floor, gap=interval(value - floor.value, 0.05)
        )
        return {name: one for name in METRICS if name not in ("region", "lpips")}

    few = {name: Figure(images=12, parts=3) for name in METRICS if name != "lpips"}
    sets = [
        SetFigures(name="generated", kind="arm", samples=80, whole=figures(0.03), per_label={"spot": figures(0.01)}),
        SetFigures(name="ddpm", kind="method", samples=60, whole=figures(0.4), per_label={"free": few}),
        SetFigures(name="factors", kind="method", samples=12, whole=few, per_label={}),
    ]
    report = SampleReport(
        encoder=notice("judge_named", name="an encoder of the test"),
        lpips="",
        real_images=200,
        real_parts=20,
        sets=sets,
        notes=[],
    )
    # A notice, and a sentence as reports of earlier versions have it.
    notes = [to_json(notice("metrics_nearer")), "LPIPS: none"]
    result = {
        "folder": "exports/evaluate-samples-1",
        "report": to_json(report) | {"notes": notes},
        "markdown": "",
        "seconds": 1.0,
    }
    with Store(workspace) as store:
        store.jobs.add(
            JobRecord(
                operation="evaluate_samples", config={}, state="done", result=result, finished_at="2026-11-01T10:00:00"
            )
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = mapped_workspace(tmp_path_factory.mktemp("metrics") / "workspace", samples=4)
    measured(workspace)
    with running(workspace.root) as one:
        yield one


def test_sets_are_read_as_dots_on_the_band_of_real_images(page: Page, server: Server) -> None:
    open_tab(page, server, "evaluate")
    panel = page.locator(".evaluate .metrics")
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Metrics").click()
    expect(panel.locator(".caption")).to_contain_text("in an encoder of the test")
    expect(panel.locator(".caption")).to_contain_text("LPIPS: weights are not here")
    rows = panel.locator("tbody tr")
    expect(rows.nth(0).locator("td").first).to_have_text("All generated")
    expect(rows.nth(0).locator("td.as_real svg .band").first).to_be_visible()
    expect(rows.nth(0).locator("td").nth(2)).to_have_attribute(
        "title", re.compile(r"KID × 1000: 30 \(−10 to 70\)\nReal against real: 20 .*\n.*\n60 images", re.DOTALL)
    )
    # Farther where lower is better, and where higher is, the other way about.
    expect(rows.nth(1).locator("td.farther")).to_have_count(2)
    expect(rows.nth(2).locator("td.few").first).to_have_text("too few (12 of 50)")
    expect(rows.nth(0).locator("td").last).to_have_text("no masks")
    # Of labels only those are offered that some set has enough of.
    assert panel.locator("select").first.locator("option").all_inner_texts() == ["All labels", "spot"]
    panel.locator("select").first.select_option("spot")
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Verdict").click()
    expect(panel).to_be_hidden()
    expect(page.locator(".evaluate .arms").first).to_be_visible()


def test_a_measurement_runs_as_a_job_and_is_shown(page: Page, server: Server) -> None:
    open_tab(page, server, "evaluate")
    page.get_by_role("button", name="Metrics").click()
    panel = page.locator(".evaluate .metrics")
    expect(panel.locator("tbody tr")).to_have_count(3)
    # The page asks for judges as long as they are; here they learn for a moment.
    page.route("**/kizu/metrics/start", lambda route: route.continue_(post_data='{"judge_images": 16}'))
    panel.get_by_role("button", name="Measure").click()
    expect(panel.locator(".acts p")).to_contain_text("runs as a job")
    # Four samples are too few of anything.
    expect(panel.locator("tbody td.few").first).to_have_text("too few (4 of 50)", timeout=120_000)
    expect(panel.locator(".caption")).to_contain_text("independent built-in encoder")
    expect(panel.locator("select").nth(1)).to_be_visible()


def test_without_samples_it_says_what_to_do(page: Page, map_server: Server) -> None:
    open_tab(page, map_server, "evaluate")
    page.route(
        "**/kizu/metrics/state",
        lambda route: route.fulfill(json={"samples": 0, "metrics": {}, "reports": []}),
    )
    page.get_by_role("button", name="Metrics").click()
    panel = page.locator(".evaluate .metrics")
    expect(panel.locator(".none")).to_contain_text("Generate some on the Map")
    expect(panel.get_by_role("button", name="Measure")).to_be_disabled()
