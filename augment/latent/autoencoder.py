"""The built-in autoencoder: a small AutoencoderKL of diffusers, trained on drawn surfaces. Knows no diffusion."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.images import to_float, to_uint8
from augment.latent.settings import AutoencoderTraining
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision, choose_precision
from augment.training.randomness import seed_everything

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

__all__ = ["build_autoencoder", "decoded_again", "psnr", "standardise", "train_autoencoder"]

WIDTHS = (16, 32, 96)
"""Channels at 1, 1/2 and 1/4 of the side: a latent pixel stands for 4 x 4."""


def build_autoencoder(widths: tuple[int, ...] = WIDTHS) -> "AutoencoderKL":
    """Random weights; images (N, 3, H, W) in [-1, 1], latents (N, 4, H / 4, W / 4) with three widths.

    Without attention, so that it costs the same per pixel whatever the size.
    """
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=widths,
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        mid_block_add_attention=False,
        sample_size=128,
    )


def train_autoencoder(
    pictures: NDArray[np.uint8],
    held_out: NDArray[np.uint8],
    training: AutoencoderTraining,
    checkpoint: Path,
    report: Report,
    widths: tuple[int, ...] = WIDTHS,
) -> tuple["AutoencoderKL", dict[str, float]]:
    """The averaged network and its last metrics, psnr_db on `held_out` among them; see `train_network`.

    pictures, held_out: (n, side, side, 3) uint8; may be memory-mapped. The loss is the mean absolute error plus
    `kl_weight` times the KL divergence per latent value.
    """
    seed_everything(training.seed)
    task = _Pictures(pictures, held_out, training)
    return train_network(build_autoencoder(widths), task, training, checkpoint, report, choose_precision())


@dataclass(frozen=True)
class _Pictures:
    """Pictures (n, side, side, 3) uint8 to learn from, and others to be judged on, as a task."""

    pictures: NDArray[np.uint8]
    others: NDArray[np.uint8]
    training: AutoencoderTraining

    def losses(self, network: "AutoencoderKL", draw: Draw) -> Tensor:
        """As `Task`: cuts, and towards the end a quarter as many whole pictures."""
        batch = draw.precision.arrange(self._batch(draw))
        with draw.precision.autocast():
            posterior = network.encode(batch).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=draw.generator).to(batch.device)
            decoded = network.decode(posterior.mean + posterior.std * noise).sample
        error = (decoded.float() - batch).abs().mean((1, 2, 3))
        losses: Tensor = error + self.training.kl_weight * posterior.kl() / posterior.mean[0].numel()
        return losses

    def _batch(self, draw: Draw) -> Tensor:
        """(N, 3, side, side) in [-1, 1]."""
        whole = draw.done >= 1.0 - self.training.whole_share
        side_px = self.pictures.shape[1]
        cut_px = side_px if whole else min(self.training.cut_px, side_px)
        count = draw.count // 4 if whole else draw.count
        rows = torch.randint(len(self.pictures), (count,), generator=draw.generator).tolist()
        offsets = torch.randint(side_px - cut_px + 1, (count, 2), generator=draw.generator).tolist()
        cuts = [
            self.pictures[row, top : top + cut_px, left : left + cut_px]
            for row, (top, left) in zip(rows, offsets, strict=True)
        ]
        return torch.from_numpy(to_float(np.stack(cuts)))

    def previews(self, averaged: "AutoencoderKL", precision: Precision) -> NDArray[np.uint8]:
        """(8, 2 sides, side, 3) uint8: the first pictures above what comes back of them."""
        return np.concatenate([self.others[:8], decoded_again(averaged, self.others[:8], precision)], axis=1)

    def held_out(self, averaged: "AutoencoderKL", precision: Precision) -> dict[str, float]:
        """PSNR in dB."""
        return {"psnr_db": psnr(self.others, decoded_again(averaged, self.others, precision))}


def psnr(pictures: NDArray[np.uint8], again: NDArray[np.uint8]) -> float:
    """Mean over pictures (n, H, W, C) of the peak signal-to-noise ratio in dB."""
    error = np.square(pictures.astype(np.float64) - again).mean(axis=(1, 2, 3))
    return float(np.mean(10.0 * np.log10(255.0**2 / np.maximum(error, 1e-9))))


@torch.no_grad()
def decoded_again(autoencoder: "AutoencoderKL", pictures: NDArray[np.uint8], precision: Precision) -> NDArray[np.uint8]:
    """Pictures (n, H, W, 3) uint8, to latents and back."""
    again = []
    for start in range(0, len(pictures), 8):
        batch = precision.arrange(torch.from_numpy(to_float(pictures[start : start + 8])))
        with precision.autocast():
            again.append(to_uint8(autoencoder(batch, sample_posterior=False).sample.float().cpu().numpy()))
    return np.concatenate(again)


@torch.no_grad()
def standardise(module: "AutoencoderKL", pictures: NDArray[np.uint8], precision: Precision) -> None:
    """Gives every channel of the latents of `pictures` zero mean and unit variance; pictures decode as before.

    Stable Diffusion scales all channels by one number (`scaling_factor`, 1 from here on). Where most pictures are grey,
    a channel that carries colour varies little, noise hides it at once, and what is drawn has specks of colour. Here
    the 1 x 1 convolutions beside the latents take it up.
    """
    batch = precision.arrange(torch.from_numpy(to_float(pictures)))
    latents = module.encode(batch).latent_dist.mean.float()
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    to_latents, from_latents, count = module.quant_conv, module.post_quant_conv, len(mean)
    from_latents.bias += from_latents.weight[:, :, 0, 0] @ mean
    from_latents.weight *= deviation[:, None, None]
    # The second half of its channels are logarithms of variances.
    to_latents.weight[:count] /= deviation[:, None, None, None]
    to_latents.bias[:count] = (to_latents.bias[:count] - mean) / deviation
    to_latents.bias[count:] -= 2 * deviation.log()
    module.register_to_config(scaling_factor=1.0)
