"""The trained networks: which file, made how, and how good."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from augment.errors import NotFound
from augment.store import schema
from augment.store.database import Database
from augment.store.records import ModelKind, ModelRecord
from augment.store.workspace import now

__all__ = ["Models", "insert_model"]

_MODELS = schema.models
_NAMES = tuple(_MODELS.c.keys())


def _records(database: Database, query: Select[Any]) -> list[ModelRecord]:
    with database.read() as connection:
        return [ModelRecord(**dict(zip(_NAMES, row, strict=True))) for row in connection.execute(query)]


class Models:
    """Reads models. They are added with `Store.apply` and never altered."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def get(self, model_id: int) -> ModelRecord:
        """Return one model; raises NotFound."""
        found = _records(self._database, select(_MODELS).where(_MODELS.c.id == model_id))
        if not found:
            raise NotFound(f"model {model_id} is not in this workspace: train one or name another")
        return found[0]

    def latest(self, kind: ModelKind) -> ModelRecord | None:
        """Return the newest model of a kind, or None."""
        found = _records(
            self._database, select(_MODELS).where(_MODELS.c.kind == kind).order_by(_MODELS.c.id.desc()).limit(1)
        )
        return found[0] if found else None

    def by_sha256(self, sha256: str) -> ModelRecord | None:
        """Return the newest model whose file has this SHA-256, or None."""
        found = _records(
            self._database, select(_MODELS).where(_MODELS.c.sha256 == sha256).order_by(_MODELS.c.id.desc()).limit(1)
        )
        return found[0] if found else None

    def list(self, kind: ModelKind | None = None) -> list[ModelRecord]:
        """Return models, newest first, all or those of one kind."""
        query = select(_MODELS).order_by(_MODELS.c.id.desc())
        return _records(self._database, query if kind is None else query.where(_MODELS.c.kind == kind))


def insert_model(connection: Connection, record: ModelRecord) -> int:
    """Add a model inside a transaction and return its id."""
    values = asdict(record) | {"created_at": record.created_at or now(), "id": None}
    return int(connection.execute(insert(_MODELS).values(values).returning(_MODELS.c.id)).scalar_one())
