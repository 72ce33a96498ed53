"""Variations of many photographs over their routes: a job of what a page cannot wait for, and what is refused."""

import pytest

from augment.store import Store
from tests.examples import image_record
from tests.ui.desks import Recorded, client_of, desk_of
from ui import variation_routes

FORM = {"image_ids": [1, 2], "sigma": 1.2, "count": 40, "seed": 3, "model": "generator"}


@pytest.fixture
def filled(store: Store) -> Store:
    store.apply([image_record(number, split="train") for number in (1, 2)])
    return store


def client(store: Store, recorded: Recorded | None = None, *, demo: bool = False):
    return client_of(variation_routes.routes(desk_of(store, recorded, demo=demo)))


def test_many_are_a_job(filled: Store):
    recorded = Recorded()
    asked = client(filled, recorded)
    assert asked.post("/kizu/variations/job", json=FORM).json() == {"job": 7}
    (operation, config, _) = recorded.calls[0]
    assert operation == "vary" and config["image_ids"] == [1, 2] and config["count"] == 40
    answer = asked.post("/kizu/variations/vary", json={**FORM, "click": "a"})
    assert answer.status_code == 400 and "count 80: at most 32 at a click" in answer.json()["error"]


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"sigma": -1}, 400, "sigma -1"),
        ({"image_ids": []}, 400, "0 photographs"),
        ({"count": 1001}, 400, "count 1001"),
        ({"folder": "/etc"}, 400, "field 'folder'"),
    ],
)
def test_what_cannot_be_made_is_told_before_a_job_begins(filled: Store, form: dict, status: int, words: str):
    recorded = Recorded()
    answer = client(filled, recorded).post("/kizu/variations/job", json={**FORM, **form})
    assert answer.status_code == status and words in answer.json()["error"] and not recorded.calls


@pytest.mark.parametrize(("form", "status"), [({"model": "/etc"}, 403), ({"count": 101}, 400)])
def test_a_visitor_of_the_demo_gets_few_and_names_no_files(filled: Store, form: dict, status: int):
    recorded = Recorded()
    answer = client(filled, recorded, demo=True).post("/kizu/variations/job", json={**FORM, **form})
    assert answer.status_code == status and not recorded.calls
