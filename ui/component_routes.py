"""Serves the scripts of `ui/components` as ES modules: a component is several small files that import one another.

Only the files named `*.js` that lie in that folder when the app starts; nothing else can be asked for.
"""

import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute

from augment.errors import NotFound
from ui.calls import Call, route
from ui.state import Desks

_COMPONENTS = Path(__file__).parent / "components"


def routes(desks: Desks) -> list[BaseRoute]:
    """The route `/kizu/modules/{name}`."""
    modules = {path.name: path for path in _COMPONENTS.glob("*.js")}

    def module(call: Call) -> Response:
        path = modules.get(call.path["name"])
        if path is None:
            raise NotFound(f"module {call.path['name']!r} is not a part of this page")
        data = path.read_bytes()
        # Always asked for again: after an upgrade, old and new modules must not meet.
        headers = {"Cache-Control": "no-cache", "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"'}
        return Response(data, media_type="text/javascript", headers=headers)

    return [route("/kizu/modules/{name}", module, desks)]
