"""The tables of the workspace database, as SQLAlchemy Core sees them.

`migrations.py` makes them in a database; a test compares the two. Knows no queries.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from augment.errors import InvalidInput

__all__ = [
    "Floats",
    "Json",
    "JsonValue",
    "Metrics",
    "canonical_json",
    "drafts",
    "gates",
    "groups",
    "images",
    "jobs",
    "metadata",
    "models",
    "projections",
    "samples",
    "settings",
    "verdicts",
]

JsonValue: TypeAlias = Any
"""None, bool, int, float, str, or a list or dictionary of these."""


def canonical_json(value: JsonValue) -> str:
    """Write JSON in one way only: sorted keys, no spaces, so that equal values are equal text.

    NaN and infinities are refused with InvalidInput, for what is stored here is exported and read by others.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{value!r:.200} cannot be stored as JSON ({error}): use strings, finite numbers, lists and dictionaries"
        ) from error


class Json(TypeDecorator[JsonValue]):
    """A JSON value as canonical text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JsonValue, dialect: Dialect) -> str | None:
        """Python value to canonical text."""
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> JsonValue:
        """Text to Python value."""
        return None if value is None else json.loads(value)


class Metrics(TypeDecorator[dict[str, float]]):
    """Named floats as text; not a number is kept, for a loss that ran away must not stop its own report."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, float] | None, dialect: Dialect) -> str | None:
        """Mapping to text; anything with a float value (numpy, torch) is taken."""
        return None if value is None else json.dumps({name: float(number) for name, number in value.items()})

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, float] | None:
        """Text to dictionary."""
        return None if value is None else json.loads(value)


class Floats(TypeDecorator[tuple[float, ...]]):
    """A tuple of floats as little-endian float64, exact and quick to read."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[float, ...] | None, dialect: Dialect) -> bytes | None:
        """Tuple of n floats to 8 n bytes."""
        return None if value is None else struct.pack(f"<{len(value)}d", *value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> tuple[float, ...] | None:
        """8 n bytes to tuple of n floats."""
        return None if value is None else struct.unpack(f"<{len(value) // 8}d", value)


def _one_of(column: str, *values: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})")


metadata = MetaData()

groups = Table(
    "groups",
    metadata,
    Column("name", Text, primary_key=True),
    Column("split", Text, nullable=False),
    _one_of("split", "train", "validation", "test"),
    UniqueConstraint("name", "split"),
    CheckConstraint("name <> ''"),
)
"""The split of each group. `images` refers to (group, split) together, so no split can cut through a group."""

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("mask_sha256", Text),
    Column("imported_at", Text, nullable=False),
    ForeignKeyConstraint(["group", "split"], ["groups.name", "groups.split"]),
    Index("images_by_label_split", "label", "split"),
    Index("images_by_split", "split"),
    Index("images_by_group", "group"),
    sqlite_autoincrement=True,
)

samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("recipe", Json, nullable=False),
    Column("parents", Json, nullable=False),
    Column("group", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("checkpoint_sha256", Text),
    Column("mask_sha256", Text),
    Column("strength_sigma", Float),
    Column("position", Floats),
    Column("requested", Floats),
    Column("x", Float),
    Column("y", Float),
    Column("requested_x", Float),
    Column("requested_y", Float),
    Column("landing_error", Float),
    Column("nearest_image_id", Integer, ForeignKey("images.id")),
    Column("nearest_real_distance", Float),
    Column("projection_id", Integer, ForeignKey("projections.id")),
    Column("job_id", Integer, ForeignKey("jobs.id")),
    Column("status", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("probability", Json),
    _one_of("split", "train", "validation", "test"),
    _one_of("status", "candidate", "accepted", "rejected"),
    UniqueConstraint("sha256", "seed", "recipe"),
    Index("samples_by_status", "status"),
    Index("samples_by_label", "label"),
    Index("samples_by_method", "method"),
    Index("samples_by_job", "job_id"),
    sqlite_autoincrement=True,
)

drafts = Table(
    "drafts",
    metadata,
    Column("image_id", Integer, ForeignKey("images.id"), primary_key=True),
    Column("mask_sha256", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
)
"""What the user has drawn on an image and not cleared: one mask each, at the image's upright size."""

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sample_id", Integer, ForeignKey("samples.id"), nullable=False),
    Column("decision", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("undoes", Integer, ForeignKey("verdicts.id"), unique=True),
    Column("client_key", Text, nullable=False),
    Column("decided_at", Text, nullable=False),
    Column("batch", Text, nullable=False, server_default=text("''")),
    _one_of("decision", "accepted", "rejected", "skipped", "undone"),
    CheckConstraint("(decision = 'undone') = (undoes IS NOT NULL)"),
    Index("verdicts_by_sample", "sample_id"),
    Index("verdicts_by_reviewer", "reviewer", "id"),
    Index("verdicts_by_batch", "reviewer", "batch", sqlite_where=text("batch <> ''")),
    Index("verdicts_by_client_key", "reviewer", "client_key", unique=True, sqlite_where=text("client_key <> ''")),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("operation", Text, nullable=False),
    Column("config", Json, nullable=False),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("metrics", Metrics, nullable=False),
    Column("result", Json),
    Column("error", Text),
    Column("created_at", Text, nullable=False),
    Column("started_at", Text),
    Column("finished_at", Text),
    _one_of("state", "queued", "running", "done", "failed", "cancelled", "interrupted"),
    Index("jobs_by_state", "state"),
    sqlite_autoincrement=True,
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("config", Json, nullable=False),
    Column("metrics", Metrics, nullable=False),
    Column("job_id", Integer, ForeignKey("jobs.id")),
    Column("created_at", Text, nullable=False),
    CheckConstraint("kind <> ''"),
    Index("models_by_kind", "kind"),
    Index("models_by_sha256", "sha256"),
    sqlite_autoincrement=True,
)

projections = Table(
    "projections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("encoder_id", Integer, ForeignKey("models.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("config", Json, nullable=False),
    Column("created_at", Text, nullable=False),
    sqlite_autoincrement=True,
)

gates = Table(
    "gates",
    metadata,
    Column("sample_id", Integer, ForeignKey("samples.id"), primary_key=True),
    Column("numbers", Json, nullable=False),
    Column("basis", Text, nullable=False),
    Column("measured_at", Text, nullable=False),
)
"""What the gates measured of each sample, as JSON by gate."""

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Json, nullable=False),
)
