"""The fitted projections: which folder, over which encoder's features."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from augment.errors import NotFound
from augment.store import schema
from augment.store.database import Database
from augment.store.records import ProjectionRecord
from augment.store.workspace import now

__all__ = ["Projections", "insert_projection"]

_PROJECTIONS = schema.projections
_NAMES = tuple(_PROJECTIONS.c.keys())


def _records(database: Database, query: Select[Any]) -> list[ProjectionRecord]:
    with database.read() as connection:
        return [ProjectionRecord(**dict(zip(_NAMES, row, strict=True))) for row in connection.execute(query)]


class Projections:
    """Reads projections. They are added with `Store.apply` and never altered."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def get(self, projection_id: int) -> ProjectionRecord:
        """Return one projection; raises NotFound."""
        found = _records(self._database, select(_PROJECTIONS).where(_PROJECTIONS.c.id == projection_id))
        if not found:
            raise NotFound(f"projection {projection_id} is not in this workspace: build the map or name another")
        return found[0]

    def latest(self) -> ProjectionRecord | None:
        """Return the newest projection, or None."""
        found = _records(self._database, select(_PROJECTIONS).order_by(_PROJECTIONS.c.id.desc()).limit(1))
        return found[0] if found else None

    def list(self) -> list[ProjectionRecord]:
        """Return projections, newest first."""
        return _records(self._database, select(_PROJECTIONS).order_by(_PROJECTIONS.c.id.desc()))


def insert_projection(connection: Connection, record: ProjectionRecord) -> int:
    """Add a projection inside a transaction and return its id."""
    values = asdict(record) | {"created_at": record.created_at or now(), "id": None}
    return int(connection.execute(insert(_PROJECTIONS).values(values).returning(_PROJECTIONS.c.id)).scalar_one())
