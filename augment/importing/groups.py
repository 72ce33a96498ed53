"""Which physical part a picture shows: from a CSV, from a pattern on the file name, or each picture its own.

A CSV (or the metadata of an image folder) may also give labels, splits and masks.
"""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from augment.errors import InvalidConfig, InvalidInput
from augment.importing.labels import clean_labels
from augment.importing.listing import Entry, Listing, SplitName, shown
from augment.importing.tables import SPLIT_WORDS

__all__ = ["GROUPS_CSV", "Annotation", "apply_annotations", "apply_pattern", "compile_pattern", "read_annotations"]

GROUPS_CSV = "groups.csv"
"""A file of this name at the top of a source is used without being named."""

_FILE = ("file", "file_name", "filename", "path", "image", "name")
_LABEL = ("label", "class", "category", "defect")
_GROUP = ("group", "part", "part_id", "lot")
_SPLIT = ("split", "subset")
_MASK = ("mask_file_name", "mask_file", "mask")
_LONGEST_PATTERN = 200
PATTERN_SECONDS = 10.0
"""How long a pattern may work on all names of a source; a sound one takes a second for a million."""

_MATCHER = """
import json, re, sys
pattern, names = json.load(sys.stdin)
compiled = re.compile(pattern)
key = "group" if "group" in compiled.groupindex else 1
found = (compiled.search(name.rpartition("/")[2]) or compiled.search(name) for name in names)
print(json.dumps([(match[key] or "") if match else "" for match in found]))
"""
"""The program that matches, in a process of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One row of a CSV or metadata file; empty fields were not given."""

    file: str
    label: str = ""
    group: str = ""
    split: SplitName | None = None
    mask_file: str = ""
    synthetic: bool = False


def read_annotations(data: bytes, name: str) -> list[Annotation]:
    """Rows of a CSV (comma, semicolon or tab; UTF-8 or Japanese Windows) or of a .jsonl file.

    Raises InvalidInput naming the columns that are there if none names the files, or for a row that cannot be read.
    """
    try:
        text = _text(data)
        rows = list(_json_rows(text) if name.endswith(".jsonl") else _csv_rows(text))
    except (csv.Error, ValueError) as error:
        raise InvalidInput(f"{name} cannot be read ({error}): save it as a CSV in UTF-8") from error
    columns = {key.strip().lower(): key for row in rows[:50] for key in row}
    file_column = _first(columns, _FILE)
    if rows and file_column is None:
        raise InvalidInput(f"{name} has the columns {', '.join(columns) or 'none'}: one called file is needed")
    picked = {what: _first(columns, names) for what, names in _ANNOTATION_COLUMNS.items()}
    return [_annotation(row, file_column, picked) for row in rows if file_column and row.get(file_column)]


_ANNOTATION_COLUMNS: Mapping[str, Sequence[str]] = {
    "label": _LABEL,
    "group": _GROUP,
    "split": _SPLIT,
    "mask_file": _MASK,
    "synthetic": ("synthetic",),
}


def _annotation(row: Mapping[str, str], file_column: str, picked: Mapping[str, str | None]) -> Annotation:
    value = {what: (row.get(column) or "").strip() if column else "" for what, column in picked.items()}
    return Annotation(
        file=row[file_column].strip().replace("\\", "/").removeprefix("./"),
        label=value["label"],
        group=shown(value["group"]),
        split=SPLIT_WORDS.get(value["split"].lower()),
        mask_file=value["mask_file"].replace("\\", "/"),
        synthetic=value["synthetic"].lower() in ("true", "1"),
    )


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _csv_rows(text: str) -> Iterator[dict[str, str]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield {key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}


def _json_rows(text: str) -> Iterator[dict[str, str]]:
    for line in text.splitlines():
        if line.strip():
            values = json.loads(line)
            if not isinstance(values, dict):
                raise ValueError(f"a line is {type(values).__name__}, not an object")
            yield {str(key): str(value) for key, value in values.items() if isinstance(value, str | int | float | bool)}


def _first(columns: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def apply_annotations(listing: Listing, rows: Sequence[Annotation], name: str, folder: str = ".") -> None:
    """Give the entries of a listing, in place, the groups, labels and splits of a CSV that lies in `folder` of it.

    A row names a file by its path from there or, where only one file is called so, by its last part. Rows that name
    missing files are reported in `skipped`; entries without a row keep what they have, and are counted in `problems`.
    """
    by_path, by_name = _indexed(listing.entries)
    labels, problems = clean_labels((row.label for row in rows if row.label), drop_prefix=False)
    listing.problems += problems
    passed_over = {file for file, _ in listing.skipped}
    touched: set[str] = set()
    other_labels = []
    for row in rows:
        entry = by_path.get(str(PurePosixPath(folder) / row.file)) or by_name.get(PurePosixPath(row.file).name)
        if entry is None:
            if row.file not in passed_over:
                listing.skipped.append((shown(row.file), f"named in {name}, but not in the source"))
            continue
        touched.add(entry.name)
        entry.group = row.group or entry.group
        entry.split = row.split or entry.split
        label = labels.get(row.label, "")
        if label and label != entry.label:
            other_labels.append(f"{entry.name}: {entry.label!r}, now {label!r}")
            entry.label = label
    if other_labels and listing.layout != "flat":
        listing.problems.append(f"{name} gives {len(other_labels)} images another label, such as {other_labels[0]}")
    without = len(listing.entries) - len(touched)
    if without:
        listing.problems.append(f"{without} of {len(listing.entries)} images are not in {name}: each is its own part")


def _indexed(entries: Sequence[Entry]) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Entries by path and, where it is unique, by file name."""
    by_path: dict[str, Entry] = {}
    by_name: dict[str, Entry | None] = {}
    for entry in entries:
        for path in (entry.file, entry.name) if entry.row < 0 else (entry.name,):
            by_path[path] = entry
        last = PurePosixPath(entry.name).name
        by_name[last] = entry if last not in by_name else None
    return by_path, {last: entry for last, entry in by_name.items() if entry is not None}


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern with one named group "group", or whose first group is the part. Raises InvalidConfig."""
    example = r"for example (?P<group>part\d+)"
    if len(pattern) > _LONGEST_PATTERN:
        raise InvalidConfig(f"group_pattern has {len(pattern)} characters: at most {_LONGEST_PATTERN}; {example}")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InvalidConfig(f"group_pattern {pattern!r} is no regular expression ({error}): {example}") from error
    if not compiled.groups:
        raise InvalidConfig(f"group_pattern {pattern!r} has no group in parentheses: {example}")
    return compiled


def apply_pattern(listing: Listing, pattern: str) -> None:
    """Give entries without a group, in place, what the pattern finds in the file name or, failing that, in the path.

    Raises InvalidConfig where the pattern takes longer than PATTERN_SECONDS on these names.
    """
    compile_pattern(pattern)
    entries = [entry for entry in listing.entries if not entry.group]
    without = []
    for entry, group in zip(entries, _matched(pattern, [entry.name for entry in entries]), strict=True):
        entry.group = group
        if not group:
            without.append(entry.name)
    if without:
        listing.problems.append(
            f"{len(without)} of {len(listing.entries)} names do not match the group pattern, such as {without[0]}: "
            "each is its own part"
        )


def _matched(pattern: str, names: Sequence[str]) -> list[str]:
    """What the pattern finds in each name, "" for nothing.

    A pattern such as (a+)+$ needs longer than the universe has for some names, and Python's `re` cannot be interrupted
    and lets no other thread run meanwhile: so it works in a process of its own, which can be ended.
    """
    if not names:
        return []
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MATCHER],
            input=json.dumps([pattern, names]),
            capture_output=True,
            check=True,
            text=True,
            encoding="utf-8",
            timeout=PATTERN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise InvalidConfig(
            f"group_pattern {pattern!r} takes longer than {PATTERN_SECONDS:.0f} s on {len(names)} names: use a simpler "
            "one without a repetition inside a repetition"
        ) from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise InvalidConfig(f"group_pattern {pattern!r} could not be applied ({error}): use a groups CSV") from error
    found: list[str] = json.loads(done.stdout)
    return found
