"""Messages between the server and its worker processes: length-prefixed JSON over a socket pair.

A message is a JSON object with a `kind`. Large things (previews, checkpoints, images) are files and never go through
here.

    server -> worker   start or preload and request, cancel, committed (ids), refused (error)
    worker -> server   progress, commit (changes), done (result), failed (error), cancelled, warm, began

Knows nothing about processes or jobs.
"""

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Any

from augment import errors
from augment.errors import JobFailed, KizuError
from augment.operations.configs import config_from_json, to_json
from augment.store.records import Change, GateRecord, ImageRecord, ModelRecord, ProjectionRecord, SampleRecord

Message = dict[str, Any]

_LENGTH = struct.Struct("!I")
_LARGEST_MESSAGE_BYTES = 256 * 2**20
_CHANGES: dict[str, type[Any]] = {
    record.__name__: record for record in (ImageRecord, SampleRecord, ModelRecord, ProjectionRecord, GateRecord)
}


class Channel:
    """One end of a socket pair. `send` may be called from any thread, `receive` from one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        """connection: a connected stream socket, which the channel owns from now on."""
        self._socket = connection
        self._sending = threading.Lock()
        self._received = bytearray()

    def send(self, message: Message) -> None:
        """Sends one message whole. Raises OSError when the other end is gone."""
        body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
        if len(body) > _LARGEST_MESSAGE_BYTES:
            raise ValueError(f"a message of {len(body):,} bytes is too long: write large results as files")
        with self._sending:
            self._socket.sendall(_LENGTH.pack(len(body)) + body)

    def send_if_free(self, message: Message) -> bool:
        """Sends unless that could wait for the other end to read; says whether it was sent. For progress."""
        if self._sending.locked() or not select.select([], [self._socket], [], 0)[1]:
            return False
        self.send(message)
        return True

    def receive(self, timeout_seconds: float | None = None) -> Message:
        """The next message. Raises TimeoutError when none came in time, EOFError when the other end is gone."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            message = self._take()
            if message is not None:
                return message
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], wait)[0]:
                raise TimeoutError
            try:
                data = self._socket.recv(2**16)
            except ConnectionError:
                data = b""
            if not data:
                raise EOFError
            self._received += data

    def close(self) -> None:
        """Closes this end; the other end's `receive` raises EOFError."""
        self._socket.close()

    def _take(self) -> Message | None:
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        message: Message = json.loads(bytes(self._received[_LENGTH.size : end]))
        del self._received[:end]
        return message


def encode_changes(changes: Sequence[Change]) -> list[Message]:
    """Records as JSON, each with the name of its type."""
    return [{"type": type(change).__name__, "fields": to_json(change)} for change in changes]


def decode_changes(encoded: Sequence[Message]) -> list[Change]:
    """What `encode_changes` was given. Raises InvalidConfig for a field of the wrong type."""
    return [config_from_json(_CHANGES[change["type"]], change["fields"]) for change in encoded]


def encode_error(error: BaseException) -> Message:
    """An error's type and the text a user may read: short, and never a traceback."""
    if isinstance(error, KizuError):
        return {"error": type(error).__name__, "text": str(error)}
    if is_out_of_memory(error):
        text = "Memory ran out. Use a smaller batch, fewer samples or a smaller network, or close other programs."
        return {"error": "JobFailed", "text": text, "out_of_memory": True}
    first_line = (str(error).strip().splitlines() or [""])[0][:200]
    return {"error": "JobFailed", "text": f"It stopped on an unexpected {type(error).__name__}: {first_line}"}


def decode_error(message: Message) -> KizuError:
    """The KizuError to raise on the other side, of the type it was raised with."""
    kind = getattr(errors, message["error"], JobFailed)
    if not (isinstance(kind, type) and issubclass(kind, KizuError)):
        kind = JobFailed
    return kind(message["text"])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's own error, torch's for a GPU, or torch's allocator on the processor."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
