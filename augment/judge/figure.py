"""Sheets of pictures for reports: references with what was drawn at their places, and plain rows under captions.

Drawn with Pillow alone, at a size to be read without zooming. It knows pictures and verdicts, no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["ReferenceSamples", "captioned_rows", "reference_sheet", "side_by_side"]

_TILE_PX = 56
"""Pictures smaller than this are enlarged by a whole number."""

_ACROSS = 5
_FRAME, _GAP, _BLOCK_GAP, _TEXT_PX = 3, 4, 18, 14
_PAPER, _INK, _RED, _ORANGE, _QUIET = (255, 255, 255), (30, 30, 30), (214, 39, 40), (255, 150, 20), (205, 205, 205)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReferenceSamples:
    """A reference (side, side, C) uint8, its samples (k, side, side, C), and for each whether it is nearer to this
    reference than to another (k,) and bears its label (k,) bool."""

    label: str
    reference: NDArray[np.uint8]
    samples: NDArray[np.uint8]
    nearer: NDArray[np.bool_]
    labelled: NDArray[np.bool_]


def reference_sheet(title: str, references: Sequence[ReferenceSamples]) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: a block for each class, its references side by side, five samples across below each.

    Args:
        references: one or more, those of one class after another. Labels that the built-in letters cannot write are
            numbered in their order.
    """
    blocks: dict[str, list[ReferenceSamples]] = {}
    for one in references:
        blocks.setdefault(one.label, []).append(one)
    drawn = [_block(_written(label, number), members) for number, (label, members) in enumerate(blocks.items())]
    legend = _text_line("red: nearer to another reference of the class", _RED)
    legend = side_by_side([legend, _text_line("orange: the independent classifier sees another label", _ORANGE)])
    return _stack([_text_line(title, _INK), legend, *drawn])


def captioned_rows(rows: Sequence[tuple[str, NDArray[np.uint8]]], across: int = 10) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: pictures (n, side, side, C) of each row under its caption, `across` in a line."""
    parts = []
    for caption, pictures in rows:
        tiles = [_tile(picture, []) for picture in pictures]
        lines = [np.concatenate(tiles[first : first + across], axis=1) for first in range(0, len(tiles), across)]
        parts.append(_stack([_text_line(caption, _INK), *lines]))
    return _stack(parts)


def side_by_side(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures (height, width, 3) next to each other on white, as high as the highest."""
    height = max(picture.shape[0] for picture in pictures)
    parts = []
    for picture in pictures:
        margin = ((0, height - picture.shape[0]), (0, _BLOCK_GAP), (0, 0))
        parts.append(np.pad(picture, margin, constant_values=255))
    return np.concatenate(parts, axis=1)


def _block(label: str, members: Sequence[ReferenceSamples]) -> NDArray[np.uint8]:
    return _stack([_text_line(label, _INK), side_by_side([_column(member) for member in members])])


def _column(member: ReferenceSamples) -> NDArray[np.uint8]:
    """A reference above its samples."""
    flags = zip(member.samples, member.nearer, member.labelled, strict=True)
    tiles = [_tile(image, [_RED] * (not near) + [_ORANGE] * (not named)) for image, near, named in flags]
    empty = np.full_like(_tile(member.reference, []), 255)
    rows = [np.concatenate([_tile(member.reference, [_QUIET]), *[empty] * (_ACROSS - 1)], axis=1)]
    for start in range(0, len(tiles), _ACROSS):
        row = tiles[start : start + _ACROSS]
        rows.append(np.concatenate([*row, *[empty] * (_ACROSS - len(row))], axis=1))
    return np.concatenate(rows)


def _tile(image: NDArray[np.uint8], frames: Sequence[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """A picture in colour, enlarged, with room for two frames; the first one is the outer one."""
    times = -(-_TILE_PX // image.shape[0])
    large = image.repeat(times, axis=0).repeat(times, axis=1)
    large = large.repeat(3, axis=2) if large.shape[2] == 1 else large
    margin = _GAP // 2 + 2 * _FRAME
    tile = np.pad(large, ((margin, margin), (margin, margin), (0, 0)), constant_values=255)
    side = tile.shape[0]
    for number, colour in enumerate(frames):
        inner = _GAP // 2 + (number + 2 - len(frames)) * _FRAME
        outer = tile.copy()
        tile[inner : side - inner, inner : side - inner] = colour
        core = inner + _FRAME
        tile[core : side - core, core : side - core] = outer[core : side - core, core : side - core]
    return tile


def _stack(parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=255) for p in parts])


def _text_line(text: str, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    font = ImageFont.load_default(size=_TEXT_PX)
    width = round(font.getlength(text)) + 2 * _GAP
    line = Image.new("RGB", (width, _TEXT_PX + 2 * _GAP + 2), _PAPER)
    ImageDraw.Draw(line).text((_GAP, _GAP), text, fill=colour, font=font)
    return np.asarray(line)


def _written(label: str, number: int) -> str:
    """The label where the letters that come with Pillow can write it: they know Latin only."""
    return label if all(ord(letter) < 0x250 for letter in label) else f"class {number + 1}"
