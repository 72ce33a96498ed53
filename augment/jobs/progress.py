"""The progress callback of operations: curves and previews go to files, news to the server, a wish to stop comes back.

An operation may call it thousands of times a second; all but a few calls return at once.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from augment.errors import Cancelled
from augment.jobs.folder import JobFolder
from augment.operations.configs import to_json
from augment.operations.context import Previews, Progress

_REPORT_SECONDS = 0.5
_METRICS_SECONDS = 0.25
_METRICS_POINTS_A_TENFOLD = 4000
logger = logging.getLogger(__name__)

Report = Callable[[int, int, dict[str, float]], None]


class JobProgress(Progress):
    """Throttles: at most 2 reports and 4 curve points a second, the last step always.

    Points get rarer as a run gets longer (about 1,000 in the first quarter of an hour, 14,000 in a night), so that the
    page can draw any run.
    """

    def __init__(
        self,
        folder: JobFolder | None,
        report: Report,
        stopped: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """folder: None keeps no curves (warm worker). report: (step, total, metrics). stopped: asked at every call."""
        self._folder = folder
        self._report = report
        self._stopped = stopped
        self._clock = clock
        self._began = clock()
        self._next_report = self._next_metrics = self._began
        self._metrics: dict[str, float] = {}
        self.step = self.total = 0

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        """Note how far the operation is. Raises Cancelled when it is to stop."""
        self.step, self.total = int(step), int(total)
        if metrics:
            self._metrics.update(metrics)
        now, last = self._clock(), step >= total
        if self._folder is not None:
            self._write(self._folder, now, last, metrics or {}, previews or {})
        due = now >= self._next_report
        if due or last:
            self._next_report = now + _REPORT_SECONDS
            self.flush()
        if self._stopped() or (due and self._folder is not None and self._folder.stop_asked):
            raise Cancelled

    def check(self) -> None:
        """Raise Cancelled when the operation is to stop."""
        if self._stopped() or (self._folder is not None and self._folder.stop_asked):
            raise Cancelled

    def flush(self) -> None:
        """Report the latest step now."""
        shown = {name: value for name, value in to_json(self._metrics).items() if value is not None}
        self._report(self.step, self.total, shown)

    def _write(
        self, folder: JobFolder, now: float, last: bool, metrics: Mapping[str, float], previews: Previews
    ) -> None:
        try:
            for name, png in previews.items():
                folder.write_preview(name, png)
            if metrics and (last or now >= self._next_metrics):
                elapsed = now - self._began
                self._next_metrics = now + max(_METRICS_SECONDS, elapsed / _METRICS_POINTS_A_TENFOLD)
                point: dict[str, Any] = {"step": self.step, "total": self.total, "seconds": round(elapsed, 3)}
                folder.add_metrics(point | to_json(dict(metrics)))
        except OSError as error:
            # Curves and previews are a convenience: a full disk must not end a training that could still be saved.
            logger.warning("curves or previews could not be written: %s", error)
