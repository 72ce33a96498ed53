"""What a source holds, before any picture is opened: entries, what is passed over, and why."""

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["LAYOUTS", "Entry", "Layout", "Listing", "Skipped", "SplitName", "is_hidden", "shown"]

SplitName = Literal["train", "validation", "test"]
Layout = Literal["class_folders", "pairs", "mvtec", "metadata", "flat", "parquet", "save_to_disk"]
LAYOUTS: dict[Layout, str] = {
    "class_folders": "one folder per class",
    "pairs": "one folder per class, pictures with a mask of the same stem",
    "mvtec": "MVTec AD: train/good, test/<defect>, ground_truth/<defect>",
    "metadata": "image folder with metadata.jsonl or metadata.csv",
    "flat": "one folder of pictures of one class, or labelled by a CSV",
    "parquet": "Hugging Face dataset as parquet",
    "save_to_disk": "Hugging Face dataset saved with save_to_disk",
}
"""Every layout that is recognised, and what it looks like, in words."""

_SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})

Skipped = tuple[str, str]
"""(name inside the source, reason)."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One picture of a source. `file` is its path (of a table: the table's) in the tree; `row` is -1 outside tables.

    `name` is what is stored and shown. `group` and `split` are empty and None until they are known.
    """

    name: str
    label: str
    file: str
    row: int = -1
    mask_file: str | None = None
    group: str = ""
    split: SplitName | None = None


@dataclass(slots=True, kw_only=True)
class Listing:
    """Everything a source holds. `problems` are sentences for the user; nothing in them stops the import.

    image_column, mask_column: names in the tables, for the layouts that are tables.
    """

    layout: Layout
    entries: list[Entry]
    skipped: list[Skipped] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    image_column: str = ""
    mask_column: str | None = None


def is_hidden(name: str) -> bool:
    """Whether one path component belongs to the system and not to the dataset."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def shown(name: str) -> str:
    """A file name that can be stored and printed: bytes that are no UTF-8 and control characters become U+FFFD."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
