"""From a folder to a served page and back: opens desks, launches, waits for a signal, closes cleanly.

It decides which desks there are (one, or one for each visitor of a demo) and owns the workspace's lock while they are
open.
"""

import getpass
import logging
import signal
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from augment.errors import InvalidConfig, KizuError, WorkspaceError
from augment.store import Store, Workspace
from ui.shell import Running, ServerConfig, launch
from ui.state import Desk, Desks, SingleDesk
from ui.visitors import VisitorConfig, VisitorDesks

_log = logging.getLogger(__name__)


def demo_folder() -> Path:
    """Where the demo workspace is kept: `demo` in this user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("kizu", appauthor=False) / "demo"


def draw_demo(root: Path) -> None:
    """Draw the demo into a new workspace, or complete one whose drawing was cut short.

    Raises WorkspaceError where another workspace is in that folder.
    """
    from augment.operations.demo import build_demo

    build_demo(root)


def _needs_drawing(root: Path) -> bool:
    """Whether nothing is there, or a part of the demo. Told without what draws it, which takes a second to import.

    Somebody's own workspace is left as it is: with `--demo` its visitors get copies of that. One of an older Kizu is
    brought up to date by being opened; the caller holds its lock.
    """
    workspace = Workspace(root)
    if not workspace.exists:
        return True
    with Store(workspace) as store:
        settings = store.settings
        return not store.images.count() or (settings.get("name") == "demo" and not settings.get("demo_ready"))


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A container's user may have no name.
        return "reviewer"


class Opener:
    """Opens desks that share one warm worker and the machine's places for long jobs."""

    def __init__(self, *, demo: bool) -> None:
        """demo: mark the desks as visitors' of a public demo, and let fewer of their jobs wait."""
        from augment.jobs import Slots, WarmWorker

        self.worker = WarmWorker()
        self.slots = Slots()
        self.demo = demo

    def open(self, root: Path) -> Desk:
        """Open the workspace at `root`, made where there is none; what a former server left running is interrupted."""
        from augment.jobs import LocalEngine

        workspace = Workspace(root).create()
        store = Store(workspace)
        engine = LocalEngine(store, self.worker, slots=self.slots, waiting_limit=3 if self.demo else 20)
        return Desk(workspace, store, engine, self.worker, demo=self.demo, reviewer=_user_name())


def _first_tab(root: Path, *, demo: bool) -> str:
    """The map where there is one to show, or will be in a moment; else the data to begin with.

    A workspace of an older Kizu is brought up to date by being opened; the caller holds its lock.
    """
    if demo or not Workspace(root).exists:
        return "map" if demo else "data"
    with Store(Workspace(root)) as store:
        return "map" if store.projections.latest() is not None else "data"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _wait_for_signal() -> None:
    """Return when SIGINT or SIGTERM arrives; a second one ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    while not stop.wait(0.5):
        # Waiting without an end would keep Python from running the handler on some systems.
        continue


def serve(config: ServerConfig, root: Path | None, *, demo_images: bool = False) -> None:
    """Serve the workspace at `root` (None: the demo) until a signal, then stop jobs with their checkpoints and close.

    A demo that is not there yet is drawn by a process of its own while the page starts; requests wait until it is.
    Raises WorkspaceInUse where another process holds it, WorkspaceError where the folder or the port cannot be used.
    """
    folder = (root or demo_folder()).expanduser().absolute()
    demo = root is None or demo_images or config.demo
    private = [Path.home(), folder]
    with ExitStack() as stack:
        hold = stack.enter_context(Workspace(folder).create().lock())
        painter = _painter(folder, stack) if demo and _needs_drawing(folder) else None
        first_tab = _first_tab(folder, demo=demo)
        opener = Opener(demo=config.demo)
        opening: Future[Desk] = Future()
        desks: Desks
        if config.demo:
            visitors = Path(
                stack.enter_context(TemporaryDirectory(prefix="kizu-visitors-", ignore_cleanup_errors=True))
            )
            private.append(visitors)
            if painter is not None:
                painter.result()
            desks = VisitorDesks(folder, visitors, opener.open, opener.worker, VisitorConfig())
        else:
            desks = SingleDesk(opening)
            if painter is None:
                opening.set_result(opener.open(folder))
        running = _launch(desks, config, private, first_tab)
        stack.callback(running.close)
        hold.announce(running.url)
        _say(f"Kizu is at {running.url}  (workspace {folder}; stop with Ctrl+C)")
        if not opening.done() and not config.demo:
            _open_when_drawn(painter, opening, opener, folder)
        opener.worker.start()
        _wait_for_signal()
        _say("Closing: running jobs keep their checkpoints.")


def _painter(folder: Path, stack: ExitStack) -> "Future[None]":
    """Draw the demo in a process of its own."""
    pool = stack.enter_context(ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")))
    return pool.submit(draw_demo, folder)


def _open_when_drawn(painter: "Future[None] | None", opening: "Future[Desk]", opener: Opener, folder: Path) -> None:
    """Open the desk once the demo is drawn; whoever asked for it meanwhile waits. A failure is everybody's."""
    try:
        if painter is not None:
            painter.result()
        opening.set_result(opener.open(folder))
    except (KizuError, OSError) as error:
        opening.set_exception(error)
        raise


def _launch(desks: Desks, config: ServerConfig, private: list[Path], first_tab: str) -> Running:
    try:
        return launch(desks, config, private=private, first_tab=first_tab)
    except OSError as error:
        with suppress(OSError):
            desks.close()
        if config.port is None:
            raise WorkspaceError(f"no free port was found ({error}): name one with --port") from error
        raise InvalidConfig(f"port {config.port} is taken: name another one with --port, or leave it out") from error
