"""The warm worker's process: `python -m augment.jobs.serve FILE_NUMBER`, started by `WarmWorker`.

Answers requests one after another, for any workspace, and keeps loaded models in `context.cache`. Loads torch
beforehand, in a thread of low priority, so that the first click does not wait for it and the page does not wait for
the loading.
"""

import faulthandler
import importlib
import logging
import os
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from augment.jobs.child import run_guarded
from augment.jobs.link import ServerLink, open_channel
from augment.jobs.messages import Message
from augment.jobs.progress import JobProgress
from augment.operations import Operation
from augment.operations.context import Context
from augment.store import Store, Workspace

_OPEN_WORKSPACES = 4
_CACHED_OBJECTS = 16
_LOW_PRIORITY = 15
logger = logging.getLogger(__name__)

Loaded = Any
"""Whatever an operation keeps between calls: an encoder, a projection, a generator."""


class RecentCache(dict[str, Any]):
    """A dict that keeps the items used last: a server of many workspaces cannot keep every model it ever loaded."""

    def __init__(self, limit: int) -> None:
        """limit: how many items are kept."""
        super().__init__()
        self._limit = limit

    def __getitem__(self, key: str) -> Loaded:
        value = super().__getitem__(key)
        super().__delitem__(key)
        super().__setitem__(key, value)
        return value

    def get(self, key: str, default: Loaded = None) -> Loaded:
        """The item, marked as used, or the default."""
        try:
            return self[key]
        except KeyError:
            return default

    def __setitem__(self, key: str, value: Loaded) -> None:
        self.pop(key, None)
        super().__setitem__(key, value)
        while len(self) > self._limit:
            del self[next(iter(self))]

    def setdefault(self, key: str, default: Loaded = None) -> Loaded:
        """The item, or the default, which is then kept."""
        if key not in self:
            self[key] = default
        return self[key]


class OpenStores:
    """Workspaces open for reading, the ones used last; one that was made anew under the same path is opened again."""

    def __init__(self) -> None:
        """Nothing is open yet."""
        self._stores: OrderedDict[tuple[str, int], Store] = OrderedDict()

    def get(self, root: str) -> Store:
        """The store of a workspace. Raises WorkspaceError when it cannot be opened."""
        workspace = Workspace(Path(root))
        key = (root, workspace.database.stat().st_ino if workspace.exists else 0)
        if key not in self._stores:
            self._stores[key] = Store(workspace, read_only=True)
        self._stores.move_to_end(key)
        while len(self._stores) > _OPEN_WORKSPACES:
            self._stores.popitem(last=False)[1].close()
        return self._stores[key]


def main() -> None:
    """Answer requests until the server is gone."""
    faulthandler.enable()
    channel = open_channel()
    try:
        preload = channel.receive()["modules"]
    except EOFError:
        return
    # Nothing is left half-done by ending at once: what was not committed does not exist.
    link = ServerLink(channel, on_lost=lambda: os._exit(0))
    threading.Thread(target=_preload, args=(preload, link), name="preload", daemon=True).start()
    stores, cache = OpenStores(), RecentCache(_CACHED_OBJECTS)
    while True:
        request = link.requests.get()
        link.send({"kind": "began"})
        message = _answer(request, link, stores, cache)
        link.send(message)
        if message.get("out_of_memory"):
            # The server starts a fresh worker; only the end of a process surely gives memory back.
            sys.exit(1)


def _answer(request: Message, link: ServerLink, stores: OpenStores, cache: dict[str, Any]) -> Message:
    operation = Operation(**request["operation"])

    def job() -> object:
        store = stores.get(request["workspace"])
        store.workspace.cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store.workspace.cache_dir, prefix="call-") as folder:
            context = Context(
                store=store,
                commit=link.commit,
                job_folder=Path(folder),
                progress=JobProgress(None, link.send_progress, link.stopped.is_set),
                cache=cache,
                secrets=request["secrets"],
            )
            return operation.load()(operation.read_config(request["config"]), context)

    return run_guarded(job)


def _preload(modules: Sequence[str], link: ServerLink) -> None:
    with suppress(OSError, AttributeError):
        # On Linux a priority belongs to a thread: the one that answers requests keeps its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            logger.exception("%s could not be loaded beforehand", module)
    link.send({"kind": "warm"})


if __name__ == "__main__":
    main()
