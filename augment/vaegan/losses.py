"""The terms that teacher and student learn by, each (N,) float32 and no more than its formula. Knows no network.

Names as in the source: x images, z latents, y = 1 for the new data and 0 for what is already learned.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "discriminator_loss",
    "feature_error",
    "filtered",
    "generator_loss",
    "kl_between",
    "kl_to_prior",
    "pixel_error",
    "sampled",
]

Normal = tuple[Tensor, Tensor]
"""Mean and log variance of independent normals, each (N, d)."""


def sampled(q: Normal, generator: torch.Generator) -> Tensor:
    """z of q(z|x), (N, d), by the reparametrisation of Kingma and Welling 2014."""
    mean, logvar = q
    noise = torch.randn(mean.shape, generator=generator).to(mean.device)
    return mean + noise * (0.5 * logvar).exp()


def pixel_error(logits: Tensor, x: Tensor) -> Tensor:
    """Cross entropy of pixels (N, C, H, W) in [0, 1], summed over the image: Bernoulli likelihood, as for sprites."""
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(1, 2, 3))


def feature_error(features: Sequence[Tensor], of_real: Sequence[Tensor]) -> Tensor:
    """Mean squared error between what the discriminator sees in G(z) and in x, summed over its layers (N, c, h, w).

    Larsen et al. 2016, equation 6, there of one layer.
    """
    errors = [
        (own.float() - real.float()).square().mean(dim=(1, 2, 3)) for own, real in zip(features, of_real, strict=True)
    ]
    return torch.stack(errors).sum(dim=0)


def kl_to_prior(q: Normal) -> Tensor:
    """KL[q(z|x) || N(0, 1)], summed over dimensions."""
    mean, logvar = q
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1)


def kl_between(student: Normal, teacher: Normal) -> Tensor:
    """KL[q_s(z'|x) || q_t(z|x)], summed over the teacher's dimensions; the student's further ones are left out."""
    (mean, logvar), (target, target_logvar) = student, teacher
    shared = target.shape[1]
    mean, logvar = mean[:, :shared], logvar[:, :shared]
    ratio = (logvar - target_logvar).exp() + (mean - target).square() * (-target_logvar).exp()
    return 0.5 * (ratio - 1 + target_logvar - logvar).sum(dim=1)


def filtered(z: Tensor, y: Tensor, added: int) -> Tensor:
    """z_y: z_p with its last `added` dimensions |z| where y = 1 and -|z| where y = 0."""
    sign = (2 * y - 1).to(z.dtype)[:, None]
    return torch.cat([z[:, :-added], sign * z[:, -added:].abs()], dim=1)


def discriminator_loss(real: Tensor, of_x: Tensor, of_prior: Tensor, gamma: float) -> Tensor:
    """-L_GAN: -(log D(x, y) + log(1 - D(G(z_s), y)) + gamma log(1 - D(G(z_y), y))), from logits (N,) each."""
    return functional.softplus(-real) + functional.softplus(of_x) + gamma * functional.softplus(of_prior)


def generator_loss(of_x: Tensor, of_prior: Tensor, gamma: float) -> Tensor:
    """The same game for E_s and G, from logits (N,): -log D in the place of log(1 - D), which has the same fixed point
    and does not fade while D wins (Goodfellow et al. 2014, section 3)."""
    return functional.softplus(-of_x) + gamma * functional.softplus(-of_prior)
