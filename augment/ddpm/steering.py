"""Steering: while a sample is drawn, its own features are pulled to those that were asked for.

A network's condition only makes a place likely; whether a sample landed there is decided by an encoder. Where that
encoder can be differentiated, the estimate of x0 is moved, at every noise level, against the gradient of the distance
between its features and the ones asked for, and the denoiser goes on from there, which keeps it an image. The gradient
stops at x0 and does not pass the denoiser, so a step costs one small encoder more (He et al. 2024, MPGD; Bansal et al.
2023, universal guidance). It knows neither encoder nor map: the caller gives the function from images to features.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoise
from augment.ddpm.settings import SteeringConfig

__all__ = ["Features", "SteeringConfig", "steered"]

_COARSEST = 12.0
"""Noise over sigma_data from which steps grow no further: only the light of the whole image is decided there."""

Features = Callable[[Tensor], Tensor]
"""Differentiable: images (N, C, H, W) float32 around [-1, 1] -> features (N, c), in the units of Condition.aim."""


def steered(denoise: Denoise, features: Features, config: SteeringConfig, sigma_data: float) -> Denoise:
    """`denoise` whose estimates are moved towards `Condition.aim` (N, c); one noise level for the whole batch.

    sigma_data: standard deviation of the training images' values.

    The step is Polyak's: the distance over the gradient's norm, which would bring the distance to 0 if it were linear
    in the image, so that no step size is to be tuned. The noise bounds it twice. Its length by `reach`, which follows
    the noise and the images' contrast: what the level has not decided yet may move, what earlier levels have decided
    may not. Its detail by `smoothness`: noise hides fine detail first, so a level moves the image by patches as wide as
    it can see, and the finest grain is left to the denoiser. A plain gradient is grain, which encoders see and no
    photograph has.
    """

    def moved(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        denoised = denoise(x, sigma, condition)
        level = float(sigma[0])
        if config.strength == 0 or not config.sigma_low <= level <= config.sigma_high:
            return denoised
        noise = min(level / sigma_data, _COARSEST)
        longest = config.reach * sigma_data**2 * noise * denoised[0].numel() ** 0.5
        width = config.smoothness * noise
        rows, columns = (_patches(side_px, width * side_px) for side_px in denoised.shape[2:])
        rows, columns = rows.to(denoised.device), columns.to(denoised.device)
        change = torch.zeros_like(denoised)
        for _ in range(config.iterations):
            distance, gradient = _slope(features, denoised + change, condition.aim)
            smooth = rows @ gradient @ columns
            fall = (smooth * gradient).flatten(1).sum(1).clamp_min(1e-16)
            change = change - (config.strength * distance / fall)[:, None, None, None] * smooth
            length = change.flatten(1).norm(dim=1).clamp_min(1e-8)
            change = change * (longest / length).clamp_max(1.0)[:, None, None, None]
        return denoised + change

    return moved


def _slope(features: Features, image: Tensor, aim: Tensor) -> tuple[Tensor, Tensor]:
    """Distance (N,) between an image's features and the aim, and its gradient (N, C, H, W)."""
    # Samplers run in inference mode, whose tensors cannot be differentiated: clones can.
    with torch.inference_mode(False), torch.enable_grad():
        at = image.clone().requires_grad_()
        distance = (features(at) - aim.clone()).norm(dim=1)
        (gradient,) = torch.autograd.grad(distance.sum(), at)
    return distance.detach(), gradient


def _patches(side_px: int, width_px: float) -> Tensor:
    """Gaussian weights (side, side) float32 of standard deviation width_px along one side.

    Symmetric and positive, so that a gradient times them still leads downhill.
    """
    place = torch.arange(side_px, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((place[:, None] - place) / max(width_px, 1e-3)).square())
    total = weights.sum(1).sqrt()
    return weights / (total[:, None] * total)
