"""Own routes that tell what a named model is: a folder, a file, or one of the Hub, fetched where it is not here.

A fetch is followed and stopped like any other request that a page waits for. What came of a stopped one stays in the
Hub's cache, and the next goes on from there.
"""

from concurrent.futures import Future, wait
from dataclasses import asdict
from threading import Thread

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import Cancelled, InvalidInput
from augment.operations.redraw_models import ModelChoice, model_choice
from ui.calls import Call, route
from ui.click_routes import click_routes
from ui.clicks import Click
from ui.redraw_routes import refuse_foreign
from ui.state import Desks

_POLL_SECONDS = 0.2


def _model(call: Call) -> Response:
    """What is known of a model by its name, `{"model": ...}`; null when it was stopped."""
    body = call.json()
    name = body.get("name")
    if not isinstance(name, str):
        raise InvalidInput(f"name {name!r:.80}: a folder, a .safetensors file or a Hub id is needed")
    refuse_foreign(call, name.strip())
    with call.desk.fetches.begin(body.get("click")) as click:
        try:
            found = _patiently(call, name.strip(), click)
        except Cancelled:
            return JSONResponse({"model": None})
    return JSONResponse({"model": asdict(found)})


def _patiently(call: Call, name: str, click: Click) -> ModelChoice:
    """In a thread of its own: one that waits for the network hears no wish to stop, but whoever asked must not wait."""
    future: Future[ModelChoice] = Future()

    def look() -> None:
        try:
            future.set_result(model_choice(call.desk.store, name, click))
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits gets it
            future.set_exception(error)

    Thread(target=look, name=f"model {name:.40}", daemon=True).start()
    while not future.done():
        click.check()
        wait([future], _POLL_SECONDS)
    return future.result()


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the field that names a model."""
    return [
        route("/kizu/inpaint/model", _model, desks, ("POST",)),
        *click_routes("/kizu/inpaint/model", desks, lambda desk: desk.fetches),
    ]
