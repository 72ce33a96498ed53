"""The map in a real browser, on a few hundred points: lasso, a path drawn with Shift, landing errors, empty places."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from augment.features.atlas import EMPTY, Atlas
from augment.store import Store, Workspace
from tests.browser.conftest import map_stands, open_tab
from tests.examples import sample_record
from tests.operations.mapped import add_images, add_map
from tests.server import Server, running

IMAGES = 240
ERRORS = (0.1, 0.2, 0.3)
_AXES = """const plot = document.querySelector('.map .plot'), box = plot.getBoundingClientRect();
const { xaxis, yaxis } = plot._fullLayout;"""


@dataclass
class Mapped:
    """A served map with three samples asked for at the first image's place, all of which landed at the second's."""

    server: Server
    xy: np.ndarray
    near: float
    labels: list[str]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapped]:
    workspace = Workspace(tmp_path_factory.mktemp("tools") / "workspace").create()
    with Store(workspace) as store:
        add_images(store, IMAGES)
        # In bf16 the two classes of this map do not meet.
        projection = add_map(store, precision="fp32")
        atlas = Atlas.load(workspace.root / store.projections.latest().path)
        xy = np.array(atlas.xy)
        store.apply(
            [
                sample_record(
                    number,
                    label="spot",
                    landing_error=error,
                    projection_id=projection,
                    requested_xy=tuple(map(float, xy[0])),
                    xy=tuple(map(float, xy[1])),
                )
                for number, error in enumerate(ERRORS)
            ]
        )
        labels = [atlas.label_of(row) for row in range(IMAGES)]
        near = EMPTY * atlas.spacing["xy"]
    with running(workspace.root) as server:
        yield Mapped(server, xy, near, labels)


def open_map(page: Page, mapped: Mapped) -> None:
    open_tab(page, mapped.server, "map")
    map_stands(page)
    page.wait_for_function("document.querySelector('.ground .shade').width > 0")


def pixels(page: Page, places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where places of the view lie on the screen."""
    script = (
        f"(places) => {{ {_AXES} return places.map(([x, y]) => [box.left + xaxis.l2p(x), box.top + yaxis.l2p(y)]) }}"
    )
    return [(x, y) for x, y in page.evaluate(script, [[float(x), float(y)] for x, y in places])]


def drag(page: Page, corners: list[tuple[float, float]]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=5)
    page.mouse.up()


def colour_at(page: Page, canvas: str, place: tuple[float, float]) -> list[int]:
    """Red, green, blue and opacity of a canvas over a place of the view."""
    (at,) = pixels(page, [place])
    return list(
        page.evaluate(
            """([name, x, y]) => {
                const canvas = document.querySelector(`.ground .${name}`), box = canvas.getBoundingClientRect();
                const [w, h] = [canvas.width / box.width, canvas.height / box.height];
                const at = [Math.floor((x - box.left) * w), Math.floor((y - box.top) * h)];
                return [...canvas.getContext('2d').getImageData(...at, 1, 1).data];
            }""",
            [canvas, *at],
        )
    )


def test_the_lasso_counts_by_class_what_it_surrounds(page: Page, mapped: Mapped):
    open_map(page, mapped)
    middle = float(np.median(mapped.xy[:, 0])) + 1e-4
    inside = mapped.xy[:, 0] < middle
    (left, bottom), (right, top) = mapped.xy.min(axis=0) - 0.01, mapped.xy.max(axis=0) + 0.01
    outline = pixels(page, [(left, bottom), (left, top), (middle, top), (middle, bottom)])
    page.keyboard.press("l")
    expect(page.locator(".scatter .bar button[aria-pressed=true]")).to_have_text("Lasso")
    drag(page, outline)
    details = page.locator(".details")
    expect(details).to_have_attribute("data-kind", "lasso")
    # The outline is drawn in steps of some pixels: points on its very edge may fall on either side.
    found = {row.split()[0]: int(row.split()[1]) for row in details.locator("tbody tr").all_inner_texts()}
    for label in ("free", "spot"):
        expected = sum(1 for name, within in zip(mapped.labels, inside, strict=True) if within and name == label)
        assert abs(found.get(label, 0) - expected) <= 2
    expect(details.locator(".thumbs button")).to_have_count(24)
    expect(page.locator(".map")).not_to_have_class("map dimmed")
    details.locator(".thumbs button").first.click()
    expect(details).to_have_attribute("data-kind", "image")
    page.keyboard.press("Escape")
    expect(details).to_have_attribute("data-kind", "lasso")
    page.keyboard.press("Escape")
    expect(details).to_have_attribute("data-kind", "blank")
    expect(page.locator(".overlay .outline")).to_have_count(0)

    page.locator(".legend .entry", has_text="spot").click()
    page.get_by_role("button", name="Lasso").click()
    drag(page, pixels(page, [(left, bottom), (left, top), (right, top), (right, bottom)]))
    free = mapped.labels.count("free")
    expect(details.locator(".title")).to_contain_text(f"{free} images in the outline")
    expect(details.locator("tbody tr")).to_have_count(1)


def test_a_line_drawn_with_shift_is_a_path_and_moves_nothing(page: Page, mapped: Mapped):
    open_map(page, mapped)
    (left, _), (_, top) = mapped.xy.min(axis=0), mapped.xy.max(axis=0)
    before = page.evaluate(f"() => {{ {_AXES} return [...xaxis.range, ...yaxis.range] }}")
    page.keyboard.down("Shift")
    drag(page, pixels(page, [tuple(mapped.xy[4]), (left, top + 0.03 * (top - mapped.xy[:, 1].min()))]))
    page.keyboard.up("Shift")
    details = page.locator(".details")
    expect(details).to_have_attribute("data-kind", "path")
    expect(details.locator(".facts dd")).to_have_count(2)
    expect(details.locator(".facts dd").first).to_contain_text(mapped.labels[4])
    expect(page.locator(".overlay .way")).to_have_count(1)
    assert page.evaluate(f"() => {{ {_AXES} return [...xaxis.range, ...yaxis.range] }}") == before
    page.keyboard.press("Escape")
    expect(page.locator(".overlay .way")).to_have_count(0)


def test_the_map_shows_where_samples_land_as_asked(page: Page, mapped: Mapped):
    open_map(page, mapped)
    rows = page.locator(".details .by-class tbody tr")
    expect(rows.filter(has_text="spot")).to_contain_text("0.20")  # the median of ERRORS
    page.get_by_role("radio", name="Landing error").click()
    away = np.linalg.norm(mapped.xy - mapped.xy[0], axis=1)
    unasked = int((away > mapped.near).sum())
    assert 0 < unasked < IMAGES
    expect(page.locator(".legend")).to_contain_text(f"no sample asked for here{unasked}")
    page.locator(".legend .entry", has_text="generated").click()
    page.locator(".legend .entry", has_text="no sample asked").click()
    # Only the images around the place asked for are left.
    assert colour_at(page, "points", tuple(mapped.xy[0]))[3] > 200
    assert colour_at(page, "points", tuple(mapped.xy[int(away.argmax())]))[3] == 0


def test_places_without_data_are_grey_before_a_click(page: Page, mapped: Mapped):
    open_map(page, mapped)
    corner = mapped.xy.min(axis=0) - 0.04 * np.ptp(mapped.xy, axis=0)
    assert np.linalg.norm(mapped.xy - corner, axis=1).min() > 2 * mapped.near, "the corner must be empty"
    assert colour_at(page, "shade", tuple(corner))[3] > 240
    assert colour_at(page, "shade", tuple(mapped.xy[0]))[3] < 15
    page.mouse.click(*pixels(page, [tuple(corner)])[0])
    expect(page.locator(".details .title")).to_have_text("No real image near here")
    page.locator(".legend .entry", has_text="no real image near").click()
    expect(page.locator(".ground .shade")).to_be_hidden()


def test_without_a_generator_places_are_shown_and_the_next_step_is_named(page: Page, mapped: Mapped):
    open_map(page, mapped)
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
