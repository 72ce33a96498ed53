"""The command line's way: this process, but the same folder, states and resuming."""

import pytest

from augment.errors import Cancelled, JobFailed, NotReady, Refused
from augment.jobs import JobFolder, run_inline
from augment.operations.context import Progress
from augment.store import Store
from tests.jobs.operations import TEST_OPERATIONS, CountConfig, CountResult


def run(store: Store, config: CountConfig | None = None, **options: object) -> CountResult:
    result = run_inline(store, "count", config, operations=TEST_OPERATIONS, **options)  # type: ignore[arg-type]
    assert isinstance(result, CountResult)
    return result


def test_the_result_is_returned_and_the_run_is_recorded(store: Store) -> None:
    seen: list[tuple[int, int]] = []

    class Seen(Progress):
        def __call__(self, step: int, total: int, metrics: object = None, previews: object = None) -> None:
            seen.append((step, total))

    assert run(store, CountConfig(steps=3), progress=Seen()).reached == 3
    job = store.jobs.list()[0]
    assert (job.state, job.step, job.total) == ("done", 3, 3)
    assert job.result is not None and job.result["reached"] == 3
    assert seen[-1] == (3, 3)
    assert JobFolder(store.workspace, job.id or 0).metrics()[-1]["step"] == 3


def test_stopped_then_resumed_it_goes_on_from_the_checkpoint(store: Store) -> None:
    begun: list[int] = []
    with pytest.raises(Cancelled):
        run(store, CountConfig(steps=9), stopped=lambda: True, on_begin=begun.append)
    assert store.jobs.get(begun[0]).state == "cancelled"
    result = run(store, job_id=begun[0])
    assert (result.began_at, result.reached) == (1, 9)
    assert store.jobs.get(begun[0]).state == "done"
    with pytest.raises(Refused, match="is done"):
        run(store, job_id=begun[0])


def test_failures_are_recorded_with_a_sentence_and_logged_with_a_traceback(store: Store) -> None:
    with pytest.raises(NotReady, match="map is not built"):
        run(store, CountConfig(ends="error"))
    with pytest.raises(JobFailed, match="wheels came off"):
        run(store, CountConfig(ends="unexpected"))
    for job in store.jobs.list():
        assert job.state == "failed"
        assert job.error and "Traceback" not in job.error
        assert "Traceback" in JobFolder(store.workspace, job.id or 0).log()


def test_a_second_process_is_kept_out_of_a_folder_at_work(store: Store) -> None:
    folder = JobFolder(store.workspace, 1).make()
    with (
        folder.hold(0.0, lambda: False),
        pytest.raises(JobFailed, match="earlier process"),
        folder.hold(0.2, lambda: False),
    ):
        pass
