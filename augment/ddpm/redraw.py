"""Masked re-drawing in pixel space: a denoiser that sees the surroundings clean and draws inside a mask alone.

The network is the generator's own (`Denoiser`), with the mask and the emptied image beside its input. It decides where
inside the mask a defect runs, and leaves every pixel outside as it is. Knows arrays and label indices; no workspace.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoise, Denoiser, DenoiserConfig, guided
from augment.ddpm.sampling import OnStep, sample
from augment.ddpm.settings import SamplerConfig
from augment.errors import InvalidInput
from augment.images import to_float
from augment.training.files import start_from
from augment.training.precision import Precision

__all__ = ["Redrawer", "redraw"]


class Redrawer(nn.Module):
    """A denoiser of what is inside a mask. `config.unet.beside` is its channels and one more, for the mask."""

    def __init__(self, config: DenoiserConfig) -> None:
        """Random weights."""
        super().__init__()
        self.config = config
        self.denoiser = Denoiser(config)

    @property
    def grid_px(self) -> int:
        """Patches whose sides are multiples of this are drawn as they are; others are padded on the way."""
        multiple: int = 2 ** (len(self.config.unet.widths) - 1)
        return multiple

    def start_from(self, path: Path) -> bool:
        """Takes over what a denoiser of whole images knows, not its conditions; False if its shape is another.

        A network with a level more than the other's has it on top, at twice the resolution, and begins as the other
        seen through it: blocks begin as identities, and so does the way up from the other's finest level.
        """
        own = ("condition.", "unet.beside.")
        if start_from(path, self.denoiser, own):
            return True
        added = ("unet.down.0.", "unet.up.0.", "unet.rise.1.")
        if len(self.config.unet.widths) < 2 or not start_from(path, self.denoiser, own + added, _level_above):
            return False
        rise = self.denoiser.unet.rise[1]
        nn.init.dirac_(rise.weight)  # type: ignore[arg-type]
        nn.init.zeros_(rise.bias)  # type: ignore[arg-type]
        return True

    def forward(self, x: Tensor, sigma: Tensor, condition: Condition, clean: Tensor, mask: Tensor) -> Tensor:
        """The estimate of x0: (N, C, H, W) float32, equal to `clean` outside the mask.

        x: (N, C, H, W) in [-1, 1] plus noise of sigma (N,). clean: (N or 1, C, H, W), the surroundings; what it holds
        inside the mask is never looked at. mask: (N or 1, 1, H, W) float32, 1 inside and 0 outside.
        """
        skip, out, scale, log_sigma = self.denoiser.preconditioning(sigma)
        mean = self.config.data_mean
        known = ((clean - mean) / self.config.sigma_data * (1 - mask)).expand_as(x)
        # Each part at variance 1: what is noisy falls with sigma, the surroundings stay as clear as they are.
        noisy = (x - mean) * mask
        beside = torch.cat([mask.expand(len(x), -1, -1, -1), known], dim=1)
        drawn = self.denoiser.network(noisy * scale + known, log_sigma, condition, beside)
        return mask * (mean + skip * noisy + out * drawn) + (1 - mask) * clean

    def within(self, clean: Tensor, mask: Tensor) -> Denoise:
        """A denoiser of one patch, for samplers and guidance: clean (1, C, H, W), mask (1, 1, H, W)."""

        def denoise(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
            answer: Tensor = self(x, sigma, condition, clean, mask)
            return answer

        return denoise

    def loss(self, clean: Tensor, mask: Tensor, sigma: Tensor, noise: Tensor, condition: Condition) -> Tensor:
        """(N,) float32: as `Denoiser.loss`, the mean over the mask alone, so that small defects count as large ones.

        A mask below a hundredth of the patch counts as one of a hundredth: a few pixels are mostly luck.
        """
        _, out, _, _ = self.denoiser.preconditioning(sigma)
        answer = self(clean + sigma[:, None, None, None] * noise, sigma, condition, clean, mask)
        error = ((answer - clean) / out).square().mean(dim=1).sum(dim=(1, 2))
        area = mask[:, 0].sum(dim=(1, 2))
        weighted: Tensor = error / area.clamp_min(mask[0].numel() / 100)
        return weighted


def _level_above(name: str) -> str:
    """The name of a weight of the U-Net in a network without the finest level."""
    return re.sub(r"^unet\.(down|up|rise)\.(\d+)\.", lambda found: f"unet.{found[1]}.{int(found[2]) - 1}.", name)


def redraw(
    model: Redrawer,
    precision: Precision,
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    label: int,
    seeds: Sequence[int],
    config: SamplerConfig,
    *,
    guidance: float = 1.0,
    sigma: float | None = None,
    on_step: OnStep | None = None,
) -> NDArray[np.float32]:
    """Answers (n, h, w, C) float32 in [0, 255] of one patch, one for each seed; outside the mask exactly its pixels.

    Args:
        precision: where the model lies.
        pixels, mask: (h, w, C) and (h, w) of a patch at the model's scale. Any sides; multiples of `model.grid_px` are
            quickest. A grey model moves all channels of a colour patch alike.
        label: index of the class, -1 for none.
        guidance: 1 asks the network as it is, above 1 exaggerates the class.
        sigma: noise to start from, so that what is there shapes the answer; None starts from noise alone.
        on_step: as for `sample`.

    Raises:
        InvalidInput: the mask is empty or of another size, sigma is out of range, or the answer is not finite.
    """
    noise = model.config.noise
    if mask.shape != pixels.shape[:2]:
        raise InvalidInput(f"mask {mask.shape} and patch {pixels.shape[:2]}: both must have one height and width")
    if not mask.any():
        raise InvalidInput("the mask is empty: draw where the defect should be, then generate")
    if sigma is not None and not noise.sigma_min < sigma <= noise.sigma_max:
        raise InvalidInput(f"sigma {sigma:g}: allowed above {noise.sigma_min:g} to {noise.sigma_max:g}")
    device, channels = precision.device, model.config.unet.channels
    values = pixels.astype(np.float32)
    seen = _in_channels(pixels, channels)
    clean = precision.arrange(torch.from_numpy(to_float(seen[None])))
    inside = torch.from_numpy(mask.astype(np.float32))[None, None].to(device)
    emptied = clean * (1 - inside) + model.config.data_mean * inside
    condition = Condition.of(torch.full((len(seeds),), label)).to(device)
    with precision.autocast():
        drawn = sample(
            guided(model.within(clean, inside), guidance, guidance),
            condition,
            seeds,
            (channels, *mask.shape),
            config,
            noise if sigma is None else replace(noise, sigma_max=sigma),
            on_step,
            start=emptied if sigma is None else clean,
        )
    answer = (drawn.float().permute(0, 2, 3, 1).cpu().numpy() + 1.0) * 127.5
    if channels != values.shape[2]:
        moved = answer - seen
        answer = values + (moved if channels == 1 else moved.mean(axis=3, keepdims=True))
    return np.where(mask[..., None], answer, values).clip(0, 255).astype(np.float32)


def _in_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """(h, w, 1 or 3) in as many channels as a model has."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    mean: NDArray[np.float32] = pixels.mean(axis=2, keepdims=True, dtype=np.float32)
    return np.asarray(np.rint(mean), dtype=np.uint8)
