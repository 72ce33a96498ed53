"""Pictures between files and arrays: decoding untrusted bytes, masks, uint8 HWC <-> float NCHW, PNG and thumbnails.

Every file that comes from outside is opened here and nowhere else. Knows no store, no network and no torch.
Convention: `pixels` is uint8 (height, width, channels) in [0, 255], upright, with 3 channels (RGB) or 1 (grey).
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from augment.errors import InvalidInput, UnreadableImage

__all__ = [
    "FORMATS",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "Decoded",
    "ImageInfo",
    "Native",
    "decode",
    "decode_mask",
    "decode_native",
    "encode_mask",
    "encode_native",
    "encode_png",
    "header_size",
    "is_grey",
    "thumbnail",
    "to_float",
    "to_uint8",
]

MAX_PIXELS = 200_000_000
"""Largest picture that is opened: 200 megapixels, 600 MB decoded. Read from the header, before anything is decoded."""

MAX_FILE_BYTES = 1 << 30

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
"""The only decoders that untrusted bytes reach; no EPS, PDF or other format that runs a program or draws vectors."""

# Pillow warns above its limit and refuses above twice that. Its limit becomes ours, for the whole process: uploads too.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

_QUICK_PIXELS = 4_000_000
"""Above this a PNG is written with the lightest compression: a second instead of ten for 24 megapixels."""

_LOSSY = frozenset({"JPEG", "MPO", "WEBP", "JPEG2000", "AVIF"})
_WIDE_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_GREY_MODES = frozenset({"1", "L", "LA", "La"})
# What Pillow's decoders raise on damaged or hostile bytes, by experience and by reading their sources.
_DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What the file said about itself. `width_px`, `height_px`: of the upright picture; `bit_depth`: per channel."""

    format: str
    mode: str
    bit_depth: int
    frames: int
    exif_rotated: bool
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """pixels: uint8 (height, width, 3) RGB or (height, width, 1) grey, upright."""

    pixels: NDArray[np.uint8]
    info: ImageInfo


def decode(data: bytes | Path) -> Decoded:
    """Decode an untrusted picture to upright 8-bit grey or RGB.

    16- and 32-bit grey is stretched from its 0.1 to its 99.9 percentile; 16-bit colour keeps its high byte; CMYK,
    palette and other colour modes become RGB (a palette of greys becomes grey); transparency is dropped; of an
    animation the first frame is taken.

    Raises UnreadableImage, with the reason, for anything empty, damaged, of an unknown format or above MAX_PIXELS.
    """
    with _opened(data) as image:
        depth = _bit_depth(image)
        frames = _frame_count(image)
        upright, rotated = _upright(image)
        pixels = _to_pixels(upright)
        info = ImageInfo(
            format=image.format or "",
            mode=image.mode,
            bit_depth=depth,
            frames=frames,
            exif_rotated=rotated,
            width_px=pixels.shape[1],
            height_px=pixels.shape[0],
        )
    return Decoded(pixels=pixels, info=info)


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A photograph in its own numbers, upright, and what they look like.

    values: (height, width, C) uint8, or uint16 with C = 1. low, high: the values shown as black and white; 0 and 255
    for uint8, for uint16 those of `decode`.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    low: float
    high: float

    @property
    def shown(self) -> NDArray[np.uint8]:
        """The photograph as shown, (height, width, C) uint8: what `decode` gives."""
        if self.values.dtype == np.uint8:
            return self.values.astype(np.uint8, copy=False)
        levels: NDArray[np.float32] = np.rint(self.levels().clip(0, 255))
        return levels.astype(np.uint8)

    def levels(self, part: tuple[slice, slice] = (slice(None), slice(None))) -> NDArray[np.float32]:
        """Rows and columns of it as shown, (h, w, C) float32; 16-bit values beyond white lie beyond 255."""
        return self.levels_of(self.values[part])

    def levels_of(self, values: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32]:
        """Values of this photograph as shown."""
        return (values.astype(np.float32) - np.float32(self.low)) * np.float32(255.0 / (self.high - self.low))

    def from_levels(self, levels: NDArray[np.float32]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """What is shown as `levels`, rounded and clipped to the values there are."""
        kind = self.values.dtype.type
        scaled = np.rint(levels * np.float32((self.high - self.low) / 255.0) + np.float32(self.low))
        rounded: NDArray[np.uint8] | NDArray[np.uint16] = scaled.clip(0, np.iinfo(kind).max).astype(kind)
        return rounded


def decode_native(data: bytes | Path) -> Native:
    """As `decode`, but 16-bit grey stays as it is. 32-bit and other wide numbers become what `decode` makes of them.

    Raises UnreadableImage as `decode` does.
    """
    with _opened(data) as image:
        upright, _ = _upright(image)
        if upright.mode.startswith("I;16"):
            values = np.array(upright).astype(np.uint16)[..., None]
            return Native(values=values, **_shown(values))
        return Native(values=_to_pixels(upright), low=0.0, high=255.0)


def header_size(data: bytes | Path) -> tuple[int, int]:
    """(width, height) in px as the header says, before any EXIF rotation. Raises UnreadableImage as `decode` does."""
    with _opened(data) as image:
        return image.size


def decode_mask(data: bytes | Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode a pixel mask: True wherever any colour channel is above zero (in a lossy format: at half or above).

    size: (width_px, height_px) of the picture that the mask belongs to, as in ImageRecord.
    Returns bool (height, width). Raises UnreadableImage as `decode` does, InvalidInput if the mask has another size.
    """
    with _opened(data) as image:
        upright, _ = _upright(image)
        if upright.size != size:
            raise InvalidInput(
                f"mask is {upright.width} x {upright.height} px but its image is {size[0]} x {size[1]} px: "
                "save the mask at the size of its image"
            )
        if upright.mode in _WIDE_MODES:
            return np.asarray(_wide_values(upright) > 0)
        # Compression leaves faint values around every edge, so "any value above zero" would grow a JPEG mask.
        lowest = 128 if image.format in _LOSSY else 1
        return np.asarray((_to_pixels(upright) >= lowest).any(axis=2))


def is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Whether pixels (H, W, C) carry no colour: one channel, or three that are equal everywhere."""
    if pixels.shape[2] == 1:
        return True
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def to_float(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (N, H, W, C) in [0, 255] -> float32 (N, C, H, W) in [-1, 1]."""
    if pixels.ndim != 4 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}: uint8 (N, H, W, C) is needed")
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """float (N, C, H, W) in [-1, 1] -> uint8 (N, H, W, C); rounds, clips what lies outside. Inverts `to_float`."""
    if values.ndim != 4:
        raise ValueError(f"values have shape {values.shape}: (N, C, H, W) is needed")
    scaled = np.rint((values.astype(np.float32) + np.float32(1)) * np.float32(127.5))
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1))


def encode_png(pixels: NDArray[np.uint8] | NDArray[np.bool_]) -> bytes:
    """PNG bytes of uint8 (H, W, 3), (H, W, 1), (H, W), or of a bool mask (H, W) as 0 and 255. Deterministic."""
    stream = io.BytesIO()
    _to_image(pixels).save(stream, format="PNG")
    return stream.getvalue()


def encode_native(values: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """PNG bytes of (height, width, 1 or 3), 8 or 16 bit. Deterministic."""
    if values.dtype == np.uint8 and values.size <= _QUICK_PIXELS:
        return encode_png(values.astype(np.uint8))
    stream = io.BytesIO()
    plain = values[..., 0] if values.shape[2] == 1 else values
    level = 6 if values.size <= _QUICK_PIXELS else 1
    Image.fromarray(np.ascontiguousarray(plain)).save(stream, format="PNG", compress_level=level)
    return stream.getvalue()


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """PNG bytes of a bool mask (H, W), one bit a pixel: what is drawn is saved in a third of `encode_png`'s time."""
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, format="PNG")
    return stream.getvalue()


def thumbnail(pixels: NDArray[np.uint8], side_px: int) -> bytes:
    """WebP bytes of the picture, shrunk so that its longer side is at most `side_px`; never enlarged, aspect kept."""
    image = _to_image(pixels)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, format="WEBP", quality=82, method=2)
    return stream.getvalue()


def _to_image(pixels: NDArray[Any]) -> Image.Image:
    """The Pillow image of uint8 (H, W), (H, W, 1), (H, W, 3) or bool (H, W)."""
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return Image.fromarray(np.ascontiguousarray(pixels))


@contextmanager
def _opened(data: bytes | Path) -> Iterator[Image.Image]:
    """Open bytes or a path for decoding; whatever a decoder raises inside the block becomes UnreadableImage."""
    try:
        with _open_checked(data) as image:
            yield image
    except InvalidInput:
        raise
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UnreadableImage(f"cannot read the file: {error.strerror}") from error
    except _DECODER_ERRORS as error:
        reason = str(error) or type(error).__name__
        raise UnreadableImage(f"damaged or cut short ({reason}): export or copy it again") from error


def _open_checked(data: bytes | Path) -> Image.Image:
    """Open without decoding, after every check that the header allows."""
    size_bytes = len(data) if isinstance(data, bytes) else data.stat().st_size
    if size_bytes == 0:
        raise UnreadableImage("the file is empty: export or copy it again")
    if size_bytes > MAX_FILE_BYTES:
        raise UnreadableImage(
            f"the file has {size_bytes:,} bytes: at most {MAX_FILE_BYTES:,} are opened; crop or compress it"
        )
    try:
        image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            "the bytes are no PNG, JPEG, TIFF, BMP, WebP, GIF, PPM, JPEG 2000 or AVIF: is the file's ending right?"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(
            f"too many pixels: at most {MAX_PIXELS // 1_000_000} megapixels are opened; tile it"
        ) from error
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        image.close()
        raise UnreadableImage(
            f"{image.width} x {image.height} px are {pixels // 1_000_000} megapixels: "
            f"at most {MAX_PIXELS // 1_000_000} are opened; cut it into tiles"
        )
    return image


def _bit_depth(image: Image.Image) -> int:
    """Bits per channel as stored. Pillow reads 16-bit colour as 8, so its raw mode tells more than its mode."""
    if image.mode == "1":
        return 1
    if image.mode in ("I", "F"):
        return 32 if image.format != "PNG" else 16
    raw_modes = str([tile[3] for tile in getattr(image, "tile", [])])
    return 16 if image.mode in _WIDE_MODES or ";16" in raw_modes else 8


def _frame_count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """The decoded first frame, turned as its EXIF orientation says, and whether that changed anything."""
    if _frame_count(image) > 1:
        image.seek(0)
    image.load()
    orientation = image.getexif().get(0x0112, 1)
    if orientation not in range(2, 9):
        return image, False
    return ImageOps.exif_transpose(image), True


def _to_pixels(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 (H, W, 1 or 3) of any Pillow mode."""
    if image.mode in _WIDE_MODES:
        return _stretch(_wide_values(image))[..., None]
    if image.mode in _GREY_MODES:
        return np.array(image.convert("L"), dtype=np.uint8)[..., None]
    if image.mode == "P":
        # By way of RGBA, because Pillow warns when a palette with transparency is converted straight to RGB.
        pixels = np.array(image.convert("RGBA"), dtype=np.uint8)[..., :3]
        return np.ascontiguousarray(pixels[..., :1] if is_grey(pixels) else pixels)
    if image.mode in ("RGBa", "PA"):
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _wide_values(image: Image.Image) -> NDArray[np.float32]:
    """float32 (H, W) of a 16- or 32-bit grey picture, finite."""
    values = np.array(image).astype(np.float32)
    return np.nan_to_num(
        values, nan=0.0, posinf=float(np.finfo(np.float32).max), neginf=float(np.finfo(np.float32).min)
    )


def _shown(values: NDArray[Any]) -> dict[str, float]:
    """Values shown as black and white, `low` and `high`: the 0.1 and the 99.9 percentile."""
    low, high = (float(v) for v in np.percentile(values.astype(np.float64), (0.1, 99.9)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    # A constant picture is shown as middle grey.
    return {"low": low, "high": high} if high > low else {"low": low - 128.0, "high": low + 127.0}


def _stretch(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 (H, W): 0.1 percentile to 0, 99.9 to 255. A 12-bit camera in a 16-bit file would else look black."""
    low, high = _shown(values).values()
    scaled = (values.astype(np.float64) - low) * (255.0 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
