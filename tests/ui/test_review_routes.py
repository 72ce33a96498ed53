"""Verdicts over the route: in order, once each, and what an undo leaves behind."""

import pytest

from augment.errors import InvalidInput, NotFound
from augment.store import Store, Workspace
from tests.examples import image_record, sample_record
from tests.ui.desks import client_of, desk_of
from ui import review_routes
from ui.review_routes import decide


@pytest.fixture
def ids(store: Store) -> list[int]:
    store.apply([image_record(0)])
    return store.apply([sample_record(n, nearest_image_id=None) for n in range(6)])


def verdict(sample: int, decision: str = "accepted", key: str = "", reason: str = "") -> dict:
    return {"sample": sample, "decision": decision, "reason": reason, "key": key or f"{sample}:{decision}"}


def undo(key: str) -> dict:
    return {"sample": None, "decision": "undone", "key": key}


def test_a_batch_is_stored_in_its_order_with_undos_between(store: Store, ids: list[int]):
    items = [verdict(ids[0]), verdict(ids[1], "rejected", reason="blurred"), undo("u1"), verdict(ids[1])]
    results = decide(store, items, "mori")
    assert [result["decision"] for result in results] == ["accepted", "rejected", "undone", "accepted"]
    assert results[2] == {"sample": ids[1], "decision": "undone", "status": "accepted", "reason": ""}
    assert store.samples.counts() == {"candidate": 4, "accepted": 2, "rejected": 0}


def test_the_same_batch_again_stores_nothing_twice(store: Store, ids: list[int]):
    items = [verdict(ids[0]), undo("u1"), verdict(ids[2], "rejected")]
    first = decide(store, items, "mori")
    stored = store.verdicts.count()
    assert decide(store, items, "mori") == first
    assert store.verdicts.count() == stored == 3


def test_an_undo_after_a_restart_takes_back_the_newest(workspace: Workspace, store: Store, ids: list[int]):
    decide(store, [verdict(ids[0], "rejected", reason="artefact"), verdict(ids[1])], "mori")
    store.close()
    with Store(workspace) as again:
        (first,) = decide(again, [undo("after:1")], "mori")
        assert (first["sample"], first["status"]) == (ids[1], "candidate")
        decide(again, [undo("after:2")], "mori")
        assert again.samples.counts()["candidate"] == 6
        (last,) = decide(again, [undo("after:3")], "mori")
        assert last["decision"] == "nothing"


def test_an_undo_after_a_restart_takes_back_a_bulk_action_whole(workspace: Workspace, store: Store, ids: list[int]):
    single = verdict(ids[3], "rejected")
    decide(store, [single, *({**verdict(sample), "batch": "together"} for sample in ids[:3])], "mori")
    store.close()
    with Store(workspace) as again:
        (result,) = decide(again, [undo("after:1")], "mori")
        assert decide(again, [undo("after:1")], "mori") == [result], "an answer that got lost is asked for again"
        assert [result["sample"], *(other["sample"] for other in result["also"])] == ids[2::-1]
        assert {other["status"] for other in (result, *result["also"])} == {"candidate"}
        assert again.samples.counts() == {"candidate": 5, "accepted": 0, "rejected": 1}
        assert decide(again, [undo("after:2")], "mori")[0] == {
            "sample": ids[3],
            "decision": "undone",
            "status": "candidate",
            "reason": "",
        }


def test_an_undo_takes_back_only_ones_own(store: Store, ids: list[int]):
    decide(store, [verdict(ids[0])], "mori")
    assert decide(store, [undo("u")], "sato")[0]["decision"] == "nothing"
    assert store.samples.counts()["accepted"] == 1


def test_after_an_undo_the_earlier_verdict_stands_with_its_reason(store: Store, ids: list[int]):
    decide(store, [verdict(ids[0], "rejected", "a", reason="duplicate"), verdict(ids[0], "accepted", "b")], "mori")
    (result,) = decide(store, [undo("u")], "mori")
    assert (result["status"], result["reason"]) == ("rejected", "duplicate")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("accept", "an object"),
        ({"sample": 1, "decision": "perhaps", "key": "k"}, "decision 'perhaps'"),
        ({"sample": 1, "decision": "accepted", "key": ""}, "key ''"),
        ({"sample": "1", "decision": "accepted", "key": "k"}, "sample '1'"),
        ({"sample": True, "decision": "accepted", "key": "k"}, "sample True"),
        ({"sample": 1, "decision": "rejected", "key": "k", "reason": "x" * 201}, "reason"),
    ],
)
def test_a_wrong_verdict_is_refused_in_words_and_nothing_is_stored(store: Store, ids: list[int], item, words: str):
    with pytest.raises(InvalidInput, match=words):
        decide(store, [verdict(ids[0]), item], "mori")
    assert store.verdicts.count() == 0


def test_an_unknown_sample_is_named(store: Store, ids: list[int]):
    with pytest.raises(NotFound, match="999"):
        decide(store, [verdict(999)], "mori")


def test_the_route_signs_with_the_desks_reviewer_and_answers_counts(store: Store, ids: list[int]):
    client = client_of(review_routes.routes(desk_of(store)))
    answer = client.post("/kizu/review/verdicts", json={"items": [verdict(ids[0])]}).json()
    assert answer["counts"]["accepted"] == 1
    assert store.verdicts.history(ids[0])[0].reviewer == "mori"
    for wrong in ({}, {"items": []}, {"items": [verdict(ids[0])] * 501}):
        assert client.post("/kizu/review/verdicts", json=wrong).status_code == 400


def test_the_list_has_columns_of_one_length_and_reasons(store: Store, ids: list[int]):
    decide(store, [verdict(ids[0], "rejected", reason="wrong label")], "mori")
    found = client_of(review_routes.routes(desk_of(store))).get("/kizu/review/list").json()
    assert {len(column) for column in found["samples"].values()} == {6}
    assert found["reasons"] == {str(ids[0]): "wrong label"}
    full = client_of(review_routes.routes(desk_of(store))).get(f"/kizu/review/sample/{ids[0]}").json()
    assert full["history"][0]["decision"] == "rejected" and len(full["position"]) == 20


def test_the_list_says_what_the_maps_classifier_takes_each_sample_for(store: Store):
    store.apply([image_record(0)])
    probability = {"crack": 0.25, "fray": 0.7, "free": 0.05}
    judged = [sample_record(1, probability=probability), sample_record(2, probability=None)]
    store.apply([*judged, sample_record(3, label="new", probability=probability)])
    client = client_of(review_routes.routes(desk_of(store)))
    samples = client.get("/kizu/review/list").json()["samples"]
    assert samples["label_probability"] == [0.25, None, None], "a label that the classifier never saw has none"
    assert samples["taken_for"] == ["fray", None, "fray"]
    assert client.get("/kizu/review/sample/1").json()["probability"] == probability
