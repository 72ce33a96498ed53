"""The map as one component: scatter, details, generate form and ambiguous pairs.

`scatter_map()` makes a `gr.HTML` whose script loads `map_page.js` and its parts as modules. Points, details and samples
come and go by the routes of `ui/map_routes.py`; setting the component's value to anything new makes it look again.
"""

from typing import TYPE_CHECKING

from ui.components import asset

if TYPE_CHECKING:
    import gradio as gr

_MOUNT = """
const root = element.querySelector('.map');
const note = root.querySelector('.none');
note.querySelector('p').textContent = window.kizu.t('map.loading');
import(new URL('kizu/modules/map_page.js', document.baseURI)).then((page) => page.mount(root, watch)).catch(() => {
  const again = document.createElement('button');
  Object.assign(again, { type: 'button', className: 'quiet', textContent: window.kizu.t('map.retry') });
  again.onclick = () => location.reload();
  note.classList.remove('loading');
  note.querySelector('p').textContent = window.kizu.t('map.broken');
  note.append(again);
});
"""

# Seen until the scripts are there, which on a slow machine or line takes seconds.
_TEMPLATE = '<div class="map"><div class="none loading" role="status"><p></p></div></div>'


def scatter_map() -> "gr.HTML":
    """The map as a `gr.HTML`; its script fetches plotly from the app's own route."""
    import gradio as gr

    return gr.HTML(
        value=None,
        html_template=_TEMPLATE,
        css_template=asset("picture.css") + asset("scatter.css") + asset("map_panel.css") + asset("way_panel.css"),
        js_on_load=_MOUNT,
        apply_default_css=False,
        elem_id="kizu-map",
    )
