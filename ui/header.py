"""The line at the top: the workspace, its counts as links to the tabs, the language, and the help.

It is filled by the page's event stream (`kizu.on("state", ...)`), so it is right after every job and every verdict
without a reload.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr


def header() -> "gr.HTML":
    """The header as a `gr.HTML`."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template='<header class="bar"></header>',
        css_template=asset("header.css"),
        js_on_load=asset("header.js"),
        apply_default_css=False,
        elem_id="kizu-header",
    )
