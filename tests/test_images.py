"""Pictures as the world sends them: every mode and every kind of damage ends in pixels or in a reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augment.errors import InvalidInput, UnreadableImage
from augment.images import (
    decode,
    decode_mask,
    encode_mask,
    encode_png,
    header_size,
    is_grey,
    thumbnail,
    to_float,
    to_uint8,
)

RAMP = np.linspace(0, 255, 24 * 16).reshape(16, 24).astype(np.uint8)


def saved(image: Image.Image, format_: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=format_, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of any declared size in 60 bytes: what a decompression bomb looks like before it is decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("mode", "format_", "channels"),
    [
        ("L", "PNG", 1),
        ("1", "PNG", 1),
        ("LA", "PNG", 1),
        ("RGB", "JPEG", 3),
        ("RGBA", "PNG", 3),
        ("RGBA", "WEBP", 3),
        ("CMYK", "JPEG", 3),
        ("CMYK", "TIFF", 3),
        ("YCbCr", "JPEG", 3),
        ("RGB", "BMP", 3),
        ("L", "TIFF", 1),
        ("RGB", "PPM", 3),
        ("RGB", "JPEG2000", 3),
    ],
)
def test_every_mode_becomes_8_bit_grey_or_rgb(mode, format_, channels):
    decoded = decode(saved(Image.fromarray(RAMP).convert(mode), format_))
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.shape == (16, 24, channels)
    assert (decoded.info.width_px, decoded.info.height_px, decoded.info.frames) == (24, 16, 1)
    if mode in ("L", "RGB", "LA", "RGBA") and format_ not in ("JPEG", "WEBP"):
        assert (decoded.pixels == RAMP[..., None]).all()


def test_palettes_keep_their_colours_and_grey_ones_become_grey():
    colours = Image.fromarray(np.dstack([RAMP, RAMP[::-1], RAMP * 0])).convert("P")
    assert decode(saved(colours, "PNG")).pixels.shape[2] == 3
    clear = colours.copy()
    clear.info["transparency"] = bytes(256)
    assert decode(saved(clear, "PNG", transparency=bytes(256))).pixels.shape[2] == 3
    grey = Image.fromarray(RAMP // 16 * 16).convert("P", palette=Image.Palette.ADAPTIVE)
    assert decode(saved(grey, "GIF")).pixels.shape[2] == 1


def test_a_12_bit_camera_in_a_16_bit_file_is_not_black():
    values = np.linspace(1000, 4095, 24 * 16).reshape(16, 24).astype(np.uint16)
    decoded = decode(saved(Image.fromarray(values), "PNG"))
    assert decoded.info.bit_depth == 16
    assert (int(decoded.pixels.min()), int(decoded.pixels.max())) == (0, 255)
    flat = decode(saved(Image.fromarray(np.full((4, 4), 9, np.uint16)), "TIFF"))
    assert (flat.pixels == 128).all()
    floats = decode(saved(Image.fromarray(np.array([[0.0, np.nan], [np.inf, 1.0]], np.float32)), "TIFF"))
    assert floats.info.bit_depth == 32


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    for format_ in ("GIF", "WEBP", "TIFF", "PNG"):
        options = {"lossless": True} if format_ == "WEBP" else {}
        decoded = decode(saved(frames[0], format_, save_all=True, append_images=frames[1:], **options))
        assert decoded.info.frames == 2, format_
        assert abs(decoded.pixels[..., 0].astype(int) - RAMP).max() <= 1, format_


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(saved(Image.fromarray(RAMP), "PNG", exif=exif))
    assert decoded.info.exif_rotated == (orientation > 1)
    assert decoded.pixels.shape[:2] == ((24, 16) if orientation >= 5 else (16, 24))
    assert (decoded.info.height_px, decoded.info.width_px) == decoded.pixels.shape[:2]
    if orientation == 6:  # the camera lay on its side: what was stored as the left column is the top row
        assert (decoded.pixels[0, :, 0] == RAMP[::-1, 0]).all()


def test_damage_has_a_reason(tmp_path: Path):
    good = saved(Image.fromarray(RAMP).resize((240, 160)), "JPEG")
    for data, reason in (
        (b"", "empty"),
        (b"just some text", "no PNG, JPEG"),
        (good[: len(good) // 2], "damaged or cut short"),
        (saved(Image.fromarray(RAMP), "PNG")[:-30], "damaged or cut short"),
        (png_header(30_000, 30_000), "megapixels"),
        (png_header(15_000, 15_000), "megapixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no PNG, JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG"),
    ):
        with pytest.raises(UnreadableImage, match=reason):
            decode(data)
    with pytest.raises(UnreadableImage, match="cannot read the file"):
        decode(tmp_path / "missing.png")
    with pytest.raises(UnreadableImage):
        decode(tmp_path)
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(RAMP), "PNG"))
    assert decode(tmp_path / "a.png").pixels.shape == (16, 24, 1)
    assert header_size(tmp_path / "a.png") == (24, 16)


def test_random_damage_never_raises_anything_else():
    """Flipped bytes reach deep into the decoders; whatever they raise must not reach a user as a traceback."""
    generator = np.random.default_rng(0)
    for format_ in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "PPM"):
        good = np.frombuffer(saved(Image.fromarray(RAMP).convert("RGB"), format_), np.uint8)
        for _ in range(25):
            bad = good.copy()
            bad[generator.integers(0, len(bad), 6)] = generator.integers(0, 256, 6)
            try:
                decode(bad.tobytes())
            except UnreadableImage:
                pass
            except Warning:
                pass  # Pillow warns about odd metadata; only the tests turn warnings into errors


def test_masks_are_true_above_zero():
    mask = RAMP > 100
    for image in (
        Image.fromarray(mask.astype(np.uint8)),
        Image.fromarray(mask),
        Image.fromarray(mask.astype(np.uint16) * 300),
        Image.fromarray(np.dstack([mask * np.uint8(0), mask * np.uint8(7), mask * np.uint8(0)])),
    ):
        assert (decode_mask(saved(image, "PNG"), (24, 16)) == mask).all()
    noisy = Image.fromarray(np.where(mask, 250, 5).astype(np.uint8))
    assert (decode_mask(saved(noisy, "JPEG", quality=95), (24, 16)) == mask).mean() > 0.98
    with pytest.raises(InvalidInput, match="mask is 24 x 16 px but its image is 16 x 24 px"):
        decode_mask(encode_png(mask), (16, 24))


def test_a_mask_of_one_bit_a_pixel_comes_back():
    for mask in (RAMP > 99, np.zeros((3, 5), dtype=np.bool_)):
        assert (decode_mask(encode_mask(mask), mask.shape[::-1]) == mask).all()
    assert Image.open(io.BytesIO(encode_mask(RAMP > 99))).mode == "1"


def test_float_and_back_is_exact():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    values = to_float(pixels)
    assert values.dtype == np.float32
    assert values.shape == (1, 3, 16, 16)
    assert (values.min(), values.max()) == (-1, 1)
    assert (to_uint8(values) == pixels).all()
    assert to_uint8(np.array([[[[-9.0, 9.0]]]], np.float32)).ravel().tolist() == [0, 255]


def test_png_round_trips_and_thumbnails_shrink_only():
    colour = np.dstack([RAMP, RAMP[::-1], RAMP])
    for pixels in (RAMP, RAMP[..., None], colour):
        decoded = decode(encode_png(pixels)).pixels
        assert (decoded == (pixels if pixels.ndim == 3 else pixels[..., None])).all()
    assert encode_png(colour) == encode_png(colour)
    assert decode(thumbnail(colour, 12)).pixels.shape[:2] == (8, 12)
    assert decode(thumbnail(colour, 500)).pixels.shape[:2] == (16, 24)
    assert not is_grey(colour)
    assert is_grey(np.dstack([RAMP] * 3))
