import numpy as np
import pytest

from augment.errors import InvalidInput, NotReady
from augment.features.linear import LinearClassifier


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_probabilities_are_those_of_scikit_learn(digits, classes):
    from sklearn.linear_model import LogisticRegression

    rows = np.flatnonzero(digits.index < classes)
    x, y = digits.flat[rows], digits.index[rows]
    found = LinearClassifier.fit(x, y, tuple(f"digit {number}" for number in range(classes)))
    standard = (x - found.mean) / found.spread
    peer = LogisticRegression(C=0.1, class_weight="balanced", max_iter=300, tol=1e-3).fit(standard, y)
    probability = found.probability(x)
    assert probability.dtype == np.float32
    # float32 against float64 arithmetic.
    assert np.allclose(probability, peer.predict_proba(standard), atol=1e-4)


def test_a_label_without_rows_has_no_probability(digits):
    rows = np.flatnonzero(digits.index < 2)
    found = LinearClassifier.fit(digits.flat[rows], digits.index[rows] * 2, ("zero", "never", "one"))
    probability = found.probability(digits.flat)
    assert (probability[:, 1] == 0).all()
    assert np.allclose(probability.sum(axis=1), 1, atol=1e-5)


def test_what_is_saved_is_read(digits, tmp_path):
    found = LinearClassifier.fit(digits.flat, digits.index, tuple(f"ラベル {number}" for number in range(10)))
    found.save(tmp_path / "c.npz")
    read = LinearClassifier.load(tmp_path / "c.npz")
    assert read.labels == found.labels
    assert np.array_equal(read.probability(digits.flat), found.probability(digits.flat))
    with pytest.raises(InvalidInput, match="64 are needed"):
        read.probability(digits.flat[:, :5])
    whole = (tmp_path / "c.npz").read_bytes()
    for damaged in (b"half", whole[: len(whole) // 2], b""):
        (tmp_path / "c.npz").write_bytes(damaged)
        with pytest.raises(NotReady, match="build the map again"):
            LinearClassifier.load(tmp_path / "c.npz")
