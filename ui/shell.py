"""The page as a whole (header, tabs, job strip) and how it is served.

`build` puts the parts together and knows no tab's inside. `launch` serves the result with the settings under which no
file outside is reachable, nothing is asked of another host, and nobody reaches it from another machine without a
login.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.errors import InvalidConfig
from ui.state import Desks, TabParts

if TYPE_CHECKING:
    import gradio as gr
    from starlette.routing import BaseRoute

TABS = ("data", "map", "inpaint", "variations", "factors", "train", "review", "evaluate", "export")
_LOCAL_ADDRESSES = frozenset({"127.0.0.1", "localhost", "::1"})
_QUEUE_SECONDS = 0.05
_HUB_FRAMES = "'self' https://huggingface.co https://*.hf.space"


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """How the page is reached."""

    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on; any but 127.0.0.1 needs a login"})
    port: int | None = field(default=None, metadata={"help": "port; without one, the first free from 7860"})
    auth: tuple[tuple[str, str], ...] = field(default=(), metadata={"help": "logins as (user, password)"})
    share: bool = field(default=False, metadata={"help": "open a public gradio.live address as well; needs a login"})
    demo: bool = field(default=False, metadata={"help": "public demo: an own temporary workspace for each visitor"})
    framed: bool = field(default=False, metadata={"help": "allow huggingface.co to show the page in a frame"})

    def __post_init__(self) -> None:
        """Refuse an address that others can reach where neither a login nor demo mode protects the workspace."""
        if self.port is not None and not 0 < self.port < 65536:
            raise InvalidConfig(f"port {self.port}: 1 to 65535; leave it out for the first free one")
        if any(not user or not password for user, password in self.auth):
            raise InvalidConfig("auth: each login needs a user and a password, as in --auth user:password")
        if not self.auth and not self.demo:
            if self.host not in _LOCAL_ADDRESSES:
                raise InvalidConfig(
                    f"host {self.host!r} lets other machines in: add a login (--auth user:password) or leave --host out"
                )
            if self.share:
                raise InvalidConfig("share lets the internet in: add a login (--auth user:password)")

    @property
    def local_only(self) -> bool:
        """Whether only this machine's own names may be used to reach the page."""
        return self.host in _LOCAL_ADDRESSES and not self.share


@dataclass
class Running:
    """A served page. `close` ends it: the server first, then the desks, then the private folder for uploads."""

    url: str
    close: Callable[[], None]


def build(desks: Desks, first_tab: str = "map") -> "gr.Blocks":
    """The page's blocks. Every tab is refreshed when it is chosen and when a job ends while it is shown."""
    import gradio as gr

    from ui.components.job_strip import job_strip
    from ui.header import header
    from ui.i18n import t

    blocks: gr.Blocks
    with gr.Blocks(title="Kizu", fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)) as blocks:
        header()
        parts: dict[str, tuple[gr.Tab, TabParts]] = {}
        with gr.Tabs(selected=first_tab, elem_id="kizu-tabs"):
            for name in TABS:
                with gr.Tab(t(f"shell.{name}"), id=name, elem_id=f"tab-{name}") as tab:
                    parts[name] = (tab, _tab(name, desks))
        strip = job_strip(TABS)
        for name, (tab, tab_parts) in parts.items():
            for function, inputs, outputs in tab_parts.refresh:
                settings: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
                tab.select(function, inputs, outputs, **settings)
                getattr(strip, f"ended_{name}")(function, inputs, outputs, **settings)
                if name == first_tab:
                    blocks.load(function, inputs, outputs, **settings)
    return blocks


def _tab(name: str, desks: Desks) -> TabParts:
    if find_spec(f"ui.{name}_tab") is None:
        return TabParts()
    parts = import_module(f"ui.{name}_tab").build(desks)
    return parts if isinstance(parts, TabParts) else TabParts()


def all_routes(desks: Desks) -> "list[BaseRoute]":
    """Every own route: the shell's and each tab's."""
    found: list[BaseRoute] = []
    for name in (
        "routes",
        "component_routes",
        "data_routes",
        "train_routes",
        "map_routes",
        "generate_routes",
        "inpaint_routes",
        "redraw_routes",
        "model_routes",
        "batch_routes",
        "variation_routes",
        "paste_routes",
        "factor_routes",
        "review_routes",
        "gate_routes",
        "evaluate_routes",
        "metrics_routes",
        "plan_routes",
        "export_routes",
    ):
        if find_spec(f"ui.{name}") is not None:
            found.extend(import_module(f"ui.{name}").routes(desks))
    return found


def _prepare_environment(uploads: Path) -> None:
    """What gradio reads from the environment as it is imported: no analytics, and an own folder for what it stores."""
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    for name in (
        "GRADIO_ALLOWED_PATHS",
        "GRADIO_BLOCKED_PATHS",
        "GRADIO_SHARE",
        "GRADIO_SERVER_NAME",
        "GRADIO_MCP_SERVER",
    ):
        os.environ.pop(name, None)


def launch(desks: Desks, config: ServerConfig, *, private: list[Path], first_tab: str = "map") -> Running:
    """Serve the page and return at once.

    private: folders that gradio must never serve from, whatever else is allowed: the workspace and the home folder.
    Raises OSError where the port is taken.
    """
    uploads = Path(tempfile.mkdtemp(prefix="kizu-uploads-"))
    _prepare_environment(uploads)
    from starlette.middleware import Middleware

    from ui import theme
    from ui.guard import Guard
    from ui.i18n import translations

    blocks = build(desks, first_tab)
    frames = _HUB_FRAMES if config.framed else "'self'"
    guard = Middleware(Guard, local_only=config.local_only, visitors=desks.key, frame_ancestors=frames)
    _, url, shared = blocks.launch(
        server_name=config.host,
        server_port=config.port,
        auth=[*config.auth] or None,
        share=config.share,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        allowed_paths=[],
        blocked_paths=[str(path) for path in private],
        max_file_size="200mb" if config.demo else "4gb",
        enable_monitoring=False,
        run_history=False,
        ssr_mode=False,
        # gradio would ask its own page once, within 3 s, and give up where a busy machine answers later.
        _frontend=False,
        mcp_server=False,
        pwa=False,
        strict_cors=True,
        footer_links=[],
        i18n=translations(),
        theme=theme.gradio_theme(),
        css=theme.stylesheet(),
        app_kwargs={
            "routes": all_routes(desks),
            "middleware": [guard],
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
    )
    # gradio looks for events a thousand times a second, at a tenth of a core, though the page hardly ever sends one.
    blocks._queue.sleep_when_free = blocks._queue.progress_update_sleep_when_free = _QUEUE_SECONDS

    def close() -> None:
        # Ends the streams of open pages: the server waits for its answers, and gradio gives up on it only after 5 s.
        blocks.server_app.stop_event.set()
        blocks.close(verbose=False)
        desks.close()
        shutil.rmtree(uploads, ignore_errors=True)

    return Running(url=shared or url, close=close)
