"""Rows of the workspace database as frozen dataclasses.

A record read from the store has an `id`; a record on its way in has `id=None`. Nothing here knows SQL or torch.
Times are ISO 8601 in UTC; sizes in pixels or bytes as the name says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Split = Literal["train", "validation", "test"]
Status = Literal["candidate", "accepted", "rejected"]
Decision = Literal["accepted", "rejected", "skipped", "undone"]
JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ModelKind = Literal["encoder", "ddpm", "redraw", "lora", "dcgan", "factors"]


CONTROL = "control"
"""Method of samples that are real images, mixed into the review unmarked. Never trained on, exported or counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """An imported photograph. `sha256` addresses the bytes as they came; `name` is the path inside its source.

    `group` is the physical part; a split never cuts through one. `mask_sha256` addresses the mask file as it came.
    """

    sha256: str
    name: str
    label: str
    group: str
    split: Split
    width_px: int
    height_px: int
    size_bytes: int
    source: str
    mask_sha256: str | None = None
    imported_at: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRecord:
    """The mask that is drawn on an image; `mask_sha256` addresses a PNG of the image's upright size."""

    image_id: int
    mask_sha256: str
    updated_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """A generated image and all that is needed to make it again.

    `recipe` is JSON: method, checkpoint sha256, condition, steps, guidance, seed. `position` is the sample's own
    place in the projection, `requested` the place asked for (both 20-D); `xy` and `requested_xy` are the same places
    in the 2-D view. `landing_error` is |position - requested| over the class's median nearest-neighbour distance.
    `parents` are sha256 of images. `probability` is that of every label by the map's classifier, which was fitted on
    real training images alone; None where the map had none.
    """

    sha256: str
    label: str
    method: str
    seed: int
    recipe: dict[str, Any]
    parents: tuple[str, ...] = ()
    group: str = ""
    split: Split = "train"
    checkpoint_sha256: str | None = None
    mask_sha256: str | None = None
    strength_sigma: float | None = None
    position: tuple[float, ...] | None = None
    requested: tuple[float, ...] | None = None
    xy: tuple[float, float] | None = None
    requested_xy: tuple[float, float] | None = None
    landing_error: float | None = None
    nearest_image_id: int | None = None
    nearest_real_distance: float | None = None
    probability: dict[str, float] | None = None
    projection_id: int | None = None
    job_id: int | None = None
    status: Status = "candidate"
    created_at: str = ""
    id: int | None = None


def judged(label: str, probability: Mapping[str, float] | None) -> tuple[float | None, str | None]:
    """A sample's probability of its own label, and the likeliest label, from its `probability`.

    None for what is not known: all of it where the map had no classifier, the first for a label that it never saw.
    """
    if not probability:
        return None, None
    return probability.get(label), max(probability, key=probability.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecord:
    """One decision by one reviewer; append-only. An `undone` row names in `undoes` the verdict it takes back.

    `client_key` is made by whoever decides, once a decision: sending the same one twice stores it once. Verdicts of
    one action on many samples share a `batch`, which is empty for a verdict on its own.
    """

    sample_id: int
    decision: Decision
    reviewer: str
    reason: str = ""
    undoes: int | None = None
    client_key: str = ""
    decided_at: str = ""
    batch: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One run of an operation. `config` is the operation's config dataclass as JSON; `result` what it returned, as
    JSON."""

    operation: str
    config: dict[str, Any]
    title: str = ""
    state: JobState = "queued"
    step: int = 0
    total: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    error: str | None = None
    created_at: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A trained network. `path` is the safetensors file relative to the workspace; `sha256` of that file; `config`
    rebuilds it."""

    kind: ModelKind
    name: str
    path: str
    sha256: str
    config: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    job_id: int | None = None
    created_at: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionRecord:
    """A fitted projection. `path` is its folder relative to the workspace; `encoder_id` the model whose features it
    was fitted on."""

    encoder_id: int
    path: str
    config: dict[str, Any]
    created_at: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What the gates measured of a sample, by gate, and its value, which no gate asks for.

    `basis` names what real images, view and judges it was measured against; measured again, the newer numbers take the
    place of the older.
    """

    sample_id: int
    numbers: dict[str, float]
    basis: str
    measured_at: str = ""


Change = ImageRecord | SampleRecord | ModelRecord | ProjectionRecord | GateRecord
"""What an operation may add; a worker sends these to the server, which alone writes them."""
