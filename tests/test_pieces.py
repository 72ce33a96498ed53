"""Pieces of photographs: where they come to lie, what they leave alone, and how hard their seams are."""

import numpy as np
import pytest

from augment.errors import InvalidConfig, InvalidInput
from augment.pieces import Blend, Piece, Placing, blended, cut_piece, lay, seam_ring, seam_strength

SIZE = (90, 120)


def picture(seed: int, level: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (level + rng.normal(0, 4, (*SIZE, 1))).clip(0, 255).astype(np.float32)


@pytest.fixture
def piece() -> Piece:
    pixels, mask = picture(0, 200).astype(np.uint8), np.zeros(SIZE, dtype=np.bool_)
    mask[20:50, 30:70] = True
    pixels[30:40, 40:60] = 20
    return cut_piece(pixels, mask, marked=pixels[..., 0] < 60)


def test_a_piece_lies_where_and_as_large_as_it_is_told(piece: Piece):
    assert piece.mask.shape == (30, 40)
    laid = lay(piece, Placing(x_px=60, y_px=45), SIZE, 1)
    whole = np.zeros(SIZE, dtype=np.bool_)
    whole[laid.box.slices] = laid.mask
    expected = np.zeros(SIZE, dtype=np.bool_)
    expected[30:60, 40:80] = True
    assert (whole == expected).all()
    # Unmoved but for whole pixels, its own values come back.
    assert np.abs(laid.levels[laid.mask] - piece.pixels[piece.mask]).max() < 1.0
    turned = lay(piece, Placing(x_px=60.5, y_px=45, scale=0.5, turn_deg=90), SIZE, 3)
    rows, columns = np.nonzero(turned.mask)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 15) and turned.levels.shape[2] == 3


def test_turning_clockwise_and_mirroring_move_a_corner_as_said(piece: Piece):
    corner = piece.pixels.copy()
    corner[:8, :8] = 255
    marked = Piece(corner, piece.mask, piece.mask)

    def bright(placing: Placing) -> tuple[bool, bool]:
        laid = lay(marked, placing, SIZE, 1)
        rows, columns = np.nonzero(laid.mask & (laid.levels[..., 0] > 240))
        middle_y, middle_x = (laid.box.size[0]) / 2, (laid.box.size[1]) / 2
        return bool(rows.mean() < middle_y), bool(columns.mean() < middle_x)

    assert bright(Placing(x_px=60, y_px=45)) == (True, True)
    assert bright(Placing(x_px=60, y_px=45, mirrored=True)) == (True, False)
    assert bright(Placing(x_px=60, y_px=45, turn_deg=90)) == (True, False)
    assert bright(Placing(x_px=60, y_px=45, turn_deg=180)) == (False, False)


@pytest.mark.parametrize("blend", ["hard", "feathered", "poisson"])
def test_nothing_outside_the_piece_changes_and_the_defect_is_there(piece: Piece, blend: Blend):
    below = picture(1, 120)
    laid = lay(piece, Placing(x_px=60, y_px=45), SIZE, 1)
    box = below[laid.box.slices]
    result = blended(box, laid, blend)
    assert (result[~laid.mask] == box[~laid.mask]).all()
    middle = result[laid.marked].min()
    assert laid.marked.sum() == 10 * 20
    # The dark mark is 180 levels below its surroundings, here of 120: as far below as black allows, or nearly.
    assert middle < 20


def test_blending_takes_the_seam_away(piece: Piece):
    below = picture(1, 120)
    laid = lay(piece, Placing(x_px=60, y_px=45), SIZE, 1)
    box = below[laid.box.slices]

    def strength(blend: Blend, **options: bool) -> float:
        return seam_strength(blended(box, laid, blend, **options).clip(0, 255).astype(np.uint8), laid.mask)

    usual = seam_strength(box.astype(np.uint8), laid.mask)
    assert 0.7 < usual < 1.3
    hard = strength("hard", match_colour=False)
    # A step of 80 levels in a noise whose neighbours differ by 4.5.
    assert hard > 8
    assert max(strength("feathered"), strength("poisson")) < 1.5 < hard


def test_pieces_at_the_border_are_cut_off_and_beside_it_refused(piece: Piece):
    laid = lay(piece, Placing(x_px=0, y_px=0), SIZE, 1)
    assert laid.box.left == laid.box.top == 0 and laid.mask[:15, :20].all() and laid.mask.sum() == 15 * 20
    poisson = blended(picture(1, 120)[laid.box.slices], laid, "poisson")
    assert np.isfinite(poisson).all()
    with pytest.raises(InvalidInput, match="outside the picture of 120 x 90 px"):
        lay(piece, Placing(x_px=500, y_px=45), SIZE, 1)
    with pytest.raises(InvalidInput, match="outside the picture"):
        lay(piece, Placing(x_px=-21, y_px=45), SIZE, 1)


def test_a_piece_too_thin_for_any_pixel_is_refused():
    line = np.zeros(SIZE, dtype=np.bool_)
    line[45, :] = True
    thin = cut_piece(picture(0, 200).astype(np.uint8), line)
    with pytest.raises(InvalidInput, match=r"at 0\.1 of its size the piece is too thin"):
        lay(thin, Placing(x_px=40.3, y_px=40.3, scale=0.1), SIZE, 1)


def test_a_piece_that_covers_all_has_no_seam(piece: Piece):
    laid = lay(piece, Placing(x_px=20, y_px=15, scale=3), (30, 40), 1)
    assert laid.mask.all() and not seam_ring(laid.mask, 3).any()
    assert seam_strength(laid.levels.clip(0, 255).astype(np.uint8), laid.mask) == 0.0
    assert np.isfinite(blended(laid.levels, laid, "poisson")).all()


def test_bad_regions_and_places_are_refused():
    with pytest.raises(InvalidInput, match="the region is empty"):
        cut_piece(np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4), np.bool_))
    with pytest.raises(InvalidInput, match="both must have one height and width"):
        cut_piece(np.zeros((4, 4, 1), np.uint8), np.ones((4, 5), np.bool_))
    with pytest.raises(InvalidConfig, match="scale 0"):
        Placing(x_px=0, y_px=0, scale=0)
    with pytest.raises(InvalidConfig, match="finite"):
        Placing(x_px=float("nan"), y_px=0)
