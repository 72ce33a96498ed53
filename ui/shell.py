"""The page as a whole: header, tabs, job strip; and how it is served.

`build` puts the parts together and knows no tab's inside; `launch` serves the result with the settings under which no file outside is
reachable, nothing is asked of another host, and nobody without a login reaches it from another machine.
"""

import os
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.errors import InvalidConfig
from ui.state import Desks, TabParts

if TYPE_CHECKING:
    import gradio as gr

TABS = ("data", "map", "train", "review", "export")
_LOCAL_ADDRESSES = frozenset({"127.0.0.1", "localhost", "::1"})


def build(desks: Desks, first_tab: str = "map") -> "gr.Blocks":
    """The page's blocks. Every tab is refreshed when it is chosen and when a job of this desk ends while it is shown."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    from ui.components.job_strip import job_strip
    from ui.header import header
    from ui.i18n import t

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
                quiet: dict[str, Any] = (
                    {"show_progress": "hidden", "show_api": False} if False else {"show_progress": "hidden"}
                )
                tab.select(function, inputs, outputs, **quiet)
                getattr(strip, f"ended_{name}")(function, inputs, outputs, **quiet)
                if name == first_tab:
                    blocks.load(function, inputs, outputs, **quiet)
    return blocks


def _tab(name: str, desks: Desks) -> TabParts:
    if find_spec(f"ui.{name}_tab") is None:
        return TabParts()
    parts = import_module(f"ui.{name}_tab").build(desks)
    return parts if isinstance(parts, TabParts) else TabParts()
