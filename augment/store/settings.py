"""Named JSON values of a workspace: its view, name and seed."""

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from augment.errors import InvalidInput
from augment.store import schema
from augment.store.database import Database
from augment.store.schema import JsonValue

__all__ = ["Settings"]

_SETTINGS = schema.settings


class Settings:
    """Reads and writes settings."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def get(self, key: str, default: JsonValue = None) -> JsonValue:
        """Return the value of a key, or the default where it was never set."""
        with self._database.read() as connection:
            row = connection.execute(select(_SETTINGS.c.value).where(_SETTINGS.c.key == key)).first()
        return default if row is None else row[0]

    def set(self, key: str, value: JsonValue) -> None:
        """Store a JSON value under a key. Raises InvalidInput for None and for what JSON cannot hold."""
        if value is None:
            raise InvalidInput(f"setting {key!r} cannot be None: give a JSON value")
        row = insert(_SETTINGS).values(key=key, value=value)
        with self._database.write() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": row.excluded.value}))

    def all(self) -> dict[str, JsonValue]:
        """Return all settings, sorted by key."""
        with self._database.read() as connection:
            return {row.key: row.value for row in connection.execute(select(_SETTINGS).order_by(_SETTINGS.c.key))}
