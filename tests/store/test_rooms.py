"""What goes into each room comes out as it went in, in a stable order."""

import math
from dataclasses import replace

import pytest

from augment.errors import InvalidInput, NotFound, WorkspaceError
from augment.store import GateRecord, JobRecord, ModelRecord, ProjectionRecord, Store
from tests.examples import image_record, sample_record


def test_an_image_comes_back_as_it_went_in(store):
    record = image_record(1, name="häßlich/傷 <b>.jpg", label="<script>", mask_sha256="b" * 64)
    [image_id] = store.apply([record])
    found = store.images.get(image_id)
    assert replace(found, id=None, imported_at="") == record
    assert found.imported_at.endswith("+00:00")
    assert store.images.by_sha256(record.sha256) == found
    assert store.images.by_sha256("0" * 64) is None


def test_the_same_bytes_again_keep_the_first_record(store):
    first, again, other = store.apply([image_record(1), image_record(1, label="break", group="x"), image_record(2)])
    assert first == again != other
    assert store.images.get(first).label == "crack"
    # The part named by the record that was not added must not appear as a group without images.
    assert store.images.groups() == ["part 1", "part 2"]


def test_a_split_never_cuts_through_a_group(store):
    store.apply([image_record(1, group="tile 7", split="test")])
    store.apply([image_record(2, group="tile 7", split="train"), image_record(3, group="tile 8", split="validation")])
    assert [image.split for image in store.images.list()] == ["test", "test", "validation"]
    assert store.images.group_splits() == {"tile 7": "test", "tile 8": "validation"}
    with pytest.raises(InvalidInput, match="has no group"):
        store.apply([image_record(4, group="")])


def test_images_by_label_and_split(store):
    labels = ["free", "crack", "Ünder", "break"]
    splits = ["test", "train", "validation"]
    store.apply([image_record(n, label=labels[n % 4], split=splits[n % 3]) for n in range(24)])
    assert store.images.labels() == ["break", "crack", "free", "Ünder"]
    assert [*store.images.counts()][:3] == [("break", "train"), ("break", "validation"), ("break", "test")]
    assert set(store.images.counts().values()) == {2}
    assert [image.id for image in store.images.list(split="train", label="break")] == [8, 20]
    assert store.images.ids(split="train", label="break") == [8, 20]
    assert [image.id for image in store.images.list(limit=3, offset=20)] == [21, 22, 23]
    assert store.images.count() == 24 and store.images.count(split="test") == 8
    assert [image.id for image in store.images.get_many([5, 99, 2])] == [5, 2]


def test_more_ids_than_a_statement_takes_parameters(store):
    store.apply([image_record(1)])
    assert [image.id for image in store.images.get_many(range(40_000))] == [1]


def test_a_sample_comes_back_as_it_went_in(store):
    store.apply([image_record(0)])
    record = sample_record(1, nearest_image_id=1, landing_error=1 / 3, strength_sigma=0.7, group="a", split="test")
    record = replace(record, probability={"crack": 0.625, "free": 0.375, "傷": 0.0})
    [sample_id] = store.apply([record])
    assert replace(store.samples.get(sample_id), id=None, created_at="") == record
    bare = sample_record(2, position=None, requested=None, xy=None, requested_xy=None, parents=(), recipe={})
    [bare_id] = store.apply([bare])
    assert replace(store.samples.get(bare_id), id=None, created_at="") == bare


def test_the_same_sample_again_keeps_its_id_and_status(store):
    [first] = store.apply([sample_record(1)])
    again, other_seed, other_recipe = store.apply(
        [sample_record(1), sample_record(1, seed=9), sample_record(1, recipe={"method": "ddpm"})]
    )
    assert first == again
    assert len({first, other_seed, other_recipe}) == 3
    for told, kept in (({"crack": 1.0}, {"crack": 1.0}), ({"crack": 0.5}, {"crack": 1.0}), (None, {"crack": 1.0})):
        assert store.apply([sample_record(1, probability=told)]) == [first]
        assert store.samples.get(first).probability == kept


def test_rows_are_filtered_and_ordered(store):
    job = store.jobs.add(JobRecord(operation="generate", config={}))
    store.apply(
        [
            sample_record(1, landing_error=0.5, nearest_real_distance=3.0),
            sample_record(2, landing_error=None, nearest_real_distance=1.0, label="break"),
            sample_record(3, landing_error=0.1, nearest_real_distance=2.0, method="redraw", job_id=job.id),
            sample_record(4, landing_error=0.5, status="accepted"),
        ]
    )

    def ids(**asked):
        rows = store.samples.rows(**asked)
        assert store.samples.count(**{key: asked[key] for key in asked.keys() & filters}) == len(rows)
        return [row.id for row in rows]

    filters = {"status", "label", "method", "job_id"}
    assert ids() == [1, 2, 3, 4]
    assert ids(descending=True) == [4, 3, 2, 1]
    assert ids(order_by="landing_error") == [3, 1, 4, 2]
    assert ids(order_by="landing_error", descending=True) == [1, 4, 3, 2]
    assert ids(order_by="nearest_real_distance") == [2, 3, 1, 4]
    assert ids(status="accepted") == [4]
    assert ids(label="break") == [2]
    assert ids(method="redraw", job_id=job.id) == [3]
    assert [row.id for row in store.samples.rows(limit=2, offset=1)] == [2, 3]
    assert store.samples.labels() == ["break", "crack"] and store.samples.methods() == ["ddpm", "redraw"]
    assert store.samples.counts() == {"candidate": 3, "accepted": 1, "rejected": 0}
    with pytest.raises(InvalidInput, match="choose one of created, landing_error"):
        store.samples.rows(order_by="id; DROP TABLE samples")


def test_nothing_of_a_failed_step_is_stored(store):
    with pytest.raises(InvalidInput, match="FOREIGN KEY"):
        store.apply([image_record(1), sample_record(1, nearest_image_id=99)])
    with pytest.raises(InvalidInput, match="cannot be stored as JSON"):
        store.apply([image_record(1), sample_record(1, recipe={"sigma": math.nan})])
    with pytest.raises(InvalidInput, match="split IN"):
        store.apply([image_record(1), sample_record(1, split="exam")])
    assert store.images.count() == store.samples.count() == 0
    assert store.images.groups() == []


def test_jobs_remember_how_far_they_are(store):
    job = store.jobs.add(JobRecord(operation="train_ddpm", config={"steps": 3}, title="Train"))
    assert job.id == 1 and job.state == "queued" and job.created_at
    running = store.jobs.update(1, state="running", step=1, total=3, metrics={"loss": math.inf})
    assert running.started_at and not running.finished_at and running.metrics == {"loss": math.inf}
    assert store.jobs.update(1, step=2).started_at == running.started_at
    done = store.jobs.update(1, state="done", result={"model_id": 1}, finished_at="2026-11-21T00:00:00+00:00")
    assert done.result == {"model_id": 1} and done.finished_at == "2026-11-21T00:00:00+00:00"
    assert store.jobs.update(1) == done == store.jobs.get(1)
    with pytest.raises(InvalidInput, match="'operation' cannot be changed"):
        store.jobs.update(1, operation="embed")
    with pytest.raises(InvalidInput, match="state IN"):
        store.jobs.update(1, state="paused")
    with pytest.raises(NotFound, match="job 7"):
        store.jobs.update(7, step=1)


def test_a_new_owner_interrupts_what_was_running(store):
    for state in ("queued", "running", "done", "running"):
        store.jobs.add(JobRecord(operation="import", config={}, state=state))
    assert store.jobs.interrupt_running() == [2, 4]
    assert store.jobs.interrupt_running() == []
    assert [job.id for job in store.jobs.list()] == [4, 3, 2, 1]
    assert [job.id for job in store.jobs.list(states=["interrupted", "queued"], limit=2)] == [4, 2]
    assert store.jobs.counts() == {"queued": 1, "interrupted": 2, "done": 1}
    resumed = store.jobs.update(2, state="queued")
    assert resumed.started_at is None and resumed.finished_at is None


def test_models_and_projections(store):
    encoder = ModelRecord(kind="encoder", name="builtin", path="checkpoints/e", sha256="e" * 64, config={"dim": 64})
    ddpm = ModelRecord(
        kind="ddpm", name="ddpm", path="checkpoints/d", sha256="d" * 64, config={}, metrics={"loss": 0.1}
    )
    assert store.models.latest("ddpm") is None and store.projections.latest() is None
    assert store.apply([encoder, ddpm, ddpm]) == [1, 2, 3]
    assert replace(store.models.get(2), id=None, created_at="") == ddpm
    assert store.models.latest("ddpm").id == 3 and store.models.latest("encoder").id == 1
    assert store.models.by_sha256("d" * 64).id == 3 and store.models.by_sha256("0" * 64) is None
    assert [model.id for model in store.models.list()] == [3, 2, 1]
    assert [model.id for model in store.models.list("encoder")] == [1]
    assert store.apply([ProjectionRecord(encoder_id=1, path="projections/1", config={"seed": 0})] * 2) == [1, 2]
    assert store.projections.latest() == store.projections.get(2) == store.projections.list()[0]


def test_settings(store):
    assert store.settings.get("view") is None and store.settings.get("seed", 7) == 7
    store.settings.set("view", {"kind": "mask", "side_px": 64})
    store.settings.set("view", {"kind": "whole"})
    store.settings.set("name", "傷")
    assert store.settings.all() == {"name": "傷", "view": {"kind": "whole"}}
    with pytest.raises(InvalidInput, match="cannot be None"):
        store.settings.set("view", None)


@pytest.mark.parametrize("room", ["images", "samples", "verdicts", "jobs", "models", "projections"])
def test_what_is_not_there_is_named(store, room):
    with pytest.raises(NotFound, match=f"{room[:-1]} 404 is not in this workspace"):
        getattr(store, room).get(404)


def test_a_reader_cannot_write_but_may_add_files(workspace, store):
    store.apply([image_record(1)])
    with Store(workspace, read_only=True) as reader:
        assert reader.images.count() == 1 and reader.read_only
        with pytest.raises(WorkspaceError, match="open for reading only"):
            reader.apply([image_record(2)])
        store.apply([image_record(2)])
        assert reader.images.count() == 2
        assert store.files.has(reader.files.put(b"sample"))


def test_the_revision_tells_whether_anything_was_written(store):
    before = store.revision
    store.images.list()
    assert store.revision == before
    store.apply([image_record(1)])
    assert store.revision == before + 1
    with pytest.raises(InvalidInput):
        store.apply([image_record(2, group="")])
    assert store.revision == before + 1


def test_check_names_missing_files(store):
    sha256 = store.files.put(b"image")
    store.apply([image_record(1, sha256=sha256)])
    assert store.check() == []
    store.files.path(sha256).unlink()
    [problem] = store.check()
    assert problem == f"file {sha256} of images is missing from {store.files.folder}"


def test_newer_numbers_of_the_gates_take_the_place_of_older_ones(store):
    first, second = store.apply([sample_record(1), sample_record(2)])
    store.apply([GateRecord(sample_id=first, numbers={"copy": 0.4, "noise": -1.5}, basis="a")])
    store.apply([GateRecord(sample_id=first, numbers={"copy": 0.9}, basis="b")])
    [(sample_id, found)] = store.gates.of().items()
    assert (sample_id, found.numbers, found.basis) == (first, {"copy": 0.9}, "b")
    assert store.gates.of([second]) == {}
    with pytest.raises(NotFound, match="sample 99"):
        store.apply([GateRecord(sample_id=99, numbers={}, basis="a")])
    with pytest.raises(InvalidInput, match="finite"):
        store.apply([GateRecord(sample_id=second, numbers={"copy": math.nan}, basis="a")])
