"""The gates' routes: numbers with their limits, limits that move, the job; and what the review learns from verdicts."""

import json

import numpy as np
import pytest

from augment.store import CONTROL, GateRecord, Store
from tests.examples import image_record, sample_record
from tests.ui.desks import Recorded, client_of, desk_of
from ui import gate_routes, review_routes
from ui.gate_routes import sample_gates
from ui.review_routes import decide

POST = {"headers": {"x-kizu": "1"}}


@pytest.fixture
def ids(store: Store) -> list[int]:
    """Sixty samples, measured by two gates; the first was measured against older images."""
    store.apply([image_record(0)])
    ids = store.apply([sample_record(number, nearest_image_id=None) for number in range(60)])
    folder = store.workspace.cache_dir / "gates"
    folder.mkdir(parents=True)
    (folder / "new.json").write_text(json.dumps({"copy": 0.5, "noise": 2.0}))
    numbers = [{"copy": number / 60, "noise": 3.0 - number / 10} for number in range(60)]
    store.apply([GateRecord(sample_id=ids[0], numbers=numbers[0], basis="old", measured_at="2026-01-01T00:00:00")])
    store.apply(
        [
            GateRecord(sample_id=one, numbers=told, basis="new", measured_at="2026-01-02T00:00:00")
            for one, told in list(zip(ids, numbers, strict=True))[1:]
        ]
    )
    return ids


def test_numbers_come_with_their_limits(store: Store, ids: list[int]):
    told = client_of(gate_routes.routes(desk_of(store))).get("/kizu/gates").json()
    assert told["gates"] == [
        {"name": "copy", "side": "least", "limit": 0.5, "usual": 0.5},
        {"name": "noise", "side": "within", "limit": 2.0, "usual": 2.0},
    ]
    assert told["ids"] == ids[1:] and told["numbers"]["copy"][29] == 0.5


def test_values_come_beside_the_gates_and_have_no_limit(store: Store, ids: list[int]):
    numbers = {"copy": 0.9, "noise": 0.0, "value": 0.123456}
    store.apply([GateRecord(sample_id=ids[3], numbers=numbers, basis="new", measured_at="2026-01-02T00:00:00")])
    client = client_of([*review_routes.routes(desk_of(store)), *gate_routes.routes(desk_of(store))])
    told = client.get("/kizu/gates").json()
    values = dict(zip(told["ids"], told["values"], strict=True))
    assert values[ids[3]] == 0.1235 and values[ids[4]] is None
    assert [gate["name"] for gate in told["gates"]] == ["copy", "noise"]
    shown = client.get(f"/kizu/review/sample/{ids[3]}").json()
    assert shown["value"] == 0.1235 and [one["name"] for one in shown["gates"]] == ["copy", "noise"]
    assert client.get(f"/kizu/review/sample/{ids[4]}").json()["value"] is None


def test_a_limit_moves_for_the_page_and_for_one_sample(store: Store, ids: list[int]):
    client = client_of(gate_routes.routes(desk_of(store)))
    assert [one["passed"] for one in sample_gates(store, ids[12])] == [False, True]
    assert client.post("/kizu/gates/limit", json={"gate": "copy", "limit": 0.1}, **POST).status_code == 200
    assert client.get("/kizu/gates").json()["gates"][0] == {"name": "copy", "side": "least", "limit": 0.1, "usual": 0.5}
    assert [one["passed"] for one in sample_gates(store, ids[12])] == [True, True]
    client.post("/kizu/gates/limit", json={"gate": "copy", "limit": None}, **POST)
    assert client.get("/kizu/gates").json()["gates"][0]["limit"] == 0.5


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"gate": "sharp", "limit": 1}, "gate 'sharp': one of"),
        ({"gate": 3, "limit": 1}, "gate 3"),
        ({"gate": "copy", "limit": "high"}, "limit 'high': a number is needed"),
        ({"gate": "copy", "limit": True}, "limit True"),
    ],
)
def test_a_limit_that_is_none_is_refused(store: Store, ids: list[int], body: dict, told: str):
    answer = client_of(gate_routes.routes(desk_of(store))).post("/kizu/gates/limit", json=body, **POST)
    assert answer.status_code == 400 and told in answer.json()["error"]


def test_the_job_needs_samples(store: Store):
    recorded = Recorded()
    client = client_of(gate_routes.routes(desk_of(store, recorded)))
    assert client.post("/kizu/gates/start", json={}, **POST).status_code == 409
    store.apply([image_record(0)])
    store.apply([sample_record(0, nearest_image_id=None)])
    assert client.post("/kizu/gates/start", json={}, **POST).json() == {"job": 7}
    assert recorded.calls == [("gate", {}, {})]


def test_nothing_measured_is_nothing_told(store: Store):
    assert client_of(gate_routes.routes(desk_of(store))).get("/kizu/gates").json()["gates"] == []


def verdict(sample: int, accepted: bool, reason: str = "") -> dict:
    decision = "accepted" if accepted else "rejected"
    return {"sample": sample, "decision": decision, "reason": reason, "key": f"{sample}:{decision}:{reason}"}


def test_verdicts_are_foretold_from_the_reviewers_own(store: Store, ids: list[int]):
    client = client_of(review_routes.routes(desk_of(store)))
    assert client.get("/kizu/review/foretold").json() == {"ids": [], "accept": [], "needed": 30}
    decide(store, [verdict(ids[number], number >= 30) for number in range(5, 55)], "mori")
    told = client.get("/kizu/review/foretold").json()
    accept = dict(zip(told["ids"], told["accept"], strict=True))
    assert accept[ids[58]] > 0.8 > 0.2 > accept[ids[2]]
    assert told["agreed"]["count"] == 50 and told["agreed"]["value"] > 0.9 and told["usual"] == 0.5
    # What the gates proposed teaches nothing about a reviewer.
    decide(store, [verdict(ids[number], False, "gates: copy") for number in range(30, 55)], "mori")
    assert client.get("/kizu/review/foretold").json()["ids"] == []


def test_two_reviewers_are_compared(store: Store, ids: list[int]):
    client = client_of(review_routes.routes(desk_of(store)))
    decide(store, [verdict(one, number < 10) for number, one in enumerate(ids[:20])], "mori")
    decide(store, [verdict(one, number < 8) for number, one in enumerate(ids[:20])], "sato")
    (pair,) = client.get("/kizu/review/reviewers").json()["pairs"]
    assert pair["reviewers"] == ["mori", "sato"] and pair["samples"] == ids[8:10]
    assert pair["same"] == 0.9 and pair["kappa"] == pytest.approx(0.8)


def test_controls_go_unmarked_and_are_counted_apart(store: Store, ids: list[int]):
    controls = store.apply(
        [
            sample_record(900 + number, method=CONTROL, recipe={"method": CONTROL}, landing_error=9.0, split="test")
            for number in range(8)
        ]
    )
    client = client_of([*review_routes.routes(desk_of(store)), *gate_routes.routes(desk_of(store))])
    listed = client.get("/kizu/review/list").json()
    assert set(listed["samples"]["method"]) == {"ddpm"} and set(controls) < set(listed["samples"]["id"])
    assert sum(listed["counts"].values()) == len(ids)
    # They stand among the samples that were there, each as if it were one of them; the same at every look.
    order = listed["samples"]["id"]
    places = [order.index(one) for one in controls]
    assert [one for one in order if one not in controls] == ids
    assert len(set(places)) == 8 and min(places) < 30 < max(places)
    assert client.get("/kizu/review/list").json()["samples"]["id"] == order
    assert 9.0 not in listed["samples"]["landing_error"]
    shown = client.get(f"/kizu/review/sample/{controls[0]}").json()
    assert CONTROL not in json.dumps(shown) and shown["split"] == "train"
    passed_off = {client.get(f"/kizu/review/sample/{one}").json()["seed"] for one in ids}
    assert shown["seed"] in passed_off and shown["recipe"]
    decide(store, [verdict(one, np.isin(one, controls[1:])) for one in controls[:4]], "mori")
    decide(store, [verdict(controls[4], False, "gates: noise")], "mori")
    fake = client.get("/kizu/review/reviewers").json()["fake"]
    assert fake["mori"]["count"] == 4 and fake["mori"]["value"] == 0.25
    decide(store, [verdict(ids[number], number >= 30) for number in range(5, 55)], "mori")
    assert set(controls) < set(client.get("/kizu/review/foretold").json()["ids"])
