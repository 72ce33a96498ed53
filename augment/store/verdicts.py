"""Decisions on samples: append-only, on disk before `add` returns, each taken back by a further row.

A sample's status follows its verdicts in the same transaction: the newest accepted or rejected one that stands decides.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, exists, func, insert, select, text, update

from augment.errors import InvalidInput, NotFound
from augment.store import schema
from augment.store.database import Database, is_among
from augment.store.records import VerdictRecord
from augment.store.workspace import now

__all__ = ["Verdicts"]

_VERDICTS = schema.verdicts
_NAMES = tuple(_VERDICTS.c.keys())
_LATER = schema.verdicts.alias("later")
_NOT_UNDONE = ~exists().where(_LATER.c.undoes == _VERDICTS.c.id)
_DECIDES = _VERDICTS.c.decision.in_(("accepted", "rejected")) & _NOT_UNDONE

# Built once: building a statement takes longer than SQLite takes to run it.
_BY_KEY = select(_VERDICTS).where(
    _VERDICTS.c.reviewer == bindparam("reviewer"),
    _VERDICTS.c.client_key == bindparam("client_key"),
    # Written out, not bound: only so can SQLite see that the index of keys, which leaves out the empty one, serves.
    text("verdicts.client_key <> ''"),
)
_NEWEST_STANDING = (
    select(_VERDICTS)
    .where(_VERDICTS.c.reviewer == bindparam("reviewer"), _VERDICTS.c.decision != "undone", _NOT_UNDONE)
    .order_by(_VERDICTS.c.id.desc())
    .limit(1)
)
_STANDING_OF_BATCH = (
    select(_VERDICTS)
    .where(
        _VERDICTS.c.reviewer == bindparam("reviewer"),
        _VERDICTS.c.batch == bindparam("batch"),
        # Written out, so that SQLite sees that the index of batches serves.
        text("verdicts.batch <> ''"),
        _VERDICTS.c.decision != "undone",
        _NOT_UNDONE,
    )
    .order_by(_VERDICTS.c.id.desc())
)
_UNDONE_TOGETHER = (
    select(_VERDICTS)
    .where(
        _VERDICTS.c.reviewer == bindparam("reviewer"),
        _VERDICTS.c.batch == bindparam("batch"),
        text("verdicts.batch <> ''"),
        _VERDICTS.c.decision == "undone",
    )
    .order_by(_VERDICTS.c.id)
)
_DECIDING = (
    select(_VERDICTS.c.decision)
    .where(_VERDICTS.c.sample_id == bindparam("sample_id"), _DECIDES)
    .order_by(_VERDICTS.c.id.desc())
    .limit(1)
)
_ADD = insert(_VERDICTS).returning(*_VERDICTS.c)
_STATUS = select(schema.samples.c.status).where(schema.samples.c.id == bindparam("sample_id"))
_SET_STATUS = (
    update(schema.samples).where(schema.samples.c.id == bindparam("sample_id")).values(status=bindparam("new_status"))
)


def _record(row: Row[Any]) -> VerdictRecord:
    return VerdictRecord(**dict(zip(_NAMES, row, strict=True)))


def _records(database: Database, query: Select[Any]) -> list[VerdictRecord]:
    with database.read() as connection:
        return [_record(row) for row in connection.execute(query)]


class Verdicts:
    """Adds, takes back and reads verdicts."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def add(self, verdict: VerdictRecord) -> VerdictRecord:
        """Store one decision and return it with id and time; it is on disk when this returns.

        The same `client_key` from the same reviewer again returns what was stored the first time. A skipped sample
        keeps its status. Raises NotFound for an unknown sample, InvalidInput for a verdict without reviewer or a key
        used for another decision, WorkspaceError where it cannot be written; then nothing was stored.
        """
        return self.add_many([verdict])[0]

    def add_many(self, verdicts: Sequence[VerdictRecord]) -> list[VerdictRecord]:
        """Store several decisions in order, all of them or none, and return them as `add` does."""
        with self._database.write() as connection:
            return [_add(connection, verdict) for verdict in verdicts]

    def undo(self, reviewer: str, client_key: str = "") -> VerdictRecord | None:
        """Take back the reviewer's newest verdict that still stands; None where there is none.

        Returns the row with decision "undone", whose `undoes` names the verdict. With a `client_key` a repeated call
        returns the first one's row and takes back nothing further.
        """
        with self._database.write() as connection:
            known = _by_key(connection, reviewer, client_key)
            if known is not None:
                if known.decision != "undone":
                    raise InvalidInput(f"client key {client_key!r} belongs to another decision: make a new one")
                return known
            newest = connection.execute(_NEWEST_STANDING, {"reviewer": reviewer}).first()
            if newest is None:
                return None
            undone = VerdictRecord(
                sample_id=newest.sample_id,
                decision="undone",
                reviewer=reviewer,
                undoes=newest.id,
                client_key=client_key,
            )
            return _insert(connection, undone)

    def undo_action(self, reviewer: str, client_key: str) -> list[VerdictRecord]:
        """Take back the reviewer's newest action that stands, a verdict or all that stand of its batch, newest first.

        Returns the "undone" rows, none where nothing stands. They share the batch `client_key`, so that a repeated
        call returns the first one's rows and takes back nothing further. Raises InvalidInput for an empty key.
        """
        if not client_key:
            raise InvalidInput("undoing an action needs a client key: make a new one")
        with self._database.write() as connection:
            known = connection.execute(_UNDONE_TOGETHER, {"reviewer": reviewer, "batch": client_key}).all()
            if known:
                return [_record(row) for row in known]
            single = _by_key(connection, reviewer, client_key)
            if single is not None:
                raise InvalidInput(f"client key {client_key!r} belongs to another decision: make a new one")
            newest = connection.execute(_NEWEST_STANDING, {"reviewer": reviewer}).first()
            if newest is None:
                return []
            taken = [newest]
            if newest.batch:
                taken = [*connection.execute(_STANDING_OF_BATCH, {"reviewer": reviewer, "batch": newest.batch})]
            return [
                _insert(
                    connection,
                    VerdictRecord(
                        sample_id=row.sample_id,
                        decision="undone",
                        reviewer=reviewer,
                        undoes=row.id,
                        client_key=client_key if number == 0 else "",
                        batch=client_key,
                    ),
                )
                for number, row in enumerate(taken)
            ]

    def get(self, verdict_id: int) -> VerdictRecord:
        """Return one verdict; raises NotFound."""
        found = _records(self._database, select(_VERDICTS).where(_VERDICTS.c.id == verdict_id))
        if not found:
            raise NotFound(f"verdict {verdict_id} is not in this workspace: {self.count()} verdicts are there")
        return found[0]

    def history(self, sample_id: int) -> list[VerdictRecord]:
        """Return all verdicts on a sample, oldest first, the undone and the undoing ones included."""
        return _records(
            self._database, select(_VERDICTS).where(_VERDICTS.c.sample_id == sample_id).order_by(_VERDICTS.c.id)
        )

    def standing(
        self, sample_ids: Sequence[int] | None = None, reviewer: str | None = None
    ) -> dict[int, VerdictRecord]:
        """Return by sample id the accepted or rejected verdict that decides its status.

        For the samples named, or for all; of one reviewer the newest of that one's own. A candidate has none.
        """
        query = select(func.max(_VERDICTS.c.id)).where(_DECIDES)
        if reviewer is not None:
            query = query.where(_VERDICTS.c.reviewer == reviewer)
        if sample_ids is not None:
            query = query.where(is_among(_VERDICTS.c.sample_id, sample_ids))
        newest = query.group_by(_VERDICTS.c.sample_id)
        found = _records(
            self._database, select(_VERDICTS).where(_VERDICTS.c.id.in_(newest)).order_by(_VERDICTS.c.sample_id)
        )
        return {record.sample_id: record for record in found}

    def reviewers(self) -> list[str]:
        """Return who has decided, sorted."""
        with self._database.read() as connection:
            return [*connection.scalars(select(_VERDICTS.c.reviewer).distinct().order_by(_VERDICTS.c.reviewer))]

    def count(self) -> int:
        """Return how many rows are there, the undone and the undoing ones included."""
        with self._database.read() as connection:
            return connection.execute(select(func.count(_VERDICTS.c.id))).scalar_one()


def _by_key(connection: Connection, reviewer: str, client_key: str) -> VerdictRecord | None:
    if not client_key:
        return None
    row = connection.execute(_BY_KEY, {"reviewer": reviewer, "client_key": client_key}).first()
    return _record(row) if row is not None else None


def _add(connection: Connection, verdict: VerdictRecord) -> VerdictRecord:
    if not verdict.reviewer:
        raise InvalidInput(f"the verdict on sample {verdict.sample_id} has no reviewer: give a name")
    known = _by_key(connection, verdict.reviewer, verdict.client_key)
    if known is not None:
        if (known.sample_id, known.decision) != (verdict.sample_id, verdict.decision):
            raise InvalidInput(
                f"client key {verdict.client_key!r} was used for {known.decision!r} on sample {known.sample_id}: "
                "make a new key for each decision"
            )
        return known
    if verdict.decision == "undone":
        _check_undoes(connection, verdict)
    return _insert(connection, verdict)


def _check_undoes(connection: Connection, verdict: VerdictRecord) -> None:
    target = select(_VERDICTS).where(
        _VERDICTS.c.id == verdict.undoes,
        _VERDICTS.c.sample_id == verdict.sample_id,
        _VERDICTS.c.decision != "undone",
        _NOT_UNDONE,
    )
    if connection.execute(target).first() is None:
        raise InvalidInput(
            f"verdict {verdict.undoes} on sample {verdict.sample_id} cannot be undone: it is absent or undone already"
        )


def _insert(connection: Connection, verdict: VerdictRecord) -> VerdictRecord:
    """Add the row and let the sample's status follow."""
    sample = {"sample_id": verdict.sample_id}
    status = connection.execute(_STATUS, sample).scalar()
    if status is None:
        raise NotFound(f"sample {verdict.sample_id} is not in this workspace: reload the page and decide again")
    values = {name: getattr(verdict, name) for name in _NAMES} | {"id": None}
    values["decided_at"] = verdict.decided_at or now()
    added = _record(connection.execute(_ADD, values).one())
    decided: str = verdict.decision
    if decided == "undone":
        decided = connection.execute(_DECIDING, sample).scalar() or "candidate"
    if decided not in ("skipped", status):
        connection.execute(_SET_STATUS, sample | {"new_status": decided})
    return added
