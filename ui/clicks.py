"""Requests of the warm worker that a page waits for: how far each is, and the wish to stop it.

A page names its request by a key of its own making; only the desk it belongs to knows the key. After the answer only
the ids of what the last one stored are kept, for a page that was loaded anew.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from augment.errors import Cancelled, InvalidInput
from augment.jobs.speed import Speed
from augment.operations.context import Previews, Progress
from augment.store import Change, Store

MAX_KEY_CHARACTERS = 100


class Click(Progress):
    """One request. `stop` is set to end it; `ids` are those of what it has stored so far, in order."""

    def __init__(self, count: int = 0) -> None:
        """Nothing has been reported yet. count: how many samples are asked for."""
        self.count = count
        self._began = time.monotonic()
        self.stop = threading.Event()
        self.ids: list[int] = []
        self._step = self._total = 0
        self._speed = Speed()

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        """Note how far it is."""
        self._step, self._total = step, total
        self._speed.note(step, total)

    def check(self) -> None:
        """Raise Cancelled when it is to end: for what is done in the server itself."""
        if self.stop.is_set():
            raise Cancelled

    def commit_to(self, store: Store, changes: Sequence[Change]) -> list[int]:
        """Store what the request commits and remember the ids."""
        ids = store.apply(changes)
        self.ids += ids
        return ids

    def describe(self) -> dict[str, Any]:
        """How far it is, for the page; `total` is 0 while models are loaded or others are answered first.

        made: how many samples are stored.
        """
        return {
            "step": self._step,
            "total": self._total,
            "made": len(self.ids),
            "eta": self._speed.eta_seconds(),
            "stop": self.stop.is_set(),
        }

    def describe_open(self) -> dict[str, Any]:
        """What a page needs that was loaded anew while this runs: how many were asked for, and how long ago."""
        return {"count": self.count, "seconds": round(time.monotonic() - self._began, 1)}


class Clicks:
    """The requests of one desk that are not answered yet, by key."""

    def __init__(self) -> None:
        """None is there."""
        self._open: dict[str, Click] = {}
        self.last_stored: Sequence[int] = ()
        self._lock = threading.Lock()

    @contextmanager
    def begin(self, key: object, count: int = 0) -> Iterator[Click]:
        """A request for `count` samples for as long as it lasts. key: text, or None for one that nobody asks after.

        Raises InvalidInput for another key, or one in use.
        """
        if key is None:
            yield Click(count)
            return
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS:
            raise InvalidInput(f"click {key!r:.120}: 1 to {MAX_KEY_CHARACTERS} characters are needed")
        with self._lock:
            if key in self._open:
                raise InvalidInput(f"click {key!r} is being answered: another key is needed for each")
            click = self._open[key] = Click(count)
        try:
            yield click
        finally:
            with self._lock:
                del self._open[key]
                self.last_stored = click.ids or self.last_stored

    def newest(self) -> tuple[str, Click] | None:
        """The request that was made last and its key, or None when all are answered."""
        with self._lock:
            return next(reversed(self._open.items()), None)

    def get(self, key: object) -> Click | None:
        """The request, or None when it is answered or was never made."""
        with self._lock:
            return self._open.get(key) if isinstance(key, str) else None
