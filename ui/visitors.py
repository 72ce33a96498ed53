"""A public demo's desks: each visitor has an own temporary workspace, copied from a template, swept when left alone.

The folder is named by a hash of the visitor's cookie, so a cookie cannot name a path. Content-addressed files are linked, not
copied, for they never change; the database and projections are copied. The warm worker is shared: it keeps only models between calls.
"""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.errors import InvalidConfig, Refused
from ui.guard import VISITOR_COOKIE
from ui.state import Desk, Desks

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
        """Serve copies of `template`, a closed workspace, made in `folder` and opened by `open_desk`, all with `worker`."""
        self._template, self._folder, self._open, self._worker = template, folder, open_desk, worker
        self._config = config
        self._visits: dict[str, _Visit] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._sweep_often, name="kizu-sweeper", daemon=True).start()

    def of(self, request: Any, *, create: bool = True) -> Desk:
        """The visitor's desk; made from the template on the first call with `create`.

        Raises Refused for a browser without the cookie, for one without a workspace (not `create`), and when the demo is full.
        """
        token = (getattr(request, "cookies", None) or {}).get(VISITOR_COOKIE, "")
        if len(token) < 16:
            raise Refused("this demo keeps your workspace by a cookie: allow cookies for this page and reload it")
        key = hashlib.sha256(token.encode()).hexdigest()[:32]
        with self._lock:
            visit = self._visits.get(key)
            if visit is None:
                if not create:
                    raise Refused("your demo workspace is gone, for it was not used for a while: reload the page for a new one")
                self._make_room()
                visit = self._visits[key] = _Visit(self._open(self._copy(key)), time.monotonic())
            visit.seen = time.monotonic()
            return visit.desk

    def _copy(self, key: str) -> Path:
        root = self._folder / key
        shutil.rmtree(root, ignore_errors=True)
        for part in _SHARED_FOLDERS:
            if (self._template / part).is_dir():
                shutil.copytree(self._template / part, root / part, copy_function=_link)
        shutil.copytree(
            self._template, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_SHARED_FOLDERS, "*.lock", "*.lock.json")
        )
        return root

    def _make_room(self) -> None:
        if len(self._visits) < self._config.limit:
            return
        key, visit = min(self._visits.items(), key=lambda item: item[1].seen)
        if time.monotonic() - visit.seen < self._config.spared_seconds:
            raise Refused(f"all {self._config.limit} places of this demo are taken: come back in a few minutes")
        self._remove(key)

    def _remove(self, key: str) -> None:
        visit = self._visits.pop(key)
        visit.desk.close()
        shutil.rmtree(self._folder / key, ignore_errors=True)

    def sweep(self) -> int:
        """Remove the workspaces that were idle for too long; those with a running job stay. Returns how many went."""
        with self._lock:
            oldest = time.monotonic() - self._config.idle_seconds
            idle = [key for key, visit in self._visits.items() if visit.seen < oldest and not visit.desk.engine.active()]
            for key in idle:
                self._remove(key)
            return len(idle)

    def _sweep_often(self) -> None:
        while not self._closing.wait(min(60.0, self._config.idle_seconds)):
            self.sweep()

    def close(self) -> None:
        """Close and remove every workspace, then the shared worker."""
        self._closing.set()
        with self._lock:
            for key in list(self._visits):
                self._remove(key)
            shutil.rmtree(self._folder, ignore_errors=True)
        self._worker.close()


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copy2(source, target)
    return target
