"""The worker process's end of the line to its server: commits that wait for ids, and ears for "stop" and for silence.

Used by a job's process and by the warm worker. Knows neither operations nor the database.
"""

import logging
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from augment.errors import Cancelled
from augment.jobs.messages import Channel, Message, decode_error, encode_changes
from augment.store.records import Change


class ServerLink:
    """Listens in a thread of its own, so that "stop" and the server's end are noticed while the operation computes.

    Attributes: stopped (set when the operation is to stop), requests (messages that are neither answers nor "cancel").
    """

    def __init__(self, channel: Channel, on_lost: Callable[[], None]) -> None:
        """on_lost: called once, from the listening thread, when the server is gone; `stopped` is set before."""
        self._channel = channel
        self._on_lost = on_lost
        self._answers: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._lost = threading.Event()
        self.stopped = threading.Event()
        self.requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="server-link", daemon=True).start()

    def send(self, message: Message) -> None:
        """Send; to a server that is gone, silently nothing."""
        with suppress(OSError):
            self._channel.send(message)

    def send_progress(self, step: int, total: int, metrics: dict[str, float]) -> None:
        """Send how far the operation is, unless the server is too busy to read: the next report says it too."""
        with suppress(OSError):
            self._channel.send_if_free({"kind": "progress", "step": step, "total": total, "metrics": metrics})

    def commit(self, changes: Sequence[Change]) -> list[int]:
        """Have the server store records in one transaction, and wait for their ids.

        Raises what the store raised, and Cancelled when the server is gone: nothing more can be stored.
        """
        if not changes:
            return []
        self.send({"kind": "commit", "changes": encode_changes(changes)})
        answer = None if self._lost.is_set() else self._answers.get()
        if answer is None:
            raise Cancelled
        if answer["kind"] == "refused":
            raise decode_error(answer)
        ids: list[int] = answer["ids"]
        return ids

    def _listen(self) -> None:
        try:
            while True:
                message = self._channel.receive()
                if message["kind"] == "cancel":
                    self.stopped.set()
                elif message["kind"] in ("committed", "refused"):
                    self._answers.put(message)
                else:
                    # A "cancel" that came too late for one request must not stop the next. Cleared here, in the order
                    # of the messages, and not by whoever takes the request, who may be later than its own "cancel".
                    self.stopped.clear()
                    self.requests.put(message)
        except (EOFError, OSError):
            self.stopped.set()
            self._lost.set()
            self._answers.put(None)
            self._on_lost()


def open_channel() -> Channel:
    """The channel whose file number the server gave as the process's only argument; settles the process in its role.

    Logging goes to standard error, which is the log file. If memory runs out, the system shall take this process, not
    the server or whatever else the user has open.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    connection = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    return Channel(connection)
