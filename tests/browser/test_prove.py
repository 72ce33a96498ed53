"""Gates and evaluations in a real browser: limits are dragged, failures rejected as one action, a verdict is read."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from augment.judge.contest import Point, contest_report, detected
from augment.judge.separability import told_apart
from augment.judge.verdict import Answers
from augment.notices import notice
from augment.operations.configs import to_json
from augment.operations.contest_files import write_report
from augment.store import GateRecord, JobRecord, Store, VerdictRecord, Workspace
from tests.browser.conftest import Watched, open_tab
from tests.browser.workspaces import mapped_workspace
from tests.server import Server, running

SAMPLES = 40


def measured(workspace: Workspace) -> None:
    """Numbers of two gates for all samples but the last; half of them copies, a quarter of them noisy."""
    folder = workspace.cache_dir / "gates"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "b.json").write_text(json.dumps({"copy": 0.5, "noise": 2.0}))
    with Store(workspace) as store:
        ids = [row.id for row in store.samples.rows()][:-1]
        store.apply(
            [
                GateRecord(sample_id=one, numbers={"copy": 0.3 + 0.4 * (n % 2), "noise": 3.0 * (n % 4 == 0)}, basis="b")
                for n, one in enumerate(ids)
            ]
        )


def evaluated(workspace: Workspace) -> None:
    """A job that is done: one arm helps, one is much like the base."""
    with Store(workspace) as store:
        images = store.images.list()
        true = np.array([0 if image.label == "free" else 1 for image in images])
        part = np.arange(len(images))
        rng = np.random.default_rng(0)

        def answers(right: float) -> Answers:
            flags = rng.random((5, len(images))) < right
            return Answers(predicted=np.where(flags, true, 1 - true), true=true, part=part)

        given = {
            Point(arm="classical"): answers(0.6),
            Point(arm="accepted"): answers(0.97),
            Point(arm="gated"): answers(0.62),
            Point(arm="classical", real=5): answers(0.55),
            Point(arm="accepted", real=5): answers(0.8),
        }
        report = contest_report(given, [image.id or 0 for image in images], ("free", "spot"), "builtin", "classical")
        severity = np.where(true, np.exp(rng.uniform(1, 6, len(images))), np.nan)
        found = np.where(severity > 60, 1.0, np.where(severity > 15, 0.6, 0.1))
        curves = {"size": detected(np.tile(severity, 3), np.tile(found, 3), np.tile(part, 3))}
        apart = told_apart(rng.normal(0, 1, 30) + 3 * true[:30], true[:30] == 1, np.zeros(30, int), part[:30])
        every = {"contrast": detected(np.tile(severity, 3), np.ones(3 * len(true)), np.tile(part, 3))}
        report = replace(
            report,
            arms=tuple(replace(arm, detected=curves | every) for arm in report.arms),
            severities={"size": "area of the mask in px", "contrast": "grey levels"},
            apart={"spot": apart},
            notes=(notice("few_parts_tested", labels="spot 4"),),
            good="free",
        )
        folder = workspace.exports_dir / "evaluate-classifier-1"
        write_report(report, folder)
        # Reports of earlier versions have sentences where notices stand today.
        told = to_json(report)
        told["notes"].append("an earlier note")
        result = {"folder": str(folder), "report": told, "markdown": "", "seconds": 1.0}
        store.jobs.add(
            JobRecord(
                operation="evaluate_classifier",
                config={"seeds": 5, "split": "test"},
                state="done",
                result=result,
                finished_at="2026-01-02T03:04:05+00:00",
            )
        )


def reviewed(workspace: Workspace) -> None:
    """Three more samples, rejected in the end: of two of them mori thought otherwise."""
    with Store(workspace) as store:
        known = store.samples.list()[0]
        ids = store.apply([replace(known, id=None, seed=900 + number) for number in range(3)])
        for number, one in enumerate(ids):
            for reviewer, accepts in (("mori", number > 0), ("sato", False)):
                decision = "accepted" if accepts else "rejected"
                store.verdicts.add(
                    VerdictRecord(sample_id=one, decision=decision, reviewer=reviewer, client_key=str(one))
                )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = mapped_workspace(tmp_path_factory.mktemp("prove") / "workspace", samples=SAMPLES, masks=True)
    measured(workspace)
    evaluated(workspace)
    reviewed(workspace)
    with running(workspace.root) as one:
        yield one


def test_limits_move_the_queue_is_filtered_and_failures_are_rejected_as_one_action(page: Page, server: Server) -> None:
    open_tab(page, server, "review")
    page.get_by_role("button", name="Gates").click()
    panel = page.locator(".review .gates")
    # Of 39 measured ones the even numbers are copies, and every fourth is noisy as well.
    expect(panel.locator(".told")).to_contain_text("19 of 39 samples to review pass every gate")
    expect(panel.locator("[data-gate=copy] b")).to_have_text("20 of 39 fail")
    panel.locator(".acts select").select_option("noise")
    expect(page.locator(".review .at")).to_have_text("1 / 10")
    panel.locator(".acts select").select_option("missing")
    expect(page.locator(".review .at")).to_have_text("1 / 1")
    panel.locator(".acts select").select_option("")
    # Dragging the limit of copies to the left end lets all of them pass.
    spread = panel.locator("[data-gate=copy] .spread")
    box = spread.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 2, box["y"] + 10, steps=4)
    page.mouse.up()
    expect(panel.locator("[data-gate=copy] b")).to_have_text("0 of 39 fail")
    expect(panel.locator(".told")).to_contain_text("29 of 39")
    # It outlasts a reload, and is given back.
    page.reload()
    page.wait_for_selector(".review .tile")
    page.get_by_role("button", name="Gates").click()
    expect(panel.locator("[data-gate=copy] b")).to_have_text("0 of 39 fail")
    panel.locator("[data-gate=copy]").get_by_role("button", name="reset").click()
    expect(panel.locator("[data-gate=copy] b")).to_have_text("20 of 39 fail")
    panel.get_by_role("button", name="Reject the 20 that fail").click()
    expect(page.locator(".review .state")).to_have_text("all saved")
    expect(page.locator(".review [data-status=rejected] b")).to_have_text("23")
    page.locator(".review .grid").focus()
    page.keyboard.press("u")
    expect(page.locator(".review [data-status=rejected] b")).to_have_text("3")


def test_where_two_reviewers_differ_is_listed(page: Page, server: Server) -> None:
    open_tab(page, server, "review")
    page.locator(".review select >> nth=0").select_option("free")
    page.get_by_role("button", name="Gates").click()
    panel = page.locator(".review .gates")
    expect(panel.locator(".people")).to_contain_text("mori and sato agree on 33 % of 3 samples")
    panel.get_by_role("button", name="Show them").click()
    expect(page.locator(".review .at")).to_have_text("1 / 2")
    expect(panel.locator(".acts select")).to_have_value("differ")
    # All of them, whatever was chosen before, and who said what.
    expect(page.locator(".review select >> nth=0")).to_have_value("")
    expect(page.locator(".review [data-status=all]")).to_have_attribute("aria-checked", "true")
    page.locator(".review .tile").first.click()
    page.keyboard.press("z")
    expect(page.locator(".review .side")).to_contain_text("mori: accepted")
    expect(page.locator(".review .side")).to_contain_text("sato: rejected")
    page.keyboard.press("z")
    panel.locator(".acts select").select_option("")
    expect(page.locator(".review .at")).to_have_text("1 / 43")
    expect(panel.locator(".acts option[value=differ]")).to_have_count(0)


def test_one_sample_tells_what_each_gate_says(page: Page, server: Server) -> None:
    open_tab(page, server, "review")
    page.locator(".review select >> nth=3").select_option("gate:copy")
    page.locator(".review .tile").first.click()
    page.keyboard.press("z")
    said = page.locator(".review .side .gate-list")
    expect(said.locator("[data-gate=copy]")).to_have_text(
        "✕It copies a photograph: 0.3 times as far as that of any other part, and 0.5 is asked."
    )


def test_a_verdict_is_read_from_the_evaluation(page: Page, server: Server) -> None:
    open_tab(page, server, "evaluate")
    sentence = page.locator(".evaluate .sentence")
    expect(sentence).to_contain_text("Accepted samples help")
    expect(page.locator(".evaluate .found .muted").first).to_contain_text("5 trainings of each")
    expect(page.locator(".evaluate .plot [data-arm=gated]")).to_contain_text("cannot tell")
    page.locator(".evaluate .plot [data-arm=gated]").click()
    expect(page.locator(".evaluate .detail h2 small").first).to_have_text("+ gated")
    expect(page.locator(".evaluate .strip img").first).to_be_visible()
    # One curve over the number of real images, one over the size of defects, each with a line for every arm.
    expect(page.locator(".evaluate .curve svg")).to_have_count(2)
    expect(page.locator(".evaluate .curve").first.locator(".way")).to_have_count(2)
    expect(page.locator(".evaluate .curve").nth(2)).to_contain_text("95 % found fromGood parts taken for a defect")
    # Where all are found there is no line to draw, and the false alarms stand beside.
    expect(page.locator(".evaluate .curve").nth(1).locator("tbody tr").first).to_contain_text(
        "Every test defect is found."
    )
    expect(page.locator(".evaluate .curve").nth(1).locator("tbody tr td").nth(2)).to_contain_text("%")
    expect(page.locator(".evaluate .tables")).to_contain_text("spot")
    expect(page.locator(".evaluate .files a")).to_have_count(4)
    # What cannot be trained says why.
    expect(page.locator(".evaluate .arms .off", has_text="+ accepted")).to_contain_text("accept some samples")
    expect(page.locator(".evaluate .arms input[value=accepted]")).to_be_disabled()


def test_a_japanese_page_tells_notices_in_japanese(page: Page, server: Server) -> None:
    page.context.add_cookies([{"name": "kizu-lang", "value": "ja", "url": server.url}])
    open_tab(page, server, "evaluate")
    notes = page.locator(".evaluate .found ul li")
    expect(notes.first).to_contain_text("評価の部品数が少ないラベル：spot 4。再現率はあてにならず")
    expect(notes.nth(1)).to_have_text("an earlier note")
    expect(page.locator(".evaluate .curve").nth(2)).to_contain_text("検出：free と判定されないこと")
    expect(page.locator(".evaluate .plan li").first).to_contain_text("貼り付けでは free を作れません")


def test_the_label_of_good_parts_is_chosen_and_sent(page: Page, server: Server, watched: Watched) -> None:
    open_tab(page, server, "evaluate")
    page.locator(".evaluate details").evaluate("(one) => (one.open = true)")
    good = page.locator(".evaluate label.field", has_text="Label of good parts").locator("select")
    expect(good.locator("option")).to_have_text(["found by masks", "free", "spot"])
    # What recipes lack is asked again, and the evaluation is told.
    with page.expect_response("**/kizu/evaluate/state?good=spot") as answer:
        good.select_option("spot")
    assert answer.value.ok
    expect(good).to_have_value("spot")
    sent: list[str] = []

    def refuse(route: Route) -> None:
        sent.append(route.request.post_data or "")
        route.fulfill(status=409, json={"error": "not now"})

    page.route("**/kizu/evaluate/start", refuse)
    page.locator(".evaluate .start button").click()
    expect(page.locator(".evaluate .start p")).to_have_text("not now")
    assert json.loads(sent[0])["good"] == "spot"
    watched.errors.clear()


def test_an_evaluation_runs_as_a_job_and_shows_its_verdict(page: Page, server: Server) -> None:
    open_tab(page, server, "evaluate")
    for arm in ("real", "oversampled", "copy-paste", "generated", "gated", "generated only"):
        page.locator(f".evaluate .arms input[value='{arm}']").set_checked(arm == "real")
    page.locator(".evaluate .field input.number").first.fill("3")
    page.locator(".evaluate details").evaluate("(one) => (one.open = true)")
    page.locator(".evaluate details input.number").fill("64")
    page.locator(".evaluate .start button").click()
    expect(page.locator(".evaluate .start p")).to_contain_text("runs as a job")
    page.wait_for_function("document.querySelectorAll('.evaluate .plot .arm').length === 2", timeout=120_000)
    expect(page.locator(".evaluate .confusion")).to_be_visible()
    expect(page.locator(".evaluate .line select")).to_be_visible()
