"""The generated images: full records to make them again, and light rows to show many of them."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from augment.errors import InvalidInput, NotFound
from augment.store import schema
from augment.store.database import Database, is_among
from augment.store.records import CONTROL, SampleRecord, Split, Status
from augment.store.workspace import now

__all__ = ["SampleOrder", "SampleRow", "Samples", "insert_sample"]

_SAMPLES = schema.samples
_PLAIN = tuple(field.name for field in fields(SampleRecord) if field.name not in ("parents", "xy", "requested_xy"))

SampleOrder = Literal["created", "landing_error", "nearest_real_distance"]


class SampleRow(NamedTuple):
    """What a grid or a map shows of a sample; its recipe and 20-D positions stay in the database."""

    id: int
    sha256: str
    label: str
    method: str
    status: Status
    split: Split
    seed: int
    mask_sha256: str | None
    strength_sigma: float | None
    landing_error: float | None
    nearest_image_id: int | None
    nearest_real_distance: float | None
    probability: dict[str, float] | None
    x: float | None
    y: float | None
    requested_x: float | None
    requested_y: float | None
    projection_id: int | None
    job_id: int | None
    created_at: str


_SAME = select(_SAMPLES.c.id).where(
    _SAMPLES.c.sha256 == bindparam("sha256"),
    _SAMPLES.c.seed == bindparam("seed"),
    _SAMPLES.c.recipe == bindparam("recipe"),
)
_ADD = insert(_SAMPLES).returning(_SAMPLES.c.id)
_ROW_COLUMNS = tuple(_SAMPLES.c[name] for name in SampleRow._fields)


def _pair(x: float | None, y: float | None) -> tuple[float, float] | None:
    return None if x is None or y is None else (x, y)


def _records(database: Database, query: Select[Any]) -> list[SampleRecord]:
    records = []
    names = tuple(_SAMPLES.c.keys())
    with database.read() as connection:
        for row in connection.execute(query):
            values = dict(zip(names, row, strict=True))
            values["parents"] = tuple(values["parents"])
            values["xy"] = _pair(values.pop("x"), values.pop("y"))
            values["requested_xy"] = _pair(values.pop("requested_x"), values.pop("requested_y"))
            records.append(SampleRecord(**values))
    return records


class Samples:
    """Reads samples. They are added with `Store.apply`; afterwards only verdicts change them, and only their status."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def get(self, sample_id: int) -> SampleRecord:
        """Return one sample; raises NotFound."""
        found = self.get_many([sample_id])
        if not found:
            raise NotFound(f"sample {sample_id} is not in this workspace: {self.count()} samples are there")
        return found[0]

    def get_many(self, sample_ids: Sequence[int]) -> list[SampleRecord]:
        """Return the samples of these ids that are there, in the order asked for."""
        wanted = select(_SAMPLES).where(is_among(_SAMPLES.c.id, sample_ids))
        found = {record.id: record for record in _records(self._database, wanted)}
        return [found[sample_id] for sample_id in sample_ids if sample_id in found]

    def rows(
        self,
        status: Status | None = None,
        label: str | None = None,
        method: str | None = None,
        job_id: int | None = None,
        order_by: SampleOrder = "created",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[SampleRow]:
        """Return light rows, all or those that fit every filter given.

        order_by: "created" is the order of ids; samples without the number asked for come last; ties go by id.
        Raises InvalidInput for another order.
        """
        orders = ("created", "landing_error", "nearest_real_distance")
        if order_by not in orders:
            raise InvalidInput(f"samples cannot be ordered by {order_by!r}: choose one of {', '.join(orders)}")
        key = _SAMPLES.c["id" if order_by == "created" else order_by]
        ordered = (key.desc() if descending else key.asc()).nulls_last()
        query = _filtered(select(*_ROW_COLUMNS), status, label, method, job_id).order_by(ordered, _SAMPLES.c.id)
        with self._database.read() as connection:
            return [SampleRow._make(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def counts(self) -> dict[Status, int]:
        """Return the number of samples by status, controls left out; all three are always there."""
        own = select(_SAMPLES.c.status, func.count()).where(_SAMPLES.c.method != CONTROL)
        query = own.group_by(_SAMPLES.c.status)
        with self._database.read() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        statuses: tuple[Status, ...] = ("candidate", "accepted", "rejected")
        return {status: found.get(status, 0) for status in statuses}

    def count(
        self,
        status: Status | None = None,
        label: str | None = None,
        method: str | None = None,
        job_id: int | None = None,
    ) -> int:
        """Return how many samples fit."""
        with self._database.read() as connection:
            query = _filtered(select(func.count(_SAMPLES.c.id)), status, label, method, job_id)
            return int(connection.execute(query).scalar_one())

    def labels(self) -> list[str]:
        """Return the labels of the samples, sorted."""
        return self._distinct("label")

    def methods(self) -> list[str]:
        """Return the methods that made the samples, sorted."""
        return self._distinct("method")

    def _distinct(self, column: str) -> list[str]:
        with self._database.read() as connection:
            return [*connection.scalars(select(_SAMPLES.c[column]).distinct().order_by(_SAMPLES.c[column]))]

    def list(
        self,
        status: Status | None = None,
        label: str | None = None,
        method: str | None = None,
        job_id: int | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[SampleRecord]:
        """Return full records ordered by id, all or those that fit every filter given."""
        query = _filtered(select(_SAMPLES), status, label, method, job_id)
        return _records(self._database, query.order_by(_SAMPLES.c.id).limit(limit).offset(offset))


def _filtered(
    query: Select[Any], status: Status | None, label: str | None, method: str | None, job_id: int | None
) -> Select[Any]:
    wanted = {"status": status, "label": label, "method": method, "job_id": job_id}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(_SAMPLES.c[column] == value)
    return query


def insert_sample(connection: Connection, record: SampleRecord) -> int:
    """Add a sample inside a transaction and return its id.

    The same bytes with the same seed and recipe are the same sample: it keeps its id, its verdicts and its status, and
    gets the probability that it did not have.
    """
    values: dict[str, Any] = {name: getattr(record, name) for name in _PLAIN}
    values["parents"] = list(record.parents)
    values["x"], values["y"] = record.xy or (None, None)
    values["requested_x"], values["requested_y"] = record.requested_xy or (None, None)
    values["created_at"] = record.created_at or now()
    known = connection.execute(_SAME, {name: values[name] for name in ("sha256", "seed", "recipe")}).scalar()
    if known is None:
        return int(connection.execute(_ADD, values).scalar_one())
    if record.probability is not None:
        judged = update(_SAMPLES).where(_SAMPLES.c.id == known, _SAMPLES.c.probability.is_(None))
        connection.execute(judged.values(probability=record.probability))
    return int(known)
