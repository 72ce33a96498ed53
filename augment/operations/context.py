"""What every operation is handed: where to read, where to write files, how to report and how to be stopped.

An operation is a function `run(config, context) -> result`, with `config` and `result` dataclasses of JSON values. It
does not know whether it runs in a job's own process, in the warm worker or inside the command line, and it never writes
the database: it commits records, and whoever holds the workspace's lock stores them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augment.store import Change, Store

Previews = Mapping[str, bytes]
"""Small PNG files by name, to be shown beside the progress."""


class Progress:
    """Called as `progress(step, total, metrics, previews)`; raises `Cancelled` when the operation is to stop.

    `step` counts from 0 to `total`; `metrics` are named floats ("loss": 0.031). The base class reports nowhere: tests
    and nested calls use it.
    """

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        """Take one report."""

    def check(self) -> None:
        """Raise `Cancelled` when the operation is to stop. For work before the first step: it reports nothing, so that
        a resumed job keeps showing how far it was."""


@dataclass
class Context:
    """One operation's surroundings.

    store: reads the workspace; `store.files` may also be written (content-addressed, atomic).
    commit: stores records, in order, in one transaction, and returns their ids; a record already there keeps its id.
    job_folder: the operation's own folder for checkpoints and partial results; still there when it is resumed.
    cache: lives as long as the process; the warm worker keeps loaded models in it, keyed by sha256.
    secrets: tokens for this run alone; never stored, never logged.
    """

    store: Store
    commit: Callable[[Sequence[Change]], list[int]]
    job_folder: Path
    progress: Progress = field(default_factory=Progress)
    job_id: int | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
