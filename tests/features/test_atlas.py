import numpy as np
import pytest

from augment.errors import InvalidInput, NotFound, NotReady
from augment.features.atlas import Atlas
from augment.features.linear import LinearClassifier
from augment.features.projection import Projection


def arrays(count=12):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(count, 8)).astype(np.float32)
    projection = Projection.fit(features)
    return {
        "image_ids": np.arange(count) * 3 + 5,
        "features": features,
        "aim": features[:, :3],
        "labels": ("crack", "free", "ひび"),
        "label_index": np.arange(count) % 3,
        "fitted": np.ones(count, bool),
        "probability": np.tile([0.5, 0.3, 0.2], (count, 1)),
        "margin": np.linspace(-1, 1, count),
        "pairs": np.array([[0, 1]]),
        "pair_distance": np.array([0.5]),
        "scale": {"crack": 0.1, "free": 0.2, "ひび": 0.3},
        "spacing": {"position": 1.0, "xy": 2.0},
        "position": projection.position,
        "xy": projection.xy,
        "projection": projection,
    }


def test_what_is_written_is_read(tmp_path):
    given = arrays()
    Atlas.write(tmp_path / "map", **given)
    atlas = Atlas.load(tmp_path / "map")
    assert len(atlas) == 12
    assert isinstance(atlas.features, np.memmap)
    for name in ("features", "position", "xy", "pairs"):
        assert np.array_equal(getattr(atlas, name), given[name])
    assert (atlas.image_ids.dtype, atlas.xy.dtype, atlas.label_index.dtype) == (np.int64, np.float32, np.int32)
    assert atlas.labels == given["labels"]
    assert atlas.scale == given["scale"]
    assert np.allclose(atlas.projection.place(given["features"])[0], given["position"], atol=1e-5)


def test_the_classifier_is_read_with_the_map(tmp_path):
    given = arrays()
    Atlas.write(tmp_path / "without", **given)
    assert Atlas.load(tmp_path / "without").classifier is None
    fitted = LinearClassifier.fit(given["features"], given["label_index"], given["labels"])
    Atlas.write(tmp_path / "with", **given, classifier=fitted)
    read = Atlas.load(tmp_path / "with").classifier
    assert np.array_equal(read.probability(given["features"]), fitted.probability(given["features"]))
    other = LinearClassifier.fit(given["features"], given["label_index"], ("a", "b", "c"))
    other.save(tmp_path / "with" / "classifier.npz")
    with pytest.raises(NotReady, match="another map"):
        _ = Atlas.load(tmp_path / "with").classifier


def test_rows_are_found_by_image(tmp_path):
    Atlas.write(tmp_path, **arrays())
    atlas = Atlas.load(tmp_path)
    assert [atlas.row_of(int(image_id)) for image_id in atlas.image_ids] == list(range(12))
    for missing in (0, 6, 1000):
        with pytest.raises(NotFound, match=f"image {missing} is not on the map"):
            atlas.row_of(missing)
    assert (atlas.label_of(0), atlas.rival_of(0)) == ("crack", "free")
    assert (atlas.label_of(1), atlas.rival_of(1)) == ("free", "crack")
    near = atlas.neighbours_of(4, 3)
    assert len(near) == 3
    assert 4 not in [row for row, _ in near]
    assert near[0][1] <= near[1][1] <= near[2][1]


def test_a_damaged_map_is_not_shown(tmp_path):
    Atlas.write(tmp_path, **arrays())
    np.save(tmp_path / "xy.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(NotReady, match=r"different lengths.*build the map again"):
        Atlas.load(tmp_path)
    (tmp_path / "xy.npy").write_bytes(b"half")
    with pytest.raises(NotReady, match="build the map again"):
        Atlas.load(tmp_path)
    (tmp_path / "xy.npy").unlink()
    with pytest.raises(NotReady, match=r"xy\.npy"):
        Atlas.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_ids", np.arange(12)[::-1]),
        ("label_index", np.full(12, 3)),
        ("pairs", np.array([[0, 12]])),
        ("margin", np.zeros(11)),
        ("probability", np.zeros((12, 2))),
    ],
)
def test_arrays_that_do_not_agree_are_not_written(tmp_path, field, value):
    with pytest.raises(InvalidInput):
        Atlas.write(tmp_path / "map", **{**arrays(), field: value})
    assert not (tmp_path / "map").exists()


def test_reading_an_atlas_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, augment.features.atlas; print(sorted({'torch', 'umap', 'sklearn', 'scipy'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
