"""The migrations make the tables that the code expects, and nothing but Kizu's own database is touched."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine

from augment.errors import WorkspaceError
from augment.store import ModelRecord, Store, migrations, schema
from tests.examples import image_record, sample_record


def form(connection):
    """Columns, foreign keys and indices of every table, without the wording of the SQL that made them."""
    tables = [
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    found = {}
    for table in sorted(tables):
        columns = {(*row[1:4], bool(row[5])) for row in connection.execute(f'PRAGMA table_info("{table}")')}
        links = {tuple(row[2:5]) for row in connection.execute(f'PRAGMA foreign_key_list("{table}")')}
        indices = set()
        for _, name, unique, _, partial in connection.execute(f'PRAGMA index_list("{table}")').fetchall():
            keys = tuple(row[2] for row in connection.execute(f'PRAGMA index_info("{name}")'))
            indices.add((None if name.startswith("sqlite") else name, unique, partial, keys))
        found[table] = (columns, links, indices)
    return found


def test_the_migrations_make_the_schema(store, workspace, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    schema.metadata.create_all(engine)
    engine.dispose()
    with (
        closing(sqlite3.connect(tmp_path / "declared.db")) as declared,
        closing(sqlite3.connect(workspace.database)) as made,
    ):
        expected, got = form(declared), form(made)
        assert got.keys() == expected.keys()
        for table, parts in expected.items():
            assert got[table] == parts, table
        # The rules inside a table, which the pragmas do not show.
        for table in schema.metadata.tables:
            query = f"SELECT sql FROM sqlite_master WHERE name = '{table}'"
            checks = [connection.execute(query).fetchone()[0].count("CHECK (") for connection in (declared, made)]
            assert checks[0] == checks[1], table
            autoincrement = [
                "AUTOINCREMENT" in connection.execute(query).fetchone()[0] for connection in (declared, made)
            ]
            assert autoincrement[0] == autoincrement[1], table


def test_queries_of_the_review_use_an_index(store, workspace):
    with closing(sqlite3.connect(workspace.database)) as connection:
        for table, column in (
            *(("samples", column) for column in ("status", "label", "method", "job_id")),
            *(("images", column) for column in ("label", "split", "sha256", '"group"')),
            *(("verdicts", column) for column in ("sample_id", "reviewer", "undoes")),
            ("jobs", "state"),
        ):
            plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = ?", ("x",)).fetchone()
            assert "USING INDEX" in plan[3], (table, column)


def test_a_repeated_key_is_found_by_its_index(store):
    # With 100,000 verdicts a scan of the reviewer's rows at each new one would take longer than the commit.
    from augment.store.verdicts import _BY_KEY

    with store._database.read() as connection:
        query = f"EXPLAIN QUERY PLAN {_BY_KEY.compile(dialect=connection.dialect)}"
        plan = connection.exec_driver_sql(query, ("ana", "key")).fetchone()
    assert "USING INDEX verdicts_by_client_key (reviewer=? AND client_key=?)" in plan[3]


def test_opening_again_changes_nothing(workspace):
    with Store(workspace) as store:
        store.apply([image_record(1)])
    with closing(sqlite3.connect(workspace.database)) as connection:
        before = connection.execute("SELECT * FROM sqlite_master").fetchall()
        assert (
            connection.execute("PRAGMA user_version").fetchone()[0] == migrations.VERSION == len(migrations.MIGRATIONS)
        )
    with Store(workspace) as store:
        assert store.images.count() == 1
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert connection.execute("SELECT * FROM sqlite_master").fetchall() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_database_is_refused_and_left_alone(workspace, read_only):
    Store(workspace).close()
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = workspace.database.read_bytes()
    with pytest.raises(WorkspaceError, match=r"has version 99, and this Kizu knows versions up to \d+: update Kizu"):
        Store(workspace, read_only=read_only)
    assert workspace.database.read_bytes() == before


def test_another_programs_database_is_refused_and_left_alone(workspace):
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("CREATE TABLE holidays (day TEXT)")
    with pytest.raises(WorkspaceError, match="is not a Kizu database"):
        Store(workspace)
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("holidays",)]


def test_an_older_database_is_brought_forward_by_its_owner_only(workspace, monkeypatch):
    with Store(workspace) as store:
        store.apply([image_record(1)])
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, "CREATE TABLE notes (text TEXT);\n"))
    monkeypatch.setattr(migrations, "VERSION", migrations.VERSION + 1)
    monkeypatch.setattr("augment.store.database.VERSION", migrations.VERSION)
    with pytest.raises(WorkspaceError, match="was made by an older Kizu"):
        Store(workspace, read_only=True)
    with Store(workspace) as store:
        assert store.images.count() == 1
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == migrations.VERSION
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_samples_made_before_probabilities_were_kept_have_none(workspace, monkeypatch):
    with monkeypatch.context() as former:
        former.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:2])
        workspace.create()
        with closing(sqlite3.connect(workspace.database, isolation_level=None)) as connection:
            migrations.migrate(connection, workspace.database)
            values = {"sha256": "a", "label": "crack", "method": "ddpm", "seed": 1, "recipe": "{}", "parents": "[]"}
            values |= {"group": "", "split": "train", "status": "accepted", "created_at": "2026"}
            names = ", ".join(f'"{name}"' for name in values)
            places = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO samples ({names}) VALUES ({places})", (*values.values(),))
    with Store(workspace) as store:
        [sample] = store.samples.list()
        assert sample.probability is None and sample.status == "accepted" and sample.seed == 1
        [new] = store.apply([sample_record(2, probability={"crack": 1.0})])
        assert store.samples.get(new).probability == {"crack": 1.0}


def test_models_and_what_was_made_with_them_stay_when_a_kind_is_added(workspace, monkeypatch):
    with monkeypatch.context() as former:
        former.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:4])
        workspace.create()
        with closing(sqlite3.connect(workspace.database, isolation_level=None)) as connection:
            migrations.migrate(connection, workspace.database)
            for number in (1, 2):
                model = (number, "encoder", "net", "n.safetensors", f"{number}", "{}", "{}", "2026")
                connection.execute(
                    "INSERT INTO models (id, kind, name, path, sha256, config, metrics, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    model,
                )
            connection.execute(
                "INSERT INTO projections (encoder_id, path, config, created_at) VALUES (2, 'm', '{}', '')"
            )
    with Store(workspace) as store:
        assert [model.id for model in store.models.list()] == [2, 1]
        assert store.projections.latest().encoder_id == 2
        redrawer = ModelRecord(kind="redraw", name="net", path="r.safetensors", sha256="3", config={})
        assert store.apply([redrawer]) == [3]
        assert store.models.latest("redraw").id == 3
        assert store.check() == []


def test_a_migration_that_fails_leaves_the_database_as_it_was(workspace, monkeypatch):
    Store(workspace).close()
    broken = "CREATE TABLE notes (text TEXT);\nCREATE TABLE images (id INTEGER);\n"
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, broken))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        Store(workspace)
    with closing(sqlite3.connect(workspace.database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == migrations.VERSION
        assert not connection.execute("SELECT * FROM sqlite_master WHERE name = 'notes'").fetchall()
