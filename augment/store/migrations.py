"""Numbered changes of the database's form. A migration that was ever released is never edited; a new one is added
below it.

`PRAGMA user_version` says how many have run; `PRAGMA application_id` says that the database is Kizu's at all.
"""

import sqlite3
from pathlib import Path

from augment.errors import WorkspaceError

__all__ = ["APPLICATION_ID", "MIGRATIONS", "VERSION", "check_version", "migrate"]

APPLICATION_ID = 0x4B495A55
"""The letters KIZU."""

_INITIAL = """
CREATE TABLE groups (
    name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    split TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test')),
    UNIQUE (name, split)
);
CREATE TABLE images (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    "group" TEXT NOT NULL,
    split TEXT NOT NULL,
    width_px INTEGER NOT NULL,
    height_px INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    source TEXT NOT NULL,
    mask_sha256 TEXT,
    imported_at TEXT NOT NULL,
    FOREIGN KEY ("group", split) REFERENCES groups (name, split)
);
CREATE INDEX images_by_label_split ON images (label, split);
CREATE INDEX images_by_split ON images (split);
CREATE INDEX images_by_group ON images ("group");
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL,
    config TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    step INTEGER NOT NULL,
    total INTEGER NOT NULL,
    metrics TEXT NOT NULL,
    result TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT
);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE models (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('encoder', 'ddpm')),
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    config TEXT NOT NULL,
    metrics TEXT NOT NULL,
    job_id INTEGER REFERENCES jobs (id),
    created_at TEXT NOT NULL
);
CREATE INDEX models_by_kind ON models (kind);
CREATE INDEX models_by_sha256 ON models (sha256);
CREATE TABLE projections (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    encoder_id INTEGER NOT NULL REFERENCES models (id),
    path TEXT NOT NULL,
    config TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE samples (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL,
    label TEXT NOT NULL,
    method TEXT NOT NULL,
    seed INTEGER NOT NULL,
    recipe TEXT NOT NULL,
    parents TEXT NOT NULL,
    "group" TEXT NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test')),
    checkpoint_sha256 TEXT,
    mask_sha256 TEXT,
    strength_sigma FLOAT,
    position BLOB,
    requested BLOB,
    x FLOAT,
    y FLOAT,
    requested_x FLOAT,
    requested_y FLOAT,
    landing_error FLOAT,
    nearest_image_id INTEGER REFERENCES images (id),
    nearest_real_distance FLOAT,
    projection_id INTEGER REFERENCES projections (id),
    job_id INTEGER REFERENCES jobs (id),
    status TEXT NOT NULL CHECK (status IN ('candidate', 'accepted', 'rejected')),
    created_at TEXT NOT NULL,
    UNIQUE (sha256, seed, recipe)
);
CREATE INDEX samples_by_status ON samples (status);
CREATE INDEX samples_by_label ON samples (label);
CREATE INDEX samples_by_method ON samples (method);
CREATE INDEX samples_by_job ON samples (job_id);
CREATE TABLE verdicts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sample_id INTEGER NOT NULL REFERENCES samples (id),
    decision TEXT NOT NULL CHECK (decision IN ('accepted', 'rejected', 'skipped', 'undone')),
    reviewer TEXT NOT NULL,
    reason TEXT NOT NULL,
    undoes INTEGER UNIQUE REFERENCES verdicts (id),
    client_key TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    CHECK ((decision = 'undone') = (undoes IS NOT NULL))
);
CREATE INDEX verdicts_by_sample ON verdicts (sample_id);
CREATE INDEX verdicts_by_reviewer ON verdicts (reviewer, id);
CREATE UNIQUE INDEX verdicts_by_client_key ON verdicts (reviewer, client_key) WHERE client_key <> '';
CREATE TABLE settings (
    "key" TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
"""

_BATCHES = """
ALTER TABLE verdicts ADD COLUMN batch TEXT NOT NULL DEFAULT '';
CREATE INDEX verdicts_by_batch ON verdicts (reviewer, batch) WHERE batch <> '';
"""

_PROBABILITIES = """
ALTER TABLE samples ADD COLUMN probability TEXT;
"""

_DRAFTS = """
CREATE TABLE drafts (
    image_id INTEGER NOT NULL PRIMARY KEY REFERENCES images (id),
    mask_sha256 TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
"""

# SQLite cannot change a CHECK: the table is made anew. Links to it are judged at the end, when its rows are back.
_REDRAWERS = """
PRAGMA defer_foreign_keys = ON;
CREATE TEMPORARY TABLE kept_models AS SELECT * FROM models;
DROP TABLE models;
CREATE TABLE models (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('encoder', 'ddpm', 'redraw')),
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    config TEXT NOT NULL,
    metrics TEXT NOT NULL,
    job_id INTEGER REFERENCES jobs (id),
    created_at TEXT NOT NULL
);
CREATE INDEX models_by_kind ON models (kind);
CREATE INDEX models_by_sha256 ON models (sha256);
INSERT INTO models SELECT * FROM kept_models;
DROP TABLE kept_models;
"""

# Made anew once more, so that kinds of networks that are still to come need no migration of their own.
_ANY_MODEL = _REDRAWERS.replace("CHECK (kind IN ('encoder', 'ddpm', 'redraw'))", "CHECK (kind <> '')")

_GATES = """
CREATE TABLE gates (
    sample_id INTEGER NOT NULL PRIMARY KEY REFERENCES samples (id),
    numbers TEXT NOT NULL,
    basis TEXT NOT NULL,
    measured_at TEXT NOT NULL
);
"""

MIGRATIONS: tuple[str, ...] = (_INITIAL, _BATCHES, _PROBABILITIES, _DRAFTS, _REDRAWERS, _ANY_MODEL, _GATES)
"""SQL scripts; the first takes a database from version 0 to 1, and so on. Statements end with `;` at a line's end."""

VERSION = len(MIGRATIONS)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the database's version, 0 for an empty one.

    Raises WorkspaceError where the database belongs to another program or to a newer Kizu.
    """
    version = _pragma(connection, "user_version")
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if (tables or version) and _pragma(connection, "application_id") != APPLICATION_ID:
        raise WorkspaceError(f"{path} is not a Kizu database: name another folder, or move that file away")
    if version > VERSION:
        raise WorkspaceError(
            f"{path} has version {version}, and this Kizu knows versions up to {VERSION}: "
            "update Kizu, or open another workspace"
        )
    return version


def migrate(connection: sqlite3.Connection, path: Path) -> int:
    """Bring the database to `VERSION`, each migration in one transaction, and return the version it had before.

    connection: in autocommit mode, with the right to write. A migration that fails leaves the database as it was.
    """
    before = check_version(connection, path)
    for number, script in enumerate(MIGRATIONS[before:], start=before + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have migrated between the check above and this transaction.
            if _pragma(connection, "user_version") < number:
                for statement in script.split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return before
