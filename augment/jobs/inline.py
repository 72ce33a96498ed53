"""Running an operation in this process, for the command line: contract, folder and job row as with the engine."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from augment.errors import Cancelled, JobFailed, KizuError, Refused
from augment.jobs.folder import JobFolder
from augment.jobs.ledger import Ledger
from augment.jobs.messages import encode_error
from augment.jobs.progress import JobProgress
from augment.jobs.run import settle
from augment.jobs.strip import RESUMABLE
from augment.operations import OPERATIONS, Config, Registry, find_operation, to_json
from augment.operations.context import Context, Progress
from augment.store import JobRecord, Store

_FORMER_PROCESS_SECONDS = 25.0
_INTERRUPTED = "It was ended before it could checkpoint. Resume continues from its last checkpoint."

Result = Any
"""The result dataclass of some operation, or None."""


def run_inline(
    store: Store,
    operation: str,
    config: Config = None,
    progress: Progress | None = None,
    secrets: Mapping[str, str] | None = None,
    *,
    job_id: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
    on_begin: Callable[[int], None] = lambda job_id: None,
    operations: Registry = OPERATIONS,
) -> Result:
    """Run an operation to its end and return what it returned.

    store: opened for writing, by the owner of the workspace. config: the operation's dataclass or its JSON.
    progress: called at most about twice a second and at the end. job_id: resumes that job, with its own config and
    folder.
    stopped: asked at every step; True makes the operation checkpoint and stop. on_begin: told the job's id.
    Raises what the operation raises as a KizuError, JobFailed for anything unexpected (the job's log has the
    traceback), Cancelled when it was told to stop; the job's row says so each time.
    """
    found = find_operation(operation, operations)
    ledger = Ledger(store)
    if job_id is None:
        checked = found.read_config({} if config is None else config)
        record = ledger.add(JobRecord(operation=operation, config=to_json(checked), title=found.title))
    else:
        record = ledger.get(job_id)
        if record.state not in RESUMABLE:
            raise Refused(f"job {job_id} is {record.state}: only {', '.join(RESUMABLE)} jobs can be resumed")
        checked = found.read_config(record.config)
    number = record.id or 0
    folder = JobFolder(store.workspace, number).make()
    folder.forget_stop()
    ledger.update(number, state="running", error=None, result=None)

    def report(step: int, total: int, metrics: dict[str, float]) -> None:
        ledger.update(number, step=step, total=total, metrics=metrics)
        if progress is not None:
            progress(step, total, metrics)

    noted = JobProgress(folder, report, stopped)
    with _told(ledger, number), _logged(folder), folder.hold(_FORMER_PROCESS_SECONDS, stopped):
        on_begin(number)
        context = Context(
            store=store,
            commit=store.apply,
            job_folder=folder.path,
            progress=noted,
            job_id=number,
            secrets=secrets or {},
        )
        result = found.load()(checked, context)
        settle(found, store)
        ledger.update(number, state="done", step=noted.step, total=noted.total, result=to_json(result) or {})
    return result


@contextmanager
def _told(ledger: Ledger, job_id: int) -> Iterator[None]:
    """Write in the job's row how it ended."""
    try:
        yield
    except Cancelled:
        ledger.update(job_id, state="cancelled")
        raise
    except KizuError as error:
        ledger.update(job_id, state="failed", error=str(error))
        raise
    except Exception as error:
        text = encode_error(error)["text"]
        ledger.update(job_id, state="failed", error=text)
        raise JobFailed(f"{text} (the log of job {job_id} says more)") from error
    except BaseException:
        ledger.update(job_id, state="interrupted", error=_INTERRUPTED)
        raise


@contextmanager
def _logged(folder: JobFolder) -> Iterator[None]:
    """Send this process's log, and the traceback of a failure, to the job's log file."""
    handler = logging.FileHandler(folder.log_file, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    except Cancelled:
        raise
    except Exception:
        logging.getLogger(__name__).exception("the operation failed in process %d", os.getpid())
        raise
    finally:
        root.removeHandler(handler)
        handler.close()
