"""The built-in autoencoder: a small AutoencoderKL of diffusers, trained on drawn surfaces. Knows no diffusion."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from augment.errors import Cancelled
from augment.images import to_float, to_uint8
from augment.latent.settings import AutoencoderTraining
from augment.latent.trainee import Trainee
from augment.training import Precision, choose_precision, seed_everything

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

__all__ = ["build_autoencoder", "psnr", "scaling_factor", "train_autoencoder"]

Report = Callable[[int, int, Mapping[str, float], NDArray[np.uint8] | None], None]
"""`report(step, total, metrics, previews (2, 8, H, W, 3) uint8 or None)`; raises Cancelled to stop."""

WIDTHS = (16, 32, 96)
"""Channels at 1, 1/2 and 1/4 of the side: a latent pixel stands for 4 x 4."""
_REPORT_STEPS, _CHECK_STEPS = 10, 500


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
    """The averaged network and its last metrics: loss, and psnr_db on `held_out`.

    pictures, held_out: (n, side, side, 3) uint8; may be memory-mapped. The loss is the mean absolute error plus
    `kl_weight` times the KL divergence per latent value. Continues from `checkpoint` where that is there.
    """
    seed_everything(training.seed)
    precision = choose_precision()
    run = Trainee(
        precision.place(build_autoencoder(widths)),
        steps=training.steps,
        learning_rate=training.learning_rate,
        ema_width=training.ema_width,
        seed=training.seed,
        identity={**asdict(training), "widths": list(widths), "pictures": len(pictures)},
    )
    if checkpoint.exists():
        run.restore(checkpoint)
    losses: list[float] = []
    began, first = time.perf_counter(), run.step
    try:
        while run.step < run.steps:
            batch = _batch(pictures, training, run)
            losses = [*losses[-99:], run.update(_loss(run.module, batch, training.kl_weight, precision))]
            last, previews = run.step == run.steps, None
            pace = (run.step - first) / (time.perf_counter() - began)
            run.metrics |= {"loss": float(np.mean(losses)), "steps_per_second": pace}
            if last or run.step % _CHECK_STEPS == 0:
                run.metrics["psnr_db"], previews = _look(run.ema.module, held_out, precision)
                run.save(checkpoint)
            if last or run.step % _REPORT_STEPS == 0:
                report(run.step, run.steps, dict(run.metrics), previews)
    except Cancelled:
        run.save(checkpoint)
        raise
    return run.ema.module, dict(run.metrics)


def _batch(pictures: NDArray[np.uint8], training: AutoencoderTraining, run: Trainee) -> Tensor:
    """(N, 3, side, side) in [-1, 1]: cuts, and towards the end a quarter as many whole pictures."""
    whole = run.step >= (1.0 - training.whole_share) * run.steps
    side_px = pictures.shape[1]
    cut_px = side_px if whole else min(training.cut_px, side_px)
    count = training.batch_size // 4 if whole else training.batch_size
    rows = torch.randint(len(pictures), (count,), generator=run.generator).tolist()
    offsets = torch.randint(side_px - cut_px + 1, (count, 2), generator=run.generator).tolist()
    cuts = [
        pictures[row, top : top + cut_px, left : left + cut_px] for row, (top, left) in zip(rows, offsets, strict=True)
    ]
    return torch.from_numpy(to_float(np.stack(cuts)))


def _loss(module: torch.nn.Module, batch: Tensor, kl_weight: float, precision: Precision) -> Tensor:
    batch = precision.arrange(batch)
    with precision.autocast():
        posterior = module.encode(batch).latent_dist  # type: ignore[operator]
        decoded = module.decode(posterior.sample()).sample  # type: ignore[operator]
    divergence = posterior.kl().mean() / posterior.mean[0].numel()
    loss: Tensor = functional.l1_loss(decoded.float(), batch) + kl_weight * divergence
    return loss


def psnr(pictures: NDArray[np.uint8], again: NDArray[np.uint8]) -> float:
    """Mean over pictures (n, H, W, C) of the peak signal-to-noise ratio in dB."""
    error = np.square(pictures.astype(np.float64) - again).mean(axis=(1, 2, 3))
    return float(np.mean(10.0 * np.log10(255.0**2 / np.maximum(error, 1e-9))))


@torch.no_grad()
def _look(
    module: torch.nn.Module, pictures: NDArray[np.uint8], precision: Precision
) -> tuple[float, NDArray[np.uint8]]:
    """PSNR in dB over `pictures`, and the first eight of them above their reconstructions (2, 8, H, W, 3) uint8."""
    again = []
    for start in range(0, len(pictures), 8):
        batch = precision.arrange(torch.from_numpy(to_float(pictures[start : start + 8])))
        with precision.autocast():
            again.append(to_uint8(module(batch, sample_posterior=False).sample.float().cpu().numpy()))
    result = np.concatenate(again)
    return psnr(pictures, result), np.stack([pictures[:8], result[:8]])


@torch.no_grad()
def scaling_factor(module: "AutoencoderKL", pictures: NDArray[np.uint8], precision: Precision) -> float:
    """One over the standard deviation of the latents of `pictures`, which diffusers multiplies latents with."""
    batch = precision.arrange(torch.from_numpy(to_float(pictures)))
    return 1.0 / float(module.encode(batch).latent_dist.mean.float().std())
