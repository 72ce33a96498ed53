"""The runs of operations and how far they are; the engine decides, this remembers."""

from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update

from augment.errors import InvalidInput, NotFound
from augment.store import schema
from augment.store.database import Database
from augment.store.records import JobRecord, JobState
from augment.store.schema import JsonValue
from augment.store.workspace import now

__all__ = ["Jobs"]

_JOBS = schema.jobs
_NAMES = tuple(_JOBS.c.keys())
_CHANGEABLE = frozenset(field.name for field in fields(JobRecord)) - {"id", "operation", "created_at"}
_ENDED = frozenset(("done", "failed", "cancelled", "interrupted"))


def _record(row: Row[Any]) -> JobRecord:
    return JobRecord(**dict(zip(_NAMES, row, strict=True)))


def _records(database: Database, query: Select[Any]) -> list[JobRecord]:
    with database.read() as connection:
        return [_record(row) for row in connection.execute(query)]


class Jobs:
    """Adds, changes and reads jobs; a job is never removed."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def add(self, job: JobRecord) -> JobRecord:
        """Store a new job and return it with its id."""
        values = asdict(job) | {"created_at": job.created_at or now(), "id": None}
        with self._database.write() as connection:
            return _record(connection.execute(insert(_JOBS).values(values).returning(*_JOBS.c)).one())

    def update(self, job_id: int, **changes: JsonValue) -> JobRecord:
        """Change fields of a job and return it.

        A state that is given sets the times that belong to it, unless they are given too: `running` the start, an
        ending state the end, `queued` clears both. Raises NotFound for an unknown job, InvalidInput for an unknown
        field or state.
        """
        unknown = sorted(changes.keys() - _CHANGEABLE)
        if unknown:
            raise InvalidInput(f"job field {unknown[0]!r} cannot be changed: {', '.join(sorted(_CHANGEABLE))} can")
        if not changes:
            return self.get(job_id)
        values = _times(changes.get("state")) | changes
        changed = update(_JOBS).where(_JOBS.c.id == job_id).values(values).returning(*_JOBS.c)
        with self._database.write() as connection:
            row = connection.execute(changed).first()
        return _record(row) if row is not None else self.get(job_id)

    def get(self, job_id: int) -> JobRecord:
        """Return one job; raises NotFound."""
        found = _records(self._database, select(_JOBS).where(_JOBS.c.id == job_id))
        if not found:
            raise NotFound(f"job {job_id} is not in this workspace: `kizu jobs` lists those that are")
        return found[0]

    def counts(self) -> dict[JobState, int]:
        """Return the number of jobs by state, for the states that occur."""
        with self._database.read() as connection:
            found = connection.execute(select(_JOBS.c.state, func.count()).group_by(_JOBS.c.state)).all()
        return {row[0]: row[1] for row in found}

    def interrupt_running(self) -> list[int]:
        """Mark as interrupted what a former owner left running, and return the ids; called once, by a new owner."""
        values = {"state": "interrupted"} | _times("interrupted")
        query = update(_JOBS).where(_JOBS.c.state == "running").values(values).returning(_JOBS.c.id)
        with self._database.write() as connection:
            return sorted(connection.execute(query).scalars())

    def list(self, states: Collection[JobState] | None = None, limit: int | None = None) -> list[JobRecord]:
        """Return jobs, newest first, all or those in one of the states."""
        query = select(_JOBS).order_by(_JOBS.c.id.desc()).limit(limit)
        return _records(self._database, query if states is None else query.where(_JOBS.c.state.in_(tuple(states))))


def _times(state: str | None) -> dict[str, str | None]:
    if state == "running":
        return {"started_at": now(), "finished_at": None}
    if state == "queued":
        return {"started_at": None, "finished_at": None}
    return {"finished_at": now()} if state in _ENDED else {}
