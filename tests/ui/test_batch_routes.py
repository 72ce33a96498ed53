"""The batch over its routes: what there is to draw on and under, what is asked for, and what is told beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from augment.images import encode_mask
from augment.store import JobRecord, ModelRecord, Store
from tests.examples import image_record
from tests.ui.desks import Recorded, client_of, desk_of
from ui import batch_routes

DENOISER = {"side_px": 64, "unet": {"widths": [8, 8, 8]}}
FORM = {"label": "crack", "model": "workspace", "count": 40, "seed": 3, "steps": 16, "guidance": 2.0, "on": "free"}


@pytest.fixture
def filled(store: Store) -> Store:
    """Two good parts, one drawn on and with an empty mask, a crack with its mask, a spot without, a test crack."""
    mask = store.files.put(encode_mask(np.ones((48, 64), dtype=np.bool_)))
    labels = ("free", "free", "crack", "spot")
    images = [image_record(number + 1, label=label, split="train") for number, label in enumerate(labels)]
    cracks = {"label": "crack", "mask_sha256": mask}
    empty = store.files.put(encode_mask(np.zeros((48, 64), dtype=np.bool_)))
    store.apply([images[0], replace(images[1], mask_sha256=empty), image_record(3, split="train", **cracks), images[3]])
    store.apply([image_record(5, split="test", group="other", **cracks)])
    store.drafts.set(2, mask)
    config = {"denoiser": DENOISER, "labels": ["crack", "free"]}
    store.apply([ModelRecord(kind="redraw", name="r", path="r.safetensors", sha256="e" * 64, config=config)])
    return store


def client(store: Store, recorded: Recorded | None = None, *, demo: bool = False):
    return client_of(batch_routes.routes(desk_of(store, recorded, demo=demo)))


def test_what_there_is_to_draw_on_and_under(filled: Store):
    state = client(filled).get("/kizu/inpaint/batch").json()
    told = {one.pop("label"): one for one in state["classes"]}
    assert told == {
        "crack": {"images": 1, "masks": 1, "drawn": 0, "good": False},
        "free": {"images": 2, "masks": 0, "drawn": 1, "good": True},
        "spot": {"images": 1, "masks": 0, "drawn": 0, "good": False},
    }
    assert (state["paces"], state["most"]) == ([], 100_000)


def test_a_batch_becomes_a_job_and_its_speed_is_told_afterwards(filled: Store):
    recorded = Recorded()
    page = client(filled, recorded)
    assert page.post("/kizu/inpaint/batch/start", json=FORM).json() == {"job": 7}
    [(operation, config, _)] = recorded.calls
    assert operation == "redraw_batch" and config["masks"] == "library" and FORM.items() <= config.items()
    record = JobRecord(operation=operation, config=config, metrics={"images_per_second": 2.5})
    filled.jobs.add(record)
    paces = page.get("/kizu/inpaint/batch").json()["paces"]
    assert paces == [{"model": "workspace", "steps": 16, "guided": True, "rate": 2.5}]


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"on": "spot", "masks": "drawn"}, 409, "Nothing is drawn on these images"),
        ({"on": "nothing"}, 409, "No training images"),
        ({"mask_label": "spot"}, 409, "No training image of spot has a mask"),
        ({"label": "free"}, 409, "No training image of free has a mask"),
        ({"label": "spot", "mask_label": "crack"}, 400, "this model knows crack, free"),
        ({"model": "built-in-not"}, 404, "no such folder or file"),
        ({"count": 0}, 400, "count 0"),
        ({"count": 100_001}, 400, "count 100001"),
    ],
)
def test_what_cannot_be_made_is_told_before_a_job_begins(filled: Store, form: dict, status: int, words: str):
    recorded = Recorded()
    answer = client(filled, recorded).post("/kizu/inpaint/batch/start", json={**FORM, **form})
    assert answer.status_code == status and words in answer.json()["error"] and not recorded.calls


@pytest.mark.parametrize("form", [{"model": "/etc"}, {"loras": ["/etc/passwd=1.0"]}, {"count": 33}])
def test_a_visitor_of_the_demo_gets_few_and_names_no_files(filled: Store, form: dict):
    answer = client(filled, demo=True).post("/kizu/inpaint/batch/start", json={**FORM, "count": 8, **form})
    assert answer.status_code == 403
