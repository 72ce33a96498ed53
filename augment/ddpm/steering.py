"""Steering: while a sample is drawn, its own features are pulled to those that were asked for.

A network's condition only makes a place likely; whether a sample landed there is decided by an encoder. Where that
encoder can be differentiated, the estimate of x0 is moved, at every noise level, against the gradient of the distance
between its features and the ones asked for, and the denoiser goes on from there, which keeps it an image. The gradient
stops at x0 and does not pass the denoiser, so a level costs one small encoder more (He et al. 2024, MPGD; Bansal et al.
2023, universal guidance). It knows neither encoder nor map: the caller gives the function from images to features.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoise
from augment.ddpm.settings import SteeringConfig

__all__ = ["Features", "SteeringConfig", "steered"]

Features = Callable[[Tensor], Tensor]
"""Differentiable: images (N, C, H, W) float32 around [-1, 1] -> features (N, c), in the units of Condition.aim."""


def steered(denoise: Denoise, features: Features, config: SteeringConfig) -> Denoise:
    """`denoise` whose estimates are moved towards `Condition.aim` (N, c); one noise level for the whole batch.

    The step is Polyak's: the distance over the gradient's norm, which would bring the distance to 0 if it were linear
    in the image, so that no step size is to be tuned. `reach` bounds it by the noise: detail that the level has not
    decided yet may move, what earlier levels have decided may not.
    """

    def moved(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        denoised = denoise(x, sigma, condition)
        level = float(sigma[0])
        if config.strength == 0 or not config.sigma_low <= level <= config.sigma_high:
            return denoised
        longest = config.reach * min(level, 1.0) * denoised[0].numel() ** 0.5
        change = torch.zeros_like(denoised)
        for _ in range(config.iterations):
            change = change - _polyak(features, denoised + change, condition.aim) * config.strength
            length = change.flatten(1).norm(dim=1).clamp_min(1e-8)
            change = change * (longest / length).clamp_max(1.0)[:, None, None, None]
        return denoised + change

    return moved


def _polyak(features: Features, image: Tensor, aim: Tensor) -> Tensor:
    """The step (N, C, H, W), to be subtracted, after which features would be at the aim if they were linear."""
    # Samplers run in inference mode, whose tensors cannot be differentiated: clones can.
    with torch.inference_mode(False), torch.enable_grad():
        at = image.clone().requires_grad_()
        distance = (features(at) - aim.clone()).norm(dim=1)
        (gradient,) = torch.autograd.grad(distance.sum(), at)
    slope = gradient.flatten(1).norm(dim=1).clamp_min(1e-8)
    step: Tensor = (distance.detach() / slope**2)[:, None, None, None] * gradient
    return step
