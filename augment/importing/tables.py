"""Hugging Face tables: parquet files and `save_to_disk` folders, listed without and streamed with their pictures.

Only columns that are asked for are read, a few rows at a time, so memory does not grow with the table. The bytes of a
picture are those in the table.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from augment.errors import InvalidInput
from augment.importing.labels import clean_labels
from augment.importing.listing import Entry, Layout, Listing, Skipped, SplitName, shown
from augment.importing.trees import Tree

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ARROW", "PARQUET", "SPLIT_WORDS", "list_tables", "split_of_path", "stream_table"]

PARQUET, ARROW = ".parquet", ".arrow"
SPLIT_WORDS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}

_IMAGE_NAMES = ("image", "img", "picture", "photo", "pixel_values", "file")
_LABEL_NAMES = ("label", "labels", "class", "category", "defect", "target", "fine_label", "coarse_label", "y")
_GROUP_NAMES = ("group", "part", "part_id", "lot")
_ROWS = 64


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Which column is which, and the names of the label's classes if the table has them."""

    image: str
    label: str
    mask: str | None
    group: str | None
    split: str | None
    synthetic: str | None
    classes: list[str] | None
    holds_path: bool


def split_of_path(path: str) -> SplitName | None:
    """The split that a folder or the start of the file name says: data/test-00000-of-00001.parquet is "test"."""
    pure = PurePosixPath(path)
    words = [*reversed(pure.parts[:-1]), pure.stem.split("-")[0].split(".")[0]]
    return next((SPLIT_WORDS[word.lower()] for word in reversed(words) if word.lower() in SPLIT_WORDS), None)


def list_tables(tree: Tree, image_column: str = "", label_column: str = "") -> Listing:
    """List every row that has a label, by file and row. Pictures are not read.

    image_column, label_column: names, where the usual ones do not fit. Raises InvalidInput, naming the columns that are
    there, if none is an image or a label.
    """
    files, layout = _table_files(tree)
    listing = Listing(layout=layout, entries=[])
    raw: list[str] = []
    for file in files:
        try:
            columns = _columns(_schema(tree.local(file)), file, image_column, label_column)
            listing.image_column, listing.mask_column = columns.image, columns.mask
            entries, labels = _entries(tree.local(file), file, columns, listing.skipped)
        except OSError as error:
            listing.skipped.append((shown(file), f"damaged table ({error}): download it again"))
            continue
        listing.entries += entries
        raw += labels
    cleaned, problems = clean_labels(raw, drop_prefix=False)
    listing.problems += problems
    for entry in listing.entries:
        entry.label = cleaned[entry.label]
    return listing


def stream_table(
    path: Path, entries: Sequence[Entry], image_column: str, mask_column: str | None
) -> Iterator[tuple[Entry, bytes | InvalidInput, bytes | None]]:
    """The pictures of `entries`, ascending rows of one table: (entry, bytes or why there are none, mask bytes)."""
    wanted = iter(entries)
    entry = next(wanted, None)
    start = 0
    for batch in _batches(path, [image_column, *([mask_column] if mask_column else [])]):
        images = batch.column(batch.schema.get_field_index(image_column))
        masks = batch.column(batch.schema.get_field_index(mask_column)) if mask_column else None
        while entry is not None and entry.row < start + batch.num_rows:
            data = _picture(images[entry.row - start].as_py())
            mask = None if masks is None else _picture(masks[entry.row - start].as_py())
            yield (
                entry,
                data if data is not None else InvalidInput("the row holds no bytes, only a path: embed the pictures"),
                mask,
            )
            entry = next(wanted, None)
        start += batch.num_rows


def _table_files(tree: Tree) -> tuple[list[str], Layout]:
    files = tree.files()
    parquet = [file for file in files if file.lower().endswith(PARQUET)]
    if parquet:
        return parquet, "parquet"
    arrow = [file for file in files if file.lower().endswith(ARROW)]
    # state.json gives the order of the shards; names sort into the same order, and cache files are not named in it.
    named = [shard for state in files if PurePosixPath(state).name == "state.json" for shard in _shards(tree, state)]
    return [file for file in named if file in set(arrow)] or arrow, "save_to_disk"


def _shards(tree: Tree, state: str) -> list[str]:
    try:
        data_files = json.loads(tree.read(state))["_data_files"]
        return [str(PurePosixPath(state).parent / str(item["filename"])) for item in data_files]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{state} is damaged ({error}): save the dataset again with save_to_disk") from error


def _schema(path: Path) -> "pa.Schema":
    import pyarrow as pa

    try:
        if path.suffix.lower() == PARQUET:
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                return file.schema_arrow
        with _arrow(path) as reader:
            return reader.schema
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


def _arrow(path: Path) -> "pa.RecordBatchReader":
    """An Arrow reader; `save_to_disk` writes streams, older tools files."""
    import pyarrow as pa

    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        reader = pa.ipc.open_file(source)
        return pa.RecordBatchReader.from_batches(reader.schema, map(reader.get_batch, range(reader.num_record_batches)))


def _batches(path: Path, columns: list[str]) -> Iterator["pa.RecordBatch"]:
    """Record batches of at most a few rows. Arrow's own errors are OSError and ValueError; both mean a damaged file."""
    import pyarrow as pa

    try:
        if path.suffix.lower() == PARQUET:
            import pyarrow.parquet as pq

            with pq.ParquetFile(path, pre_buffer=False) as file:
                yield from file.iter_batches(batch_size=_ROWS, columns=columns, use_threads=False)
            return
        with _arrow(path) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, _ROWS):
                    yield batch.select([column.split(".")[0] for column in columns]).slice(start, _ROWS)
    except pa.ArrowException as error:
        raise OSError(str(error)) from error


def _columns(schema: "pa.Schema", file: str, image_column: str, label_column: str) -> _Columns:
    names = list(schema.names)
    lower = {name.lower(): name for name in names}
    features = _features(schema)
    image = image_column or next((n for n in names if features.get(n, {}).get("_type") == "Image"), "")
    image = image or next((lower[n] for n in _IMAGE_NAMES if n in lower), "")
    label = label_column or next((lower[n] for n in _LABEL_NAMES if n in lower), "")
    label = label or next((n for n in names if features.get(n, {}).get("_type") == "ClassLabel"), "")
    for what, name in (("image", image), ("label", label)):
        if name not in names:
            wanted = f"column {name!r}" if name else f"no {what} column found"
            raise InvalidInput(f"{file}: {wanted}; its columns are {', '.join(names)}: name the {what} column")
    classes = features.get(label, {}).get("names")
    return _Columns(
        image=image,
        label=label,
        mask=lower.get("mask"),
        group=next((lower[n] for n in _GROUP_NAMES if n in lower), None),
        split=lower.get("split"),
        synthetic=lower.get("synthetic"),
        classes=[str(name) for name in classes] if classes else None,
        holds_path="path" in _subfields(schema.field(image).type),
    )


def _features(schema: "pa.Schema") -> dict[str, Any]:
    """Hugging Face features from the schema's metadata; empty where there are none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return {name: feature for name, feature in features.items() if isinstance(feature, dict)}


def _subfields(kind: "pa.DataType") -> list[str]:
    import pyarrow as pa

    return [kind.field(i).name for i in range(kind.num_fields)] if pa.types.is_struct(kind) else []


def _entries(path: Path, file: str, columns: _Columns, skipped: list[Skipped]) -> tuple[list[Entry], list[str]]:
    """The rows of one table with raw labels, and these labels."""
    wanted = [columns.label, columns.group, columns.split, columns.synthetic]
    names = [name for name in wanted if name] + ([f"{columns.image}.path"] if columns.holds_path else [])
    entries: list[Entry] = []
    seen: set[str] = set()
    row = 0
    read_label = _label_reader(columns.classes)
    for batch in _batches(path, names):
        values = {
            name: batch.column(batch.schema.get_field_index(name)).to_pylist()
            for name in {*(name for name in wanted if name)}
        }
        for i, inner in enumerate(_paths(batch, columns)):
            name = shown(f"{file}/{inner or row + i}")
            name = f"{name} (row {row + i})" if name in seen else name
            seen.add(name)
            label = read_label(values[columns.label][i])
            if columns.synthetic and values[columns.synthetic][i]:
                skipped.append((name, "a generated picture: only photographs are imported"))
            elif isinstance(label, InvalidInput):
                skipped.append((name, str(label)))
            else:
                group = values[columns.group][i] if columns.group else None
                split = SPLIT_WORDS.get(str(values[columns.split][i]).lower()) if columns.split else None
                entries.append(
                    Entry(
                        name=name,
                        label=label,
                        file=file,
                        row=row + i,
                        group="" if group is None else shown(str(group)),
                        split=split or split_of_path(file),
                    )
                )
        row += batch.num_rows
    return entries, sorted({entry.label for entry in entries})


def _paths(batch: "pa.RecordBatch", columns: _Columns) -> list[str | None]:
    """The `path` of each picture; in parquet the only part of the column that was read."""
    if not columns.holds_path:
        return [None] * batch.num_rows
    import pyarrow.compute as pc

    column = batch.column(batch.schema.get_field_index(columns.image))
    return [None if path is None else str(path) for path in pc.struct_field(column, "path").to_pylist()]


def _label_reader(classes: list[str] | None) -> Callable[[Any], str | InvalidInput]:
    def read(value: object) -> str | InvalidInput:
        if value is None or value == "":
            return InvalidInput("no label in this row: give it one")
        if isinstance(value, list | dict | bytes):
            return InvalidInput("the label is no single class: name another label column")
        if classes is None or not isinstance(value, int):
            return str(value) if str(value).strip() else InvalidInput("no label in this row: give it one")
        if not 0 <= value < len(classes):
            return InvalidInput(
                f"label {value} is unknown: the table names {len(classes)} classes, 0 to {len(classes) - 1}"
            )
        return classes[value]

    return read


def _picture(value: object) -> bytes | None:
    """Bytes of a Hugging Face image: {"bytes", "path"}, or plain binary."""
    data = value.get("bytes") if isinstance(value, dict) else value
    return data if isinstance(data, bytes) else None
