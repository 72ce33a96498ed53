"""Own routes under test without a browser: a desk on a real store, and a client that goes through the real checks."""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from augment.store import Change, Store
from ui.state import Desk, SingleDesk


class Recorded:
    """Stands for engine and worker: keeps what it is asked for. `makes` is what a generation commits."""

    def __init__(self, makes: Iterable[Change] = ()) -> None:
        self.makes = list(makes)
        self.calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    def call(self, root, operation, config, commit, timeout_seconds, *, progress=None, stop=None):
        self.calls.append((operation, config, {}))
        return {"sample_ids": commit(self.makes), "warnings": []}

    def submit(self, operation, config, secrets=()):
        self.calls.append((operation, config, dict(secrets)))
        return 7


def desk_of(store: Store, recorded: Recorded | None = None, *, demo: bool = False) -> SingleDesk:
    recorded = recorded or Recorded()
    desk = Desk(workspace=store.workspace, store=store, engine=recorded, worker=recorded, demo=demo, reviewer="mori")
    return SingleDesk(desk)


def client_of(routes: list[BaseRoute]) -> TestClient:
    """A client of an app that, like gradio's without a login, lets everybody in."""
    app = Starlette(routes=routes)
    app.auth, app.auth_dependency = None, None
    return TestClient(app)
