"""A public demo's desks: each visitor has an own temporary workspace, copied from a template, swept when left alone.

Content-addressed files are linked, not copied, for they never change; the database and projections are copied. The
warm worker is shared: it keeps only models between calls.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from augment.errors import InvalidConfig, Refused
from ui.state import Desk, Desks
from ui.visitor_cookie import VISITOR_COOKIE, VisitorKey

if TYPE_CHECKING:
    from augment.jobs import WarmWorker

_SHARED_FOLDERS = ("files", "checkpoints")


@dataclass(frozen=True, kw_only=True)
class VisitorConfig:
    """How many visitors a demo holds, and for how long."""

    limit: int = field(default=60, metadata={"help": "visitors at a time; beyond it the longest idle one makes room"})
    idle_seconds: float = field(default=3600.0, metadata={"help": "a workspace untouched for this long is removed"})
    spared_seconds: float = field(default=300.0, metadata={"help": "a workspace used more recently never makes room"})

    def __post_init__(self) -> None:
        """Refuse a demo without room."""
        if self.limit < 1:
            raise InvalidConfig(f"limit {self.limit}: at least 1 visitor is needed")
        if self.idle_seconds <= 0 or self.spared_seconds < 0:
            raise InvalidConfig(f"idle_seconds {self.idle_seconds}: more than 0 is needed")


@dataclass
class _Visit:
    desk: Desk
    seen: float


class VisitorDesks(Desks):
    """Desks by visitor's cookie."""

    demo = True

    def __init__(
        self,
        template: Path,
        folder: Path,
        open_desk: Callable[[Path], Desk],
        worker: "WarmWorker",
        config: VisitorConfig,
    ) -> None:
        """Serve copies of the closed workspace `template`, made in `folder`, opened by `open_desk`, with `worker`."""
        self._template, self._folder, self._open, self._worker = template, folder, open_desk, worker
        self._config = config
        self._key = self.key = VisitorKey()
        self._visits: dict[str, _Visit] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._sweep_often, name="kizu-sweeper", daemon=True).start()

    def of(self, request: object) -> Desk:
        """The visitor's desk, made from the template on the first call.

        Raises Refused for a browser without a cookie of this server, and when the demo is full.
        """
        cookie = (getattr(request, "cookies", None) or {}).get(VISITOR_COOKIE, "")
        name = self._key.folder_name(cookie)
        if name is None:
            raise Refused("this demo keeps your workspace by a cookie: allow cookies for this page and reload it")
        with self._lock:
            visit = self._visits.get(name)
            if visit is None:
                self._make_room()
                visit = self._visits[name] = _Visit(self._open(self._copy(name)), time.monotonic())
            visit.seen = time.monotonic()
            return visit.desk

    def _copy(self, name: str) -> Path:
        root = self._folder / name
        shutil.rmtree(root, ignore_errors=True)
        for part in _SHARED_FOLDERS:
            if (self._template / part).is_dir():
                shutil.copytree(self._template / part, root / part, copy_function=_link)
        shutil.copytree(
            self._template,
            root,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(*_SHARED_FOLDERS, "*.lock", "*.lock.json"),
        )
        return root

    def _make_room(self) -> None:
        if len(self._visits) < self._config.limit:
            return
        name, visit = min(self._visits.items(), key=lambda item: item[1].seen)
        if time.monotonic() - visit.seen < self._config.spared_seconds:
            raise Refused(f"all {self._config.limit} places of this demo are taken: come back in a few minutes")
        self._remove(name)

    def _remove(self, name: str) -> None:
        visit = self._visits.pop(name)
        visit.desk.close()
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def sweep(self) -> int:
        """Remove the workspaces that were idle for too long; those with a running job stay. Returns how many went."""
        with self._lock:
            oldest = time.monotonic() - self._config.idle_seconds
            idle = [
                name for name, visit in self._visits.items() if visit.seen < oldest and not visit.desk.engine.active()
            ]
            for name in idle:
                self._remove(name)
            return len(idle)

    def _sweep_often(self) -> None:
        while not self._closing.wait(min(60.0, self._config.idle_seconds)):
            self.sweep()

    def close(self) -> None:
        """Close and remove every workspace, then the shared worker."""
        self._closing.set()
        with self._lock:
            for name in list(self._visits):
                self._remove(name)
            shutil.rmtree(self._folder, ignore_errors=True)
        self._worker.close()


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copy2(source, target)
    return target
