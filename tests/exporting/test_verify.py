"""The check of an export sees every kind of damage that a disk or a bug could do."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.exporting.columns import COLUMNS, ExportRow, features, file_ending
from augment.exporting.verify import verify
from augment.exporting.writers import FORMATS, write
from augment.images import encode_png

FILES = {
    hashlib.sha256(data).hexdigest(): data
    for data in (encode_png(np.full((4, 4), value, dtype=np.uint8)) for value in range(4))
}
LABELS = ("b", "a")


def rows() -> list[ExportRow]:
    return [
        ExportRow(
            sha256=sha256,
            label=LABELS[i % 2],
            split="train",
            group="g",
            synthetic=False,
            digital_source_type="digitalCapture",
            mask_sha256=sha256 if i == 1 else None,
        )
        for i, sha256 in enumerate(FILES)
    ]


@pytest.mark.parametrize("format_", FORMATS)
def test_what_was_meant_passes_and_anything_else_does_not(tmp_path: Path, format_):
    seen: list[int] = []
    written = write(tmp_path, format_, {"train": rows}, features(LABELS), FILES.__getitem__, seen.append)
    assert written.bytes_written == sum(map(len, FILES.values())) + len(list(FILES.values())[1])
    verify(tmp_path, format_, written.digests, LABELS, seen.append)
    assert sum(seen) == 8  # four written, four read back
    with pytest.raises(InvalidInput, match="classes read back"):
        verify(tmp_path, format_, written.digests, LABELS[::-1], seen.append)

    other = tmp_path / "other"
    other.mkdir()
    wrong = write(other, format_, {"train": lambda: rows()[::-1]}, features(LABELS), FILES.__getitem__, seen.append)
    assert wrong.digests["train"].rows == 4
    with pytest.raises(InvalidInput, match="another order"):
        verify(other, format_, written.digests, LABELS, seen.append)
    shutil.rmtree(other)
    other.mkdir()
    write(other, format_, {"train": lambda: rows()[:3]}, features(LABELS), FILES.__getitem__, seen.append)
    with pytest.raises(InvalidInput, match="3 rows, 4 were meant"):
        verify(other, format_, written.digests, LABELS, seen.append)


def test_columns_are_those_of_the_design():
    assert tuple(features(LABELS)) == COLUMNS
    assert len(COLUMNS) == 24


def test_endings_follow_the_bytes():
    assert {file_ending(data) for data in FILES.values()} == {".png"}
    assert file_ending(b"\xff\xd8\xff\xe0") == ".jpg"
    assert file_ending(b"RIFF1234WEBP") == ".webp"
    assert file_ending(b"?") == ".img"
