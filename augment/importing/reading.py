"""From a listing to checked bytes: streams a source's pictures in order and looks whether each can be used."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from threading import Lock

from augment.errors import InvalidInput
from augment.images import decode, decode_mask, header_size
from augment.importing.listing import Entry, Listing
from augment.importing.tables import stream_table
from augment.importing.trees import Tree

__all__ = ["Checked", "Item", "check", "stream"]

_LARGE_PIXELS = 16_000_000
_ONE_LARGE_AT_A_TIME = Lock()
"""Held while a large picture is decoded, so that memory is bounded by one of them and not by the number of threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An entry and how to get its bytes: `load()` returns (image, mask or None) or raises InvalidInput."""

    entry: Entry
    load: Callable[[], tuple[bytes, bytes | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is known of a picture that decodes: its upright size."""

    width_px: int
    height_px: int


def stream(tree: Tree, listing: Listing) -> Iterator[Item]:
    """Every entry in the listing's order: files unread, table rows with their bytes, few of them in memory."""
    for (file, in_table), members in groupby(listing.entries, key=lambda entry: (entry.file, entry.row >= 0)):
        if not in_table:
            yield from (Item(entry=entry, load=_file_loader(tree, entry)) for entry in members)
            continue
        rows = list(members)
        read = 0
        try:
            for entry, data, mask in stream_table(tree.local(file), rows, listing.image_column, listing.mask_column):
                read += 1
                yield Item(entry=entry, load=_row_loader(data, mask))
        except OSError as error:
            reason = InvalidInput(f"the table {file} is damaged here ({error}): download it again")
            yield from (Item(entry=entry, load=_row_loader(reason, None)) for entry in rows[read:])


def check(data: bytes, mask: bytes | None) -> Checked:
    """Decode a picture and its mask completely, once, to know that they can be used later.

    Raises UnreadableImage or InvalidInput with the reason.
    """
    width_px, height_px = header_size(data)
    if width_px * height_px > _LARGE_PIXELS:
        with _ONE_LARGE_AT_A_TIME:
            return _check(data, mask)
    return _check(data, mask)


def _check(data: bytes, mask: bytes | None) -> Checked:
    info = decode(data).info
    if mask is not None:
        try:
            decode_mask(mask, (info.width_px, info.height_px))
        except InvalidInput as error:
            raise InvalidInput(f"its mask cannot be used, so neither is the image: {error}") from error
    return Checked(width_px=info.width_px, height_px=info.height_px)


def _file_loader(tree: Tree, entry: Entry) -> Callable[[], tuple[bytes, bytes | None]]:
    def load() -> tuple[bytes, bytes | None]:
        return tree.read(entry.file), None if entry.mask_file is None else tree.read(entry.mask_file)

    return load


def _row_loader(data: bytes | InvalidInput, mask: bytes | None) -> Callable[[], tuple[bytes, bytes | None]]:
    def load() -> tuple[bytes, bytes | None]:
        if isinstance(data, InvalidInput):
            raise data
        return data, mask

    return load
