"""Where boundary mode points: places in doubt, near data, apart from one another; and words where there are none."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from augment.errors import InvalidConfig, NotFound, NotReady
from augment.features.atlas import EMPTY, Atlas
from augment.features.projection import Projection, ProjectionConfig
from augment.operations.places import emptiness, labels_at, probability_at
from augment.operations.propose import ProposeConfig, boundary_places, propose

Make = Callable[..., Atlas]


@pytest.fixture
def line(tmp_path: Path) -> Make:
    """An atlas on a line: `free` at 0 to 9, `crack` from 9 + `gap` on, one usual distance apart, doubt around the
    middle; every fourth image is of the test split, and sure to be wrong."""

    def make(gap: float = 1.0, doubt: float = 2.0) -> Atlas:
        across = np.concatenate([np.arange(10.0), 9 + gap + np.arange(10.0)])
        index = np.repeat([1, 0], 10)
        fitted = np.arange(20) % 4 != 3
        middle = 9 + gap / 2
        crack = 1 / (1 + np.exp(-(across - middle) / doubt))
        crack = np.where(fitted, crack, 1 - np.round(crack))
        position = np.zeros((20, 20), np.float32)
        position[:, 0] = across
        xy = np.stack([across, across / 2], axis=1).astype(np.float32)
        features = np.stack([across, np.ones(20)], axis=1).astype(np.float32)
        config = ProjectionConfig(metric="euclidean")
        folder = tmp_path / f"{gap}-{doubt}"
        Atlas.write(
            folder,
            image_ids=np.arange(1, 21),
            features=features,
            aim=features,
            labels=("crack", "free", "hole"),
            label_index=index,
            fitted=fitted,
            probability=np.stack([crack, 1 - crack, np.zeros(20)], axis=1),
            margin=np.zeros(20),
            pairs=np.zeros((0, 2)),
            pair_distance=np.zeros(0),
            scale={"crack": 1.0, "free": 1.0, "hole": 1.0},
            spacing={"position": 1.0, "xy": 1.0},
            position=position,
            xy=xy,
            projection=Projection(config, features[fitted], position[fitted], xy[fitted], features[fitted], "pca"),
        )
        return Atlas.load(folder)

    return make


def test_places_are_in_doubt_near_data_and_apart(line: Make):
    atlas = line()
    result = boundary_places(atlas, ProposeConfig(labels=("crack", "free"), count=3))
    assert len(result.places) == 3 and result.warnings == ()
    assert abs(result.places[0].position[0] - 9.5) < 1, "the best lies in the middle of the doubt"
    for place in result.places:
        position = np.array([place.position], dtype=np.float32)
        first, second = (probability_at(atlas, position)[0, atlas.labels.index(label)] for label in ("crack", "free"))
        assert abs(first - second) <= 0.3 and first + second >= 0.5
        assert place.probability == pytest.approx({"crack": first, "free": second}, abs=1e-3)
        assert place.distance == pytest.approx(emptiness(atlas, position)[0], abs=1e-3)
        assert place.distance < EMPTY
        here, there, share = place.between
        assert {here, there} <= {int(i) for i in atlas.image_ids[atlas.fitted]}, "only training images propose"
        ends = [atlas.position[atlas.row_of(one)] for one in (here, there)]
        assert np.allclose(place.position, (1 - share) * ends[0] + share * ends[1], atol=1e-4)
        assert place.xy[1] == pytest.approx(place.xy[0] / 2, abs=1e-4)
        assert here == there or 0.25 <= share <= 0.75
    across = sorted(place.position[0] for place in result.places)
    assert np.diff(across).min() >= 1.0, "a usual distance between parts lies between any two"


def test_the_same_config_gives_the_same_places_and_another_seed_others(line: Make):
    atlas = line()
    first, again, other = (
        boundary_places(atlas, ProposeConfig(labels=("crack", "free"), count=4, seed=seed)) for seed in (0, 0, 1)
    )
    assert first == again
    assert [place.position for place in other.places] != [place.position for place in first.places]


def test_classes_that_do_not_meet_are_said_and_nothing_is_proposed_in_the_void(line: Make):
    result = boundary_places(line(gap=40.0, doubt=0.1), ProposeConfig(labels=("crack", "free")))
    assert result.places == ()
    assert [one.key for one in result.warnings] == ["classes_apart", "no_boundary"]
    assert "40 times the usual distance" in result.warnings[0].text
    # Near enough that the middle still has data near, but apart all the same: places, and the warning.
    result = boundary_places(line(gap=4.0, doubt=0.1), ProposeConfig(labels=("crack", "free")))
    assert result.places and result.warnings[0].key == "classes_apart"
    assert all(place.distance < EMPTY for place in result.places)


def test_fewer_places_than_asked_for_are_said(line: Make):
    result = boundary_places(line(doubt=0.2), ProposeConfig(labels=("crack", "free"), count=64))
    assert 0 < len(result.places) < 64
    assert result.warnings[0].text.startswith(f"{len(result.places)} of 64 places")


def test_labels_along_a_way_change_where_the_boundary_is(line: Make):
    atlas = line(doubt=1.0)
    way = np.zeros((9, 20), np.float32)
    way[:, 0] = np.linspace(2, 17, 9)
    found = labels_at(atlas, way, ["crack", "free"])
    assert found == ["free"] * found.count("free") + ["crack"] * found.count("crack") and set(found) == {
        "crack",
        "free",
    }
    assert set(labels_at(atlas, way, ["crack"])) == {"crack"}, "a label the generator does not know is never chosen"


def test_what_cannot_be_proposed_is_refused(line: Make):
    with pytest.raises(NotFound, match="label 'dent' is not on this map: crack, free, hole"):
        boundary_places(line(), ProposeConfig(labels=("crack", "dent")))
    with pytest.raises(NotFound, match="'hole' has no training image"):
        boundary_places(line(), ProposeConfig(labels=("crack", "hole")))
    with pytest.raises(NotReady, match="no map"):
        nothing = SimpleNamespace(store=SimpleNamespace(projections=SimpleNamespace(latest=lambda: None)))
        propose(ProposeConfig(labels=("crack", "free")), nothing)
    for fields, named in (({"labels": ("a", "a")}, "'a' twice"), ({"count": 0}, "count 0"), ({"seed": -1}, "seed -1")):
        with pytest.raises(InvalidConfig, match=named):
            ProposeConfig(**({"labels": ("a", "b")} | fields))
