"""Precision and coverage on sets that are known to be right, wrong, and narrow."""

import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.judge.manifold import manifold


def test_right_wrong_and_narrow_sets_are_told_apart():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(400, 4))
    right = manifold(rng.normal(size=(400, 4)), real)
    assert right is not None
    # Naeem et al. 2020, equation 10: coverage of equal sets is 1 - (1/2)^5 = 0.97 on average.
    assert right.precision > 0.9 and right.coverage == pytest.approx(0.97, abs=0.03)
    wrong = manifold(rng.normal(size=(400, 4)) + 20, real)
    assert wrong is not None and wrong.precision == wrong.coverage == 0
    # One good image again and again is precise, and covers next to nothing.
    narrow = manifold(np.repeat(real[:1], 400, axis=0), real)
    assert narrow is not None and narrow.precision == 1 and narrow.coverage < 0.05


def test_few_images_and_features_of_two_widths():
    assert manifold(np.zeros((49, 2)), np.zeros((60, 2))) is None
    with pytest.raises(InvalidInput, match="one width"):
        manifold(np.zeros((60, 2)), np.zeros((60, 3)))
