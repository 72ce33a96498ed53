import math

import numpy as np
import pytest
import torch

from augment.ddpm.schedule import (
    NoiseConfig,
    karras_sigmas,
    linear_betas,
    scaled_linear_betas,
    sd_strength_to_sigma,
    sigma_table,
    sigma_to_sd_strength,
    sigma_to_step,
    step_to_sigma,
    training_sigmas,
)
from augment.errors import InvalidConfig, InvalidInput


def test_published_settings_are_almost_the_same_noise():
    # The published settings compared: the figures are given with two decimals.
    assert step_to_sigma(300) == pytest.approx(1.23, abs=0.005)
    assert sd_strength_to_sigma(0.2) == pytest.approx(0.57, abs=0.005)
    assert sd_strength_to_sigma(0.4) == pytest.approx(1.16, abs=0.005)


def test_table_is_the_closed_form_of_its_betas():
    kept = np.cumprod(1 - linear_betas())
    assert np.allclose(sigma_table(), np.sqrt(1 / kept - 1))
    assert (np.diff(sigma_table(scaled_linear_betas())) > 0).all()


@pytest.mark.parametrize("sigma", [0.0, 0.001, 0.03, 0.5, 1.23, 10.0, 100.0])
def test_conversions_invert_each_other(sigma: float):
    assert step_to_sigma(sigma_to_step(sigma)) == pytest.approx(sigma, rel=1e-6)
    if sigma < 14:  # Stable Diffusion's schedule ends at 14.6
        assert sd_strength_to_sigma(sigma_to_sd_strength(sigma)) == pytest.approx(sigma, rel=1e-6)


def test_outside_the_schedule_is_refused():
    assert sigma_to_step(1e6) == 1000
    with pytest.raises(InvalidInput, match="1001"):
        step_to_sigma(1001)
    with pytest.raises(InvalidInput, match="0 or more"):
        sigma_to_step(-0.1)
    with pytest.raises(InvalidInput, match="0 or more"):
        sigma_to_step(math.nan)


def test_karras_levels_follow_equation_5():
    sigmas = karras_sigmas(12, 0.01, 80.0)
    assert sigmas[0] == pytest.approx(80) and sigmas[11] == pytest.approx(0.01) and sigmas[12] == 0
    assert bool((sigmas.diff() < 0).all())
    # In the 7th root the steps are equal.
    assert torch.allclose((sigmas[:-1] ** (1 / 7)).diff().diff(), torch.zeros(10, dtype=torch.float64), atol=1e-12)
    with pytest.raises(InvalidInput, match="steps 0"):
        karras_sigmas(0, 0.01, 80)
    with pytest.raises(InvalidInput, match="smallest"):
        karras_sigmas(5, 1.0, 0.5)


def test_training_levels_are_log_normal():
    config = NoiseConfig.for_data(0.5)
    drawn = training_sigmas(20_000, config, torch.Generator().manual_seed(0)).log()
    # Standard error of the mean is 0.01 here; five of them.
    assert float(drawn.mean()) == pytest.approx(math.log(0.5) + 0.2, abs=0.05)
    assert float(drawn.std()) == pytest.approx(1.4, abs=0.05)
    with pytest.raises(InvalidConfig, match="log_std 0"):
        NoiseConfig(log_std=0.0)
