"""The columns of an exported dataset, and one row of it before its bytes are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import datasets

__all__ = [
    "COLUMNS",
    "SPLITS",
    "DigitalSource",
    "ExportRow",
    "ReadFile",
    "SplitName",
    "features",
    "file_ending",
    "row_values",
]

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

DigitalSource = Literal["digitalCapture", "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"]
"""IPTC digital source types: a photograph, a generated picture, a photograph with a generated part."""

ReadFile = Callable[[str], bytes]
"""Bytes of a file by its SHA-256."""

COLUMNS = (
    "image",
    "label",
    "mask",
    "synthetic",
    "method",
    "recipe",
    "seed",
    "strength_sigma",
    "prompt",
    "base_model",
    "checkpoint_sha256",
    "source_sha256",
    "group",
    "split",
    "sha256",
    "nearest_real_distance",
    "landing_error",
    "label_probability",
    "taken_for",
    "verdict",
    "reviewer",
    "reason",
    "decided_at",
    "digital_source_type",
)

_MAGIC = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"\0\0\0\x0cjP", ".jp2"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One photograph or sample. `sha256` and `mask_sha256` name the bytes; `source_sha256` the parents of a sample.
    `label_probability` is that of its label by the map's classifier, `taken_for` the label this finds likeliest.

    None where a column does not apply: a photograph has no method, recipe, seed or verdict.
    """

    sha256: str
    label: str
    split: SplitName
    group: str
    synthetic: bool
    digital_source_type: DigitalSource
    mask_sha256: str | None = None
    method: str | None = None
    recipe: str | None = None
    seed: int | None = None
    strength_sigma: float | None = None
    prompt: str | None = None
    base_model: str | None = None
    checkpoint_sha256: str | None = None
    source_sha256: tuple[str, ...] = ()
    nearest_real_distance: float | None = None
    landing_error: float | None = None
    label_probability: float | None = None
    taken_for: str | None = None
    verdict: str | None = None
    reviewer: str | None = None
    reason: str | None = None
    decided_at: str | None = None


def features(labels: Sequence[str]) -> "datasets.Features":
    """Hugging Face features of COLUMNS, in order; `labels` in order are the names of the ClassLabel."""
    import datasets

    text, number = datasets.Value("string"), datasets.Value("float64")
    kinds: dict[str, Any] = {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=list(labels)),
        "mask": datasets.Image(),
        "synthetic": datasets.Value("bool"),
        "seed": datasets.Value("int64"),
        "source_sha256": datasets.List(text),
        "strength_sigma": number,
        "nearest_real_distance": number,
        "landing_error": number,
        "label_probability": number,
    }
    return datasets.Features({name: kinds.get(name, text) for name in COLUMNS})


def row_values(row: ExportRow) -> dict[str, Any]:
    """The columns of a row that are neither image, mask nor label, by name."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    values["source_sha256"] = list(row.source_sha256)
    return {name: values[name] for name in COLUMNS if name not in ("image", "mask", "label")}


def file_ending(data: bytes) -> str:
    """The usual file ending of a picture by its first bytes; ".img" for one that is not known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return ".avif"
    if data[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"):
        return ".ppm"
    return next((ending for magic, ending in _MAGIC if data.startswith(magic)), ".img")
