import json

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotReady
from augment.features.neighbours import knn_accuracy, nearest
from augment.features.projection import Projection, ProjectionConfig

# A process loads umap-learn once, for seconds.

HELD = 100


@pytest.fixture(scope="module")
def shares():
    """What the one fit reported."""
    return []


@pytest.fixture(scope="module")
def fitted(digits, shares):
    """Fitted on 300 real digits; one fit for the module, because umap-learn compiles for seconds."""
    return Projection.fit(digits.flat[HELD:], report=shares.append)


def test_a_fit_tells_how_far_it_is_and_can_be_stopped(fitted, shares, digits):
    assert shares == sorted(shares) and shares[0] < 0.5 < shares[-1] == 1.0

    def stop(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        Projection.fit(digits.flat[HELD : HELD + 40], report=stop)
    assert Projection.fit(digits.flat[HELD : HELD + 40]).method == "umap", "a stopped fit leaves nothing locked"


def test_the_view_is_faithful(fitted):
    from sklearn.manifold import trustworthiness

    assert fitted.method == "umap"
    assert fitted.position.shape == (300, 20)
    assert fitted.xy.shape == (300, 2)
    # 0.5 is chance, 0.8 the least at which neighbours on the map may be called neighbours; digits reach 0.95.
    assert trustworthiness(fitted.features, fitted.xy, n_neighbors=5) >= 0.8
    assert trustworthiness(fitted.features, fitted.position, n_neighbors=5) >= 0.8


def test_fitted_points_are_placed_on_their_own_positions(fitted, digits):
    position, xy = fitted.place(digits.flat[HELD:])
    gap = np.median(nearest(fitted.position, fitted.position, 2)[1][:, 1])
    # Features computed again differ by rounding only; a hundredth of the distance to a neighbour is "the same place".
    assert np.abs(position - fitted.position).max() < 0.01 * gap
    assert np.abs(xy - fitted.xy).max() < 0.01
    noisy, _ = fitted.place(digits.flat[HELD:] * np.float32(1 + 1e-6))
    assert np.abs(noisy - fitted.position).max() < 0.01 * gap


def test_new_images_land_among_their_own_kind(fitted, digits):
    position, xy = fitted.place(digits.flat[:HELD])
    for known, placed in ((fitted.position, position), (fitted.xy, xy)):
        rows, _ = nearest(known, placed, 1)
        right = digits.index[HELD:][rows[:, 0]] == digits.index[:HELD]
        # Neighbours on the pixels themselves are right for about 95 %.
        assert right.mean() > 0.85
    assert knn_accuracy(fitted.position, digits.index[HELD:], position, digits.index[:HELD])[0] > 0.85


def test_a_click_on_a_point_gives_its_position_and_between_points_one_near_them(fitted):
    assert np.abs(fitted.at(fitted.xy)[0] - fitted.position).max() < 1e-4
    rows, _ = nearest(fitted.xy, fitted.xy, 2)
    pair = np.stack([np.arange(300), rows[:, 1]], axis=1)
    between = fitted.at(fitted.xy[pair].mean(axis=1))[0]
    to_pair = np.linalg.norm(between[:, None] - fitted.position[pair], axis=2).min(axis=1)
    spread = np.linalg.norm(fitted.position - fitted.position.mean(axis=0), axis=1).mean()
    assert np.median(to_pair) < 0.1 * spread


def test_saved_and_loaded_places_the_same(fitted, digits, tmp_path):
    fitted.save(tmp_path / "a")
    Projection.copy(tmp_path / "a", tmp_path / "b")
    loaded = Projection.load(tmp_path / "b")
    assert isinstance(loaded.features, np.memmap)
    assert loaded.config == fitted.config
    for mine, theirs in zip(loaded.place(digits.flat[:5]), fitted.place(digits.flat[:5]), strict=True):
        assert (mine == theirs).all()
    head = json.loads((tmp_path / "b" / "projection.json").read_text())
    (tmp_path / "b" / "projection.json").write_text(json.dumps({**head, "config": {"colour": "red"}}))
    with pytest.raises(NotReady, match="build the map again"):
        Projection.load(tmp_path / "b")


def test_the_same_seed_gives_the_same_map(digits):
    few = digits.flat[:40]
    first, second = Projection.fit(few), Projection.fit(few)
    assert first.method == "umap"
    assert (first.xy == second.xy).all()


def test_fewer_images_than_neighbours_are_all_neighbours(digits):
    made = Projection.fit(digits.flat[:16], ProjectionConfig(neighbours=30))
    assert made.method == "umap"
    assert "15 are used" in made.notes[0]
    # 16 points fill 14 dimensions at most; the generators need 20 columns all the same.
    assert made.position.shape == (16, 20)
    assert (made.position[:, 14:] == 0).all()
    assert np.isfinite(made.position).all()


@pytest.mark.parametrize("count", [1, 2, 3, 14])
def test_few_images_are_shown_by_principal_components(digits, count):
    made = Projection.fit(digits.flat[:count])
    assert made.method == "pca"
    assert "too few for UMAP" in made.notes[0]
    assert made.position.shape == (count, 20)
    assert np.isfinite(made.xy).all()
    position, _ = made.place(digits.flat[:count])
    assert np.allclose(position, made.position, atol=1e-5)
    if count > 2:
        assert made.xy.std(axis=0).min() > 0


def test_images_of_one_grey_lie_on_one_place():
    made = Projection.fit(np.full((40, 8), 0.3, np.float32))
    assert made.method == "pca"
    assert made.notes[0] == "39 of 40 images have the same features as another one"
    assert "1 different image is too few" in made.notes[1]
    assert (made.position == 0).all()
    assert (made.place(np.full((1, 8), 0.3, np.float32))[1] == 0).all()


def test_twins_are_said_and_do_not_break_the_fit(digits):
    made = Projection.fit(np.concatenate([digits.flat[:30], digits.flat[:30]]))
    assert made.method == "umap"
    assert "30 of 60 images have the same features" in made.notes[0]
    assert np.isfinite(made.position).all()


def test_bad_features_are_refused(fitted, digits):
    broken = digits.flat[:20].copy()
    broken[3] = np.inf
    with pytest.raises(InvalidInput, match="NaN or infinity"):
        Projection.fit(broken)
    with pytest.raises(InvalidInput, match="NaN or infinity"):
        fitted.place(broken)
    with pytest.raises(InvalidInput, match="7 dimensions: 64 are needed"):
        fitted.place(np.zeros((1, 7), np.float32))
    with pytest.raises(InvalidInput, match="0 images"):
        Projection.fit(np.zeros((0, 64), np.float32))


@pytest.mark.parametrize("field", ["dimensions", "neighbours", "min_dist", "metric", "place_neighbours", "seed"])
def test_config_names_the_field(field):
    with pytest.raises(InvalidConfig, match=field):
        ProjectionConfig(**{field: "x" if field == "metric" else -1})


def test_placing_in_blocks_gives_the_same_places(digits, monkeypatch):
    fitted = Projection.fit(digits.flat[:200], ProjectionConfig(smallest_umap=1000))
    whole = fitted.place(digits.flat)
    monkeypatch.setattr("augment.features.projection._BLOCK_ROWS", 60)
    told: list[float] = []
    blocks = fitted.place(digits.flat, told.append)
    assert np.allclose(whole[0], blocks[0], atol=1e-6) and np.allclose(whole[1], blocks[1], atol=1e-6)
    assert told == [start / 400 for start in range(0, 400, 60)]
