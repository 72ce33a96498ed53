import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.judge.metrics import FEWEST, frechet_distance, inception_score, kernel_distance, real_floor, wilson


def points(seed, count=400, dim=6, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(shift, scale, (count, dim))


def standardised(seed, count=200, dim=5):
    """Rows whose mean is exactly 0 and whose covariance is exactly the identity."""
    x = points(seed, count, dim)
    x -= x.mean(axis=0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T


def test_the_frechet_distance_of_two_normal_distributions_is_the_closed_form():
    a, b = standardised(0), standardised(1)
    shift, stretch = np.array([3.0, 0, 0, 0, 0]), np.array([1.0, 2, 3, 4, 5])
    # Of diagonal covariances: |shift|^2 + sum of (sigma_a - sigma_b)^2.
    assert frechet_distance(a, b * stretch + shift) == pytest.approx(9 + ((1 - stretch) ** 2).sum(), rel=1e-9)
    turn = np.linalg.qr(points(2, 5, 5))[0]
    assert frechet_distance(a * 2, b @ turn) == pytest.approx(5.0, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)


def test_the_frechet_distance_of_fewer_images_than_dimensions_is_symmetric_and_finite():
    a, b = points(0, 60, 128), points(1, 70, 128, shift=0.2)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6)


def test_distances_agree_with_torchmetrics():
    torch = pytest.importorskip("torch")
    from torchmetrics.image.fid import _compute_fid
    from torchmetrics.image.kid import poly_mmd

    a, b = points(0), points(1, shift=0.3, scale=1.4)
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    theirs = float(_compute_fid(x.mean(0), x.T.cov(), y.mean(0), y.T.cov()))
    assert frechet_distance(a, b) == pytest.approx(theirs, rel=1e-6)
    assert kernel_distance(a, b).value == pytest.approx(float(poly_mmd(x, y)), rel=1e-6)


def test_the_kernel_distance_is_unbiased_and_its_interval_holds_what_it_should():
    # 4,000 rows stand for the true distance: their own error is a fifth of that of 150.
    shift, trials = 0.3, 60
    far = kernel_distance(points(10_000, 4000), points(10_001, 4000, shift=shift)).value
    found = [kernel_distance(points(2 * i, 150), points(2 * i + 1, 150, shift=shift)) for i in range(trials)]
    mean = np.mean([estimate.value for estimate in found])
    error = np.std([estimate.value for estimate in found]) / trials**0.5
    assert abs(mean - far) < 4 * error
    held = np.mean([estimate.low <= far <= estimate.high for estimate in found])
    # 95 % by construction; 60 trials scatter by 3 %.
    assert held >= 0.85
    same = [kernel_distance(points(2 * i, 100), points(2 * i + 1, 100)).value for i in range(trials)]
    assert min(same) < 0 < max(same)


def test_blocks_change_nothing(monkeypatch):
    whole = kernel_distance(points(0), points(1, 300))
    monkeypatch.setattr("augment.judge.metrics._BLOCK_CELLS", 2000)
    assert kernel_distance(points(0), points(1, 300)).value == pytest.approx(whole.value, rel=1e-9)


def test_the_inception_score_goes_from_one_to_the_number_of_classes():
    certain = np.eye(4)[np.arange(80) % 4]
    assert inception_score(certain) == pytest.approx(4.0)
    assert inception_score(certain[[0] * 80]) == pytest.approx(1.0)
    assert inception_score(np.full((80, 4), 0.25)) == pytest.approx(1.0)
    with pytest.raises(InvalidInput, match="summing to 1"):
        inception_score(np.ones((80, 4)))


def test_below_fifty_images_there_is_no_number():
    few, many = points(0, FEWEST - 1), points(1)
    assert frechet_distance(few, many) is None
    assert kernel_distance(many, few) is None
    assert inception_score(np.full((FEWEST - 1, 2), 0.5)) is None
    assert real_floor(points(0, 2 * FEWEST - 1), FEWEST, 0, frechet_distance) is None


def test_the_floor_is_that_of_equal_distributions():
    real = points(0, 400)
    floor = real_floor(real, 200, 0, frechet_distance)
    assert 0 < floor < 0.5 < frechet_distance(real, points(1, shift=0.5))
    # Another 400 of the same distribution reach the floor, at its numbers of images.
    assert real_floor(real, 200, 0, frechet_distance, points(1)) == pytest.approx(floor, rel=0.3)
    # Fewer images on one side: a higher floor, for the distance is biased upwards.
    assert real_floor(real, FEWEST, 0, frechet_distance) > floor


def test_features_of_two_encoders_are_refused():
    with pytest.raises(InvalidInput, match="one encoder"):
        frechet_distance(points(0), points(1, dim=7))
    with pytest.raises(InvalidInput, match="NaN"):
        kernel_distance(points(0), np.full((60, 6), np.nan))


def test_wilson_stays_between_0_and_1():
    assert wilson(np.zeros(0, bool)) is None
    nine = wilson(np.arange(10) > 0)
    assert (nine.value, nine.right, nine.count) == (0.9, 9, 10)
    # The textbook's values for 9 and 10 of 10 at z = 1.96.
    assert (nine.low, nine.high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    all_right = wilson(np.ones(10, bool))
    assert (all_right.low, all_right.high) == (pytest.approx(0.7225, abs=1e-4), pytest.approx(1.0))
    assert wilson(np.zeros(10, bool)).low == pytest.approx(0.0)
