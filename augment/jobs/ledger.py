"""Job rows in the database, kept true also while the disk refuses to write; counts changes for whoever watches."""

import logging
import threading
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from augment.errors import WorkspaceError
from augment.operations import Json
from augment.store import JobRecord, JobState, Store

logger = logging.getLogger(__name__)


class Ledger:
    """Reads and changes job rows. Thread-safe.

    A change that cannot be written is kept in memory, shown by `get` and `list`, and written with the next one: the
    end of a job that failed because the disk was full must still be seen.
    """

    def __init__(self, store: Store) -> None:
        """store: opened for writing by this process."""
        self._store = store
        self._unsaved: dict[int, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._changes = 0

    @property
    def changes(self) -> int:
        """Grows with every change of any job."""
        return self._changes

    def wait(self, since: int, timeout_seconds: float) -> int:
        """`changes`, as soon as it is more than `since` or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._changes > since, timeout_seconds)
            return self._changes

    def add(self, record: JobRecord) -> JobRecord:
        """Store a new job. Raises WorkspaceError: a job that cannot be remembered is not begun."""
        added = self._store.jobs.add(record)
        self._count()
        return added

    def update(self, job_id: int, **fields: Json) -> None:
        """Change fields of a job, in the database as soon as it takes them."""
        with self._changed:
            for other, kept in [*self._unsaved.items()]:
                if other != job_id:
                    self._save(other, kept)
            self._save(job_id, self._unsaved.get(job_id, {}) | fields)
        self._count()

    def get(self, job_id: int) -> JobRecord:
        """A job as it is now. Raises NotFound."""
        return self._newest(self._store.jobs.get(job_id))

    def list(self, states: Collection[JobState] | None = None, limit: int | None = None) -> list[JobRecord]:
        """Jobs in these states, newest first."""
        if not self._unsaved:
            return self._store.jobs.list(states=states, limit=limit)
        found = [self._newest(record) for record in self._store.jobs.list()]
        return [record for record in found if states is None or record.state in states][:limit]

    def flush(self) -> None:
        """Try again to write what could not be written."""
        with self._changed:
            for job_id, fields in [*self._unsaved.items()]:
                self._save(job_id, fields)

    def _newest(self, record: JobRecord) -> JobRecord:
        kept = self._unsaved.get(record.id or 0)
        return replace(record, **kept) if kept else record

    def _save(self, job_id: int, fields: dict[str, Any]) -> None:
        try:
            self._store.jobs.update(job_id, **fields)
            self._unsaved.pop(job_id, None)
        except WorkspaceError as error:
            self._unsaved[job_id] = fields
            logger.warning("job %d could not be written, kept in memory: %s", job_id, error)

    def _count(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()
