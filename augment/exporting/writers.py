"""Writers of the three formats. Each takes rows one at a time and holds no more than one batch of bytes in memory.

The bytes of a picture are written as they are. What was written is counted and digested, so that `verify` can compare.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from augment.exporting.columns import ExportRow, ReadFile, SplitName, file_ending, row_values

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

__all__ = ["FORMATS", "METADATA_TABLE", "Digest", "ExportFormat", "RowsOf", "Written", "flush", "write"]

ExportFormat = Literal["parquet", "save_to_disk", "imagefolder"]
FORMATS: tuple[ExportFormat, ...] = ("parquet", "save_to_disk", "imagefolder")

RowsOf = Mapping[SplitName, Callable[[], Iterable[ExportRow]]]
"""The rows of each split that is to be written, as functions, so that none is held in memory."""

METADATA_LINES, METADATA_TABLE = "metadata.jsonl", "metadata.parquet"
"""In an image folder: all rows as text, at its top, and those of a split with their types, in the split's folder.

`datasets` reads the second kind. From text it would guess types, and refuse splits that differ in what is empty.
"""

_BATCH_ROWS = 64
_BATCH_BYTES = 32 << 20
_SHARD_BYTES = 256 << 20


class Digest:
    """Count and running hash of rows in order: equal if and only if the same pictures, masks and labels were seen."""

    def __init__(self) -> None:
        """Begin with no rows."""
        self.rows = 0
        self._hash = sha256()

    def add(self, image_sha256: str, label: str, mask_sha256: str | None) -> None:
        """Add the next row."""
        self.rows += 1
        self._hash.update(f"{image_sha256}\0{label}\0{mask_sha256 or ''}\n".encode())

    @property
    def value(self) -> tuple[int, str]:
        """(rows, hexadecimal hash)."""
        return self.rows, self._hash.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """digests: by split, of the rows as they were meant. bytes_written: of pictures and masks."""

    digests: dict[SplitName, Digest]
    bytes_written: int


def write(
    folder: Path,
    format: ExportFormat,  # noqa: A002 - the word of the field, and the user's
    rows_of: RowsOf,
    features: "datasets.Features",
    read: ReadFile,
    on_rows: Callable[[int], None],
) -> Written:
    """Write all splits into an existing empty folder.

    on_rows is called with the number of rows written since the last call, and may raise to stop.
    """
    ledger = _Ledger(read, on_rows)
    for split, rows in rows_of.items():
        ledger.begin(split)
        if format == "parquet":
            _write_parquet(folder / "data", split, ledger.loaded(rows()), features)
        elif format == "imagefolder":
            _write_folder(folder, split, ledger.loaded(rows()), features)
        else:
            _write_arrow(folder / _ROWS_FOLDER, split, ledger.loaded(rows()), features)
    if format == "save_to_disk":
        _save_to_disk(folder, list(rows_of))
    return Written(digests=ledger.digests, bytes_written=ledger.bytes_written)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    row: ExportRow
    image: bytes
    mask: bytes | None


class _Ledger:
    """Reads bytes, counts and digests the rows that pass through it."""

    def __init__(self, read: ReadFile, on_rows: Callable[[int], None]) -> None:
        self.digests: dict[SplitName, Digest] = {}
        self.bytes_written = 0
        self._read = read
        self._on_rows = on_rows

    def begin(self, split: SplitName) -> None:
        self.digests[split] = Digest()

    def loaded(self, rows: Iterable[ExportRow]) -> Iterator[list[_Loaded]]:
        """Batches of rows with their bytes, each below _BATCH_ROWS rows and about _BATCH_BYTES."""
        batch: list[_Loaded] = []
        size = 0
        for row in rows:
            image = self._read(row.sha256)
            mask = None if row.mask_sha256 is None else self._read(row.mask_sha256)
            batch.append(_Loaded(row=row, image=image, mask=mask))
            self.digests[row.split].add(row.sha256, row.label, row.mask_sha256)
            size += len(image) + len(mask or b"")
            if len(batch) == _BATCH_ROWS or size >= _BATCH_BYTES:
                yield batch
                self._done(batch, size)
                batch, size = [], 0
        if batch:
            yield batch
            self._done(batch, size)

    def _done(self, batch: list[_Loaded], size: int) -> None:
        self.bytes_written += size
        self._on_rows(len(batch))


def _table(batch: list[_Loaded], features: "datasets.Features") -> "pa.Table":
    """Arrow rows of a batch. Pictures keep their bytes and get a path made of their hash."""
    import pyarrow as pa

    names = features["label"].names
    rows = [
        {
            "image": _picture(item.row.sha256, item.image),
            "label": names.index(item.row.label),
            "mask": None if item.mask is None else _picture(str(item.row.mask_sha256), item.mask),
            **row_values(item.row),
        }
        for item in batch
    ]
    return pa.Table.from_pylist(rows, schema=features.arrow_schema)


def _picture(digest: str, data: bytes) -> dict[str, Any]:
    return {"bytes": data, "path": f"{digest}{file_ending(data)}"}


def _write_parquet(
    folder: Path, split: SplitName, batches: Iterator[list[_Loaded]], features: "datasets.Features"
) -> None:
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    shards: list[Path] = []
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            if writer is None:
                shards.append(folder / f"{split}-{len(shards):05d}.part")
                # Pictures are compressed already; trying again costs time and gains nothing.
                writer = pq.ParquetWriter(shards[-1], features.arrow_schema, compression="none", use_dictionary=False)
            writer.write_table(_table(batch, features))
            if shards[-1].stat().st_size > _SHARD_BYTES:
                writer.close()
                writer = None
    finally:
        if writer is not None:
            writer.close()
    for number, shard in enumerate(shards):
        shard.rename(folder / f"{split}-{number:05d}-of-{len(shards):05d}.parquet")


_ROWS_FOLDER = ".rows"


def _write_arrow(
    folder: Path, split: SplitName, batches: Iterator[list[_Loaded]], features: "datasets.Features"
) -> None:
    import pyarrow as pa

    folder.mkdir(exist_ok=True)
    with pa.OSFile(str(folder / f"{split}.arrow"), "wb") as sink, pa.ipc.new_stream(sink, features.arrow_schema) as out:
        for batch in batches:
            out.write_table(_table(batch, features))


def _save_to_disk(folder: Path, splits: list[SplitName]) -> None:
    """Hand the streamed rows, mapped and not loaded, to the library's own `save_to_disk`."""
    import datasets

    shown = datasets.utils.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        rows = {split: datasets.Dataset.from_file(str(folder / _ROWS_FOLDER / f"{split}.arrow")) for split in splits}
        datasets.DatasetDict(rows).save_to_disk(folder, max_shard_size=_SHARD_BYTES)
        rows.clear()
    finally:
        if not shown:
            datasets.enable_progress_bars()
    shutil.rmtree(folder / _ROWS_FOLDER)


def _write_folder(
    folder: Path, split: SplitName, batches: Iterator[list[_Loaded]], features: "datasets.Features"
) -> None:
    """<split>/images/<sha256>.<ending>, <split>/images/masks/ likewise, and every row in both kinds of metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / split / "images" / "masks").mkdir(parents=True)
    schema = _folder_features(features).arrow_schema
    names = features["label"].names
    with (
        (folder / METADATA_LINES).open("a", encoding="utf-8") as lines,
        pq.ParquetWriter(folder / split / METADATA_TABLE, schema) as table,
    ):
        for batch in batches:
            typed = []
            for item in batch:
                image = _placed(folder / split, "images", item.row.sha256, item.image)
                mask = item.mask and _placed(folder / split, "images/masks", str(item.row.mask_sha256), item.mask)
                values = {"file_name": image, "label": item.row.label, "mask_file_name": mask, **row_values(item.row)}
                typed.append(values | {"label": names.index(item.row.label)})
                from_top = {"file_name": f"{split}/{image}", "mask_file_name": mask and f"{split}/{mask}"}
                lines.write(json.dumps(values | from_top, ensure_ascii=False) + "\n")
            table.write_table(pa.Table.from_pylist(typed, schema=schema))


def _folder_features(features: "datasets.Features") -> "datasets.Features":
    """The same columns with file names in place of pictures."""
    import datasets

    text = datasets.Value("string")
    named = {"image": "file_name", "mask": "mask_file_name"}
    return datasets.Features({named.get(name, name): text if name in named else features[name] for name in features})


def _placed(folder: Path, part: str, digest: str, data: bytes) -> str:
    name = f"{part}/{digest}{file_ending(data)}"
    (folder / name).write_bytes(data)
    return name


def flush(folder: Path) -> None:
    """Wait until every file and folder below is on disk."""
    if os.name != "posix":
        return
    for path in (folder, *folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
