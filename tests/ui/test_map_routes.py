"""The map's routes on a real store and a real atlas."""

import numpy as np
import pytest

from augment.features.atlas import Atlas
from augment.store import Store
from tests.ui.desks import client_of, desk_of
from ui import map_routes

IMAGES = 36


def atlas_of(store: Store) -> Atlas:
    return Atlas.load(store.workspace.root / store.projections.latest().path)


def client(store: Store, **settings):
    return client_of(map_routes.routes(desk_of(store, **settings)))


def test_a_point_takes_nine_bytes_in_the_order_of_the_ids(mapped: Store):
    body = client(mapped).get("/kizu/points.bin").content
    n = int(np.frombuffer(body[:4], "<u4")[0])
    atlas = atlas_of(mapped)
    assert (n, len(body)) == (IMAGES, 4 + 9 * IMAGES)
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", n, 4), atlas.xy[:, 0])
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", n, 4 + 4 * n), atlas.xy[:, 1])
    records = [image for image in mapped.images.list() if image.id in atlas.image_ids]
    assert [atlas.labels[i] for i in np.frombuffer(body, "u1", n, 4 + 8 * n)] == [image.label for image in records]
    split = client(mapped).get("/kizu/map/split.bin").content
    assert [map_routes.SPLITS[i] for i in split] == [image.split for image in records]
    # margin 0 lies in the middle of -1 to 1
    assert client(mapped).get("/kizu/map/margin.bin").content == bytes([127] * n)
    assert client(mapped).get("/kizu/map/ids.bin").content == map_routes.pack_ids(atlas.image_ids)


@pytest.mark.parametrize("ids", [[1], [1, 2, 3], [2, 3, 7, 9, 10], [5, 7, 9]])
def test_ids_are_sent_as_runs(ids: list[int]):
    runs = np.frombuffer(map_routes.pack_ids(np.array(ids)), "<i4").reshape(-1, 2)
    assert [first + step for first, count in runs.tolist() for step in range(count)] == ids
    assert len(runs) == 1 + int((np.diff(ids) != 1).sum())


def test_margins_are_clipped_and_unknown_ones_lie_far_from_a_boundary():
    assert list(map_routes.pack_margins(np.array([-1.0, 1.0, np.nan, 3.0]))) == [0, 255, 255, 255]


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
