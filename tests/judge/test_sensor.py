"""The camera's noise and sharpness: a known noise is measured, what is softened or noisier lies far off."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from augment.judge.sensor import Sensor, noise_levels


def pictures(count: int, noise: float, seed: int = 0, blur: float = 1.0) -> np.ndarray:
    """(count, 64, 64, 1): a blurred pattern of its own each, under normal noise."""
    rng = np.random.default_rng(seed)
    pattern = gaussian_filter(rng.normal(0, 60, (count, 64, 64)), (0, blur, blur))
    values = 128 + pattern * 2 + rng.normal(0, noise, (count, 64, 64))
    return np.clip(values, 0, 255).astype(np.uint8)[..., None]


@pytest.mark.parametrize("noise", [3.0, 6.0, 12.0])
def test_noise_is_measured_on_smooth_pictures(noise):
    # Immerkaer 1996 is within a few percent on pictures without fine texture; rounding to levels adds 0.3.
    assert noise_levels(pictures(8, noise, blur=6.0)).mean() == pytest.approx(noise, rel=0.08)


def test_pictures_of_the_same_camera_are_usual():
    sensor = Sensor.of(pictures(100, 4.0))
    again = pictures(100, 4.0, seed=1)
    # Beyond 3 spreads lie 0.3 % of a normal distribution.
    assert (np.abs(sensor.noise_off(again)) < 4).all() and (np.abs(sensor.sharpness_off(again)) < 4).all()


def test_softer_and_noisier_ones_lie_off_on_their_side():
    sensor = Sensor.of(pictures(100, 4.0))
    assert sensor.sharpness_off(pictures(20, 4.0, seed=2, blur=1.6)).max() < -4
    assert sensor.sharpness_off(pictures(20, 4.0, seed=2, blur=0.7)).min() > 4
    assert sensor.noise_off(pictures(20, 12.0, seed=3)).min() > 4
    assert sensor.noise_off(pictures(20, 0.5, seed=3)).max() < -2


def test_flat_pictures_have_finite_numbers():
    flat = np.full((3, 64, 64, 3), 90, np.uint8)
    assert np.isfinite(Sensor.of(flat).noise_off(pictures(2, 4.0))).all()
    assert np.isfinite(Sensor.of(pictures(5, 4.0)).sharpness_off(flat)).all()
