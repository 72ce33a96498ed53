"""The tab Train over its routes: what can be trained here, and what is refused before a job begins."""

from augment.store import JobRecord, ModelRecord, Store
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
        ModelRecord(kind=kind, name=kind, path=f"{kind}.safetensors", sha256=kind, config={})
        for kind in ("ddpm", "redraw", "encoder")
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
    assert used == {"ddpm", "redraw"}
    assert told["kinds"]["redraw"]["speeds"] == {"48 64": 64.0, "48 128": 128.0}
