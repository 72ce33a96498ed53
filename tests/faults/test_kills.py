"""Killed processes: the job's, the server's, the worker's, at any time. Nothing is lost that was acknowledged."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from augment.jobs import JobFolder, LocalEngine
from augment.store import JobState, Store, Workspace
from tests.jobs.operations import TEST_OPERATIONS, CountConfig

PATIENCE_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], object], timeout_seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work").create()


def killed_server(workspace: Workspace, config: dict[str, object], grace_seconds: float) -> tuple[int, int]:
    """Start a server with one job, kill it once the job is at work; returns the job's id and its process's number."""
    command = [sys.executable, "-m", "tests.faults.server", str(workspace.root), "count", json.dumps(config)]
    with subprocess.Popen([*command, str(grace_seconds)], stdout=subprocess.PIPE, cwd=ROOT) as server:
        assert server.stdout is not None
        said = json.loads(server.stdout.readline())
        server.kill()
    return said["job"], said["child"]


def test_a_killed_job_is_interrupted_and_resumes_from_its_checkpoint(workspace: Workspace) -> None:
    with Store(workspace) as store:
        engine = LocalEngine(store, operations=TEST_OPERATIONS)
        job = engine.submit("count", CountConfig(steps=30, pause_seconds=0.05))
        (JobFolder(workspace, job).path).mkdir(parents=True, exist_ok=True)
        (JobFolder(workspace, job).path / "checkpoint").write_text("10")
        until(lambda: engine.status(job).step > 0)
        os.kill(engine.process_id(job) or 0, signal.SIGKILL)
        record = engine.wait_for(job, PATIENCE_SECONDS)
        assert record.state == "interrupted"
        assert "killed" in (record.error or "") and "Last lines of its log" in (record.error or "")
        engine.resume(job)
        record = engine.wait_for(job, PATIENCE_SECONDS)
        assert record.state == "done" and record.result is not None
        assert record.result["began_at"] == 10
        engine.close()


def test_when_the_server_is_killed_the_job_checkpoints_and_ends_by_itself(workspace: Workspace) -> None:
    job, child = killed_server(workspace, {"steps": 400, "pause_seconds": 0.02}, 20.0)
    until(lambda: not psutil.pid_exists(child))
    reached = int((JobFolder(workspace, job).path / "checkpoint").read_text())
    assert reached >= 2
    with workspace.lock(), Store(workspace) as store:
        assert store.jobs.get(job).state == "running", "what a dead server could not say"
        engine = LocalEngine(store, operations=TEST_OPERATIONS)
        record = engine.status(job)
        assert record.state == "interrupted" and "Resume" in (record.error or "")
        engine.resume(job)
        until(lambda: engine.status(job).step > reached)
        engine.cancel(job)
        assert engine.wait_for(job, PATIENCE_SECONDS).state == "cancelled"
        engine.close()


def test_a_resumed_job_waits_for_its_former_process(workspace: Workspace) -> None:
    """The server dies and is back at once, while the old process still writes its checkpoint."""
    job, child = killed_server(workspace, {"steps": 60, "pause_seconds": 0.05, "ends": "hang"}, 1.5)
    with workspace.lock(), Store(workspace) as store:
        engine = LocalEngine(store, operations=TEST_OPERATIONS, grace_seconds=1.5)
        engine.resume(job)
        until(lambda: engine.status(job).state == "running")
        # The old one hangs when told to stop; it ends after its grace, and only then the new one begins.
        until(lambda: engine.status(job).step > 0 and not psutil.pid_exists(child))
        assert engine.process_id(job) not in (None, child)
        engine.close()


@pytest.mark.parametrize("seed", range(4))
def test_stopped_at_any_moment_a_job_ends_in_a_state_it_can_go_on_from(workspace: Workspace, seed: int) -> None:
    chance = random.Random(seed)
    with Store(workspace) as store:
        engine = LocalEngine(store, operations=TEST_OPERATIONS)
        job = engine.submit("count", CountConfig(steps=20, pause_seconds=0.02))
        time.sleep(chance.uniform(0.0, 1.2))
        engine.cancel(job)
        state: JobState = engine.wait_for(job, PATIENCE_SECONDS).state
        assert state in ("cancelled", "done")
        if state == "cancelled":
            engine.resume(job)
            state = engine.wait_for(job, PATIENCE_SECONDS).state
        assert state == "done"
        assert (engine.status(job).result or {})["reached"] == 20
        engine.close()


def test_a_commit_on_a_full_disk_fails_the_job_and_loses_nothing(workspace: Workspace) -> None:
    with Store(workspace) as store:
        engine = LocalEngine(store, operations=TEST_OPERATIONS)
        job = engine.submit("store", {"images": 200, "batch": 20, "pause_seconds": 0.05})
        until(lambda: store.images.count() >= 20)
        # SQLite's own limit answers as a full disk does (SQLITE_FULL).
        limit_pages(store, at_most=True)
        record = engine.wait_for(job, PATIENCE_SECONDS)
        stored = store.images.count()
        assert record.state == "failed", engine.log(job)
        assert "disk is full" in (record.error or "")
        assert stored % 20 == 0, "batches are stored whole or not at all"
        limit_pages(store, at_most=False)
        engine.resume(job)
        record = engine.wait_for(job, PATIENCE_SECONDS)
        assert record.state == "done"
        assert store.images.count() == 200
        engine.close()


def limit_pages(store: Store, *, at_most: bool) -> None:
    with store._database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages if at_most else 2**30}")
