"""The review as one component: a grid of any number of samples, its keys and filters, and one sample in front.

`review_grid()` makes a `gr.HTML` whose script loads `review_page.js` and its parts as modules. Samples and verdicts
come and go by the routes of `ui/review_routes.py`; setting the component's value to anything new makes it read the list
again.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr

_MOUNT = """
import(new URL('kizu/modules/review_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.review'), watch);
});
"""


def review_grid() -> "gr.HTML":
    """The review as a `gr.HTML`."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template='<div class="review"></div>',
        css_template=asset("picture.css") + asset("review_grid.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-review",
    )
