"""Own routes behind the form of the tab Inpaint: what there is to redraw with, making samples, and their pictures."""

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from ui.calls import Call, route
from ui.state import Desks


def _state(call: Call) -> Response:
    store = call.desk.store
    state = {"models": [], "samplers": [], "defaults": None, "drafts": store.drafts.image_ids()}
    return JSONResponse({**state, "demo": call.desk.demo})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab's form."""
    return [
        route("/kizu/inpaint/state", _state, desks),
        route("/kizu/inpaint/redraw/open", lambda _: JSONResponse(None), desks),
    ]
