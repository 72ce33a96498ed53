"""The review in a real browser: a key held over 500 samples, a server that goes away, undo after a restart, fields."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from augment.store import Store, Workspace
from tests.browser.conftest import Watched, open_tab
from tests.browser.workspaces import mapped_workspace
from tests.server import Server, running

SAMPLES, FEW = 500, 40
LOTS = tuple(f"lot {number}" for number in range(6))


HOLD = """async (times) => {
    for (let i = 0; i < times; i++) {
        const key = { key: 'a', code: 'KeyA', repeat: i > 0, bubbles: true, cancelable: true };
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', key));
        await new Promise((done) => setTimeout(done, 4));
    }
}"""
"""A key held down at up to 250 repeats a second, eight times a keyboard's rate. Made in the page: sent from outside,
each repeat waits for a frame, and a busy machine makes 500 of them take minutes."""

PATIENCE_MS = 60_000  # a shared machine with every core busy; the speeds that are promised are held by tests/bench


@dataclass(frozen=True)
class Lot:
    """The candidates of one label of a server. Each test has its own, so that tests can share the server."""

    server: Server
    label: str

    def statuses(self) -> dict[str, int]:
        """What is on disk, read beside the running server."""
        with Store(Workspace(self.server.workspace), read_only=True) as store:
            found = Counter(sample.status for sample in store.samples.list(label=self.label))
        return {status: found[status] for status in ("candidate", "accepted", "rejected")}

    def verdicts(self) -> int:
        """How many verdicts were stored, undos included."""
        with Store(Workspace(self.server.workspace), read_only=True) as store:
            samples = store.samples.list(label=self.label)
            return sum(len(store.verdicts.history(sample.id or 0)) for sample in samples)


@pytest.fixture(scope="module")
def lots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Lot]]:
    """Lots of SAMPLES on one server, handed out one by one."""
    workspace = mapped_workspace(
        tmp_path_factory.mktemp("review") / "workspace", samples=SAMPLES * len(LOTS), labels=LOTS
    )
    with running(workspace.root) as server:
        yield (Lot(server, label) for label in LOTS)


@pytest.fixture
def lot(lots: Iterator[Lot]) -> Lot:
    return next(lots)


def wait_saved(page: Page) -> None:
    expect(page.locator(".review .state")).to_have_text("all saved")


def open_review(page: Page, lot: Lot, size: int = SAMPLES) -> None:
    """Opens the tab and leaves only this lot in sight."""
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    open_tab(page, lot.server, "review")
    page.wait_for_selector(".review .tile.cursor")
    page.select_option(".review select >> nth=0", lot.label)
    expect(page.locator(".review .at")).to_have_text(f"1 / {size}")


def test_a_key_held_over_500_samples_loses_none(page: Page, lot: Lot):
    """Losing an event is the fault of gradio's own triggers: 2 of 10 ran when they came 120 ms apart."""
    open_review(page, lot)
    page.evaluate(HOLD, SAMPLES + 20)
    wait_saved(page)
    assert lot.statuses() == {"candidate": 0, "accepted": SAMPLES, "rejected": 0}
    # the 20 repeats at the end of the list decided nothing anew
    assert lot.verdicts() == SAMPLES


def test_undo_works_after_reload_and_restart(
    page: Page, tmp_path: Path, fresh_server: Callable[..., Server], watched: Watched
):
    mapped_workspace(tmp_path / "workspace", samples=FEW, labels=("lot",))
    lot = Lot(fresh_server(), "lot")
    open_review(page, lot, FEW)
    for key in ("a", "r", "3", "s"):
        page.keyboard.press(key)
    wait_saved(page)
    first = page.locator(".tile").first
    expect(first).to_have_class("tile accepted")
    page.keyboard.press("u")
    wait_saved(page)
    assert lot.statuses() == {"candidate": FEW - 3, "accepted": 1, "rejected": 2}
    assert lot.server.stop() == 0
    watched.errors.clear()
    open_review(page, Lot(fresh_server(), "lot"), FEW - 3)
    page.keyboard.press("Control+z")
    expect(page.locator(".review .modes [data-status=rejected] b")).to_have_text("1")
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator(".review .modes [data-status=candidate] b")).to_have_text(str(FEW))
    wait_saved(page)
    assert lot.statuses()["candidate"] == FEW
    watched.errors.clear()


def test_a_verdict_looks_saved_only_when_it_is(page: Page, lot: Lot, watched):
    open_review(page, lot)
    page.route("**/kizu/review/verdicts", lambda route: route.abort())
    page.keyboard.press("a")
    tile = page.locator(".tile").first
    expect(tile).to_have_class("tile accepted unsaved")
    expect(page.locator(".review .state")).to_contain_text("1 not saved")
    page.keyboard.press("r")
    assert lot.statuses()["candidate"] == SAMPLES
    page.unroute("**/kizu/review/verdicts")
    wait_saved(page)
    expect(tile).to_have_class("tile accepted")
    assert lot.statuses() == {"candidate": SAMPLES - 2, "accepted": 1, "rejected": 1}
    watched.errors.clear()


def test_a_list_read_anew_leaves_what_was_decided_in_sight(page: Page, lot: Lot):
    """gradio has the tab look again after it was opened: on a busy machine that is after the first verdicts."""
    open_review(page, lot)
    page.keyboard.press("a")
    wait_saved(page)
    page.keyboard.press("Space")
    tile = page.locator(".tile").first
    tile.evaluate("(drawn) => drawn.classList.add('before')")
    page.evaluate("kizu.emit('state', {...kizu.state, counts: {...kizu.state.counts, samples: -1}})")
    expect(page.locator(".tile.before")).to_have_count(0)
    expect(tile).to_have_class("tile accepted")
    expect(page.locator(".tile.selected")).to_have_count(1)
    expect(page.locator(".review .at")).to_have_text(f"2 / {SAMPLES}")
    # Who comes back to the tab finds what is left to decide.
    page.keyboard.press("Alt+8")
    expect(page.locator(".review")).to_be_hidden()
    page.keyboard.press("Alt+7")
    expect(page.locator(".review .at")).to_have_text(f"1 / {SAMPLES - 1}")


def test_an_answer_that_got_lost_stores_nothing_twice(page: Page, lot: Lot, watched):
    """The server commits, the answer does not arrive: the batch comes again with the same keys."""
    open_review(page, lot)
    lost = []

    def lose_first(route):
        if lost:
            route.continue_()
            return
        lost.append(route.fetch())
        route.abort()

    page.route("**/kizu/review/verdicts", lose_first)
    page.keyboard.press("a")
    page.keyboard.press("u")
    page.keyboard.press("r")
    wait_saved(page)
    assert lost and lot.statuses() == {"candidate": SAMPLES - 1, "accepted": 0, "rejected": 1}
    assert lot.verdicts() == 3
    watched.errors.clear()


def test_bulk_select_filter_and_large(page: Page, lot: Lot):
    open_review(page, lot)
    page.keyboard.press("Shift+End")
    expect(page.locator(".review .bulk button.bad")).to_have_text(f"Reject {SAMPLES}")
    page.keyboard.press("5")
    wait_saved(page)
    assert lot.statuses()["rejected"] == SAMPLES
    page.keyboard.press("u")
    wait_saved(page)
    assert lot.statuses()["candidate"] == SAMPLES
    page.keyboard.press("Home")
    page.keyboard.press("z")
    expect(page.locator(".large .side .recipe")).to_contain_text("steps")
    page.keyboard.press("a")
    expect(page.locator(".review .at")).to_have_text(f"2 / {SAMPLES}")
    page.keyboard.press("Escape")
    expect(page.locator(".large")).to_be_hidden()


def test_keys_are_dead_while_typing_and_on_other_tabs(page: Page, lot: Lot):
    open_review(page, lot)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<input id=probe>')")
    page.focus("#probe")
    page.keyboard.type("arsu1")
    page.evaluate("document.querySelector('#probe').remove()")
    page.click("#tab-export-button")
    page.keyboard.press("a")
    time.sleep(0.3)
    assert lot.statuses()["candidate"] == SAMPLES
