"""The tab Evaluate as one component: arms and the verdict on them, or the metrics of sets of samples.

`evaluate()` makes a `gr.HTML` whose script loads `evaluate_page.js` and its parts as modules. Reports come by the
routes of `ui/evaluate_routes.py` and `ui/metrics_routes.py`; setting the component's value to anything new makes it
look again.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr

_MOUNT = """
import(new URL('kizu/modules/evaluate_page.js', document.baseURI)).then((page) => {
  page.mount(element.querySelector('.evaluate'), watch);
});
"""


def evaluate() -> "gr.HTML":
    """The tab as a `gr.HTML`."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template='<div class="evaluate"></div>',
        css_template="".join(
            asset(f"{name}.css") for name in ("fields", "evaluate_page", "metrics_panel", "plan_panel")
        ),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-evaluate",
    )
