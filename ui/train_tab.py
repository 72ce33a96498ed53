"""The tab Train: what to train (left), how it goes and what came of it (right). See `components/train_page.js`."""

import time

from ui.components import asset
from ui.state import Desks, TabParts

_MOUNT = """
import(new URL('kizu/modules/train_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.train'), watch);
});
"""


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    import gradio as gr

    page = gr.HTML(
        value=None,
        html_template='<div class="train"></div>',
        css_template=asset("fields.css") + asset("train_page.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-train",
    )

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
