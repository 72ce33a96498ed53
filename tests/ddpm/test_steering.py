"""Steering against a denoiser whose images are known: independent Gaussian pixels."""

import pytest
import torch
from torch import Tensor

from augment.ddpm.condition import Condition
from augment.ddpm.sampling import SampleNoise, sample_dpmpp_2m
from augment.ddpm.schedule import karras_sigmas
from augment.ddpm.steering import SteeringConfig, steered
from augment.errors import InvalidConfig

SPREAD = 0.3
COUNT, SIDE = 64, 8


def gaussian(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
    """The exact posterior mean when every pixel is N(0, SPREAD^2)."""
    return x * (SPREAD**2 / (SPREAD**2 + sigma[:, None, None, None] ** 2))


def halves(images: Tensor) -> Tensor:
    """Two features: the mean of the upper and of the lower half."""
    return torch.stack([images[:, 0, :4].mean((1, 2)), images[:, 0, 4:].mean((1, 2))], dim=1)


def drawn(config: SteeringConfig | None, aim: Tensor) -> Tensor:
    condition = Condition.of(torch.full((COUNT,), -1), aim=aim.expand(COUNT, 2))
    denoise = gaussian if config is None else steered(gaussian, halves, config, SPREAD)
    x = SampleNoise(range(COUNT), (1, SIDE, SIDE)).draw() * 20.0
    with torch.inference_mode():
        return sample_dpmpp_2m(denoise, x, karras_sigmas(12, 0.01, 20.0), condition)


def test_samples_land_at_the_features_asked_for_and_stay_samples():
    aim = torch.tensor([0.08, -0.05])
    images, free = drawn(SteeringConfig(), aim), drawn(None, aim)
    # A half's mean varies by SPREAD / sqrt(32) = 0.053: the aim is an unusual place, not an impossible one.
    landing, unsteered = ((halves(some) - aim).norm(dim=1).median() for some in (images, free))
    assert float(landing) < 0.1 * float(unsteered)
    # What no feature speaks of is as free as before: the pixels' spread about their half's mean.
    rest = images[:, 0, :4] - images[:, 0, :4].mean((1, 2), keepdim=True)
    assert float(rest.std()) == pytest.approx(SPREAD, rel=0.05)


def test_strength_says_how_far_and_0_changes_nothing():
    aim = torch.tensor([0.2, -0.1])
    free, half, whole = (
        float((halves(drawn(config, aim)) - aim).norm(dim=1).mean())
        for config in (None, SteeringConfig(strength=0.5), SteeringConfig(strength=1.0))
    )
    assert whole < half < free
    assert torch.equal(drawn(SteeringConfig(strength=0.0), aim), drawn(None, aim))


def test_a_level_moves_no_further_than_its_noise_allows():
    far = torch.tensor([1e3, 1e3])
    condition = Condition.of(torch.full((COUNT,), -1), aim=far.expand(COUNT, 2))
    x = torch.zeros(COUNT, 1, SIDE, SIDE)
    moved = steered(gaussian, halves, SteeringConfig(reach=0.2), SPREAD)(x, torch.full((COUNT,), 0.5), condition)
    # x is 0, so the estimate is 0 and all that is seen is the step.
    assert float(moved.square().mean((1, 2, 3)).sqrt().max()) <= 0.2 * 0.5 * SPREAD + 1e-6


def test_a_level_moves_patches_as_wide_as_its_noise_and_still_lands():
    def corner(images: Tensor) -> Tensor:
        return images[:, 0, :1, 0]

    condition = Condition.of(torch.full((COUNT,), -1), aim=torch.full((COUNT, 1), 0.01))
    falls = []
    for sigma in (0.1, 3.0):
        move = steered(gaussian, corner, SteeringConfig(smoothness=0.075), SPREAD)
        moved = move(torch.zeros(COUNT, 1, SIDE, SIDE), torch.full((COUNT,), sigma), condition)[0, 0]
        assert float(moved[0, 0]) == pytest.approx(0.01, rel=1e-3)
        falls.append(float(moved[0, 1] / moved[0, 0]))
    # The next pixel of a patch of 0.2 px has exp(-12) of the first one's weight, that of a patch of 6 px exp(-0.01).
    assert falls[0] < 0.01 and falls[1] > 0.9


@pytest.mark.parametrize(
    "wrong", [{"strength": -1.0}, {"smoothness": 2.0}, {"reach": 0.0}, {"sigma_low": 2.0, "sigma_high": 1.0}]
)
def test_settings_out_of_range_are_named(wrong):
    with pytest.raises(InvalidConfig, match=next(iter(wrong)).split("_")[0]):
        SteeringConfig(**wrong)
