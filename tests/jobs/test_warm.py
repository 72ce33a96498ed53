"""The warm worker: one process, requests in order, caches kept, crashes survived."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from augment.errors import Cancelled, InvalidConfig, JobFailed, NotReady, Refused, WorkspaceError
from augment.jobs import LocalEngine, WarmWorker
from augment.jobs.serve import OpenStores, RecentCache
from augment.operations.context import Progress
from augment.store import Change, Store, Workspace
from tests.jobs.operations import TEST_OPERATIONS, CountConfig


@pytest.fixture
def root(store: Store) -> Path:
    return store.workspace.root


def test_requests_share_a_process_and_its_cache(worker: WarmWorker, store: Store, root: Path) -> None:
    first = worker.call(root, "count", CountConfig(), store.apply)
    second = worker.call(root, "count", {"steps": 3}, store.apply, secrets={"hf_token": "ab"})
    assert first["pid"] == second["pid"] == worker.pid
    assert second["used_cache"] == first["used_cache"] + 1
    assert second["secret_length"] == 2
    assert second["began_at"] == 0, "each request has a folder of its own, removed afterwards"
    assert list(store.workspace.cache_dir.glob("call-*")) == []


def test_the_caller_stores_what_is_committed_whichever_workspace_it_is(
    worker: WarmWorker, store: Store, root: Path, tmp_path: Path
) -> None:
    threads = []

    def commit(changes: Sequence[Change]) -> list[int]:
        threads.append(threading.current_thread())
        return store.apply(changes)

    assert worker.call(root, "store", {"images": 3}, commit)["seen"] == 3
    assert set(threads) == {threading.current_thread()}
    with Store(Workspace(tmp_path / "other").create()) as other:
        assert worker.call(other.workspace.root, "store", {"images": 1}, other.apply) == {"ids": [1], "seen": 1}


def test_a_refused_commit_reaches_the_operation_and_the_caller(worker: WarmWorker, root: Path) -> None:
    def full(changes: Sequence[Change]) -> list[int]:
        raise WorkspaceError("the disk is full: free some space")

    with pytest.raises(WorkspaceError, match="disk is full"):
        worker.call(root, "store", {}, full)


def test_errors_keep_their_kind_and_the_worker_stays(worker: WarmWorker, store: Store, root: Path) -> None:
    worker.start()
    pid = worker.pid
    with pytest.raises(NotReady, match="map is not built"):
        worker.call(root, "count", CountConfig(ends="error"), store.apply)
    with pytest.raises(JobFailed, match="unexpected ValueError: wheels came off"):
        worker.call(root, "count", CountConfig(ends="unexpected"), store.apply)
    with pytest.raises(InvalidConfig, match="steps"):
        worker.call(root, "count", {"steps": -1}, store.apply)
    with pytest.raises(WorkspaceError, match="no workspace"):
        worker.call(root / "nowhere", "count", CountConfig(), store.apply)
    assert worker.pid == pid


@pytest.mark.parametrize(("ends", "words"), [("kill", "killed"), ("exit", "exit code 7"), ("memory", "Memory ran out")])
def test_a_crash_takes_one_request_and_the_next_finds_a_new_worker(
    worker: WarmWorker, store: Store, root: Path, ends: str, words: str
) -> None:
    worker.start()
    pid = worker.pid
    with pytest.raises(JobFailed, match=words):
        worker.call(root, "count", CountConfig(ends=ends), store.apply)
    result = worker.call(root, "count", CountConfig(), store.apply)
    assert result["pid"] != pid
    assert result["used_cache"] == 1


def test_a_worker_killed_while_idle_is_not_noticed_by_the_next_request(
    worker: WarmWorker, store: Store, root: Path
) -> None:
    worker.start()
    pid = worker.pid
    os.kill(pid or 0, signal.SIGKILL)
    assert worker.call(root, "count", CountConfig(), store.apply)["pid"] != pid


def test_a_request_that_takes_too_long_is_ended(worker: WarmWorker, store: Store, root: Path) -> None:
    assert worker.wait_until_warm(20.0)
    with pytest.raises(JobFailed, match="longer than 1 s"):
        worker.call(root, "count", CountConfig(ends="hang"), store.apply, timeout_seconds=0.6)
    assert worker.call(root, "count", CountConfig(steps=1), store.apply)["reached"] == 1


def test_a_stopped_request_keeps_what_it_committed_and_the_worker_its_models(
    worker: WarmWorker, store: Store, root: Path
) -> None:
    worker.start()
    pid = worker.pid
    stop = threading.Event()

    class Until(Progress):
        def __call__(self, step: int, total: int, *_: object) -> None:
            if step >= 2:
                stop.set()

    config = {"images": 400, "batch": 1, "pause_seconds": 0.2}
    with pytest.raises(Cancelled):
        worker.call(root, "store", config, store.apply, progress=Until(), stop=stop)
    assert 2 <= store.images.count() < 100
    stop.set()  # too late for a request that has ended
    assert worker.call(root, "count", CountConfig(), store.apply)["pid"] == pid


def test_a_request_that_waits_can_be_stopped(worker: WarmWorker, store: Store, root: Path) -> None:
    stop = threading.Event()
    slow = threading.Thread(
        target=worker.call, args=(root, "count", CountConfig(steps=30, pause_seconds=0.1), store.apply)
    )
    slow.start()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Cancelled):
        worker.call(root, "count", CountConfig(steps=500, pause_seconds=0.1), store.apply, stop=stop)
    slow.join(60)
    assert not slow.is_alive()


def test_requests_are_answered_in_order_and_too_many_are_refused(store: Store, root: Path) -> None:
    worker = WarmWorker(preload=(), operations=TEST_OPERATIONS, waiting_limit=2)
    order: list[int] = []

    def ask(number: int, steps: int) -> None:
        worker.call(root, "count", CountConfig(steps=steps, pause_seconds=0.05), store.apply)
        order.append(number)

    threads = []
    try:
        for number, steps in enumerate((20, 1, 1)):
            threads.append(threading.Thread(target=ask, args=(number, steps)))
            threads[-1].start()
            end = time.monotonic() + 10
            while worker._turns.waiting < number and time.monotonic() < end:
                time.sleep(0.005)
        with pytest.raises(Refused, match="2 requests are waiting"):
            worker.call(root, "count", CountConfig(), store.apply)
        for thread in threads:
            thread.join(20)
    finally:
        worker.close()
    assert order == [0, 1, 2]
    with pytest.raises(JobFailed, match="closing"):
        worker.call(root, "count", CountConfig(), store.apply)


def test_the_engine_answers_a_click_through_the_worker(worker: WarmWorker, store: Store) -> None:
    engine = LocalEngine(store, worker, operations=TEST_OPERATIONS)
    assert engine.call("count", CountConfig(steps=2))["reached"] == 2
    engine.close()


def test_a_cache_keeps_what_was_used_last() -> None:
    cache = RecentCache(2)
    cache["a"], cache["b"] = 1, 2
    assert cache.get("a") == 1
    cache["c"] = 3
    assert list(cache) == ["a", "c"]
    assert cache.get("b", 0) == 0
    assert cache.setdefault("a", 9) == 1 and cache.setdefault("d", 4) == 4
    assert len(cache) == 2


@pytest.fixture
def stores() -> Iterator[OpenStores]:
    opened = OpenStores()
    yield opened
    for store in opened._stores.values():
        store.close()


def test_a_workspace_made_anew_under_the_same_path_is_read_anew(stores: OpenStores, tmp_path: Path) -> None:
    Store(Workspace(tmp_path / "a").create()).close()
    first = stores.get(str(tmp_path / "a"))
    assert stores.get(str(tmp_path / "a")) is first
    (tmp_path / "a").rename(tmp_path / "b")
    Store(Workspace(tmp_path / "a").create()).close()
    assert stores.get(str(tmp_path / "a")) is not first
