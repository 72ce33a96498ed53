"""The routes of the tab Data on a real store: what it offers once something is trained."""

from dataclasses import replace

from augment.store import Store
from tests.operations.mapped import add_images, add_map
from tests.ui.desks import client_of, desk_of
from ui import data_routes


def test_a_new_map_is_offered_once_a_newer_encoder_is_trained(store: Store) -> None:
    client = client_of(data_routes.routes(desk_of(store)))
    add_images(store)
    assert not client.get("/kizu/data").json()["newer_encoder"]
    add_map(store)
    data = client.get("/kizu/data").json()
    assert (data["newer_encoder"], data["unplaced"], data["locked"]) == (False, 0, True)
    encoder = store.models.latest("encoder")
    assert encoder is not None
    store.apply([replace(encoder, id=None, sha256="0" * 64)])
    assert client.get("/kizu/data").json()["newer_encoder"]


def test_the_view_says_what_it_enlarges(store: Store) -> None:
    client = client_of(data_routes.routes(desk_of(store)))
    add_images(store)
    assert client.get("/kizu/data").json()["enlarged"] is None
    answer = client.post("/kizu/data/view", json={"kind": "whole", "side_px": 64, "colour": "grey"})
    assert answer.json()["enlarged"] == {"count": 36, "total": 36, "side_px": 64, "choose_px": 32}
    assert client.get("/kizu/data").json()["enlarged"]["count"] == 36
