"""Which way a surface runs is read from its texture, not from what lies on it."""

import numpy as np
import pytest
from scipy import ndimage

from augment.grain import grain_deg


def brushed(runs_deg: float, side_px: int, seed: int = 0) -> np.ndarray:
    """(side, side, 1) uint8: noise drawn out along a direction, clockwise from the right."""
    rng = np.random.default_rng(seed)
    streaks = ndimage.gaussian_filter(rng.normal(0, 1, (2 * side_px, 2 * side_px)), (0.7, 12))
    turned = ndimage.rotate(streaks, -runs_deg, reshape=False)[side_px // 2 :][:side_px, side_px // 2 :][:, :side_px]
    return (128 + 20 * turned / turned.std()).clip(0, 255).astype(np.uint8)[..., None]


def off(found: float | None, runs_deg: float) -> float:
    """Degrees between two directions; a direction and its opposite are one."""
    assert found is not None
    return abs((found - runs_deg + 90) % 180 - 90)


@pytest.mark.parametrize("runs_deg", [0, 20, 45, 90, 135, 179])
@pytest.mark.parametrize("side_px", [64, 600])
def test_brushing_is_found(runs_deg: int, side_px: int):
    # 64 px hold five streaks side by side: their mean is a few degrees off.
    assert off(grain_deg(brushed(runs_deg, side_px)), runs_deg) < (6 if side_px == 64 else 2)


def test_what_lies_on_it_does_not_count():
    surface = brushed(30, 128)
    defect = np.zeros((128, 128), dtype=np.bool_)
    defect[20:100, 40:110] = True
    other = np.where(defect[..., None], brushed(120, 128, seed=1), surface)
    assert off(grain_deg(other, defect), 30) < 6
    # An edge is strong, but few pixels wide.
    surface[:, 64:] = np.clip(surface[:, 64:].astype(int) + 80, 0, 255)
    assert off(grain_deg(surface), 30) < 6


def test_a_surface_that_runs_nowhere():
    rng = np.random.default_rng(0)
    noise = rng.normal(128, 20, (64, 64, 3)).clip(0, 255)
    assert grain_deg(noise.astype(np.uint8)) is None
    assert grain_deg((100 + 4 * ndimage.gaussian_filter(noise, (2, 2, 0))).clip(0, 255).astype(np.uint8)) is None
    assert grain_deg(np.full((40, 60, 1), 90, np.uint8)) is None
    assert grain_deg(brushed(20, 32), np.ones((32, 32), dtype=np.bool_)) is None
