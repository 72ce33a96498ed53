"""A job's own folder: log, metrics, previews, the wish to stop, and the lock that keeps a second process out.

    jobs/<id>/log.txt          what the process printed, and every traceback
    jobs/<id>/metrics.jsonl    a line for each point of the curves
    jobs/<id>/previews/*.png   pictures beside the progress
    jobs/<id>/stop             is there while somebody without a pipe to the process (the command line) wants it to stop
    jobs/<id>/process.lock     held by the process at work

Operations keep their checkpoints in the same folder. Knows neither the database nor what the operation does.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from augment.errors import InvalidInput, JobFailed, NotFound
from augment.store import Workspace

_PREVIEW_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_LOG_TAIL_BYTES = 64 * 1024


class JobFolder:
    """The files of one job."""

    def __init__(self, workspace: Workspace, job_id: int) -> None:
        """Name the folder; `make` makes it."""
        self.path = workspace.jobs_dir / str(job_id)

    @property
    def log_file(self) -> Path:
        """What the process printed."""
        return self.path / "log.txt"

    @property
    def metrics_file(self) -> Path:
        """A JSON object a line."""
        return self.path / "metrics.jsonl"

    def make(self) -> "JobFolder":
        """Make the folder where it is missing, and return self."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    # Stopping ---------------------------------------------------------------------------------------------------------

    def ask_to_stop(self) -> None:
        """Ask the process that works here to checkpoint and stop; it looks about twice a second."""
        self.make()
        (self.path / "stop").touch()

    def forget_stop(self) -> None:
        """Take back the wish to stop: the job is begun or resumed on purpose."""
        (self.path / "stop").unlink(missing_ok=True)

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked."""
        return (self.path / "stop").exists()

    @contextmanager
    def hold(self, timeout_seconds: float, stopped: Callable[[], bool]) -> Iterator[None]:
        """Be the only process at work here. The operating system frees the lock when the process ends, however it ends.

        Waits for a former process that has not yet noticed the end of its server. Raises JobFailed when it does not
        end.
        """
        deadline = time.monotonic() + timeout_seconds
        with (self.path / "process.lock").open("a+") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if stopped() or time.monotonic() > deadline:
                        raise JobFailed(
                            "An earlier process of this job is still at work in its folder: resume it in a minute"
                        ) from None
                    time.sleep(0.1)
            yield

    # Reading ----------------------------------------------------------------------------------------------------------

    def log(self) -> str:
        """The end of the log, at most 64 KiB of it; empty before the first line."""
        try:
            with self.log_file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOG_TAIL_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def last_words(self, lines: int = 3) -> str:
        """The last lines of the log that say something, joined, at most 400 characters."""
        said = [line.strip() for line in self.log().splitlines() if line.strip()]
        return " | ".join(said[-lines:])[-400:]

    def metrics(self, since: int = 0) -> list[dict[str, Any]]:
        """Points of the curves from line `since` on: {"step", "total", "seconds", and each metric by name or null}."""
        try:
            lines = self.metrics_file.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        points = []
        for line in lines[max(0, since) :]:
            # A process killed while it wrote leaves part of a line; it counts, so that `since` stays a line number.
            with suppress(ValueError):
                points.append(json.loads(line))
        return points

    def curve(self) -> list[dict[str, Any]]:
        """The points in order of their steps.

        A resumed run begins at its last checkpoint and goes again over steps that the run before it had noted: those
        points are left out.
        """
        points: list[dict[str, Any]] = []
        for point in self.metrics():
            while points and points[-1]["step"] >= point["step"]:
                points.pop()
            points.append(point)
        return points

    def previews(self) -> list[str]:
        """Names of the previews, the latest last."""
        folder = self.path / "previews"
        if not folder.is_dir():
            return []
        found = [
            (entry.stat().st_mtime_ns, entry.name) for entry in folder.iterdir() if not entry.name.endswith(".part")
        ]
        return [name for _, name in sorted(found)]

    def preview(self, name: str) -> bytes:
        """The PNG file of a preview. Raises NotFound."""
        if name not in self.previews():
            raise NotFound(
                f"preview {name!r:.80} is not among those of this job: {', '.join(self.previews()) or 'none'}"
            )
        return (self.path / "previews" / name).read_bytes()

    # Writing, by the process at work ----------------------------------------------------------------------------------

    def write_preview(self, name: str, png: bytes) -> None:
        """Store a preview, whole or not at all. Raises InvalidInput for a name that could leave the folder."""
        file_name = name if name.endswith(".png") else f"{name}.png"
        if not _PREVIEW_NAME.fullmatch(file_name):
            raise InvalidInput(f"preview name {name!r:.80}: letters, digits, '.', '_' and '-' are allowed")
        folder = self.path / "previews"
        folder.mkdir(exist_ok=True)
        part = folder / f"{file_name}.part"
        part.write_bytes(png)
        part.replace(folder / file_name)

    def add_metrics(self, point: dict[str, Any]) -> None:
        """Append a point, in one write, so that a reader sees whole lines; begins a new line after a torn one."""
        line = (json.dumps(point, allow_nan=False) + "\n").encode()
        with self.metrics_file.open("ab+") as file:
            if file.tell() and file.seek(-1, os.SEEK_END) is not None and file.read(1) != b"\n":
                line = b"\n" + line
            file.write(line)
