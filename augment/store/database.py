"""Connections and transactions on the workspace's SQLite file: many readers, one writer, and errors a user can act on.

Knows no tables. WAL lets readers of this and other processes go on while one writes; `synchronous=FULL` means that a
committed transaction is on disk when `write` returns.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Column, ColumnElement, Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import QueuePool

from augment.errors import InvalidInput, KizuError, WorkspaceError
from augment.store.migrations import VERSION, check_version, migrate

__all__ = ["Database", "is_among"]

_BUSY_SECONDS = 10.0
"""How long a connection waits for another process's write; a checkpoint of a large log takes a second or two."""

_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full; nothing of this step was stored: free some space and try again",
    sqlite3.SQLITE_READONLY: "the folder or the database is read-only: make it writable",
    sqlite3.SQLITE_PERM: "access is not permitted: make the folder writable",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that the folder exists and that you may write to it",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup; the files beside it are untouched",
    sqlite3.SQLITE_NOTADB: "it is not a database: restore it from a backup, or move it away to begin anew",
    sqlite3.SQLITE_IOERR: "the disk reported an error: check the disk and its free space",
    sqlite3.SQLITE_BUSY: "another process is writing: wait for it or stop it",
    sqlite3.SQLITE_LOCKED: "another process is writing: wait for it or stop it",
}


def _explained(error: sqlite3.Error, path: Path) -> KizuError | None:
    """Turn SQLite's error into one that names the next step; None for what is a fault of the program."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return InvalidInput(f"the database refused a value ({error}): check the record's fields")
    reason = _REASONS.get(primary)
    return WorkspaceError(f"{path}: {reason} ({error})") if reason else None


def is_among(column: Column[int], ids: Iterable[int]) -> ColumnElement[bool]:
    """Whether a column is one of any number of ids, sent as one JSON value; a list of parameters ends at 32,766."""
    values = func.json_each(json.dumps([int(number) for number in ids])).table_valued("value")
    return column.in_(select(values.c.value))


class Database:
    """The engines behind a `Store`. Thread-safe; close it when done."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Open the database, and bring it to the newest version if it may be written.

        Raises WorkspaceError where it is missing (read-only), damaged, foreign, newer than this program or unwritable.
        """
        self.path = path
        self.read_only = read_only
        self._write_lock = threading.RLock()
        self._revision = 0
        with self._translated():
            self._prepare()
        self._reader = self._engine(query_only=True)
        self._writer = None if read_only else self._engine(query_only=False)

    @property
    def revision(self) -> int:
        """Counts the transactions committed through this object: unchanged means that nothing new was written by it."""
        return self._revision

    def problems(self) -> list[str]:
        """Check the whole database and return what is wrong with it in SQLite's words; empty when it is sound."""
        with self.read() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
            broken = [
                f"{row[0]} row {row[1]} refers to nothing in {row[2]}"
                for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
            ]
        return ([] if found == ["ok"] else found) + broken[:20]

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one consistent snapshot; any number of threads may read at once."""
        with self._translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, one at a time: on disk when the block ends, wholly undone when it raises."""
        if self._writer is None:
            raise WorkspaceError(f"{self.path} is open for reading only: the process that owns the workspace writes it")
        with self._write_lock, self._translated():
            with self._writer.begin() as connection:
                yield connection
            self._revision += 1

    def close(self) -> None:
        """Give all connections back; the last one folds the write-ahead log into the database."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()

    def _prepare(self) -> None:
        connection = self._connect()
        try:
            if self.read_only:
                if check_version(connection, self.path) < VERSION:
                    raise WorkspaceError(
                        f"{self.path} is unfinished or was made by an older Kizu: open it once with `kizu ui`"
                    )
                return
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, self.path)
        finally:
            connection.close()

    def _log(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self.path))}?mode={'ro' if self.read_only else 'rwc'}"
        # Readers share an index file beside the database. Where none can be made (a read-only disk) and no log waits to
        # be folded in, nobody writes either, and SQLite may read without it.
        if self.read_only and not self._log().exists() and not os.access(self.path.parent, os.W_OK):
            uri += "&immutable=1"
        connection = sqlite3.connect(
            uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _engine(self, *, query_only: bool) -> Engine:
        def connect() -> sqlite3.Connection:
            connection = self._connect()
            if query_only:
                connection.execute("PRAGMA query_only = ON")
            return connection

        engine = create_engine(
            "sqlite+pysqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=8 if query_only else 1,
            max_overflow=-1 if query_only else 0,
        )
        # The driver would begin by itself, and only before some statements; a snapshot needs BEGIN, a writer IMMEDIATE.
        begin = "BEGIN" if query_only else "BEGIN IMMEDIATE"

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StatementError as error:
            if isinstance(error.orig, KizuError):
                raise error.orig from None
            explained = _explained(error.orig, self.path) if isinstance(error.orig, sqlite3.Error) else None
            if explained is None:
                raise
            raise explained from error
        except sqlite3.Error as error:
            explained = _explained(error, self.path)
            if explained is None:
                raise
            raise explained from error
