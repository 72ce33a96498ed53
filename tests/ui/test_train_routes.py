"""The tab Train over its routes: what can be trained here, and what is refused before a job begins."""

from pathlib import Path

from augment.store import JobRecord, ModelRecord, Store
from tests.latent.models import save_tiny
from tests.operations.mapped import add_images
from tests.operations.test_train_redraw import add_photographs
from tests.ui.desks import client_of, desk_of
from ui import train_routes


def client(store: Store):
    return client_of(train_routes.routes(desk_of(store)))


def test_redrawing_without_masks_is_refused_before_a_job_begins(store: Store):
    add_images(store)
    page = client(store)
    assert page.get("/kizu/train").json()["masks"] == 0
    answer = page.post("/kizu/train/start", json={"kind": "redraw"})
    assert answer.status_code >= 400 and "needs masks of real defects" in answer.text


def test_each_kind_lists_its_own_models_and_speeds(store: Store):
    add_photographs(store)
    networks = [
        ModelRecord(kind=kind, name=kind, path=f"{kind}.safetensors", sha256=kind, config={"shape": {"added": 0}})
        for kind in ("ddpm", "redraw", "lora", "encoder", "factors", "dcgan")
    ]
    store.apply(networks)
    for side in (64, 128):
        config = {"width": 48, "side_px": side}
        store.jobs.add(JobRecord(operation="train_redraw", config=config, metrics={"images_per_second": 1.0 * side}))
    told = client(store).get("/kizu/train").json()
    assert told["masks"] == 8
    for kind, about in told["kinds"].items():
        assert [model["name"] for model in about["models"]] == [kind]
    # The encoder is not in use: no map was made with it.
    used = {kind for kind, about in told["kinds"].items() if about["models"][0]["used"]}
    assert used == {"ddpm", "redraw", "factors", "dcgan"}
    assert told["kinds"]["redraw"]["speeds"] == {"48 64": 64.0, "48 128": 128.0}


def test_a_lora_is_looked_ahead_at_and_refused_before_a_job_begins(store: Store, tmp_path: Path):
    add_photographs(store)
    page, base = client(store), str(save_tiny(tmp_path / "tiny"))
    about = page.get("/kizu/train").json()["kinds"]["lora"]
    (label,) = [field for field in about["fields"] if field["name"] == "label"]
    assert label["choices"] == ["spot"] and label["default"] == "spot"
    ahead = page.post("/kizu/train/lora", json={"label": "spot", "base": base}).json()
    assert (ahead["images"], ahead["held_out"], ahead["seconds"]) == (8, 2, None)
    assert [one["key"] for one in ahead["notes"]] == ["lora_small"]
    # A Hub model is not fetched for a look.
    absent = page.post("/kizu/train/lora", json={"label": "spot", "base": "nobody/nothing-of-this-name"}).json()
    assert [one["key"] for one in absent["notes"]] == ["lora_fetched"]
    for route, kind in (("start", {"kind": "lora"}), ("lora/measure", {})):
        answer = page.post(f"/kizu/train/{route}", json={**kind, "label": "spot", "base": str(tmp_path)})
        assert answer.status_code >= 400 and "model_index.json is not in it" in answer.text
    assert not store.jobs.list()


def test_a_visitor_of_a_demo_trains_only_the_built_in_model_and_shortly(store: Store):
    add_photographs(store)
    page = client_of(train_routes.routes(desk_of(store, demo=True)))
    for form, said in (({"base": "/etc", "images_seen": 100}, "another model"), ({"images_seen": 4000}, "600")):
        answer = page.post("/kizu/train/start", json={"kind": "lora", "label": "spot", **form})
        assert answer.status_code == 403 and said in answer.text
