"""Routes beside one that a page waits for: how far its request is, which one is under way, and the wish to stop it."""

from collections.abc import Callable

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from ui.calls import Call, route
from ui.clicks import Clicks
from ui.state import Desk, Desks


def click_routes(path: str, desks: Desks, clicks: Callable[[Desk], Clicks]) -> list[BaseRoute]:
    """`path`/progress, /open and /stop for the requests that `clicks` finds at a desk."""

    def progress(call: Call) -> Response:
        click = clicks(call.desk).get(call.query.get("click"))
        return JSONResponse(click.describe() if click is not None else None)

    def under_way(call: Call) -> Response:
        """The newest request, for a page that was loaded anew, or null."""
        found = clicks(call.desk).newest()
        return JSONResponse(None if found is None else {"click": found[0], **found[1].describe_open()})

    def stop(call: Call) -> Response:
        click = clicks(call.desk).get(call.json().get("click"))
        if click is not None:
            click.stop.set()
        return JSONResponse({"stopping": click is not None})

    return [
        route(f"{path}/progress", progress, desks),
        route(f"{path}/open", under_way, desks),
        route(f"{path}/stop", stop, desks, ("POST",)),
    ]
