"""The routes of what to generate next: the plan with its pictures, what is missing, and the jobs."""

from collections.abc import Iterator

import numpy as np
import pytest

from augment.operations.configs import to_json
from augment.operations.context import Context
from augment.operations.plan import PlanConfig, plan
from augment.store import JobRecord, Store, Workspace
from tests.ui.desks import Recorded, client_of, desk_of
from ui import plan_routes

POST = {"headers": {"x-kizu": "1"}}


class Planning(Recorded):
    """Runs the plan, as the warm worker does."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def call(self, root, operation, config, commit, *_, **__):
        assert operation == "plan"
        return to_json(plan(PlanConfig(**config), Context(self.store, commit, self.store.workspace.root / "job")))


def test_without_a_map_the_page_is_told_where_to_go(store: Store):
    client = client_of(plan_routes.routes(desk_of(store)))
    told = client.get("/kizu/plan").json()
    assert told["tab"] == "data" and "Build it on Data first" in told["missing"]
    assert client.post("/kizu/plan/make", json={}, **POST).status_code == 409


def test_without_a_generator_the_page_is_told_so(mapped: Store):
    told = client_of(plan_routes.routes(desk_of(mapped, Planning(mapped)))).get("/kizu/plan").json()
    assert told["tab"] == "train" and "nothing here can generate: train a generator" in told["missing"]


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A map of images with masks, so that these can be pasted."""
    from tests.operations.mapped import add_images, add_map

    with Store(Workspace(tmp_path_factory.mktemp("plan") / "workspace").create()) as store:
        add_images(store, masks=True)
        add_map(store)
        record = store.projections.latest()
        assert record is not None
        margin = store.workspace.root / record.path / "margin.npy"
        np.save(margin, np.full_like(np.load(margin), -0.2))
        yield store


def test_the_plan_comes_with_the_versions_of_its_pictures(masked: Store):
    found = client_of(plan_routes.routes(desk_of(masked, Planning(masked)))).get("/kizu/plan?count=40").json()
    assert sum(batch["count"] for batch in found["batches"]) == 40
    assert {one["label"] for one in found["troubles"]} == {"free", "spot"} == set(found["slots"])
    for one in found["troubles"]:
        for pair in one["worst"]:
            assert (
                len(found["versions"][str(pair["image_id"])]) == len(found["versions"][str(pair["partner_id"])]) == 24
            )
    assert found["judged"] > 0 and found["loop"] is None and "paste_batch cannot make free" in found["notes"][0]["text"]


@pytest.mark.parametrize(("query", "told"), [("count=x", "count 'x'"), ("count=5", "count 5: 10 to 100000")])
def test_a_count_that_is_none_is_refused(masked: Store, query: str, told: str):
    answer = client_of(plan_routes.routes(desk_of(masked, Planning(masked)))).get(f"/kizu/plan?{query}")
    assert answer.status_code == 400 and told in answer.json()["error"]


def test_each_job_has_another_seed(mapped: Store):
    recorded = Recorded()
    client = client_of(plan_routes.routes(desk_of(mapped, recorded)))
    for _ in range(2):
        assert client.post("/kizu/plan/make", json={"count": 50}, **POST).json() == {"job": 7}
        assert client.post("/kizu/plan/loop", json={"count": 60, "rounds": 2}, **POST).json() == {"job": 7}
    made, looped = ([config for name, config, _ in recorded.calls if name == kind] for kind in ("make_plan", "loop"))
    assert {config["count"] for config in made} == {50} and made[0]["seed"] != made[1]["seed"]
    assert {(config["count"], config["rounds"]) for config in looped} == {(60, 2)}
    assert looped[0]["seed"] != looped[1]["seed"]
    assert client.post("/kizu/plan/loop", json={"rounds": 99}, **POST).status_code == 400


def test_a_loop_needs_images_to_judge_by(store: Store):
    answer = client_of(plan_routes.routes(desk_of(store))).post("/kizu/plan/loop", json={}, **POST)
    assert answer.status_code == 409 and "validation split has no images" in answer.json()["error"]


def test_a_public_demo_makes_few(mapped: Store):
    client = client_of(plan_routes.routes(desk_of(mapped, demo=True)))
    answer = client.post("/kizu/plan/make", json={"count": 500}, **POST)
    assert answer.status_code == 403 and "at most 100" in answer.json()["error"]


def test_the_newest_loop_is_told(masked: Store):
    for ended in ("round 1 added nothing", "all 3 rounds are done"):
        result = {"folder": "f", "report": {"ended": ended}, "markdown": ""}
        masked.jobs.add(JobRecord(operation="loop", config={}, state="done", result=result))
    found = client_of(plan_routes.routes(desk_of(masked, Planning(masked)))).get("/kizu/plan").json()
    assert found["loop"]["report"]["ended"] == "all 3 rounds are done"
