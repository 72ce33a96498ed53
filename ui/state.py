"""What the screen works on: an open workspace (`Desk`), and how a request finds its own (`Desks`).

One installation has one desk. In demo mode each visitor has one, found by a cookie, so that nobody sees or changes what
another does. The user interface reads `desk.store` and submits to `desk.engine` or `desk.worker`; it computes nothing.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from augment.errors import NotReady, Refused
from ui.clicks import Clicks

if TYPE_CHECKING:
    from augment.features.atlas import Atlas
    from augment.jobs import LocalEngine, WarmWorker
    from augment.store import Store, Workspace
    from augment.views import View
    from ui.visitor_cookie import VisitorKey

Refresh = tuple[Callable[..., Any], Sequence[Any], Sequence[Any]]
"""(function, inputs, outputs) as a gradio event takes them; the function may ask for `request: gr.Request`."""


_OPENING_SECONDS = 60.0


@dataclass(frozen=True)
class TabParts:
    """What a tab hands to the shell: `refresh` runs when the tab is chosen, the page loads on it, or a job ends."""

    refresh: list[Refresh] = field(default_factory=list)


@dataclass
class Desk:
    """An open workspace with what acts on it. `demo` marks a visitor's temporary one, where some things are off.

    clicks, redraws, variations, pastes, factors: what Map, Inpaint, Variations and Factors wait for from the worker;
    fetches: models that come from the Hub.
    """

    workspace: "Workspace"
    store: "Store"
    engine: "LocalEngine"
    worker: "WarmWorker"
    demo: bool = False
    reviewer: str = ""
    clicks: Clicks = field(default_factory=Clicks, repr=False)
    redraws: Clicks = field(default_factory=Clicks, repr=False)
    variations: Clicks = field(default_factory=Clicks, repr=False)
    pastes: Clicks = field(default_factory=Clicks, repr=False)
    factors: Clicks = field(default_factory=Clicks, repr=False)
    fetches: Clicks = field(default_factory=Clicks, repr=False)
    _atlas: "tuple[int, Atlas] | None" = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def name(self) -> str:
        """The workspace's name as the header shows it: the setting "name", else its folder's."""
        return str(self.store.settings.get("name") or self.workspace.root.name)

    def view(self) -> "View":
        """The view all networks of this workspace use: the stored one, else a suggestion."""
        from augment.operations.views import current_view

        return current_view(self.store)

    def atlas(self) -> "Atlas | None":
        """The latest projection with its features, kept open until a newer one is there; None before the first."""
        record = self.store.projections.latest()
        if record is None or record.id is None:
            return None
        with self._lock:
            if self._atlas is None or self._atlas[0] != record.id:
                from augment.features.atlas import Atlas

                self._atlas = (record.id, Atlas.load(self.workspace.root / record.path))
            return self._atlas[1]

    def refuse_in_demo(self, what: str) -> None:
        """Raise Refused, naming `what`, where this desk is a visitor's of a public demo."""
        if self.demo:
            raise Refused(f"{what} is off in this public demo: install Kizu on your own machine to use it")

    def close(self) -> None:
        """Stop the jobs (they keep their checkpoints) and close the database. The warm worker is shared and stays."""
        self.engine.close()
        self.store.close()


class Desks(ABC):
    """Finds the desk of a request."""

    demo: bool = False
    key: "VisitorKey | None" = None

    @abstractmethod
    def of(self, request: object) -> Desk:
        """The desk of whoever sent a gradio or Starlette request.

        Raises Refused where a demo's visitor has none and cannot get one.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every desk and the worker."""


class SingleDesk(Desks):
    """One workspace for everybody who may open the page."""

    def __init__(self, desk: "Desk | Future[Desk]") -> None:
        """Serve this desk, or the one that is being opened: until it is there, whoever asks for it waits."""
        self._opening: Future[Desk]
        if isinstance(desk, Future):
            self._opening = desk
        else:
            self._opening = Future()
            self._opening.set_result(desk)

    def of(self, request: object) -> Desk:
        """The one desk. Raises NotReady where it takes longer than a minute to open."""
        try:
            return self._opening.result(_OPENING_SECONDS)
        except TimeoutError:
            raise NotReady("the workspace is still being opened: reload the page in a moment") from None

    def close(self) -> None:
        """Close the desk and the worker."""
        if self._opening.done() and self._opening.exception() is None:
            desk = self._opening.result()
            desk.close()
            desk.worker.close()
