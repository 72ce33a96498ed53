"""The plan: more for what is named wrongly, something for every label, and only by what is there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, NotReady
from augment.images import encode_png
from augment.operations import find_operation
from augment.operations.configs import to_json
from augment.operations.context import Progress
from augment.operations.generators import load_map
from augment.operations.make_plan import make_plan
from augment.operations.plan import PlanConfig, plan, shares
from augment.operations.train_ddpm import fit_fingerprint
from augment.operations.troubles import Trouble, find_troubles
from augment.store import ModelRecord, Store, Workspace
from tests.operations.mapped import add_images, add_map, context_of


def trouble(label: str, wrong: int, images: int = 10) -> Trouble:
    return Trouble(label=label, images=images, wrong=wrong, rival=None)


@pytest.fixture
def store(tmp_path: Path):
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        add_images(store, 72, masks=True)
        yield store


def margins(store: Store, wrong: dict[str, int]) -> None:
    """Makes so many training images of a label wrong on the map that is there."""
    record = store.projections.latest()
    assert record is not None
    folder = store.workspace.root / record.path
    margin, fitted, index = (np.load(folder / f"{name}.npy") for name in ("margin", "fitted", "label_index"))
    margin[:] = 0.5
    for number, label in enumerate(("free", "spot")):
        margin[np.flatnonzero(fitted & (index == number))[: wrong.get(label, 0)]] = -0.3
    np.save(folder / "margin.npy", margin)


def test_half_is_shared_alike_and_half_by_what_is_wrong():
    assert shares((trouble("a", 6), trouble("b", 2), trouble("c", 0)), 240) == {"a": 130, "b": 70, "c": 40}
    assert shares((trouble("a", 0), trouble("b", 0)), 11) in ({"a": 6, "b": 5}, {"a": 5, "b": 6})


def test_the_worst_label_comes_first_with_its_worst_images(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 5, "free": 1})
    record = store.projections.latest()
    assert record is not None
    found = find_troubles(load_map(context_of(store, tmp_path / "job"), record))
    assert [(one.label, one.wrong, one.rival) for one in found] == [("spot", 5, "free"), ("free", 1, "spot")]
    assert len(found[0].worst) == 5 and {store.images.get(one.image_id).label for one in found[0].worst} == {"spot"}


def test_each_wrong_image_stands_beside_its_nearest_of_the_other_label(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 5})
    record = store.projections.latest()
    assert record is not None
    folder = store.workspace.root / record.path
    atlas = load_map(context_of(store, tmp_path / "job"), record)
    training = atlas.fitted
    free, spot = (np.flatnonzero(training & (atlas.label_index == number)) for number in (0, 1))
    gaps = np.linalg.norm(atlas.position[spot][:, None] - atlas.position[free][None], axis=2)
    # The map's mutual pairs, as `embed` writes them; this map was made without.
    mutual = [(i, j) for i, j in enumerate(gaps.argmin(axis=1)) if gaps[:, j].argmin() == i]
    np.save(folder / "pairs.npy", np.array([(free[j], spot[i]) for i, j in mutual], np.int32))
    np.save(folder / "pair_distance.npy", np.array([gaps[i, j] for i, j in mutual], np.float32))
    (found, other) = find_troubles(load_map(context_of(store, tmp_path / "job"), record))
    for pair in found.worst:
        row = int(np.flatnonzero(spot == atlas.row_of(pair.image_id))[0])
        near = int(gaps[row].argmin())
        assert pair.partner_id == atlas.image_ids[free[near]] and pair.partner_label == "free"
        assert pair.distance == pytest.approx(gaps[row, near] / atlas.spacing["position"], abs=1e-3)
        assert pair.mutual == ((row, near) in mutual)
    assert {(one.image_id, one.partner_id) for one in found.boundary} <= {
        (int(atlas.image_ids[spot[i]]), int(atlas.image_ids[free[j]])) for i, j in mutual
    }
    assert len(found.boundary) == min(12, len(mutual)) == len(other.boundary)
    # What the page and the command line are handed.
    assert to_json(found)["worst"][0]["partner_label"] == "free"
    # Those behind the errors come first.
    flags = [one.margin >= 0 for one in found.boundary]
    assert flags == sorted(flags)


def test_without_a_model_real_defects_are_pasted_on_good_parts(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 3})
    context = context_of(store, tmp_path / "job")
    planned = plan(PlanConfig(count=40), context)
    (batch,) = planned.batches
    # Good parts cannot be pasted: the whole number goes to the others, and it is said.
    assert batch.count == 40 and "paste_batch cannot make free" in planned.notes[0].text
    assert (batch.operation, batch.label, batch.config["on"]) == ("paste_batch", "spot", "free")
    # On the command line a reader gets tables.
    assert f"| spot | 3 of {planned.troubles[0].images} | free |" in planned.markdown
    assert "| 40 | spot | paste_batch |" in planned.markdown and planned.notes[0].text in planned.markdown
    operation = find_operation(batch.operation)
    operation.load()(operation.read_config(dict(batch.config)), context)
    assert store.samples.count(label="spot") == batch.count


def test_a_generator_draws_at_the_boundary_and_all_over_every_label(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 4})
    record = store.projections.latest()
    assert record is not None
    fit = fit_fingerprint(load_map(context_of(store, tmp_path / "map"), record))
    config = {"labels": ["free", "spot"], "condition": "label+position", "fit": fit}
    store.apply([ModelRecord(kind="ddpm", name="g", path="g", sha256="0" * 64, config=config)])
    result = plan(PlanConfig(count=100, seed=7), context_of(store, tmp_path / "job"))
    assert sum(batch.count for batch in result.batches) == 100
    assert {batch.label for batch in result.batches} == {"free", "spot"}
    boundary = [batch for batch in result.batches if "boundary" in batch.config]
    assert [batch.config["boundary"][:2] for batch in boundary] == [["spot", "free"]]
    # No two batches share a seed: what a stopped loop has made is told by it.
    seeds = [
        seed for batch in result.batches for seed in range(batch.config["seed"], batch.config["seed"] + batch.count)
    ]
    assert sorted(seeds) == list(range(7, 107))
    for batch in result.batches:
        find_operation(batch.operation).read_config(dict(batch.config))


def test_what_is_missing_is_told(store: Store, tmp_path: Path):
    context = context_of(store, tmp_path / "job")
    with pytest.raises(NotReady, match="no map"):
        plan(PlanConfig(), context)
    add_map(store)
    with pytest.raises(NotReady, match="train a generator first"):
        plan(PlanConfig(method="generate"), context)
    with pytest.raises(InvalidConfig, match="count 5"):
        PlanConfig(count=5)
    with pytest.raises(InvalidConfig, match="method 'magic'"):
        PlanConfig(method="magic")  # type: ignore[arg-type]


def test_a_generator_of_another_map_is_asked_for_no_place(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 4})
    config = {"labels": ["spot"], "condition": "label+position", "fit": "another"}
    store.apply([ModelRecord(kind="ddpm", name="g", path="g", sha256="0" * 64, config=config)])
    result = plan(PlanConfig(count=30), context_of(store, tmp_path / "job"))
    assert [(batch.label, "boundary" in batch.config) for batch in result.batches] == [("spot", False)]
    assert [one.text for one in result.notes] == [
        "generate cannot make free: a classifier may learn 'generated' for the labels that have samples."
    ]


def test_re_drawing_takes_the_workspaces_model_and_re_draws_good_parts_as_well(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 4})
    store.apply([ModelRecord(kind="redraw", name="r", path="r", sha256="1" * 64, config={"labels": ["free", "spot"]})])
    batches = {one.label: one for one in plan(PlanConfig(count=60), context_of(store, tmp_path / "job")).batches}
    assert {one.operation for one in batches.values()} == {"redraw_batch"}
    assert {one.config["model"] for one in batches.values()} == {"workspace"}
    assert batches["free"].config["mask_label"] == "spot" and "mask_label" not in batches["spot"].config
    for batch in batches.values():
        find_operation(batch.operation).read_config(dict(batch.config))


def test_a_plan_is_made_in_one_job_and_a_stopped_one_keeps_its_plan(store: Store, tmp_path: Path):
    add_map(store)
    margins(store, {"spot": 3})
    context = context_of(store, tmp_path / "job")
    config = PlanConfig(count=12, seed=5)

    class Stopped(Progress):
        def __call__(self, step: int, *_: object) -> None:
            if step >= 500:
                raise Cancelled

    with pytest.raises(Cancelled):
        make_plan(config, replace(context, progress=Stopped()))
    assert 0 < store.samples.count() < 12
    # What was made may change the plan, so that another one would be made twice: the kept one is gone on with.
    margins(store, {"free": 3})
    result = make_plan(replace(config, count=90), context)
    assert result.samples == 12 == store.samples.count() and "| spot | paste_batch |" in result.markdown
    assert sorted(row.seed for row in store.samples.rows()) == list(range(5, 17))


def test_masks_with_nothing_in_them_make_no_defects(store: Store, tmp_path: Path):
    empty = store.files.put(encode_png(np.zeros((32, 32, 1), np.uint8)))
    free = store.images.list(split="train", label="free")
    pictures = [store.files.put(encode_png(np.full((32, 32, 1), n, np.uint8))) for n in range(len(free))]
    fields = {"id": None, "label": "clear", "mask_sha256": empty}
    store.apply(
        [
            replace(one, **fields, sha256=picture, name=f"clear {n}", group=f"clear {n}")
            for n, (one, picture) in enumerate(zip(free, pictures, strict=True))
        ]
    )
    add_map(store)
    margins(store, {"free": 2})
    (batch,) = plan(PlanConfig(count=30), context_of(store, tmp_path / "job")).batches
    assert batch.label == "spot" and batch.config["on"] == "clear"
