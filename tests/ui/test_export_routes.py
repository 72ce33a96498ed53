"""The export tab's routes: where an export may go, that a token is not kept, and what a zip holds."""

import io
import zipfile
from pathlib import Path

import pytest

from augment.errors import InvalidInput
from augment.store import JobRecord, Store, Workspace
from tests.examples import image_record, sample_record
from tests.ui.desks import Recorded, client_of, desk_of
from ui import export_routes
from ui.export_routes import export_folder, zipped


@pytest.mark.parametrize("name", ["", "  ", "..", "../x", "a/../../x", ".", "a\0b"])
def test_a_name_does_not_lead_out_of_the_exports(workspace: Workspace, name: str):
    with pytest.raises(InvalidInput):
        export_folder(workspace, name, anywhere=True)


def test_only_a_whole_path_leads_elsewhere_and_never_in_a_demo(workspace: Workspace, tmp_path: Path):
    outside = tmp_path / "elsewhere"
    assert export_folder(workspace, "tiles", anywhere=False) == workspace.exports_dir.resolve() / "tiles"
    assert export_folder(workspace, str(outside), anywhere=True) == outside
    with pytest.raises(InvalidInput, match="outside"):
        export_folder(workspace, str(outside), anywhere=False)


def test_counts_are_the_stores(store: Store):
    store.apply([image_record(n, label=("crack", "free")[n % 2]) for n in range(4)])
    store.apply([sample_record(n) for n in range(3)])
    found = client_of(export_routes.routes(desk_of(store))).get("/kizu/export/state").json()
    assert found["images"] == [["crack", "train", 2], ["free", "train", 2]]
    assert found["samples"] == [["crack", "train", "ddpm", "candidate", 3]]


def test_a_token_is_a_secret_of_the_job_and_not_in_its_config(store: Store):
    recorded = Recorded()
    client = client_of(export_routes.routes(desk_of(store, recorded)))
    body = {"folder": "tiles", "format": "parquet", "push_to_hub": "mori/tiles", "token": "hf_secret"}
    assert client.post("/kizu/export/start", json=body).json() == {"job": 7}
    ((operation, config, secrets),) = recorded.calls
    assert operation == "export" and secrets == {"hf_token": "hf_secret"}
    assert "hf_secret" not in str(config)


def test_a_demo_sends_nothing_to_the_hub(store: Store):
    client = client_of(export_routes.routes(desk_of(store, demo=True)))
    body = {"folder": "tiles", "push_to_hub": "mori/tiles", "token": "hf_secret"}
    answer = client.post("/kizu/export/start", json=body)
    assert answer.status_code == 403 and "demo" in answer.json()["error"]


def test_the_card_is_shown_before_anything_is_written(store: Store, workspace: Workspace):
    store.apply([image_record(n, label=("crack", "free")[n % 2]) for n in range(4)])
    client = client_of(export_routes.routes(desk_of(store)))
    card = client.post("/kizu/export/card", json={"format": "parquet", "labels": ["crack"]}).json()["card"]
    assert "2 photographs and 0 generated images of 1 classes" in card and "| crack |" in card
    assert list(workspace.exports_dir.iterdir()) == []
    answer = client.post("/kizu/export/card", json={"labels": ["dent"]})
    assert answer.status_code == 400 and "'dent'" in answer.json()["error"]


def finished(store: Store, folder: Path) -> int:
    job = store.jobs.add(JobRecord(operation="export", config={"folder": str(folder)}, title="Export"))
    assert job.id is not None
    store.jobs.update(job.id, state="done", result={"folder": str(folder)})
    return job.id


def test_the_zip_of_an_export_opens_and_holds_its_files(store: Store):
    folder = store.workspace.exports_dir / "tiles"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("# Tiles", encoding="utf-8")
    (folder / "data" / "train.parquet").write_bytes(bytes(range(256)) * 9000)
    (folder / "link").symlink_to("/etc/passwd")
    job = finished(store, folder)
    client = client_of(export_routes.routes(desk_of(store)))
    assert client.get(f"/kizu/export/{job}/card").json() == {"card": "# Tiles"}
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"/kizu/export/{job}/download").content))
    assert archive.testzip() is None
    assert archive.namelist() == ["tiles/README.md", "tiles/data/train.parquet"]
    assert archive.read("tiles/data/train.parquet") == bytes(range(256)) * 9000
    assert b"".join(zipped(folder))


def test_what_lies_outside_the_workspace_is_not_served(store: Store, tmp_path: Path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    job = finished(store, folder)
    client = client_of(export_routes.routes(desk_of(store)))
    assert client.get(f"/kizu/export/{job}/download").status_code == 404
    running = store.jobs.add(JobRecord(operation="import", config={}, title="Import"))
    assert client.get(f"/kizu/export/{running.id}/card").status_code == 404
