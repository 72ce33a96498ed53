"""The line at the bottom of every tab: what runs, how far it is, when it ends, and how to stop or resume it.

The strip is drawn from the page's event stream and sends its commands to the job routes, so it works through reloads
and server restarts. It triggers `ended_<tab>` for the shown tab when a job ends, upon which the shell refreshes that
tab.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr


def job_strip(tabs: Sequence[str]) -> "gr.HTML":
    """The strip as a `gr.HTML` with an event `ended_<name>` for each of `tabs`."""
    import gradio as gr

    # gradio offers an event only if its name stands in quotes in the script.
    events = ", ".join(f"{name}: 'ended_{name}'" for name in tabs)
    return gr.HTML(
        value=None,
        html_template='<div class="list" hidden></div><div class="strip"></div>',
        css_template=asset("job_strip.css"),
        js_on_load=f"const ENDED = {{{events}}};\n{asset('job_strip.js')}",
        apply_default_css=False,
        elem_id="kizu-strip",
    )
