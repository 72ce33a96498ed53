"""Reads an export back from its files: every row, every byte, the order of the classes."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from augment.errors import InvalidInput
from augment.exporting.columns import COLUMNS, SplitName
from augment.exporting.writers import METADATA_LINES, METADATA_TABLE, Digest, ExportFormat

__all__ = ["verify"]

_ROWS = 64
_Row = tuple[bytes, str, bytes | None, str]
"""image, label, mask, the sha256 that the row claims."""


def verify(
    folder: Path,
    format: ExportFormat,  # noqa: A002 - as in `write`
    digests: Mapping[SplitName, Digest],
    labels: Sequence[str],
    on_rows: Callable[[int], None],
) -> None:
    """Compare a written export with what was meant: rows, hashes of pictures and masks, labels and their order.

    on_rows is called with the number of rows read since the last call, and may raise to stop. Raises InvalidInput
    naming the first difference.
    """
    for split, meant in digests.items():
        found = Digest()
        for image, label, mask, claimed in _READERS[format](folder, split, labels):
            actual = sha256(image).hexdigest()
            if actual != claimed:
                raise InvalidInput(f"export check: row {found.rows} of {split} reads back damaged; export again")
            found.add(actual, label, None if mask is None else sha256(mask).hexdigest())
            if found.rows % _ROWS == 0:
                on_rows(_ROWS)
        on_rows(found.rows % _ROWS)
        if found.value != meant.value:
            raise InvalidInput(
                f"export check: {split} reads back as {found.rows} rows, {meant.rows} were meant, or in another order; "
                "check the disk and export again"
            )


def _check_labels(found: Sequence[str], labels: Sequence[str]) -> None:
    if list(found) != list(labels):
        raise InvalidInput(
            f"export check: classes read back as {list(found)[:8]}, not {list(labels)[:8]}; export again"
        )


def _read_parquet(folder: Path, split: SplitName, labels: Sequence[str]) -> Iterator[_Row]:
    import pyarrow.parquet as pq

    for path in sorted((folder / "data").glob(f"{split}-*.parquet")):
        with pq.ParquetFile(path, pre_buffer=False) as file:
            if tuple(file.schema_arrow.names) != COLUMNS:
                raise InvalidInput(f"export check: {path.name} has the columns {file.schema_arrow.names}; export again")
            features = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
            _check_labels(features["label"]["names"], labels)
            for batch in file.iter_batches(batch_size=_ROWS, columns=["image", "label", "mask", "sha256"]):
                yield from (_row(values, labels) for values in batch.to_pylist())


def _read_arrow(folder: Path, split: SplitName, labels: Sequence[str]) -> Iterator[_Row]:
    import pyarrow as pa

    info = json.loads((folder / split / "dataset_info.json").read_text(encoding="utf-8"))
    if tuple(info["features"]) != COLUMNS:
        raise InvalidInput(f"export check: {split} has the columns {list(info['features'])}; export again")
    _check_labels(info["features"]["label"]["names"], labels)
    state = json.loads((folder / split / "state.json").read_text(encoding="utf-8"))
    for shard in state["_data_files"]:
        with pa.memory_map(str(folder / split / shard["filename"])) as source, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, _ROWS):
                    part = batch.select(["image", "label", "mask", "sha256"]).slice(start, _ROWS)
                    yield from (_row(values, labels) for values in part.to_pylist())


def _read_folder(folder: Path, split: SplitName, labels: Sequence[str]) -> Iterator[_Row]:
    """Both kinds of metadata are read, and must agree."""
    import pyarrow.parquet as pq

    with (
        pq.ParquetFile(folder / split / METADATA_TABLE) as file,
        (folder / METADATA_LINES).open(encoding="utf-8") as lines,
    ):
        features = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
        _check_labels(features["label"]["names"], labels)
        as_text = (values for values in map(json.loads, lines) if values["split"] == split)
        for batch in file.iter_batches(batch_size=_ROWS):
            for typed in batch.to_pylist():
                image, mask = typed["file_name"], typed["mask_file_name"]
                meant = {"file_name": f"{split}/{image}", "mask_file_name": mask and f"{split}/{mask}"}
                if next(as_text, None) != typed | meant | {"label": labels[typed["label"]]}:
                    raise InvalidInput(f"export check: {METADATA_LINES} differs from {split}/{METADATA_TABLE}")
                mask_bytes = mask and (folder / split / mask).read_bytes()
                yield (folder / split / image).read_bytes(), labels[typed["label"]], mask_bytes, typed["sha256"]


def _row(values: Mapping[str, Any], labels: Sequence[str]) -> _Row:
    mask = values["mask"]
    return values["image"]["bytes"], labels[values["label"]], mask and mask["bytes"], values["sha256"]


_READERS: Mapping[ExportFormat, Callable[[Path, SplitName, Sequence[str]], Iterator[_Row]]] = {
    "parquet": _read_parquet,
    "save_to_disk": _read_arrow,
    "imagefolder": _read_folder,
}
