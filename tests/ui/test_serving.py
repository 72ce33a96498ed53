"""Opening what lies in a folder before the page is served."""

import sqlite3
from pathlib import Path

import pytest

from augment.store import Store, Workspace, migrations
from ui import serving


def test_a_workspace_of_an_older_kizu_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    workspace = Workspace(tmp_path / "old").create()
    with monkeypatch.context() as older:
        older.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        older.setattr(migrations, "VERSION", 1)
        with sqlite3.connect(workspace.database, isolation_level=None) as connection:
            migrations.migrate(connection, workspace.database)
        connection.close()
    assert serving._first_tab(workspace.root, demo=False) == "data"
    with Store(workspace, read_only=True) as store:
        assert store.images.count() == 0
