"""The tab Variations as one component: strengths and variations of a photograph, or one pasted into another.

`variations()` makes a `gr.HTML` whose script loads `variations_page.js` and its parts as modules. Samples come by the
routes of `ui/variation_routes.py`; setting the component's value to anything new makes it look again.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr

_MOUNT = """
import(new URL('kizu/modules/variations_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.variations'), watch);
});
"""


def variations() -> "gr.HTML":
    """The tab as a `gr.HTML`."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template='<div class="variations"></div>',
        css_template=asset("fields.css")
        + asset("run.css")
        + asset("variations_page.css")
        + asset("paste_panel.css")
        + asset("image_strip.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-variations",
    )
