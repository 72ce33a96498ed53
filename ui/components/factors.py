"""The tab Factors as one component: the decoded picture, its sliders, the traversal, and series into the review.

`factors()` makes a `gr.HTML` whose script loads `factors_page.js` and its parts as modules. Pictures come by the
routes of `ui/factor_routes.py`; setting the component's value to anything new makes it look again.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr

_MOUNT = """
import(new URL('kizu/modules/factors_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.factors'), watch);
});
"""


def factors() -> "gr.HTML":
    """The tab as a `gr.HTML`."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template='<div class="factors"></div>',
        css_template=asset("fields.css") + asset("run.css") + asset("factors_page.css") + asset("image_strip.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-factors",
    )
