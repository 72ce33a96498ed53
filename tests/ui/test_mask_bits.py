"""Masks on their way between page and server are exact, and bytes that are no mask are told."""

import struct

import numpy as np
import pytest

from augment.errors import InvalidInput
from ui.mask_bits import pack_mask, unpack_mask


@pytest.mark.parametrize("size", [(1, 1), (13, 7), (640, 333)])
def test_a_mask_comes_back(size: tuple[int, int]):
    rng = np.random.default_rng(size[0])
    shape = size[::-1]
    lone = np.zeros(shape, dtype=np.bool_)
    lone[-1, -1] = True
    for mask in (rng.random(shape) < 0.3, np.ones(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_), lone):
        assert (unpack_mask(pack_mask(mask), size) == mask).all()
    assert len(pack_mask(lone)) == 25


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "24 or more"),
        (struct.pack("<6I", 8, 9, 0, 0, 0, 0), "8 x 9 px but its image is 8 x 8"),
        (struct.pack("<6I", 8, 8, 4, 0, 5, 1) + b"\0", "does not hold 5 x 1 px at 4, 0"),
        (struct.pack("<6I", 8, 8, 0, 0, 8, 8) + b"\0", "does not hold"),
        (struct.pack("<6I", 8, 8, 2**32 - 1, 0, 2, 1) + b"\0", "does not hold"),
        (struct.pack("<6I", 8, 8, 0, 0, 1, 1) + b"\0\0", "does not hold"),
    ],
)
def test_bytes_that_are_no_mask_are_refused(data: bytes, words: str):
    with pytest.raises(InvalidInput, match=words):
        unpack_mask(data, (8, 8))
