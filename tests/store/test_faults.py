"""Disks that are full or read-only and databases that are broken: a clear message, and nothing lost."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from augment.errors import WorkspaceError
from augment.store import Store, VerdictRecord, Workspace
from tests.examples import image_record, sample_record


def fill(workspace, images=200):
    with Store(workspace) as store:
        store.apply([image_record(number) for number in range(images)])


def test_a_database_that_is_none(workspace):
    workspace.database.write_bytes(b"\xff\xd8\xff\xe0 a photograph by the wrong name" * 200)
    for read_only in (False, True):
        with pytest.raises(WorkspaceError, match="not a database: restore it from a backup"):
            Store(workspace, read_only=read_only)


def test_a_truncated_database(workspace):
    fill(workspace)
    os.truncate(workspace.database, workspace.database.stat().st_size // 2)
    for read_only in (False, True):
        with pytest.raises(WorkspaceError, match="damaged: restore it from a backup"):
            Store(workspace, read_only=read_only)


def test_a_damaged_page_is_reported_when_it_is_read(workspace):
    fill(workspace)
    with closing(sqlite3.connect(workspace.database)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'images'").fetchone()[0]
    with workspace.database.open("r+b") as stream:
        stream.seek((page - 1) * 4096)
        stream.write(b"\xa5" * 4096)
    with Store(workspace, read_only=True) as store:
        assert store.samples.count() == 0
        with pytest.raises(WorkspaceError, match="damaged: restore it from a backup"):
            store.images.list()


def test_an_emptied_database_is_not_taken_for_a_new_one(workspace):
    with Store(workspace) as store:
        store.files.put(b"image")
    os.truncate(workspace.database, 0)
    with pytest.raises(WorkspaceError, match=r"kizu\.db is empty, but files of its workspace are there"):
        Store(workspace)
    assert workspace.database.stat().st_size == 0
    # Deleting it is the user's own decision.
    workspace.database.unlink()
    with Store(workspace) as store:
        assert store.images.count() == 0


def test_there_is_nothing_to_read(tmp_path):
    with pytest.raises(WorkspaceError, match="holds no workspace"):
        Store(Workspace(tmp_path / "typo"), read_only=True)
    assert not (tmp_path / "typo").exists()


def test_a_folder_in_place_of_the_database(workspace):
    workspace.database.mkdir()
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        Store(workspace)


def is_sound(store):
    """The records here name files that were never stored; everything else must be right."""
    return all("is missing from" in problem for problem in store.check())


def limit_to_its_size(store):
    """Make the database as full as a full disk does: SQLite answers SQLITE_FULL when it needs one more page."""
    with store._database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_undoes_the_whole_step_and_the_next_one_works(store):
    store.apply([image_record(1), sample_record(1)])
    limit_to_its_size(store)
    with pytest.raises(WorkspaceError, match="the disk is full; nothing of this step was stored"):
        store.apply([image_record(number) for number in range(2, 500)])
    assert store.images.count() == 1 and store.images.groups() == ["part 1"]
    with pytest.raises(WorkspaceError, match="the disk is full"):
        store.verdicts.add_many(
            [VerdictRecord(sample_id=1, decision="accepted", reviewer="ana", reason="x" * 200)] * 2000
        )
    assert store.verdicts.count() == 0 and store.samples.get(1).status == "candidate"
    with store._database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    store.apply([image_record(number) for number in range(2, 500)])
    assert store.images.count() == 499 and is_sound(store)


TRY_TO_WRITE = """
import os, sys
from augment.errors import WorkspaceError
from augment.store import Store, Workspace
from tests.examples import image_record
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
workspace = Workspace(sys.argv[1])
def attempt(do):
    try:
        do()
        print("no error")
    except WorkspaceError as error:
        print(error)
attempt(lambda: Store(workspace))
attempt(lambda: workspace.lock().__enter__())
attempt(Workspace(workspace.root / "inner").create)
attempt(lambda: Store(workspace, read_only=True).files.put(b"new"))
with Store(workspace, read_only=True) as store:
    print(store.images.count(), "images")
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_read_only_folder_can_be_read_and_says_why_it_cannot_be_written(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    fill(workspace, images=3)
    # Root may write everywhere, so the process below gives up root first; it must then be able to reach the folder.
    for parent in (tmp_path, *list(tmp_path.parents)[:3]):
        parent.chmod(0o755)
    for path in (workspace.root, *workspace.root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        ran = subprocess.run([sys.executable, "-c", TRY_TO_WRITE, workspace.root], capture_output=True, text=True)
    finally:
        for path in (workspace.root, *workspace.root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert ran.returncode == 0, ran.stderr
    opened, locked, created, stored, counted = ran.stdout.splitlines()
    assert "read-only: make it writable" in opened
    assert "cannot be locked" in locked and "make the folder writable" in locked
    assert "cannot be made" in created
    assert "make the folder writable" in stored
    assert counted == "3 images"
