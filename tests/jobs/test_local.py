"""The engine: states, commits, stop and resume, the line, what is written where."""

import json
import os
import time
from collections.abc import Callable

import pytest

from augment.errors import InvalidConfig, NotFound, NotReady, Refused
from augment.jobs import JobFolder, LocalEngine, Slots
from augment.store import JobRecord, Store
from tests.jobs.operations import CountConfig

PATIENCE_SECONDS = 60.0


def until(condition: Callable[[], object], timeout_seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_job_runs_in_a_process_of_its_own_and_leaves_result_curve_and_preview(engine: LocalEngine) -> None:
    job = engine.submit("count", CountConfig(steps=4), secrets={"hf_token": "abc"})
    record = engine.wait_for(job, PATIENCE_SECONDS)
    assert record.state == "done", engine.log(job)
    assert record.result is not None
    assert record.result["reached"] == 4
    assert record.result["pid"] != os.getpid()
    assert record.result["secret_length"] == 3
    assert (record.step, record.total) == (4, 4)
    assert record.started_at and record.finished_at
    assert record.title == "Count"
    points = engine.metrics(job)
    assert points[-1]["step"] == 4 and points[-1]["loss"] == 0.25
    assert engine.metrics(job, since=len(points)) == []
    assert engine.previews(job) == ["at_1.png"]
    assert engine.preview(job, "at_1.png").startswith(b"\x89PNG")
    assert "abc" not in engine.log(job) and "abc" not in json.dumps(record.config)


def test_what_an_operation_commits_is_stored_by_the_server_and_seen_by_the_operation(
    engine: LocalEngine, store: Store
) -> None:
    job = engine.submit("store", {"images": 5, "batch": 2})
    record = engine.wait_for(job, PATIENCE_SECONDS)
    assert record.result == {"ids": sorted(store.images.ids()), "seen": 5}, engine.log(job)
    again = engine.wait_for(engine.submit("store", {"images": 5, "batch": 5}), PATIENCE_SECONDS)
    assert again.result == record.result, "the same images keep their ids"


def test_a_wrong_config_or_operation_is_refused_before_anything_is_queued(engine: LocalEngine, store: Store) -> None:
    with pytest.raises(InvalidConfig, match="steps 0"):
        engine.submit("count", {"steps": 0})
    with pytest.raises(InvalidConfig, match="did you mean 'steps'"):
        engine.submit("count", {"step": 1})
    with pytest.raises(NotFound, match="count, store"):
        engine.submit("cuont", {})
    assert store.jobs.list() == []


@pytest.mark.parametrize(
    ("ends", "state", "words"),
    [
        ("error", "failed", "the map is not built yet"),
        ("unexpected", "failed", "unexpected ValueError: wheels came off"),
        ("memory", "failed", "Memory ran out"),
        ("kill", "interrupted", "was killed"),
        ("exit", "interrupted", "exit code 7"),
    ],
)
def test_every_end_has_a_state_and_a_sentence_but_never_a_traceback(
    engine: LocalEngine, ends: str, state: str, words: str
) -> None:
    job = engine.submit("count", {"steps": 1, "ends": ends})
    record = engine.wait_for(job, PATIENCE_SECONDS)
    assert record.state == state
    assert words in (record.error or "")
    assert "Traceback" not in (record.error or "")
    assert state == "interrupted" or "Traceback" in engine.log(job)


def test_stop_checkpoints_and_resume_goes_on_with_the_same_id_and_folder(engine: LocalEngine) -> None:
    job = engine.submit("count", CountConfig(steps=40, pause_seconds=0.05))
    until(lambda: engine.status(job).step >= 1)
    engine.cancel(job)
    record = engine.wait_for(job, PATIENCE_SECONDS)
    assert record.state == "cancelled"
    assert record.error is None
    reached = int((JobFolder(engine._store.workspace, job).path / "checkpoint").read_text())
    assert engine.resume(job) == job
    assert engine.status(job).finished_at is None
    record = engine.wait_for(job, PATIENCE_SECONDS)
    assert record.state == "done"
    assert record.result is not None and record.result["began_at"] == reached >= 1
    with pytest.raises(Refused, match="is done"):
        engine.resume(job)


def test_an_operation_that_does_not_stop_is_ended_after_the_grace(make_engine: Callable[..., LocalEngine]) -> None:
    engine = make_engine(grace_seconds=0.5)
    job = engine.submit("count", CountConfig(steps=100, pause_seconds=0.05, ends="hang"))
    until(lambda: engine.status(job).step >= 1)
    pid = engine.process_id(job)
    assert pid is not None
    engine.cancel(job)
    record = engine.wait_for(job, PATIENCE_SECONDS)
    assert record.state == "interrupted"
    assert "did not stop within" in (record.error or "")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_wish_to_stop_left_in_the_folder_is_heeded(engine: LocalEngine) -> None:
    """The command line has no pipe to a job that a server runs."""
    job = engine.submit("count", CountConfig(steps=200, pause_seconds=0.05))
    until(lambda: engine.status(job).step >= 1)
    JobFolder(engine._store.workspace, job).ask_to_stop()
    assert engine.wait_for(job, PATIENCE_SECONDS).state == "cancelled"
    assert engine.resume(job) == job
    until(lambda: engine.status(job).state == "running")
    engine.cancel(job)


def test_one_runs_at_a_time_in_the_order_of_submission_across_engines(
    make_engine: Callable[..., LocalEngine], store: Store
) -> None:
    slots = Slots(1)
    first, second = make_engine(slots=slots), make_engine(slots=slots)
    jobs = [engine.submit("count", CountConfig(steps=3, pause_seconds=0.05)) for engine in (first, second, first)]
    assert [record.id for record in first.active()] == jobs
    for engine, job in zip((first, second, first), jobs, strict=True):
        assert engine.wait_for(job, PATIENCE_SECONDS).state == "done"
    times = [(record.started_at or "", record.finished_at or "") for record in map(store.jobs.get, jobs)]
    assert times[0][1] <= times[1][0] and times[1][1] <= times[2][0]


def test_a_waiting_job_can_be_cancelled_and_the_line_has_an_end(make_engine: Callable[..., LocalEngine]) -> None:
    engine = make_engine(waiting_limit=2)
    running = engine.submit("count", CountConfig(steps=200, pause_seconds=0.05))
    waiting = [engine.submit("count", CountConfig()) for _ in range(2)]
    with pytest.raises(Refused, match="2 jobs are waiting"):
        engine.submit("count", CountConfig())
    strip = engine.strip()
    assert [job.ahead for job in strip.waiting] == [0, 1]
    engine.cancel(waiting[0])
    assert engine.status(waiting[0]).state == "cancelled"
    engine.cancel(running)
    assert engine.wait_for(waiting[1], PATIENCE_SECONDS).state == "done"
    assert engine.status(running).state == "cancelled"


def test_closing_interrupts_and_a_new_engine_resumes(make_engine: Callable[..., LocalEngine], store: Store) -> None:
    engine = make_engine()
    running = engine.submit("count", CountConfig(steps=40, pause_seconds=0.05))
    waiting = engine.submit("count", CountConfig())
    until(lambda: engine.status(running).step >= 1)
    engine.close()
    assert [store.jobs.get(job).state for job in (running, waiting)] == ["interrupted", "interrupted"]
    assert "Resume" in (store.jobs.get(running).error or "")
    with pytest.raises(Refused, match="closing"):
        engine.submit("count", CountConfig())
    second = make_engine()
    assert [job.id for job in second.strip().failed] == [waiting, running]
    second.resume(running)
    record = second.wait_for(running, PATIENCE_SECONDS)
    assert record.state == "done"
    assert record.result is not None and record.result["began_at"] >= 1


def test_a_new_engine_marks_what_a_dead_server_left(make_engine: Callable[..., LocalEngine], store: Store) -> None:
    left = [
        store.jobs.add(JobRecord(operation="count", config={}, state=state)).id
        for state in ("running", "queued", "done", "failed")
    ]
    make_engine()
    assert [store.jobs.get(job or 0).state for job in left] == ["interrupted", "interrupted", "done", "failed"]


def test_changes_are_counted_and_waited_for(engine: LocalEngine) -> None:
    before = engine.changes
    assert engine.wait(before, 0.05) == before
    job = engine.submit("count", CountConfig(steps=1))
    assert engine.wait(before, 1.0) > before
    engine.wait_for(job, PATIENCE_SECONDS)
    failed = engine.submit("count", CountConfig(steps=1, ends="error"))
    engine.wait_for(failed, PATIENCE_SECONDS)
    assert [shown.id for shown in engine.strip().failed] == [failed]
    engine.dismiss(failed)
    assert engine.strip().failed == ()


def test_without_a_worker_a_click_is_told_what_to_do(engine: LocalEngine) -> None:
    with pytest.raises(NotReady, match="submit"):
        engine.call("count", CountConfig())


def test_progress_in_the_database_is_throttled(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 calls a second must not become 10,000 transactions, each flushed to the disk."""
    job = engine.submit("count", CountConfig(steps=20_000))
    before, began = engine.changes, time.monotonic()
    record = engine.wait_for(job, PATIENCE_SECONDS)
    # At most four a second, and some for the beginning and the end, however long a busy machine takes.
    most = 8 + 4 * (time.monotonic() - began)
    assert record.state == "done" and most < 1000
    assert engine.changes - before <= most
    assert len(engine.metrics(job)) <= most


def test_an_unknown_job_is_told(engine: LocalEngine) -> None:
    for act in (engine.cancel, engine.resume, engine.status, engine.dismiss):
        with pytest.raises(NotFound, match="job 99"):
            act(99)
