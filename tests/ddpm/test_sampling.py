"""Samplers against denoisers whose exact solution is known."""

import math

import pytest
import torch
from torch import Tensor

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoiser, DenoiserConfig, guided
from augment.ddpm.sampling import SampleNoise, sample, sample_ancestral, sample_dpmpp_2m, sample_heun
from augment.ddpm.schedule import (
    NoiseConfig,
    alphas_cumprod,
    ddpm_sigmas,
    karras_sigmas,
    linear_betas,
    step_to_sigma,
)
from augment.ddpm.settings import SamplerConfig
from augment.ddpm.unet import UNetConfig
from augment.errors import Cancelled, InvalidConfig, InvalidInput

MEAN, SPREAD = 0.2, 0.3
NOISE = NoiseConfig(sigma_min=0.002, sigma_max=20.0)


def gaussian(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
    """The exact posterior mean when images are N(MEAN, SPREAD^2) in every pixel."""
    share = SPREAD**2 / (SPREAD**2 + sigma[:, None, None, None] ** 2)
    return MEAN + share * (x - MEAN)


def two_points(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
    """The exact posterior mean when every pixel is -0.5 or 0.5, as likely as each other."""
    return 0.5 * torch.tanh(0.5 * x / sigma[:, None, None, None] ** 2)


def nobody(count: int) -> Condition:
    return Condition.of(torch.full((count,), -1))


def exact(x: Tensor) -> Tensor:
    """The probability-flow solution at sigma 0 of the Gaussian: all distances from the mean shrink alike."""
    return MEAN + (x - MEAN) * SPREAD / math.sqrt(SPREAD**2 + NOISE.sigma_max**2)


def error_of(sampler, steps: int) -> float:
    x = SampleNoise(range(4), (1, 8, 8)).draw() * NOISE.sigma_max
    found = sampler(gaussian, x, karras_sigmas(steps, NOISE.sigma_min, NOISE.sigma_max), nobody(4))
    return float((found - exact(x)).abs().max())


@pytest.mark.parametrize("sampler", [sample_dpmpp_2m, sample_heun])
def test_second_order_samplers_converge_to_the_exact_flow(sampler):
    coarse, fine = error_of(sampler, 16), error_of(sampler, 64)
    # Four times the steps cut a second-order error 16 times; 8 leaves room for the first and last, first-order steps.
    assert fine < coarse / 8
    assert fine < 0.01


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "heun", "ancestral", "ddpm", "ddpm_beta"])
def test_all_samplers_end_in_the_two_points(sampler):
    config = SamplerConfig(sampler=sampler, steps=300 if "ddpm" in sampler else 40)
    images = sample(two_points, nobody(8), range(8), (1, 8, 8), config, NOISE)
    assert float((images.abs() - 0.5).abs().max()) < 1e-3
    # 512 fair coins: 5 standard deviations are 57.
    assert abs(int((images > 0).sum()) - 256) < 57


def test_ancestral_keeps_the_gaussian():
    config = SamplerConfig(sampler="ancestral", steps=100)
    images = sample(gaussian, nobody(16), range(16), (1, 16, 16), config, NOISE)
    # 4,096 values: standard errors are 0.005 and 0.003; the rest is the error of 100 steps.
    assert float(images.mean()) == pytest.approx(MEAN, abs=0.03)
    assert float(images.std()) == pytest.approx(SPREAD, abs=0.03)


@pytest.mark.parametrize("variance", ["posterior", "beta"])
@pytest.mark.parametrize("start", [1000, 300, 1])
def test_the_published_sampler_follows_the_published_formulas(variance, start):
    """Ho et al. 2020, algorithm 2, step by step in its own variables, beside ours in sigma."""
    betas = linear_betas()
    kept = alphas_cumprod(betas)
    sigmas = ddpm_sigmas(1000, 0.01, step_to_sigma(start))
    assert len(sigmas) == start + 1
    ours = SampleNoise([5, 6], (1, 4, 4))
    x = ours.draw().double()
    scaled = x * kept[start - 1] ** 0.5 * float(sigmas[0])
    ended = sample_ancestral(gaussian, x * float(sigmas[0]), sigmas, nobody(2), noise=ours, variance=variance)
    theirs = SampleNoise([5, 6], (1, 4, 4))
    theirs.draw()
    for t in range(start, 0, -1):
        alpha, total = 1 - betas[t - 1], kept[t - 1]
        sigma = ((1 - total) / total) ** 0.5
        noisy = scaled / total**0.5
        clean = gaussian(noisy, torch.full((2,), sigma, dtype=torch.float64), nobody(2))
        eps = (noisy - clean) / sigma
        scaled = (scaled - (1 - alpha) / (1 - total) ** 0.5 * eps) / alpha**0.5
        if t > 1:
            earlier = kept[t - 2]
            added = betas[t - 1] * ((1 - earlier) / (1 - total) if variance == "posterior" else 1)
            scaled = scaled + added**0.5 * theirs.draw()
    assert float((ended - scaled).abs().max()) < 1e-5


def test_fewer_published_steps_are_spread_over_what_is_left_of_the_schedule():
    sigmas = ddpm_sigmas(100, 0.01, step_to_sigma(300))
    assert 29 <= len(sigmas) - 1 <= 31
    assert float(sigmas[0]) == pytest.approx(step_to_sigma(300)) and float(sigmas[-2]) == pytest.approx(
        step_to_sigma(1)
    )
    assert (sigmas[1:] < sigmas[:-1]).all()


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    torch.manual_seed(0)
    unet = UNetConfig(widths=(16, 24, 32), blocks=(1, 1, 1), embedding=32)
    net = Denoiser(DenoiserConfig(side_px=24, unet=unet)).to(memory_format=torch.channels_last)
    for parameter in net.parameters():  # the last layers start at 0, which would make this test blind
        parameter.data += 0.05 * torch.randn_like(parameter)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "ancestral"])
def test_batch_size_and_order_never_change_an_image(denoiser, sampler):
    config = SamplerConfig(sampler=sampler, steps=4)
    seeds = [3, 1, 4, 15, 9, 2, 6]
    condition = Condition.of(torch.zeros(7), torch.randn(7, 20, generator=torch.Generator().manual_seed(0)))

    def draw(rows: list[int]) -> Tensor:
        return sample(denoiser, condition[torch.tensor(rows)], [seeds[r] for r in rows], (1, 24, 24), config, NOISE)

    together = draw(list(range(7)))
    assert float(together.std()) > 0.05
    assert torch.equal(draw([5, 0, 6, 2, 1, 4, 3]), together[[5, 0, 6, 2, 1, 4, 3]])
    assert all(torch.equal(draw([row])[0], together[row]) for row in range(7))
    assert torch.equal(torch.cat([draw([0, 1]), draw([2, 3, 4, 5, 6])]), together)


def test_progress_counts_levels_of_all_micro_batches():
    seen: list[tuple[int, int]] = []
    config = SamplerConfig(steps=3, micro_batch=2)
    sample(gaussian, nobody(3), range(3), (1, 8, 8), config, NOISE, lambda step, total: seen.append((step, total)))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_a_report_that_raises_stops_every_micro_batch():
    seen: list[int] = []
    threads = torch.get_num_threads()

    def report(step: int, total: int) -> None:
        seen.append(step)
        if step >= 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        sample(gaussian, nobody(8), range(8), (1, 8, 8), SamplerConfig(steps=50, micro_batch=1), NOISE, report)
    # Each of the eight reports at most once after that, of fifty steps.
    assert len(seen) <= 2 + 8
    assert torch.get_num_threads() == threads


def test_guidance_weighs_label_and_position_apart():
    calls: list[tuple[bool, bool]] = []

    def denoise(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        has_label, has_position = bool(condition.label[0] >= 0), bool(condition.has_position[0])
        calls.append((has_label, has_position))
        return torch.full_like(x, 1.0 * has_label + 10.0 * has_position)

    condition, x = Condition.of(torch.zeros(1), torch.zeros(1, 20)), torch.zeros(1, 1, 2, 2)

    def value(label_guidance: float, position_guidance: float) -> tuple[float, int]:
        calls.clear()
        result = guided(denoise, label_guidance, position_guidance)(x, torch.ones(1), condition)
        return float(result.mean()), len(calls)

    assert value(1, 1) == (11.0, 1)
    assert value(2, 2) == (22.0, 2)
    assert value(3, 1) == (13.0, 3)
    assert value(1, 2) == (21.0, 2)
    assert value(0, 0) == (0.0, 1)


def test_errors_name_what_is_wrong():
    with pytest.raises(InvalidInput, match="3 seeds for 2"):
        sample(gaussian, nobody(2), range(3), (1, 8, 8), SamplerConfig(), NOISE)
    with pytest.raises(InvalidInput, match="not numbers"):
        sample(lambda x, s, c: x * math.nan, nobody(1), [0], (1, 8, 8), SamplerConfig(steps=2), NOISE)
    with pytest.raises(InvalidConfig, match="steps 0"):
        SamplerConfig(steps=0)
    with pytest.raises(InvalidConfig, match="sampler 'euler'"):
        SamplerConfig(sampler="euler")  # type: ignore[arg-type]
