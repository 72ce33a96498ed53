"""Places at work: so many at a time, first come first served, across every engine that shares them.

Knows nothing of jobs; whoever waits leaves a function to call when its turn comes.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Ticket:
    """A place in the line. `start` is called once, from the thread that freed the place, and must not wait."""

    start: Callable[[], None] = field(repr=False)


class Slots:
    """`count` places. One long job at a time is right for one GPU or a few cores; two would each take twice as long."""

    def __init__(self, count: int = 1) -> None:
        """count: how many may work at once, 1 or more."""
        if count < 1:
            raise ValueError(f"{count} slots: at least 1 is needed")
        self._free = count
        self._waiting: deque[Ticket] = deque()
        self._lock = threading.Lock()

    def enter(self, start: Callable[[], None]) -> Ticket:
        """Join the line; `start` may be called before this returns. Whoever is started must `release` once."""
        ticket = Ticket(start)
        with self._lock:
            self._waiting.append(ticket)
        self._advance()
        return ticket

    def withdraw(self, ticket: Ticket) -> bool:
        """Leave the line; False when the turn has come already."""
        with self._lock:
            if ticket not in self._waiting:
                return False
            self._waiting.remove(ticket)
            return True

    def release(self) -> None:
        """Free a place and call the next in line."""
        with self._lock:
            self._free += 1
        self._advance()

    def ahead_of(self, ticket: Ticket) -> int | None:
        """How many wait before this one; None when it waits no longer."""
        with self._lock:
            return self._waiting.index(ticket) if ticket in self._waiting else None

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._waiting)

    def _advance(self) -> None:
        while True:
            with self._lock:
                if not self._free or not self._waiting:
                    return
                self._free -= 1
                ticket = self._waiting.popleft()
            ticket.start()
