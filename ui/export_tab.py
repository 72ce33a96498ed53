"""The tab Export: what goes in, the format, where to, and the check of what was written. See `export_page.js`."""

import time

from ui.components import asset
from ui.state import Desks, TabParts

_MOUNT = """
import(new URL('kizu/modules/export_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.export'), watch);
});
"""


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    import gradio as gr

    page = gr.HTML(
        value=None,
        html_template='<div class="export"></div>',
        css_template=asset("fields.css") + asset("export_page.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-export",
    )

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
