"""How long is left, from the speed measured over the last minute. Knows only steps and a clock."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0
_LEAST_SECONDS = 2.0
_SMOOTHING_SECONDS = 5.0


class Speed:
    """Steps a second over a sliding minute, and from it the moment of the end, smoothed so that it does not jump."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that never go back."""
        self._clock = clock
        self._total = 0
        self._seen: deque[tuple[float, int]] = deque()
        self._end: float | None = None

    def note(self, step: int, total: int) -> None:
        """Take in a report. A step that goes back or another total is another phase, measured anew."""
        now = self._clock()
        if total != self._total or (self._seen and step < self._seen[-1][1]):
            self._seen.clear()
            self._end = None
        self._total = total
        before = self._seen[-1][0] if self._seen else now
        self._seen.append((now, step))
        while len(self._seen) > 2 and now - self._seen[1][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        rate = self.steps_per_second
        if rate:
            end = now + (total - step) / rate
            weight = 1.0 if self._end is None else min(1.0, (now - before) / _SMOOTHING_SECONDS)
            self._end = end if self._end is None else self._end + weight * (end - self._end)

    @property
    def steps_per_second(self) -> float | None:
        """None until two seconds were measured."""
        if len(self._seen) < 2:
            return None
        (first_time, first_step), (last_time, last_step) = self._seen[0], self._seen[-1]
        if last_time - first_time < _LEAST_SECONDS or last_step == first_step:
            return None
        return (last_step - first_step) / (last_time - first_time)

    def eta_seconds(self) -> float | None:
        """Seconds until the end, at least 0; None while the speed is not known."""
        return None if self._end is None else max(0.0, self._end - self._clock())
