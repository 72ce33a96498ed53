"""The engine of one machine: jobs wait in line, each runs in its own process, and only this one writes the database.

Works without any user interface: the page may close and come back, and reads how far things are from here or from the
database.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augment.errors import NotReady, Refused
from augment.jobs.folder import JobFolder
from augment.jobs.ledger import Ledger
from augment.jobs.run import Outcome, Plan, Run, settle
from augment.jobs.slots import Slots, Ticket
from augment.jobs.speed import Speed
from augment.jobs.strip import RESUMABLE, Strip, make_strip
from augment.jobs.warm import WarmWorker
from augment.operations import OPERATIONS, Config, Registry, find_operation, to_json
from augment.store import JobRecord, Store

_STRIP_JOBS = 50
_SERVER_ENDED = "Kizu ended while this ran. Resume continues from its last checkpoint."
_NEVER_BEGAN = "Kizu ended before this began. Resume puts it back in line."
logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Entry:
    """A job between `submit` and its end, in this process."""

    run: Run
    speed: Speed = field(default_factory=Speed)
    ticket: Ticket | None = None
    thread: threading.Thread | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class LocalEngine:
    """Runs long operations as jobs. Every method may be called from any thread and returns at once, but `close`."""

    def __init__(
        self,
        store: Store,
        worker: WarmWorker | None = None,
        *,
        slots: Slots | None = None,
        operations: Registry = OPERATIONS,
        grace_seconds: float = 20.0,
        waiting_limit: int = 20,
    ) -> None:
        """Take over a workspace that this process owns: what a former server left running is marked as interrupted.

        worker: answers `call`; may be shared. slots: shared by the engines of one machine; by default one job at a
        time.
        grace_seconds: what a job gets to checkpoint when told to stop. waiting_limit: jobs that may wait in this
        engine.
        """
        self._store = store
        self._worker = worker
        self._slots = slots or Slots()
        self._operations = operations
        self._grace_seconds = grace_seconds
        self._waiting_limit = waiting_limit
        self._ledger = Ledger(store)
        self._entries: dict[int, _Entry] = {}
        self._lock = threading.RLock()
        self._closing = False
        self._take_over()

    # Doing ------------------------------------------------------------------------------------------------------------

    def submit(self, operation: str, config: Config, secrets: Mapping[str, str] | None = None) -> int:
        """Put a job in line and return its id.

        config: the operation's config dataclass, or its JSON. secrets: for this run alone, never stored.
        Raises NotFound for an unknown operation, InvalidConfig for a wrong field, Refused when the line is full.
        """
        found = find_operation(operation, self._operations)
        checked = to_json(found.read_config(config))
        with self._lock:
            self._refuse_when_full()
            record = self._ledger.add(JobRecord(operation=operation, config=checked, title=found.title))
            return self._enqueue(record, secrets or {})

    def cancel(self, job_id: int) -> None:
        """Stop a job: one that waits leaves the line, one that runs checkpoints and stops, one that ended stays.

        Raises NotFound.
        """
        with self._lock:
            record = self._ledger.get(job_id)
            entry = self._entries.get(job_id)
            if entry is not None:
                if not self._withdraw(job_id, entry, "cancelled", None):
                    entry.run.stop()
            elif record.state == "interrupted":
                self._ledger.update(job_id, state="cancelled")

    def resume(self, job_id: int, secrets: Mapping[str, str] | None = None) -> int:
        """Put an interrupted, cancelled or failed job back in line, with its id, config and folder; returns the id.

        Raises NotFound; Refused when it is done, waits or runs, or when the line is full; NotReady while its former
        process is still ending.
        """
        with self._lock:
            record = self._ledger.get(job_id)
            if record.state not in RESUMABLE:
                raise Refused(f"job {job_id} is {record.state}: only {', '.join(RESUMABLE)} jobs can be resumed")
            if job_id in self._entries:
                raise NotReady(f"job {job_id} is just ending: resume it in a moment")
            self._refuse_when_full()
            find_operation(record.operation, self._operations)
            self._ledger.update(job_id, state="queued", error=None, result=None)
            return self._enqueue(record, secrets or {})

    def call(
        self,
        operation: str,
        config: Config,
        *,
        secrets: Mapping[str, str] | None = None,
        timeout_seconds: float = 120.0,
    ) -> dict[str, Any]:
        """Run a short operation in the warm worker and wait for its result. Raises NotReady without a worker."""
        if self._worker is None:
            raise NotReady("this engine has no warm worker: submit the operation as a job")
        root = self._store.workspace.root
        return self._worker.call(root, operation, config, self._store.apply, timeout_seconds, secrets=secrets)

    def dismiss(self, job_id: int) -> None:
        """Take a failed or interrupted job off the strip; it stays in the list of jobs. Raises NotFound."""
        self._ledger.get(job_id)
        with self._lock:
            self._store.settings.set("dismissed_jobs", sorted({*self._dismissed(), job_id}))

    def close(self, grace_seconds: float | None = None) -> None:
        """Tell every job to checkpoint and stop, wait, and mark them as interrupted. Nothing starts afterwards."""
        with self._lock:
            self._closing = True
            entries = [*self._entries.items()]
        for job_id, entry in entries:
            if not self._withdraw(job_id, entry, "interrupted", _NEVER_BEGAN):
                entry.run.stop()
        patience = (self._grace_seconds if grace_seconds is None else grace_seconds) + 2.0
        for _, entry in entries:
            entry.ended.wait(patience)
        self._ledger.flush()

    # Reading ----------------------------------------------------------------------------------------------------------

    def status(self, job_id: int) -> JobRecord:
        """A job as it is now. Raises NotFound."""
        return self._ledger.get(job_id)

    def active(self) -> list[JobRecord]:
        """What runs and what waits, first come first."""
        return sorted(
            self._ledger.list(("running", "queued")), key=lambda record: (record.state != "running", record.id)
        )

    def metrics(self, job_id: int, since: int = 0) -> list[dict[str, Any]]:
        """Points of the curves from line `since` on: {"step", "total", "seconds", and each metric by name}."""
        return self._folder(job_id).metrics(since)

    def previews(self, job_id: int) -> list[str]:
        """Names of the previews, the latest last."""
        return self._folder(job_id).previews()

    def preview(self, job_id: int, name: str) -> bytes:
        """The PNG bytes of a preview. Raises NotFound."""
        return self._folder(job_id).preview(name)

    def log(self, job_id: int) -> str:
        """The end of the job's log."""
        return self._folder(job_id).log()

    def eta_seconds(self, job_id: int) -> float | None:
        """Seconds until a running job ends, from its measured speed; None while that is not known."""
        entry = self._entries.get(job_id)
        return entry.speed.eta_seconds() if entry else None

    def process_id(self, job_id: int) -> int | None:
        """The number of a running job's process, for those who look with the system's tools."""
        entry = self._entries.get(job_id)
        return entry.run.pid if entry else None

    def strip(self) -> Strip:
        """What the job strip shows."""
        changes = self._ledger.changes
        records = self._ledger.list(limit=_STRIP_JOBS)
        return make_strip(records, changes, self.eta_seconds, frozenset(self._dismissed()))

    @property
    def changes(self) -> int:
        """Grows with every change of any job, progress included."""
        return self._ledger.changes

    def wait(self, since: int, timeout_seconds: float) -> int:
        """Wait until `changes` is more than `since`, at most so long; returns `changes`."""
        return self._ledger.wait(since, timeout_seconds)

    def wait_for(self, job_id: int, timeout_seconds: float | None = None) -> JobRecord:
        """Wait for a job of this process to end, at most so long; returns it as it then is."""
        entry = self._entries.get(job_id)
        if entry is not None:
            entry.ended.wait(timeout_seconds)
        return self.status(job_id)

    # Inside -----------------------------------------------------------------------------------------------------------

    def _take_over(self) -> None:
        for job_id in self._store.jobs.interrupt_running():
            self._ledger.update(job_id, error=_SERVER_ENDED)
        for record in self._ledger.list({"queued"}):
            self._ledger.update(record.id or 0, state="interrupted", error=_NEVER_BEGAN)

    def _folder(self, job_id: int) -> JobFolder:
        return JobFolder(self._store.workspace, job_id)

    def _dismissed(self) -> list[int]:
        kept = self._store.settings.get("dismissed_jobs")
        return [int(item) for item in kept if isinstance(item, int)] if isinstance(kept, list) else []

    def _refuse_when_full(self) -> None:
        if self._closing:
            raise Refused("Kizu is closing: start it again, then submit the job")
        tickets = [entry.ticket for entry in self._entries.values() if entry.ticket is not None]
        waiting = sum(self._slots.ahead_of(ticket) is not None for ticket in tickets)
        if waiting >= self._waiting_limit:
            raise Refused(f"{waiting} jobs are waiting already: wait until one has ended, or cancel one")

    def _enqueue(self, record: JobRecord, secrets: Mapping[str, str]) -> int:
        job_id = record.id or 0
        self._folder(job_id).forget_stop()
        speed = Speed()

        def report(step: int, total: int, metrics: dict[str, float]) -> None:
            speed.note(step, total)
            self._ledger.update(job_id, step=step, total=total, **({"metrics": metrics} if metrics else {}))

        plan = Plan(
            record=record,
            operation=find_operation(record.operation, self._operations),
            store=self._store,
            report=report,
            secrets=dict(secrets),
            grace_seconds=self._grace_seconds,
        )
        entry = self._entries[job_id] = _Entry(Run(plan), speed)

        def start() -> None:
            entry.thread = threading.Thread(target=self._work, args=(job_id, entry), name=f"job-{job_id}", daemon=True)
            entry.thread.start()

        entry.ticket = self._slots.enter(start)
        return job_id

    def _withdraw(self, job_id: int, entry: _Entry, state: str, error: str | None) -> bool:
        """Take a waiting job out of the line; False when it runs already."""
        if entry.ticket is None or not self._slots.withdraw(entry.ticket):
            return False
        with self._lock:
            self._ledger.update(job_id, state=state, error=error)
            self._entries.pop(job_id, None)
        entry.ended.set()
        return True

    def _work(self, job_id: int, entry: _Entry) -> None:
        try:
            self._ledger.update(job_id, state="running", error=None)
            outcome = entry.run.go()
            if outcome.state == "done":
                settle(find_operation(entry.run.operation, self._operations), self._store)
        except Exception:
            logger.exception("job %d could not be run", job_id)
            outcome = Outcome(state="failed", error="The job could not be run: the server's log says why")
        if self._closing and outcome.state == "cancelled":
            outcome = Outcome(state="interrupted", error=_SERVER_ENDED)
        with self._lock:
            self._ledger.update(job_id, state=outcome.state, error=outcome.error, result=outcome.result)
            self._entries.pop(job_id, None)
        entry.ended.set()
        self._slots.release()
