"""The tab Data: where images come from, what is there, how they are cut. See `components/data_page.js`."""

import time

from ui.components import asset
from ui.state import Desks, TabParts

_MOUNT = """
import(new URL('kizu/modules/data_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.data'), watch);
});
"""


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    import gradio as gr

    page = gr.HTML(
        value=None,
        html_template='<div class="data"></div>',
        css_template=asset("fields.css") + asset("data_page.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-data",
    )

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
