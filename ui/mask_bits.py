"""A mask on its way between the page and the server: the part that is drawn, eight pixels in a byte.

Six little-endian uint32 (width and height of the photograph; left, top, width and height of the part), then the part's
pixels row by row, the first in the highest bit. Small for what a mask usually is, exact, and quick on both sides.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = ["pack_mask", "unpack_mask"]

_HEADER = struct.Struct("<6I")


def pack_mask(mask: NDArray[np.bool_]) -> bytes:
    """Bytes of a mask (height, width) bool; the part is the smallest box around its pixels."""
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return _HEADER.pack(width, height, 0, 0, 0, 0)
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    head = _HEADER.pack(width, height, int(columns[0]), int(rows[0]), part.shape[1], part.shape[0])
    return head + np.packbits(part).tobytes()


def unpack_mask(data: bytes, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (height, width) bool of a photograph of size (width, height).

    Raises InvalidInput for bytes of another form, or a mask of another size.
    """
    if len(data) < _HEADER.size:
        raise InvalidInput(f"mask of {len(data)} bytes: {_HEADER.size} or more are needed")
    width, height, left, top, wide, high = _HEADER.unpack_from(data)
    if (width, height) != size:
        raise InvalidInput(f"mask is {width} x {height} px but its image is {size[0]} x {size[1]} px: reload the page")
    if left + wide > width or top + high > height or len(data) != _HEADER.size + (wide * high + 7) // 8:
        raise InvalidInput(
            f"mask of {len(data)} bytes does not hold {wide} x {high} px at {left}, {top} of {width} x {height}"
        )
    mask = np.zeros((height, width), dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8, offset=_HEADER.size), count=wide * high)
    mask[top : top + high, left : left + wide] = bits.reshape(high, wide).astype(np.bool_)
    return mask
