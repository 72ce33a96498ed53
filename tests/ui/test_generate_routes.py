"""Generating over the route: what is asked for, what comes back, how far it is, and stopping it."""

import threading
from dataclasses import replace

import pytest

from augment.errors import Cancelled
from augment.features.atlas import Atlas
from augment.operations import OPERATIONS, to_json
from augment.operations.propose import boundary_places
from augment.store import ModelRecord, Store
from tests.examples import sample_record
from tests.ui.desks import Recorded, client_of, desk_of
from ui import generate_routes, map_routes


def client(store: Store, recorded: Recorded | None = None):
    desks = desk_of(store, recorded)
    return client_of([*map_routes.routes(desks), *generate_routes.routes(desks)])


def atlas_of(store: Store) -> Atlas:
    return Atlas.load(store.workspace.root / store.projections.latest().path)


def add_generator(store: Store) -> None:
    record = ModelRecord(kind="ddpm", name="d", path="d.safetensors", sha256="d" * 64, config={"labels": ["spot"]})
    store.apply([record])


def test_generating_sends_the_form_to_the_operation_and_answers_with_its_samples(mapped: Store):
    add_generator(mapped)
    projection = mapped.projections.latest().id
    recorded = Recorded([sample_record(n, label="spot", projection_id=projection) for n in range(2)])
    recorded.makes[0] = replace(recorded.makes[0], probability={"free": 0.25, "spot": 0.75})
    form = {"label": "spot", "count": 2, "seed": 5, "steps": 12, "xy": [0.5, 0.25], "between": None}
    answer = client(mapped, recorded).post("/kizu/map/generate", json=form).json()
    assert recorded.calls == [("generate", {key: form[key] for key in form if key != "between"}, {})]
    assert [sample["label"] for sample in answer["samples"]] == ["spot", "spot"]
    assert answer["samples"][0]["fromX"] == 0.5
    assert [sample["probability"] for sample in answer["samples"]] == [{"free": 0.25, "spot": 0.75}, None]
    assert answer["stopped"] is False
    state = client(mapped).get("/kizu/map/state").json()
    assert [sample["id"] for sample in state["samples"]] == [sample["id"] for sample in answer["samples"]]
    assert state["ddpm"]["labels"] == ["spot"]


def test_paths_and_boundaries_go_to_the_operation_as_they_are(mapped: Store):
    add_generator(mapped)
    recorded = Recorded()
    page = client(mapped, recorded)
    forms = [
        {"label": "auto", "count": 5, "path": [0.0, 0.0, 1.0, 2.0]},
        {"label": "auto", "count": 4, "boundary": ["free", "spot", 2]},
    ]
    for form in forms:
        assert page.post("/kizu/map/generate", json=form).status_code == 200
    assert [config for _, config, _ in recorded.calls] == forms


def test_proposing_asks_the_operation_and_hands_on_its_places(mapped: Store):
    class Proposing(Recorded):
        def call(self, root, operation, config, commit, timeout_seconds, **_):
            self.calls.append((operation, config, {}))
            return to_json(boundary_places(atlas_of(mapped), OPERATIONS[operation].read_config(config)))

    recorded = Proposing()
    answer = client(mapped, recorded).post("/kizu/map/propose", json={"labels": ["free", "spot"], "count": 2})
    assert recorded.calls == [("propose", {"labels": ["free", "spot"], "count": 2}, {})]
    places = answer.json()["places"]
    assert len(places) == 2 and set(places[0]) >= {"xy", "between", "probability", "distance"}
    wrong = client(mapped, recorded).post("/kizu/map/propose", json={"labels": ["free", "crak"]})
    assert wrong.status_code == 404 and "'crak' is not on this map: free, spot" in wrong.json()["error"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"label": "spot", "model_id": 3}, "field 'model_id'"),
        ({"label": "spot", "count": 33}, "at most 32"),
    ],
)
def test_what_a_click_may_not_ask_for_is_refused(mapped: Store, form: dict, words: str):
    add_generator(mapped)
    answer = client(mapped).post("/kizu/map/generate", json=form)
    assert answer.status_code == 400 and words in answer.json()["error"]


def test_without_a_generator_the_next_step_is_named(mapped: Store):
    answer = client(mapped).post("/kizu/map/generate", json={"label": "spot"})
    assert answer.status_code == 409 and "tab Train" in answer.json()["error"]


class Waiting(Recorded):
    """Commits one sample, says so, and goes on until it is stopped."""

    def __init__(self, makes) -> None:
        super().__init__(makes)
        self.began = threading.Event()

    def call(self, root, operation, config, commit, timeout_seconds, *, progress, stop):
        commit(self.makes)
        progress(1, config["count"], {})
        self.began.set()
        assert stop.wait(30)
        raise Cancelled


def test_a_click_says_how_far_it_is_and_can_be_stopped(mapped: Store):
    add_generator(mapped)
    worker = Waiting([sample_record(1, label="spot", projection_id=mapped.projections.latest().id)])
    page = client(mapped, worker)
    answers = []
    form = {"label": "spot", "count": 8, "click": "mine"}
    asked = threading.Thread(target=lambda: answers.append(page.post("/kizu/map/generate", json=form).json()))
    asked.start()
    assert worker.began.wait(30)
    assert page.get("/kizu/map/generate/progress?click=mine").json() == {
        "step": 1,
        "total": 8,
        "made": 1,
        "eta": None,
        "stop": False,
    }
    assert page.get("/kizu/map/generate/progress?click=another").json() is None
    reloaded = page.get("/kizu/map/generate/open").json()
    assert (reloaded["click"], reloaded["count"]) == ("mine", 8) and reloaded["seconds"] >= 0
    again = page.post("/kizu/map/generate", json=form)
    assert again.status_code == 400 and "is being answered" in again.json()["error"]
    assert page.post("/kizu/map/generate/stop", json={"click": "another"}).json() == {"stopping": False}
    assert page.post("/kizu/map/generate/stop", json={"click": "mine"}).json() == {"stopping": True}
    asked.join(30)
    assert answers[0]["stopped"] is True and len(answers[0]["samples"]) == 1, "what was stored before is told"
    assert page.get("/kizu/map/generate/progress?click=mine").json() is None
    assert page.get("/kizu/map/generate/open").json() is None
