"""A view shows the defect, keeps the aspect, and tells a network nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from augment.errors import InvalidConfig, InvalidInput
from augment.views import Enlarged, View, mask_side

SHA = "ab" * 32


def scene(height: int = 120, width: int = 200, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["whole", "centre", "mask"])
@pytest.mark.parametrize("shape", [(120, 200, 3), (200, 120, 1), (1, 1, 1), (3, 500, 3), (28, 28, 1)])
@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_any_picture_becomes_the_square_asked_for(kind, shape, colour):
    view = View(kind=kind, side_px=32, colour=colour, mask_sides_px=(40, 90))
    cut = view.cut(scene(*shape), None, SHA)
    assert cut.dtype == np.uint8
    assert cut.shape == (32, 32, view.channels)
    assert (view.cut(scene(*shape), None, SHA) == cut).all()


def test_a_picture_of_the_right_size_is_untouched():
    pixels = scene(28, 28)
    for kind in ("whole", "centre"):
        assert (View(kind=kind, side_px=28, colour="grey").cut(pixels, None, SHA) == pixels).all()


def test_whole_keeps_the_aspect_and_reflects():
    pixels = scene(32, 64)
    cut = View(kind="whole", side_px=64, colour="grey").cut(pixels, None, SHA)
    assert (cut[16:48] == pixels).all()
    assert (cut[15] == pixels[1]).all()


def test_mask_view_holds_the_defect():
    mask = np.zeros((120, 200), dtype=bool)
    mask[10:30, 150:190] = True
    view = View(kind="mask", side_px=32, colour="grey")
    left, top, side = view.square(200, 120, mask, SHA)
    assert side == 60  # the box's longer side, 40 px, times the margin 1.5
    assert mask[top : top + side, left : left + side].sum() == mask.sum()
    assert left >= 0
    assert top >= 0
    assert left + side <= 200
    assert top + side <= 120
    speck = np.zeros_like(mask)
    speck[60, 100] = True
    assert view.square(200, 120, speck, SHA)[2] == 32  # never fewer native pixels than the view has


def test_a_defect_longer_than_the_picture_is_high_shows_where_most_of_it_is():
    mask = np.zeros((50, 300), dtype=bool)
    mask[20:24, 0:300] = True
    mask[5:45, 200:240] = True
    left, top, side = View(kind="mask", side_px=32, colour="grey").square(300, 50, mask, SHA)
    assert (top, side) == (0, 50)
    assert mask[:, left : left + side].sum() >= mask[:, 200:250].sum()


def test_free_images_get_squares_of_like_size_at_their_own_places():
    """If size or place differed from the defects', a classifier would learn them instead of the defect."""
    view = View(kind="mask", side_px=32, colour="grey", mask_sides_px=(40, 60, 80))
    squares = [view.square(200, 120, None, f"{i:064x}") for i in range(300)]
    sides = [side for _, _, side in squares]
    assert set(sides) == {40, 60, 80}
    assert all(left + side <= 200 and top + side <= 120 for left, top, side in squares)
    assert len({square[:2] for square in squares}) > 200  # places are spread, not a few
    empty = np.zeros((120, 200), dtype=bool)
    assert view.square(200, 120, empty, f"{7:064x}") == squares[7]


def test_fit_suggests_by_what_is_there():
    digits = View.fit([(28, 28)] * 5, grey=True)
    assert (digits.kind, digits.side_px, digits.colour) == ("whole", 28, "grey")
    photographs = View.fit([(1024, 768)], grey=False)
    assert (photographs.kind, photographs.side_px, photographs.colour) == ("whole", 64, "rgb")
    defects = View.fit([(300, 200)], grey=True, mask_sides_px=list(range(30, 330)))
    assert (defects.kind, defects.side_px) == ("mask", 64)
    assert len(defects.mask_sides_px) == 64
    assert (defects.mask_sides_px[0], defects.mask_sides_px[-1]) == (30, 329)
    with pytest.raises(InvalidInput, match="import some first"):
        View.fit([], grey=True)


def test_json_round_trip_and_refusals():
    view = View(kind="mask", side_px=48, colour="grey", mask_sides_px=(9, 12))
    assert View.from_json(view.to_json()) == view
    assert View.from_json({}) == View()
    for wrong, reason in (
        ({"kind": "half"}, "whole, centre, mask"),
        ({"colour": "red"}, "grey, rgb"),
        ({"side_px": 62}, "multiple of 4"),
        ({"side_px": 4096}, "16 to 256"),
        ({"margin": 0.5}, "from 1"),
        ({"size": 3}, "'size' is unknown"),
        ({"mask_sides_px": "ab"}, "unusable"),
        ({"side_px": "big"}, "unusable"),
    ):
        with pytest.raises(InvalidConfig, match=reason):
            View.from_json(wrong)
    with pytest.raises(InvalidInput, match="mask is"):
        view.cut(scene(), np.zeros((3, 3), dtype=bool), SHA)


def test_mask_side_is_the_longer_side_of_the_box():
    mask = np.zeros((50, 50), dtype=bool)
    assert mask_side(mask, 1.5) is None
    mask[3, 10:20] = True
    assert mask_side(mask, 1.5) == 15


def test_what_is_enlarged_is_counted_with_the_side_that_avoids_it():
    whole = View(kind="whole", side_px=64)
    assert whole.enlarged({(64, 20): 5, (300, 200): 7}) is None
    some = whole.enlarged({(50, 20): 32, (300, 200): 756})
    assert some == Enlarged(count=32, total=788, side_px=64, choose_px=48)
    assert some.text == "32 of 788 images are smaller than 64 px and are enlarged; choose 48 px to avoid it"
    # A square is cut out of the shorter side.
    centre = View(kind="centre", side_px=64).enlarged({(300, 40): 1, (300, 200): 3})
    assert centre == Enlarged(count=1, total=4, side_px=64, choose_px=40)


@pytest.mark.parametrize(
    ("sizes", "choose_px"),
    [
        ({(28, 28): 60, (300, 300): 40}, 28),
        # One stray thumbnail does not bring everything down to 16 px.
        ({(17, 17): 1, (300, 300): 99}, None),
        ({(20, 20): 100}, 20),
        ({(8, 8): 100}, None),
    ],
)
def test_the_side_that_is_offered_suits_the_whole(sizes, choose_px):
    found = View(kind="whole", side_px=64).enlarged(sizes)
    assert found.choose_px == choose_px
    assert ("choose" in found.text) == (choose_px is not None)
    if choose_px is not None:
        assert View(kind="whole", side_px=choose_px).enlarged(sizes) is None


@pytest.mark.parametrize("side", [28, 32, 48, 96, 128])
@pytest.mark.parametrize("grey", [True, False])
def test_views_suit_pictures_of_28_to_128_px(side, grey):
    fitted = View.fit([(side, side)] * 9, grey=grey)
    assert fitted.side_px == min(side, 64)
    assert fitted.enlarged({(side, side): 9}) is None
    picture = np.zeros((side, side, 1 if grey else 3), np.uint8)
    for wanted in (fitted.side_px, side):
        cut = replace(fitted, side_px=wanted).cut(picture, None, "x")
        assert cut.shape == (wanted, wanted, 1 if grey else 3)
