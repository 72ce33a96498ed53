"""Samplers: from noise to images through any denoiser. Each sample draws its noise from its own seed alone.

Images do not depend on the batch they are made in: batches are cut into micro-batches of one fixed size,
and the last one is filled up.
The number of threads and the kind of processor may still change the last bits; see `SamplerConfig.micro_batch`.
"""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoise
from augment.ddpm.schedule import NoiseConfig, ddpm_sigmas, karras_sigmas
from augment.ddpm.settings import SamplerConfig
from augment.errors import InvalidInput
from augment.training.precision import half_the_cores

__all__ = [
    "SampleNoise",
    "SamplerConfig",
    "Variance",
    "noised",
    "sample",
    "sample_ancestral",
    "sample_dpmpp_2m",
    "sample_heun",
]

Variance = Literal["posterior", "beta"]
"""What a step of DDPM adds: the variance of q(x_t-1 | x_t, x_0), or beta_t."""

OnStep = Callable[[int, int], None]
"""Called as `on_step(evaluated, total)` after each noise level, by one thread at a time; may raise to stop, and then
raises whenever it is called again."""


class SampleNoise:
    """One generator for each sample. Drawing n times gives sample i the same n noises in any batch."""

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | None = None) -> None:
        """`shape` of one sample (C, H, W). Noise is drawn on the processor, so that a GPU gives the same images."""
        self.shape = shape
        self.device = device or torch.device("cpu")
        self.generators = [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds]

    def draw(self) -> Tensor:
        """(N, C, H, W) float32, standard normal."""
        drawn = [torch.randn(self.shape, generator=generator) for generator in self.generators]
        return torch.stack(drawn).to(self.device)


def sample_dpmpp_2m(
    denoise: Denoise, x: Tensor, sigmas: Tensor, condition: Condition, on_step: OnStep | None = None
) -> Tensor:
    """DPM-Solver++(2M): second order, one evaluation a step, deterministic. Lu et al. 2022 (DPM-Solver++), algorithm 2.

    x: (N, C, H, W) at noise level sigmas[0]. sigmas: (steps + 1,) decreasing, last is 0. Returns x at the last level.
    """
    earlier: Tensor | None = None
    levels = [float(sigma) for sigma in sigmas]
    for index, (sigma, lower) in enumerate(pairwise(levels)):
        denoised = denoise(x, torch.full((len(x),), sigma, device=x.device), condition)
        if lower == 0:
            x = denoised
        else:
            step = math.log(sigma) - math.log(lower)
            corrected = denoised
            if earlier is not None:
                ratio = (math.log(levels[index - 1]) - math.log(sigma)) / step
                corrected = denoised + (denoised - earlier) / (2 * ratio)
            x = (lower / sigma) * x + (1 - lower / sigma) * corrected
        earlier = denoised
        if on_step:
            on_step(index + 1, len(levels) - 1)
    return x


def sample_heun(
    denoise: Denoise, x: Tensor, sigmas: Tensor, condition: Condition, on_step: OnStep | None = None
) -> Tensor:
    """Heun's method on the probability-flow ODE: second order, two evaluations a step. Karras et al. 2022, algorithm 1.

    Arguments and result as for `sample_dpmpp_2m`.
    """
    levels = [float(sigma) for sigma in sigmas]
    for index, (sigma, lower) in enumerate(pairwise(levels)):
        slope = (x - denoise(x, torch.full((len(x),), sigma, device=x.device), condition)) / sigma
        ahead = x + slope * (lower - sigma)
        if lower > 0:
            slope_ahead = (ahead - denoise(ahead, torch.full((len(x),), lower, device=x.device), condition)) / lower
            ahead = x + (slope + slope_ahead) * ((lower - sigma) / 2)
        x = ahead
        if on_step:
            on_step(index + 1, len(levels) - 1)
    return x


def sample_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    condition: Condition,
    on_step: OnStep | None = None,
    *,
    noise: SampleNoise,
    variance: Variance = "posterior",
) -> Tensor:
    """The reverse process of DDPM in sigma: the posterior mean plus fresh noise at every step, none at the last.

    Ho et al. 2020, algorithm 2, for x = x0 + sigma eps, which is DDPM's x_t over sqrt(alphas_cumprod[t]). Its two
    variances: "posterior", beta_t (1 - alphas_cumprod[t - 1]) / (1 - alphas_cumprod[t]), here
    lower**2 (sigma**2 - lower**2) / sigma**2; "beta", beta_t, here (sigma**2 - lower**2) (1 + lower**2) / (1 +
    sigma**2). As `sample_dpmpp_2m`; `noise` continues the samples' own noise.
    """
    levels = [float(sigma) for sigma in sigmas]
    for index, (sigma, lower) in enumerate(pairwise(levels)):
        denoised = denoise(x, torch.full((len(x),), sigma, device=x.device), condition)
        kept = (lower / sigma) ** 2
        x = kept * x + (1 - kept) * denoised
        if lower > 0:
            spread = (1 - kept) ** 0.5
            spread *= lower if variance == "posterior" else sigma * ((1 + lower**2) / (1 + sigma**2)) ** 0.5
            x = x + spread * noise.draw()
        if on_step:
            on_step(index + 1, len(levels) - 1)
    return x


def sample(
    denoise: Denoise,
    condition: Condition,
    seeds: Sequence[int],
    shape: tuple[int, int, int],
    config: SamplerConfig,
    noise: NoiseConfig,
    on_step: OnStep | None = None,
    start: Tensor | None = None,
) -> Tensor:
    """Images (N, C, H, W) float32 clamped to [-1, 1], one for each seed and row of `condition`; `shape` is (C, H, W).

    Row i depends on seeds[i] and condition[i] only, bit for bit on one machine with one number of threads. start:
    (1, C, H, W), an image that all of them start from, under noise of `noise.sigma_max`. InvalidInput if seeds and
    conditions differ in number, or the network gives values that are not finite.
    """
    if len(seeds) != len(condition):
        raise InvalidInput(f"{len(seeds)} seeds for {len(condition)} conditions: give one seed for each sample")
    published = config.sampler in ("ddpm", "ddpm_beta")
    levels = ddpm_sigmas if published else karras_sigmas
    sigmas = levels(config.steps, noise.sigma_min, noise.sigma_max)
    total = len(sigmas) - 1
    device = condition.label.device
    firsts = range(0, len(seeds), config.micro_batch)
    report = None if on_step is None else _Counted(on_step, len(firsts) * total)
    # Modes of torch belong to a thread: each micro-batch is given those of the caller.
    autocast = partial(
        torch.autocast, device.type, torch.get_autocast_dtype(device.type), torch.is_autocast_enabled(device.type)
    )

    def draw(first: int) -> Tensor:
        rows = [min(row, len(seeds) - 1) for row in range(first, first + config.micro_batch)]
        with torch.inference_mode(), autocast():
            given = condition[torch.tensor(rows, device=device)]
            drawn = SampleNoise([seeds[row] for row in rows], shape, device)
            x = drawn.draw() * float(sigmas[0])
            x = x if start is None else x + start
            if config.sampler == "dpmpp_2m":
                x = sample_dpmpp_2m(denoise, x, sigmas, given, report)
            elif config.sampler == "heun":
                x = sample_heun(denoise, x, sigmas, given, report)
            else:
                variance: Variance = "beta" if config.sampler == "ddpm_beta" else "posterior"
                x = sample_ancestral(denoise, x, sigmas, given, report, noise=drawn, variance=variance)
            return x.clamp(-1, 1)

    if device.type == "cpu":
        # Also for one micro-batch alone: its last bits must not hang on how many there are.
        with half_the_cores(), ThreadPoolExecutor(2) as pool:
            images = list(pool.map(draw, firsts))
    else:
        images = [draw(first) for first in firsts]
    result = torch.cat(images)[: len(seeds)]
    if not bool(torch.isfinite(result).all()):
        raise InvalidInput("the model gives values that are not numbers: train it again, or choose another checkpoint")
    return result


def noised(start: Tensor, seeds: Sequence[int], sigma: float) -> Tensor:
    """What `sample` starts from, (N, C, H, W) float32 at the published scale.

    sqrt(alphas_cumprod) x0 + sqrt(1 - alphas_cumprod) eps (Ho et al. 2020, equation 4), for sigma =
    sqrt((1 - alphas_cumprod) / alphas_cumprod). start: (1, C, H, W) in [-1, 1].
    """
    noise = SampleNoise(seeds, tuple(start.shape[1:]), start.device).draw()
    mixed: Tensor = (start + sigma * noise) / (1 + sigma**2) ** 0.5
    return mixed


class _Counted:
    """Steps of micro-batches, two of which may be drawn at once, as steps of all."""

    def __init__(self, on_step: OnStep, total: int) -> None:
        self._on_step, self._total, self._done = on_step, total, 0
        self._lock = threading.Lock()

    def __call__(self, step: int, total: int) -> None:
        with self._lock:
            self._done += 1
            self._on_step(self._done, self._total)
