"""The map's routes on a real store and a real atlas."""

import numpy as np
import pytest

from augment.features.atlas import Atlas
from augment.store import Store
from tests.operations.mapped import add_images, add_map
from tests.ui.desks import client_of, desk_of
from ui import map_routes

IMAGES = 36


@pytest.fixture
def mapped(store: Store) -> Store:
    add_images(store, IMAGES)
    add_map(store)
    return store


def atlas_of(store: Store) -> Atlas:
    return Atlas.load(store.workspace.root / store.projections.latest().path)


def client(store: Store, **settings):
    return client_of(map_routes.routes(desk_of(store, **settings)))


def test_points_are_bytes_in_the_order_of_the_ids(mapped: Store):
    body = client(mapped).get("/kizu/points.bin").content
    ids = np.frombuffer(client(mapped).get("/kizu/map/ids.bin").content, "<i4")
    n = int(np.frombuffer(body[:4], "<u4")[0])
    atlas = atlas_of(mapped)
    assert (n, len(body)) == (IMAGES, 4 + 11 * IMAGES)
    assert ids.tolist() == atlas.image_ids.tolist()
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", n, 4), atlas.xy[:, 0])
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", n, 4 + 4 * n), atlas.xy[:, 1])
    label, split, margin = (np.frombuffer(body, "u1", n, 4 + (8 + k) * n) for k in range(3))
    records = {image.id: image for image in mapped.images.list()}
    assert [atlas.labels[i] for i in label] == [records[i].label for i in ids.tolist()]
    assert [map_routes.SPLITS[i] for i in split] == [records[i].split for i in ids.tolist()]
    # margin 0 lies in the middle of -1 to 1
    assert set(margin.tolist()) == {127}


def test_margins_are_clipped_and_unknown_ones_lie_far_from_a_boundary():
    packed = map_routes.pack_points(
        np.zeros((4, 2)), np.zeros(4), np.zeros(4, np.uint8), np.array([-1.0, 1.0, np.nan, 3.0])
    )
    assert list(packed[-4:]) == [0, 255, 255, 255]


def test_an_image_comes_with_eight_neighbours_and_not_itself(mapped: Store):
    image = mapped.images.list()[3]
    found = client(mapped).get(f"/kizu/map/image/{image.id}").json()
    assert (found["label"], found["group"], found["split"]) == (image.label, image.group, image.split)
    assert found["rival"] in {"free", "spot"} - {image.label}
    ids = [near["id"] for near in found["neighbours"]]
    assert len(ids) == 8 and image.id not in ids
    distances = [near["distance"] for near in found["neighbours"]]
    assert distances == sorted(distances)


def test_a_place_far_from_all_images_is_empty(mapped: Store):
    atlas = atlas_of(mapped)
    x, y = (float(value) for value in atlas.xy[0])
    assert client(mapped).get(f"/kizu/map/place?x={x}&y={y}").json()["empty"] is False
    far = client(mapped).get(f"/kizu/map/place?x={x + 1e4}&y={y}").json()
    assert far["empty"] is True and len(far["neighbours"]) == 8


@pytest.mark.parametrize("query", ["x=nan&y=0", "x=1", "x=a&y=b", ""])
def test_a_place_must_be_two_finite_numbers(mapped: Store, query: str):
    answer = client(mapped).get(f"/kizu/map/place?{query}")
    assert answer.status_code == 400 and "numbers are needed" in answer.json()["error"]


def test_without_a_map_the_next_step_is_named(store: Store):
    assert client(store).get("/kizu/map/state").json()["projection"] is None
    answer = client(store).get("/kizu/points.bin")
    assert answer.status_code == 409 and "tab Data" in answer.json()["error"]
