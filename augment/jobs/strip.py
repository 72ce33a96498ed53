"""The job strip as data: what runs, what waits, what went wrong, what ended just now. Knows no user interface."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from augment.store import JobRecord, JobState

RESUMABLE: tuple[JobState, ...] = ("interrupted", "cancelled", "failed")
_WRONG: tuple[JobState, ...] = ("failed", "interrupted")
_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class StripJob:
    """A job as the strip shows it.

    fraction: 0 to 1, None while the total is not known. eta_seconds: None while the speed is not known.
    ahead: how many wait before this one, None when it does not wait.
    """

    id: int
    operation: str
    title: str
    state: JobState
    step: int
    total: int
    fraction: float | None
    eta_seconds: float | None
    ahead: int | None
    metrics: dict[str, float]
    error: str | None
    finished_at: str | None
    can_cancel: bool
    can_resume: bool


@dataclass(frozen=True, kw_only=True)
class Strip:
    """What runs, what waits (first come first), what failed or was interrupted and is not made good, and what is done.

    `changes` grows with every change, to be compared by whoever draws it.
    """

    active: tuple[StripJob, ...]
    waiting: tuple[StripJob, ...]
    failed: tuple[StripJob, ...]
    finished: tuple[StripJob, ...]
    changes: int


def make_strip(
    records: Sequence[JobRecord],
    changes: int,
    eta_seconds: Callable[[int], float | None],
    dismissed: frozenset[int] = frozenset(),
) -> Strip:
    """The strip of `records`, newest first.

    A failed or interrupted job is shown until it is dismissed, or until a later job of the same operation is done.
    """
    waiting = sorted((record for record in records if record.state == "queued"), key=lambda record: record.id or 0)
    ahead = {record.id: index for index, record in enumerate(waiting)}
    made_good: set[str] = set()
    failed = []
    for record in records:
        if record.state == "done":
            made_good.add(record.operation)
        elif record.state in _WRONG and record.operation not in made_good and record.id not in dismissed:
            failed.append(record)

    def shown(chosen: Sequence[JobRecord]) -> tuple[StripJob, ...]:
        return tuple(_strip_job(record, ahead.get(record.id), eta_seconds) for record in chosen)

    return Strip(
        active=shown([record for record in records if record.state == "running"]),
        waiting=shown(waiting),
        failed=shown(failed[:_LISTED]),
        finished=shown([record for record in records if record.state == "done"][:_LISTED]),
        changes=changes,
    )


def _strip_job(record: JobRecord, ahead: int | None, eta_seconds: Callable[[int], float | None]) -> StripJob:
    job_id = record.id or 0
    return StripJob(
        id=job_id,
        operation=record.operation,
        title=record.title or record.operation,
        state=record.state,
        step=record.step,
        total=record.total,
        fraction=min(1.0, max(0.0, record.step / record.total)) if record.total > 0 else None,
        eta_seconds=eta_seconds(job_id) if record.state == "running" else None,
        ahead=ahead,
        metrics=record.metrics,
        error=record.error,
        finished_at=record.finished_at,
        can_cancel=record.state in ("queued", "running"),
        can_resume=record.state in RESUMABLE,
    )
