"""Redrawing over the route: what there is to choose from, what is asked for, what comes back, and its pictures."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from augment.images import decode, encode_mask
from augment.store import ModelRecord, Store, VerdictRecord
from tests.examples import image_record
from tests.operations.redrawn_example import DRAWN, SIZE, spotted
from tests.ui.desks import Recorded, client_of, desk_of
from ui import inpaint_routes, model_routes, redraw_routes
from ui.mask_bits import pack_mask, unpack_mask

FORM = {
    "image_id": 1,
    "label": "spot",
    "model": "workspace",
    "sigma": 1.16,
    "count": 1,
    "seed": 3,
    "loras": [],
    "reference_id": None,
}
DENOISER = {"side_px": 64, "unet": {"widths": [8, 8, 8]}}


def client(store: Store, recorded: Recorded | None = None, *, demo: bool = False):
    desks = desk_of(store, recorded, demo=demo)
    return client_of([*inpaint_routes.routes(desks), *redraw_routes.routes(desks), *model_routes.routes(desks)])


def draw(store: Store, page) -> str:
    mask = np.zeros(SIZE[::-1], dtype=np.bool_)
    mask[DRAWN] = True
    return page.post("/kizu/inpaint/image/1/mask", content=pack_mask(mask)).json()["sha256"]


def test_what_there_is_to_choose_from(store: Store):
    store.apply([image_record(1)])
    store.drafts.set(1, store.files.put(encode_mask(np.ones((96, 120), dtype=np.bool_))))
    config = {"denoiser": DENOISER, "labels": ["crack", "free"]}
    store.apply([ModelRecord(kind="redraw", name="r", path="r.safetensors", sha256="e" * 64, config=config)])
    state = client(store).get("/kizu/inpaint/state").json()
    own = next(model for model in state["models"] if model["id"] == "workspace")
    assert (own["side_px"], own["prompted"], own["labels"]) == (64, False, ["crack", "free"])
    assert (own["steps"], own["guidance"], own["most_px"], own["grid_px"]) == (16, 3, 256, 4)
    assert state["defaults"]["steps"] is None and state["samplers"][0] == own["sampler"] == "dpmpp_2m_karras"
    assert state["drafts"] == [1]


def test_the_form_goes_to_the_operation_with_the_mask_that_is_drawn_now(store: Store):
    recorded = Recorded([spotted(store)])
    page = client(store, recorded)
    sha256 = draw(store, page)
    answer = page.post("/kizu/inpaint/redraw", json={**FORM, "click": "mine"}).json()
    assert recorded.calls == [("redraw", {**FORM, "mask_sha256": sha256}, {})]
    [sample] = answer["samples"]
    assert sample["box"] == {"left": 50, "top": 30, "right": 90, "bottom": 60}
    assert (sample["label"], sample["seed"], sample["share"], answer["stopped"]) == ("spot", 1, 1.0, False)
    last = page.get("/kizu/inpaint/image/1/mask/last")
    assert unpack_mask(last.content, SIZE).sum() == 150


def test_without_a_mask_nothing_is_asked_for_unless_the_whole_is_wanted(store: Store):
    spotted(store)
    recorded = Recorded()
    page = client(store, recorded)
    answer = page.post("/kizu/inpaint/redraw", json=FORM)
    assert answer.status_code == 409 and "draw a mask" in answer.json()["error"] and not recorded.calls
    assert page.post("/kizu/inpaint/redraw", json={**FORM, "area": "whole"}).status_code == 200
    assert recorded.calls[0][1]["area"] == "whole"


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"count": 33}, 400, "at most 32"),
        ({"sigma": -1}, 400, "sigma"),
        ({"padding": 99}, 400, "padding"),
        ({"nonsense": 1}, 400, "nonsense"),
    ],
)
def test_what_cannot_be_drawn_is_told_before_it_is_sent(store: Store, form: dict, status: int, words: str):
    recorded = Recorded([spotted(store)])
    page = client(store, recorded)
    draw(store, page)
    answer = page.post("/kizu/inpaint/redraw", json={**FORM, **form})
    assert answer.status_code == status and words in answer.json()["error"] and not recorded.calls


@pytest.mark.parametrize("form", [{"model": "/etc"}, {"loras": ["/etc/passwd=1.0"]}])
def test_a_visitor_of_the_demo_names_no_files(store: Store, form: dict):
    page = client(store, Recorded(), demo=True)
    assert page.post("/kizu/inpaint/redraw", json={**FORM, **form}).status_code == 403
    assert page.post("/kizu/inpaint/model", json={"name": "/etc"}).status_code == 403


def pixels_of(address: str) -> np.ndarray:
    kind, data = address.split(";base64,")
    assert kind in ("data:image/webp", "data:image/png")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_pictures_of_a_sample(store: Store):
    (sample,) = store.apply([spotted(store)])
    page = client(store)
    seen = json.loads(page.get(f"/kizu/inpaint/sample/{sample}").content)
    assert (seen["mean"], seen["most"], seen["overlap"], seen["outside_px"]) == (20, 20, 1, 0)
    before, after, difference = (pixels_of(seen[name]) for name in ("before", "after", "difference"))
    assert before.shape[:2] == after.shape[:2] == difference.shape[:2] == (30, 40)
    # 20 levels shown on a scale to 64, WebP rounds.
    assert abs(int(difference[15, 17].max()) - 80) < 12 and difference[2, 2].max() < 8
    masks = pixels_of(seen["masks"])
    assert masks.shape == (288, 384, 4) and masks[0, 0, 3] == 0 and masks[140, 160, 3] == 120
    shown = decode(page.get(f"/kizu/inpaint/sample/{sample}/after").content).pixels
    plain = decode(page.get(f"/kizu/inpaint/sample/{sample}/after?contrast=0").content).pixels
    assert shown.shape == plain.shape == (30, 40, 1)
    assert np.ptp(shown) > np.ptp(plain) and int(plain[0, 0, 0]) == 100 + 50 // 4 + 1


def test_samples_tell_how_they_stand_now(store: Store):
    first, second = store.apply([spotted(store), spotted(store, 2)])
    store.verdicts.add_many(
        [VerdictRecord(sample_id=second, decision="accepted", reviewer="mori", client_key="k", reason="")]
    )
    page = client(store)
    found = page.get(f"/kizu/inpaint/samples?ids={second},{first}").json()["samples"]
    assert [(one["id"], one["status"]) for one in found] == [(second, "accepted"), (first, "candidate")]
    assert [one["image_id"] for one in found] == [2, 1]
    assert page.get("/kizu/inpaint/samples?ids=1,x").status_code == 400
    assert page.get("/kizu/inpaint/samples").json() == {"samples": []}


def test_other_samples_have_no_such_pictures(store: Store):
    (other,) = store.apply([replace(spotted(store), method="ddpm")])
    answer = client(store).get(f"/kizu/inpaint/sample/{other}")
    assert answer.status_code == 404 and "choose one made on Inpaint" in answer.json()["error"]
