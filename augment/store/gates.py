"""What the gates measured of each sample: numbers alone, for limits may be moved afterwards."""

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from augment.errors import NotFound
from augment.store import schema
from augment.store.database import Database, is_among
from augment.store.records import GateRecord
from augment.store.workspace import now

__all__ = ["Gates", "insert_gates"]

_GATES = schema.gates


class Gates:
    """Reads the gates' numbers. They are added with `Store.apply`."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def of(self, sample_ids: Sequence[int] | None = None) -> dict[int, GateRecord]:
        """Return what was measured by sample id, of those named or of all; nothing for what was not measured."""
        query = select(_GATES).order_by(_GATES.c.sample_id)
        if sample_ids is not None:
            query = query.where(is_among(_GATES.c.sample_id, sample_ids))
        with self._database.read() as connection:
            return {row.sample_id: GateRecord(**row._mapping) for row in connection.execute(query)}


def insert_gates(connection: Connection, record: GateRecord) -> int:
    """Put numbers in place of a sample's older ones, inside a transaction, and return the sample's id.

    Raises NotFound for a sample that is not there.
    """
    known = connection.execute(select(schema.samples.c.id).where(schema.samples.c.id == record.sample_id)).scalar()
    if known is None:
        raise NotFound(f"sample {record.sample_id} is not in this workspace: measure the samples that are")
    values = {"numbers": record.numbers, "basis": record.basis, "measured_at": record.measured_at or now()}
    row = insert(_GATES).values(sample_id=record.sample_id, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["sample_id"], set_=values))
    return record.sample_id
