"""The tab Inpaint as one component: the mask canvas, the strip of images, the form and its results.

`mask_canvas()` makes a `gr.HTML` whose script loads `inpaint_page.js` and its parts as modules. Previews and masks come
and go by the routes of `ui/inpaint_routes.py`, samples by those of `ui/redraw_routes.py`; setting the component's value
to anything new makes it look again.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr

_MOUNT = """
import(new URL('kizu/modules/inpaint_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.inpaint'), watch);
});
"""


def mask_canvas() -> "gr.HTML":
    """The mask canvas with all that stands around it, as a `gr.HTML`."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template='<div class="inpaint"></div>',
        css_template=asset("mask_canvas.css") + asset("image_strip.css") + asset("inpaint_page.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-inpaint",
    )
