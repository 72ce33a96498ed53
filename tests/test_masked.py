"""Crop, paste and the three masks: what lies outside the support must be the photograph, bit for bit."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from augment.errors import InvalidConfig, InvalidInput
from augment.images import Native, decode, decode_native, encode_png
from augment.masked import Box, PasteConfig, crop_box, cut_patch, paste_back, patch_side, separate
from augment.surfaces.draw import draw


def tile(side_px: int = 128, kind: str | None = None) -> NDArray[np.uint8]:
    return draw("ground_metal", kind, 3, side_px).pixels


def disc(shape: tuple[int, int], centre: tuple[float, float], radius_px: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius_px**2)


def of(pixels: NDArray[np.uint8]) -> Native:
    return Native(values=pixels, low=0.0, high=255.0)


def test_the_box_holds_mask_and_padding_and_stays_inside():
    mask = disc((300, 500), (20, 470), 15)
    box = crop_box(mask, PasteConfig(padding=0.5), 64)
    assert box.size == (64, 64) and box.right == 500 and box.top == 0
    assert mask[box.slices].sum() == mask.sum()
    wide = crop_box(disc((300, 500), (150, 250), 60), PasteConfig(padding=0.5), 64)
    assert wide.size == (121 + 2 * 61, 121 + 2 * 61)
    assert crop_box(disc((40, 500), (20, 250), 5), PasteConfig(), 128).size == (40, 128)
    with pytest.raises(InvalidInput, match="mask is empty"):
        crop_box(np.zeros((8, 8), dtype=np.bool_), PasteConfig(), 8)


def test_a_thin_mask_is_seen_larger_than_a_thick_one():
    thin, thick = np.zeros((400, 400), dtype=np.bool_), disc((400, 400), (200, 200), 90)
    thin[100:300, 198:202] = True
    sides = [patch_side(mask, crop_box(mask, PasteConfig(), 64), 64, 256) for mask in (thin, thick)]
    # 4 px thick stays 4 px thick where the model can see that; 140 px would be 22 px thick at 64 px.
    assert sides == [256, 64]
    small = disc((400, 400), (200, 200), 3)
    assert patch_side(small, crop_box(small, PasteConfig(), 64), 64, 256) == 64


def test_a_mask_of_one_pixel_is_seen_at_any_scale():
    mask = np.zeros((900, 900), dtype=np.bool_)
    mask[403, 511] = True
    patch = cut_patch(np.zeros((900, 900, 1), dtype=np.uint8), mask, Box(0, 0, 900, 900), 64)
    assert patch.pixels.shape == (64, 64, 1) and 1 <= patch.mask.sum() <= 4


@pytest.mark.parametrize("shape", [(128, 128), (200, 96), (75, 128), (40, 33)])
@pytest.mark.parametrize("feather_px", [0, 5])
def test_outside_the_support_every_bit_is_the_photographs(shape, feather_px):
    pixels = np.asarray(Image.fromarray(tile()[..., 0]).resize(shape[::-1]))[..., None]
    drawn = disc(shape, (shape[0] * 0.4, shape[1] * 0.6), 7)
    config = PasteConfig(feather_px=feather_px)
    patch = cut_patch(pixels, drawn, crop_box(drawn, config, 64), 64)
    before = patch.pixels.astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 40, before.shape).astype(np.float32)
    pasted = paste_back(of(pixels), drawn, patch, before, before + noise, config)
    assert np.array_equal(pasted.values[~pasted.support], pixels[~pasted.support])
    assert not (drawn & ~pasted.support).any() and not (pasted.changed & ~pasted.support).any()
    assert pasted.values.dtype == np.uint8 and pasted.values.shape == pixels.shape
    reach = np.ceil(feather_px + 1.5)
    grown = disc(shape, (shape[0] * 0.4, shape[1] * 0.6), 7 + reach)
    assert not (pasted.support & ~grown).any()


def test_an_answer_that_changes_nothing_leaves_every_bit_and_is_told():
    """Also at another scale: what is lost by shrinking is not taken for a change."""
    pixels = tile(256)
    drawn = disc((256, 256), (120, 130), 90)
    patch = cut_patch(pixels, drawn, crop_box(drawn, PasteConfig(), 64), 64)
    before = patch.pixels.astype(np.float32)
    pasted = paste_back(of(pixels), drawn, patch, before, before.copy(), PasteConfig())
    assert np.array_equal(pasted.values, pixels)
    assert pasted.visible_share == 0.0 and not pasted.changed.any()


def test_the_changed_mask_is_where_a_defect_was_put():
    """A dark spot smaller than what was drawn: the exported label is the spot, not the stroke. Its rim is soft, so that
    an IoU of 0.7 is what a mask at half its depth would reach."""
    pixels = tile()
    drawn, spot = disc((128, 128), (64, 64), 24), disc((128, 128), (60, 66), 9)
    patch = cut_patch(pixels, drawn, crop_box(drawn, PasteConfig(), 128), 128)
    before = patch.pixels.astype(np.float32)
    inside = spot[patch.box.slices][..., None]
    pasted = paste_back(of(pixels), drawn, patch, before, np.where(inside, before * 0.35, before), PasteConfig())
    both = (pasted.changed & spot).sum() / (pasted.changed | spot).sum()
    assert both > 0.7
    assert 0.5 * spot.sum() < pasted.changed.sum() < 1.6 * spot.sum()


def test_light_is_matched_to_the_surroundings_unless_told_otherwise():
    pixels = tile()
    drawn = disc((128, 128), (64, 64), 20)
    patch = cut_patch(pixels, drawn, crop_box(drawn, PasteConfig(), 128), 128)
    before = patch.pixels.astype(np.float32)
    brighter = before + 30.0
    matched = paste_back(of(pixels), drawn, patch, before, brighter, PasteConfig()).values[drawn].mean()
    kept = paste_back(of(pixels), drawn, patch, before, brighter, PasteConfig(match_colour=False)).values[drawn].mean()
    assert abs(matched - pixels[drawn].mean()) < 3 < 20 < kept - pixels[drawn].mean()


def test_sixteen_bits_stay_sixteen_bits():
    rng = np.random.default_rng(1)
    wide = (rng.normal(9000, 400, (90, 120)) + np.linspace(0, 3000, 120)).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(wide).save(stream, format="PNG")
    native = decode_native(stream.getvalue())
    assert native.values.dtype == np.uint16 and np.array_equal(native.values[..., 0], wide)
    shown = decode(stream.getvalue()).pixels
    assert np.abs(np.rint(native.levels().clip(0, 255)) - shown).max() <= 1
    assert np.array_equal(native.from_levels(native.levels()), native.values)
    drawn = disc((90, 120), (40, 50), 9)
    patch = cut_patch(shown, drawn, crop_box(drawn, PasteConfig(), 64), 64)
    before = patch.pixels.astype(np.float32)
    pasted = paste_back(native, drawn, patch, before, before * 0.5, PasteConfig(match_colour=False))
    assert pasted.values.dtype == np.uint16
    assert np.array_equal(pasted.values[~pasted.support], native.values[~pasted.support])
    assert pasted.values[drawn].mean() < 0.95 * native.values[drawn].mean()


def test_a_turned_photograph_is_upright_in_its_own_numbers():
    pixels = tile()[:60]
    image, exif = Image.fromarray(pixels[..., 0]), Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, format="PNG", exif=exif)
    assert np.array_equal(decode_native(stream.getvalue()).values, decode(stream.getvalue()).pixels)
    assert decode_native(encode_png(pixels)).values.shape == (60, 128, 1)


def test_errors_name_what_is_wrong():
    pixels = tile()
    drawn = disc((128, 128), (64, 64), 5)
    patch = cut_patch(pixels, drawn, crop_box(drawn, PasteConfig(), 64), 64)
    before = patch.pixels.astype(np.float32)
    with pytest.raises(InvalidInput, match="not numbers"):
        paste_back(of(pixels), drawn, patch, before, before * np.nan, PasteConfig())
    with pytest.raises(InvalidConfig, match="padding 9"):
        PasteConfig(padding=9)
    with pytest.raises(InvalidConfig, match="feather_px -1"):
        PasteConfig(feather_px=-1)


def test_far_pieces_of_a_mask_are_defects_of_their_own():
    mask = np.zeros((160, 320), dtype=np.bool_)
    mask[10:14, 10:60] = True  # 4 x 50 px
    mask[20:24, 66:80] = True  # within 20 px of the first: the same defect
    mask[120:124, 260:300] = True
    first, second = separate(mask)
    assert first.sum() == 4 * 64 and second.sum() == 4 * 40
    assert not (first & second).any() and ((first | second) == mask).all()
    # What lies between two far ones makes them one, in whatever order they are met.
    mask[12:124, 80:270:8] = True
    assert len(separate(mask)) == 1
    assert separate(np.zeros_like(mask)) == []
