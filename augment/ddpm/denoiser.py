"""The denoiser contract: `denoise(x, sigma, condition) -> x0`, for our networks and for anything wrapped like them.

Preconditioning after Karras et al. 2022 (EDM), or of the published DDPM for its network; guidance with a scale each for
label and position. Knows no sampler.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.ddpm.condition import Condition, ConditionConfig, ConditionEncoder, Whitening, sinusoids
from augment.ddpm.published_unet import PublishedUNet
from augment.ddpm.schedule import NoiseConfig, noise_time
from augment.ddpm.unet import UNet, UNetConfig
from augment.errors import InvalidConfig
from augment.training.files import start_from

__all__ = ["Denoise", "Denoiser", "DenoiserConfig", "guided", "held"]

_SINUSOIDS = 64
_PUBLISHED_SINUSOIDS = 100


class Denoise(Protocol):
    """x: (N, C, H, W) float32 in [-1, 1] plus noise; sigma: (N,) float32 -> estimate of x0, same shape as x."""

    def __call__(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        """The estimate of x0."""
        ...


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """All that is needed to build the network before its weights are loaded."""

    side_px: int = field(default=64, metadata={"help": "side of the square images"})
    data_mean: float = field(default=0.0, metadata={"help": "mean of the training images' values, -1 to 1"})
    sigma_data: float = field(default=0.5, metadata={"help": "standard deviation of the training images' values"})
    unet: UNetConfig = field(default_factory=UNetConfig, metadata={"help": "shape of the network"})
    condition: ConditionConfig = field(default_factory=ConditionConfig, metadata={"help": "what it is conditioned on"})
    noise: NoiseConfig = field(default_factory=NoiseConfig, metadata={"help": "noise levels"})

    def __post_init__(self) -> None:
        """InvalidConfig for a size out of range."""
        if not 8 <= self.side_px <= 256:
            raise InvalidConfig(f"side_px {self.side_px}: allowed 8 to 256; 28 to 128 is usual")
        if not self.sigma_data > 0:
            raise InvalidConfig(f"sigma_data {self.sigma_data}: must be above 0; the training images are constant")

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "DenoiserConfig":
        """From `to_json`'s dict, also after a round through JSON text (lists become tuples again)."""
        unet: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values["unet"].items()
        }
        return cls(
            side_px=values["side_px"],
            data_mean=values["data_mean"],
            sigma_data=values["sigma_data"],
            unet=UNetConfig(**unet),
            condition=ConditionConfig(**values["condition"]),
            noise=NoiseConfig(**values["noise"]),
        )


class Denoiser(nn.Module):
    """A U-Net with its condition, preconditioned so that input, output and target have variance 1 at every sigma."""

    def __init__(
        self, config: DenoiserConfig, whitening: Whitening | None = None, aim: Whitening | None = None
    ) -> None:
        """Random weights; whitening from the training positions and aims, or loaded with the weights."""
        super().__init__()
        self.config = config
        width = config.unet.embedding
        self.condition = ConditionEncoder(config.condition, width, whitening, aim)
        self.published = config.unet.design != "kizu"
        self.noise = nn.Linear(_PUBLISHED_SINUSOIDS if self.published else _SINUSOIDS, width)
        if self.published:
            self.unet: UNet | PublishedUNet = PublishedUNet(config.unet)
        else:
            self.mix = nn.Linear(width, width)
            self.unet = UNet(config.unet)

    def start_from(self, path: Path) -> bool:
        """Takes over what another denoiser knows of images, not its conditions; False if its shape is another."""
        return start_from(path, self, own=("condition.",))

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        """The denoiser contract: (N, C, H, W) and (N,) -> (N, C, H, W) float32."""
        skip, out, scale, log_sigma = self.preconditioning(sigma)
        centred = x - self.config.data_mean
        return self.config.data_mean + skip * centred + out * self.network(centred * scale, log_sigma, condition)

    def network(self, x: Tensor, level: Tensor, condition: Condition, beside: Tensor | None = None) -> Tensor:
        """The bare network F on a scaled input, with what it sees beside it; float32 out, whatever it computes in."""
        embedding = self.noise(sinusoids(level, self.noise.in_features)) + self.condition(condition)
        if self.published:
            told: Tensor = self.unet(x, embedding)
            return told.float()
        embedding = functional.silu(self.mix(functional.silu(embedding)))
        out: Tensor = self.unet(x, embedding, beside)
        return out.float()

    def preconditioning(self, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """c_skip, c_out, c_in as (N, 1, 1, 1) and c_noise as (N,). Karras et al. 2022, table 1.

        c_noise counts sigma in deviations of the data, so that a network moves between data sets of unlike contrast.
        The published network tells the noise alone, from images in [-1, 1] as they are, and is told the time.
        """
        data = self.config.sigma_data
        noise = sigma[:, None, None, None]
        if self.published:
            return torch.ones_like(noise), -noise, (noise**2 + 1).rsqrt(), noise_time(sigma)
        total = noise**2 + data**2
        return data**2 / total, noise * data / total.sqrt(), total.rsqrt(), (sigma / data).log() / 4

    def loss(self, clean: Tensor, sigma: Tensor, noise: Tensor, condition: Condition) -> Tensor:
        """(N,) float32: squared error of x0 with weight 1 / c_out**2, so that every sigma starts at about 1.

        For the published network that is the squared error of the noise (Ho et al. 2020, equation 14).

        clean: (N, C, H, W) in [-1, 1]; noise: standard normal of its shape. Karras et al. 2022, equation 8.
        """
        _, out, _, _ = self.preconditioning(sigma)
        denoised = self(clean + sigma[:, None, None, None] * noise, sigma, condition)
        weighted: Tensor = ((denoised - clean) / out).square().mean(dim=(1, 2, 3))
        return weighted


def guided(denoise: Denoise, label_guidance: float = 1.0, position_guidance: float = 1.0) -> Denoise:
    """Guidance with two scales: none + label_guidance (label - none) + position_guidance (label and position - label).

    Scale 1 is the network as it is, above 1 exaggerates that condition, 0 ignores it. Terms that cancel are not
    computed: 1 and 1 cost one evaluation, equal scales two, unequal ones three. Ho and Salimans 2022, equation 6.
    """
    terms = (
        (1.0 - label_guidance, True, True),
        (label_guidance - position_guidance, False, True),
        (position_guidance, False, False),
    )

    def combined(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        total = torch.zeros_like(x)
        for weight, no_label, no_position in terms:
            if abs(weight) > 1e-9:
                total = total + weight * denoise(x, sigma, condition.without(label=no_label, position=no_position))
        return total

    return combined


def held(denoise: Denoise, clean: Tensor, free: Tensor) -> Denoise:
    """A denoiser that knows what it may not change: clean (1, C, H, W) where free (H, W) is 0, its own answer where 1.

    A deterministic sampler then keeps the rest at exactly its image plus its own noise, at every level.
    """

    def answer(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        return clean + free * (denoise(x, sigma, condition) - clean)

    return answer
