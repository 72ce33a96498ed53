"""One noise scale for every method: sigma, in DDPM steps and in Stable Diffusion's denoising strength.

`sigma` is the standard deviation of the noise added to an image in [-1, 1] (variance-exploding). Knows no network.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.errors import InvalidConfig, InvalidInput

__all__ = [
    "NoiseConfig",
    "alphas_cumprod",
    "ddpm_sigmas",
    "karras_sigmas",
    "noise_time",
    "scaled_linear_betas",
    "sd_strength_to_sigma",
    "sigma_table",
    "sigma_to_sd_strength",
    "sigma_to_step",
    "step_to_sigma",
    "training_sigmas",
]

STEPS = 1000


def linear_betas(steps: int = STEPS, first: float = 1e-4, last: float = 0.02) -> NDArray[np.float64]:
    """Betas of the published DDPM: (steps,) float64, linear. Ho et al. 2020, section 4."""
    return np.linspace(first, last, steps)


def scaled_linear_betas(steps: int = STEPS, first: float = 0.00085, last: float = 0.012) -> NDArray[np.float64]:
    """Betas of Stable Diffusion 1 and 2: (steps,) float64, linear in their square roots. Rombach et al. 2022."""
    return np.asarray(np.linspace(math.sqrt(first), math.sqrt(last), steps) ** 2, dtype=np.float64)


def alphas_cumprod(betas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Product of (1 - beta_s) for s <= t: (steps,) float64, decreasing from near 1. Ho et al. 2020, equation 4."""
    return np.asarray(np.cumprod(1.0 - betas), dtype=np.float64)


def sigma_table(betas: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Sigma of every DDPM step: (steps,) float64, increasing; `sqrt((1 - alphas_cumprod) / alphas_cumprod)`.

    Entry i belongs to step t = i + 1, so that t = 0 is the image without noise. Song et al. 2021 (DDIM), equation 14.
    """
    kept = alphas_cumprod(linear_betas() if betas is None else betas)
    return np.asarray(np.sqrt((1.0 - kept) / kept), dtype=np.float64)


def step_to_sigma(step: float) -> float:
    """Sigma of DDPM step t in 0..1000 of the linear schedule; log-linear between whole steps. InvalidInput outside."""
    return _sigma_at(step, sigma_table())


def sigma_to_step(sigma: float) -> float:
    """DDPM step t in 0..1000 (a float) that has this sigma; larger sigmas give 1000. InvalidInput if negative."""
    return _place_of(sigma, sigma_table())


def sd_strength_to_sigma(strength: float) -> float:
    """Sigma at which Stable Diffusion starts for a denoising strength in 0..1: step 1000 * strength of its schedule."""
    return _sigma_at(strength * STEPS, sigma_table(scaled_linear_betas()))


def sigma_to_sd_strength(sigma: float) -> float:
    """Stable Diffusion's denoising strength in 0..1 that adds this much noise. InvalidInput if sigma is negative."""
    return _place_of(sigma, sigma_table(scaled_linear_betas())) / STEPS


def noise_time(sigma: Tensor) -> Tensor:
    """Time of a noise level, 0 to 1 for t from 0 to 1000, same shape: what a published network is told.

    The continuous limit of the linear betas, inverted: Karras et al. 2022, table 1, column VP.
    """
    least, rise = STEPS * 1e-4, STEPS * (0.02 - 1e-4)
    return ((least**2 + 2 * rise * torch.log1p(sigma**2)).sqrt() - least) / rise


def _sigma_at(step: float, table: NDArray[np.float64]) -> float:
    if not 0 <= step <= len(table):
        raise InvalidInput(f"noise step {step:g} is outside the schedule: give 0 to {len(table)}")
    if step < 1:
        return float(step * table[0])
    return float(math.exp(np.interp(step, np.arange(1, len(table) + 1), np.log(table))))


def _place_of(sigma: float, table: NDArray[np.float64]) -> float:
    if not sigma >= 0:
        raise InvalidInput(f"sigma {sigma:g} is no noise level: give 0 or more")
    if sigma < table[0]:
        return float(sigma / table[0])
    return float(np.interp(math.log(sigma), np.log(table), np.arange(1, len(table) + 1)))


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Noise levels of a sampler: (steps + 1,) float64, decreasing from sigma_max to sigma_min, last is 0.

    Karras et al. 2022, equation 5. InvalidInput unless steps >= 1 and 0 < sigma_min < sigma_max.
    """
    if steps < 1:
        raise InvalidInput(f"steps {steps}: sampling needs at least 1, 12 to 20 are usual")
    if not 0 < sigma_min < sigma_max:
        raise InvalidInput(f"sigma range {sigma_min:g}..{sigma_max:g}: needs 0 < smallest < largest")
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    sigmas = (sigma_max ** (1 / rho) + ramp * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def ddpm_sigmas(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Noise levels of the published DDPM from the one nearest to sigma_max down: decreasing float64, last is 0.

    1000 steps visit every t of the schedule from there on, fewer visit evenly spaced ones (Nichol and Dhariwal 2021,
    section 4), as many as belong to that part of it. sigma_min has no say: the last level is always t = 1. InvalidInput
    as for `karras_sigmas`.
    """
    if not 1 <= steps <= STEPS:
        raise InvalidInput(f"steps {steps}: the schedule of DDPM has {STEPS}; give 1 to {STEPS}")
    if not 0 < sigma_min < sigma_max:
        raise InvalidInput(f"sigma range {sigma_min:g}..{sigma_max:g}: needs 0 < smallest < largest")
    first = max(1, round(sigma_to_step(sigma_max)))
    visited = np.unique(np.rint(np.linspace(1, first, max(1, round(steps * first / STEPS)))).astype(int))
    # A single level is the one to start from.
    visited = visited if len(visited) > 1 else np.array([first])
    sigmas = torch.from_numpy(sigma_table()[visited[::-1] - 1].copy())
    return torch.cat([sigmas, sigmas.new_zeros(1)])


@dataclass(frozen=True, kw_only=True)
class NoiseConfig:
    """Which noise levels a network is trained on and sampled from."""

    log_mean: float = field(default=-0.8, metadata={"help": "mean of log sigma in training"})
    log_std: float = field(default=1.4, metadata={"help": "standard deviation of log sigma in training"})
    sigma_min: float = field(default=0.01, metadata={"help": "smallest noise level of a sampler"})
    sigma_max: float = field(default=80.0, metadata={"help": "largest noise level, where sampling starts"})
    drawn: Literal["log_normal", "steps"] = field(
        default="log_normal", metadata={"help": "levels in training: log_normal, or steps, each of DDPM's as often"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig for a range that is empty or a spread that is not positive."""
        if not 0 < self.sigma_min < self.sigma_max:
            raise InvalidConfig(f"sigma_min {self.sigma_min} and sigma_max {self.sigma_max}: need 0 < min < max")
        if not self.log_std > 0:
            raise InvalidConfig(f"log_std {self.log_std}: must be above 0, 1.2 to 1.6 is usual")
        if self.drawn not in ("log_normal", "steps"):
            raise InvalidConfig(f"drawn {self.drawn!r}: allowed are log_normal and steps")

    @classmethod
    def published(cls) -> "NoiseConfig":
        """The levels of DDPM (Ho et al. 2020), t = 1 to 1000, each as often."""
        table = sigma_table()
        return cls(drawn="steps", sigma_min=float(table[0]), sigma_max=float(table[-1]))

    @classmethod
    def for_data(cls, sigma_data: float) -> "NoiseConfig":
        """Training levels centred a little above the images' own standard deviation, where shapes are decided.

        Karras et al. 2022 use exp(-1.2) for images of 0.5, which suits fine texture; surfaces are learned long before
        the shapes of defects are, so more of a short training goes to the levels above.
        """
        return cls(log_mean=math.log(sigma_data) + 0.2, log_std=1.4)


def training_sigmas(count: int, config: NoiseConfig, generator: torch.Generator) -> Tensor:
    """Noise levels of one training batch: (count,) float32; log-normal ones are clamped to what samplers visit.

    Karras et al. 2022, table 1: log sigma ~ N(P_mean, P_std^2). Ho et al. 2020, algorithm 1: t uniform in 1..1000.
    """
    if config.drawn == "steps":
        return torch.from_numpy(sigma_table())[torch.randint(STEPS, (count,), generator=generator)].float()
    log_sigma = torch.randn(count, generator=generator) * config.log_std + config.log_mean
    return log_sigma.exp().clamp(config.sigma_min / 2, config.sigma_max * 2)
