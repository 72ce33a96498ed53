"""The mask canvas in a real browser: what the mouse draws is what is stored, to the pixel, and nothing loses it."""

import io
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from scipy import ndimage

from augment.images import decode_mask, encode_mask
from augment.operations.train_redraw import TrainRedrawConfig, train_redraw
from augment.store import ImageRecord, Store, Workspace
from tests.browser.conftest import open_tab
from tests.operations.mapped import context_of
from tests.server import Server, running

LARGE = (2590, 1942)
TURNED = (900, 600)  # as stored; EXIF turns it upright to 600 x 900
STROKE = [(-150, -80), (-90, -30), (-20, -90), (60, 10), (140, -40)]
_BRIEF = TrainRedrawConfig(images_seen=16, batch_size=8, width=8, side_px=32, warmup_steps=1, start="random")
CORNERS = [(-120, 60), (90, 50), (130, 170), (-40, 190)]


def jpeg(size: tuple[int, int], orientation: int = 1) -> bytes:
    """A grey photograph with some texture; `size` as stored, before EXIF turns it."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = (120 + 30 * np.sin(across / 40) + 20 * np.cos(down / 25)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def add(store: Store, number: int, size: tuple[int, int], data: bytes, mask: NDArray[np.bool_] | None = None) -> None:
    record = ImageRecord(
        sha256=store.files.put(data),
        name=f"{number}.jpg",
        label="free" if mask is None else "crack",
        group=f"part {number}",
        split="train",
        width_px=size[0],
        height_px=size[1],
        size_bytes=len(data),
        source="test",
        mask_sha256=None if mask is None else store.files.put(encode_mask(mask)),
    )
    assert store.apply([record]) == [number]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Image 1 is large and has a mask of its own, image 2 is turned by its EXIF; a model was trained for a moment."""
    root = tmp_path_factory.mktemp("canvas") / "workspace"
    own = np.zeros((LARGE[1], LARGE[0]), dtype=np.bool_)
    own[900:1000, 1200:1300] = True
    with Store(Workspace(root).create()) as store:
        add(store, 1, LARGE, jpeg(LARGE), own)
        add(store, 2, TURNED[::-1], jpeg(TURNED, orientation=6))
        train_redraw(_BRIEF, context_of(store, root / "training"))
    with running(root) as served:
        yield served


def saved(page: Page) -> None:
    """Waits until an image is open and what is drawn on it is on the server's disk."""
    expect(page.locator(".inpaint .over")).to_have_text("")
    expect(page.locator(".inpaint .bar .state")).to_have_text("saved")


def start(page: Page, server: Server, number: int = 1) -> None:
    """Opens an image with nothing drawn on it."""
    open_tab(page, server, "inpaint")
    page.click(f".inpaint .scroller [data-id='{number}']")
    saved(page)
    clear = page.locator(".inpaint .tools [data-name=clear]")
    if clear.is_enabled():
        clear.click()
        saved(page)


def placing(page: Page, size: tuple[int, int]) -> tuple[Callable[..., tuple[float, float]], Callable[..., list[float]]]:
    """From places around the middle of the canvas to the screen, and from there to native pixels."""
    box = page.locator(".inpaint .stage canvas").bounding_box()
    assert box is not None
    air = min(24, box["width"] / 20)
    scale = min((box["width"] - 2 * air) / size[0], (box["height"] - 2 * air) / size[1])
    left, top = box["x"] + (box["width"] - size[0] * scale) / 2, box["y"] + (box["height"] - size[1] * scale) / 2
    middle = (round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2))

    def screen(x: float, y: float) -> tuple[float, float]:
        return middle[0] + x, middle[1] + y

    def native(x: float, y: float) -> list[float]:
        at = screen(x, y)
        return [(at[0] - left) / scale, (at[1] - top) / scale]

    return screen, native


def drag(page: Page, places: list[tuple[float, float]], button: str = "left") -> None:
    page.mouse.move(*places[0])
    page.mouse.down(button=button)  # type: ignore[arg-type]
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up(button=button)  # type: ignore[arg-type]


def stored(root: Path, image_id: int) -> NDArray[np.bool_]:
    with Store(Workspace(root), read_only=True) as store:
        image, draft = store.images.get(image_id), store.drafts.get(image_id)
        if draft is None:
            return np.zeros((image.height_px, image.width_px), dtype=np.bool_)
        return decode_mask(store.files.read(draft.mask_sha256), (image.width_px, image.height_px))


def strokes(size: tuple[int, int], points: list[list[float]], radius: float) -> NDArray[np.bool_]:
    """By formula: the pixels whose middles lie within `radius` of a line through `points`."""
    across, down = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    mask = np.zeros((size[1], size[0]), dtype=np.bool_)
    for (ax, ay), (bx, by) in pairwise(points):
        dx, dy = bx - ax, by - ay
        along = np.clip(((across - ax) * dx + (down - ay) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        mask |= np.hypot(across - ax - along * dx, down - ay - along * dy) <= radius
    return mask


def inside(size: tuple[int, int], points: list[list[float]]) -> NDArray[np.bool_]:
    """By formula: the pixels whose middles lie inside a polygon."""
    across, down = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    mask = np.zeros((size[1], size[0]), dtype=np.bool_)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if ay != by:
            mask ^= ((ay <= down) != (by <= down)) & (across < ax + (down - ay) / (by - ay) * (bx - ax))
    return mask


def assert_within_a_pixel(got: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> None:
    """Every pixel of one lies at most 1 px from the other, and the other way round."""
    near = np.ones((3, 3), dtype=np.bool_)
    assert not (got & ~ndimage.binary_dilation(wanted, near)).any()
    assert not (wanted & ~ndimage.binary_dilation(got, near)).any()


def test_what_the_mouse_draws_is_stored_to_the_pixel_and_stays(page: Page, server: Server):
    start(page, server)
    screen, native = placing(page, LARGE)
    drag(page, [screen(*place) for place in STROKE])
    stroke = strokes(LARGE, [native(*place) for place in STROKE], 20)
    saved(page)
    assert_within_a_pixel(stored(server.workspace, 1), stroke)

    page.keyboard.press("p")
    for place in CORNERS:
        page.mouse.click(*screen(*place))
    page.keyboard.press("Enter")
    both = stroke | inside(LARGE, [native(*place) for place in CORNERS])
    page.keyboard.press("e")
    drag(page, [screen(0, 120), screen(30, 120)])
    saved(page)
    drawn = both & ~strokes(LARGE, [native(0, 120), native(30, 120)], 20)
    assert_within_a_pixel(stored(server.workspace, 1), drawn)

    page.keyboard.press("Control+z")
    saved(page)
    assert_within_a_pixel(stored(server.workspace, 1), both)
    page.keyboard.press("Control+Shift+z")
    saved(page)
    exact = stored(server.workspace, 1)
    assert_within_a_pixel(exact, drawn)

    # A reload, another tab and another image leave it as it is.
    page.reload()
    saved(page)
    expect(page.locator(".inpaint .bar .measure")).to_contain_text(f"{exact.sum():,} px")
    page.keyboard.press("Alt+1")
    page.wait_for_selector("#tab-data-button[aria-selected=true]")
    page.keyboard.press("Alt+3")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".inpaint .bar .measure")).to_contain_text("nothing drawn")
    page.keyboard.press("ArrowLeft")
    saved(page)
    expect(page.locator(".inpaint .bar .measure")).to_contain_text(f"{exact.sum():,} px")
    assert (stored(server.workspace, 1) == exact).all()
    page.keyboard.press("Delete")
    saved(page)
    with Store(Workspace(server.workspace), read_only=True) as store:
        assert store.drafts.get(1) is None


def test_a_page_that_is_closed_at_once_loses_nothing(page: Page, server: Server):
    start(page, server)
    screen, native = placing(page, LARGE)
    drag(page, [screen(-40, 0), screen(60, 30)])
    page.close(run_before_unload=False)
    wanted = strokes(LARGE, [native(-40, 0), native(60, 30)], 20)
    for _ in range(50):
        if stored(server.workspace, 1).any():
            break
        time.sleep(0.1)
    assert_within_a_pixel(stored(server.workspace, 1), wanted)


def test_an_upright_picture_on_a_fine_screen_is_as_exact(browser: Browser, server: Server):
    context = browser.new_context(viewport={"width": 1100, "height": 760}, device_scale_factor=2, locale="en-US")
    page = context.new_page()
    start(page, server, 2)
    screen, native = placing(page, TURNED[::-1])
    drag(page, [screen(-60, -40), screen(50, 30)])
    saved(page)
    assert_within_a_pixel(stored(server.workspace, 2), strokes(TURNED[::-1], [native(-60, -40), native(50, 30)], 20))
    # Zoomed in, a pixel of the mask is several of the screen; the place under the pointer stays where it is.
    page.keyboard.press("Delete")
    page.mouse.move(*screen(20, 10))
    for _ in range(4):
        page.mouse.wheel(0, -300)
    page.keyboard.press("[")
    page.mouse.down()
    page.mouse.up()
    saved(page)
    mask = stored(server.workspace, 2)
    assert_within_a_pixel(mask, strokes(TURNED[::-1], [native(20, 10), native(20, 10)], 16))
    page.keyboard.press("Delete")
    saved(page)
    context.close()


def test_masks_from_elsewhere_fill_and_keys_that_do_not_fire_while_typing(page: Page, server: Server, tmp_path: Path):
    start(page, server)
    measure = page.locator(".inpaint .bar .measure")
    page.click(".inpaint .tools [data-name=own]")
    expect(measure).to_contain_text("10,000 px")
    page.keyboard.press("r")
    expect(measure).not_to_contain_text("10,000 px")
    expect(measure).not_to_contain_text("nothing")
    page.click(".inpaint .tools [data-name=undo]")
    expect(measure).to_contain_text("10,000 px")

    # A ring, filled inside; the outside is refused, for nothing encloses it.
    page.keyboard.press("Delete")
    screen, native = placing(page, LARGE)
    ring = [(100, 0), (0, 100), (-100, 0), (0, -100), (100, 0)]
    page.keyboard.press("b")
    drag(page, [screen(*place) for place in ring])
    page.keyboard.press("f")
    page.mouse.click(*screen(0, 0))
    page.mouse.click(*screen(-300, -200))
    expect(page.locator("#kizu-say")).to_contain_text("Nothing encloses")
    saved(page)
    points = [native(*place) for place in ring]
    assert_within_a_pixel(stored(server.workspace, 1), inside(LARGE, points[:-1]) | strokes(LARGE, points, 20))

    # A picture of the same size is taken as it is, and comes back as it is.
    uploaded = np.zeros((LARGE[1], LARGE[0]), dtype=np.bool_)
    uploaded[10:20, 30:50] = True
    (tmp_path / "right.png").write_bytes(encode_mask(uploaded))
    page.set_input_files(".inpaint input[type=file]", tmp_path / "right.png")
    expect(measure).to_contain_text("200 px")
    saved(page)
    assert (stored(server.workspace, 1) == uploaded).all()
    with page.expect_download() as download:
        page.click(".inpaint .tools [data-name=download]")
    assert (decode_mask(Path(download.value.path()), LARGE) == uploaded).all()

    # A model that listens to words has a field for them.
    page.locator(".inpaint .two select").nth(1).select_option("other")
    page.fill(".inpaint textarea", "a fine crack")
    page.locator(".inpaint textarea").press("e")
    expect(page.locator(".inpaint .tools [data-name=fill]")).to_have_attribute("aria-pressed", "true")
    page.locator(".inpaint textarea").blur()
    page.keyboard.press("?")
    expect(page.locator("#kizu-help")).to_contain_text("Fill an enclosed area")
    page.keyboard.press("Escape")


def test_a_mask_of_another_size_is_told_in_words(page: Page, server: Server, watched, tmp_path: Path):
    start(page, server)
    (tmp_path / "wrong.png").write_bytes(encode_mask(np.ones((20, 30), dtype=np.bool_)))
    page.set_input_files(".inpaint input[type=file]", tmp_path / "wrong.png")
    expect(page.locator("#kizu-say")).to_contain_text("mask is 30 x 20 px but its image is 2590 x 1942 px")
    assert all("400" in error for error in watched.errors)
    watched.errors.clear()


def test_from_a_drawn_mask_to_samples_in_review(page: Page, server: Server):
    open_tab(page, server, "data")
    page.click(".wall [data-id='2']")
    page.get_by_role("button", name="Draw a defect on it").click()
    page.wait_for_selector("#tab-inpaint-button[aria-selected=true]")
    saved(page)
    button = page.locator(".inpaint .form .primary")
    page.get_by_role("spinbutton", name="Number").fill("2")
    page.get_by_role("spinbutton", name="Steps").fill("2")
    page.get_by_role("spinbutton", name="Steps").blur()
    page.locator(".inpaint .form select").first.select_option("crack")
    expect(page.locator(".inpaint .form .note")).to_contain_text("Draw where the defect should be")
    expect(button).to_be_disabled()
    screen, _ = placing(page, TURNED[::-1])
    drag(page, [screen(-60, -40), screen(50, 30)])
    expect(button).to_be_enabled()
    page.click(".inpaint .segments >> text=good part")
    expect(page.locator(".inpaint .strength")).to_contain_text("t 200 of 1000")
    assert page.locator(".inpaint .sigma").input_value() == "0.57"
    page.keyboard.press("Control+Enter")
    rows = page.locator(".inpaint .made")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".cell img")).to_have_count(4)
    expect(rows.first.locator(".facts")).to_contain_text("outside 0 px")
    rows.first.locator(".look").click()
    expect(rows.first.locator(".look")).to_have_attribute("aria-pressed", "true")
    drawn = stored(server.workspace, 2)
    with Store(Workspace(server.workspace), read_only=True) as store:
        samples = store.samples.list()
        assert [(sample.seed, sample.label) for sample in samples] == [(0, "crack"), (1, "crack")]
        assert samples[0].strength_sigma == pytest.approx(0.57, abs=0.005)
        assert (decode_mask(store.files.read(samples[0].recipe["drawn_sha256"]), TURNED[::-1]) == drawn).all()
    # Drawing goes on on the photograph itself; the mask of the last sample comes back.
    page.keyboard.press("Delete")
    expect(rows.first.locator(".look")).to_have_attribute("aria-pressed", "false")
    page.click(".inpaint .tools [data-name=last]")
    expect(page.locator(".inpaint .bar .measure")).to_contain_text(f"{drawn.sum():,} px")
    page.get_by_role("button", name="Review these 2").click()
    expect(page.locator(".review .tile.cursor")).to_be_visible()
    expect(page.locator("#kizu-header")).to_contain_text("2 to review")


def fields(page: Page, **values: int) -> None:
    """Types numbers into fields of the form by their names."""
    for name, value in values.items():
        field = page.get_by_role("spinbutton", name=name)
        field.fill(str(value))
        field.blur()


def drawn_on(page: Page, server: Server) -> None:
    """Opens image 2 with a stroke on it, where a crack is to be."""
    start(page, server, 2)
    page.locator(".inpaint .form select").first.select_option("crack")
    screen, _ = placing(page, TURNED[::-1])
    drag(page, [screen(-60, -40), screen(50, 30)])


def generated(page: Page, **values: int) -> Locator:
    """Asks for samples; returns the line that tells how far they are."""
    fields(page, **values)
    page.keyboard.press("Control+Enter")
    return page.locator(".inpaint .right > .progress").first


def statuses(server: Server) -> dict[str, int]:
    with Store(Workspace(server.workspace), read_only=True) as store:
        return dict(store.samples.counts())


def test_steps_are_told_as_they_are_and_can_be_stopped(page: Page, server: Server):
    before = sum(statuses(server).values())
    drawn_on(page, server)
    page.click(".inpaint .segments >> text=all new")
    told = generated(page, Number=32, Steps=200)
    expect(told).to_contain_text(re.compile(r"Step \d+ of 6400, \d+ of 32 made"))
    told.get_by_role("button", name="Stop").click()
    expect(told).to_contain_text("Stopped.")
    kept = int((re.search(r"(\d+) samples", told.inner_text()) or ["", "0"])[1])
    assert kept < 32 and sum(statuses(server).values()) == before + kept


def test_results_are_judged_where_they_are(page: Page, server: Server, watched):
    before = statuses(server)
    drawn_on(page, server)
    generated(page, Number=3, Steps=2)
    rows = page.locator(".inpaint .made")
    expect(rows).to_have_count(3)
    # Nothing is shown yet: the keys are the canvas's.
    page.keyboard.press("a")
    page.keyboard.press("x")
    expect(rows.first).to_have_class("made chosen")
    page.route("**/kizu/review/verdicts", lambda route: route.abort())
    page.keyboard.press("a")
    expect(rows.first).to_have_class("made accepted unsaved")
    expect(page.locator(".inpaint .results .bad").first).to_contain_text("1 not saved")
    assert statuses(server)["accepted"] == before["accepted"]
    page.unroute("**/kizu/review/verdicts")
    expect(rows.first).to_have_class("made accepted")
    page.keyboard.press("3")
    expect(rows.nth(1).locator(".mark")).to_contain_text("rejected (copy of a real image)")
    rows.nth(2).get_by_role("button", name="Reject").click()
    expect(rows.nth(2)).to_have_class("made chosen rejected")
    page.keyboard.press("u")
    expect(rows.nth(2)).to_have_class("made chosen")
    judged = {"accepted": before["accepted"] + 1, "rejected": before["rejected"] + 1}
    assert judged.items() <= statuses(server).items()

    # R belongs to the canvas while that has the keyboard; a new mask takes the result away.
    page.locator(".inpaint .stage canvas").focus()
    page.keyboard.press("r")
    expect(rows.nth(2)).to_have_class("made")
    page.keyboard.press("a")
    saved(page)
    assert judged.items() <= statuses(server).items()
    # What is decided in the review is seen here.
    with_newest = page.locator(".review .tile.cursor")
    page.keyboard.press("Alt+7")
    expect(with_newest).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator(".review .state")).to_have_text("all saved")
    page.keyboard.press("Alt+3")
    expect(rows.nth(2)).to_have_class("made accepted")
    # A page that is loaded anew shows them again, as they stand.
    page.reload()
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_have_class("made accepted")
    rows.first.locator(".look").click()
    expect(rows.first).to_have_class(re.compile(r"\bchosen\b"))
    watched.errors.clear()


def test_a_batch_is_made_in_a_job_and_goes_to_the_review(page: Page, server: Server):
    before = sum(statuses(server).values())
    start(page, server, 2)
    page.get_by_role("button", name="Batch", exact=True).click()
    on, masks = (page.locator(".inpaint .batch select").nth(n) for n in range(2))
    expect(on).to_have_value("free")
    button, note = page.locator(".inpaint .form .primary"), page.locator(".inpaint .form .note")
    page.locator(".inpaint .form select").first.select_option("free")
    expect(note).to_contain_text("No training image of free has a mask")
    expect(button).to_be_disabled()
    masks.select_option("drawn")
    expect(note).to_contain_text("Nothing is drawn on these images")
    page.locator(".inpaint .form select").first.select_option("crack")
    masks.select_option("library")
    fields(page, Number=3, Steps=2)
    expect(note).to_contain_text("3 samples, all on one training image")
    button.click()
    batch = page.locator(".inpaint .progress.job")
    expect(batch).to_contain_text("done · 3 of 3 made")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("3")
    with Store(Workspace(server.workspace), read_only=True) as store:
        made = store.samples.rows(job_id=store.jobs.list()[0].id)
        assert sorted(row.seed for row in made) == [0, 1, 2] and {row.label for row in made} == {"crack"}
    assert sum(statuses(server).values()) == before + 3
    batch.get_by_role("button", name="Review them").click()
    expect(page.locator(".review .tile.cursor")).to_be_visible()
