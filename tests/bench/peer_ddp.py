"""`denoising-diffusion-pytorch` with its own network, diffusion, `Trainer` and sampler, trained at their defaults.

The network's width is chosen so that it has the size of ours, and its sampler takes fewer steps than its 1,000. Not
known here: what its `Trainer` does is its own.
"""

import contextlib
import io
import time
from pathlib import Path

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Trainer, Unet
from numpy.typing import NDArray

from augment.ddpm.train import TrainingImages
from augment.images import encode_png, to_uint8

WIDTH = 14
"""Of its finest level; 1.90 million weights."""

BATCH = 16


def network(channels: int) -> Unet:
    """The network of its README, dim_mults (1, 2, 4, 8), narrow; random weights."""
    return Unet(dim=WIDTH, dim_mults=(1, 2, 4, 8), channels=channels)


class DenoisingDiffusion:
    """Its `Trainer`: Adam 1e-4, betas (0.9, 0.99), batch 16, flips, gradients clipped at 1, averaged weights (0.995,
    every 10 steps, after 100); velocity predicted at 1,000 steps of a sigmoid schedule.

    It reads PNG files in processes of its own, whose CPU seconds are not counted against it.
    """

    def __init__(self, data: TrainingImages, folder: Path, sampler_steps: int) -> None:
        """`folder` takes the training images as files."""
        torch.manual_seed(0)
        images = folder / "images"
        images.mkdir(parents=True)
        for row, pixels in enumerate(data.pixels):
            (images / f"{row:05d}.png").write_bytes(encode_png(pixels))
        side, channels = data.pixels.shape[1], data.pixels.shape[3]
        diffusion = GaussianDiffusion(
            network(channels), image_size=side, timesteps=1000, sampling_timesteps=sampler_steps, ddim_sampling_eta=1.0
        )
        self.trainer = Trainer(
            diffusion,
            str(images),
            train_batch_size=BATCH,
            train_num_steps=0,
            save_and_sample_every=10**9,
            calculate_fid=False,
            results_folder=str(folder / "results"),
        )

    @property
    def steps(self) -> int:
        """Optimiser steps so far."""
        return int(self.trainer.step)

    def train(self, seconds: float) -> float:
        """Steps until `seconds` of this process's CPU time are spent; returns what was spent."""
        began = time.process_time()
        while time.process_time() - began < seconds:
            self.step()
        return time.process_time() - began

    def step(self) -> None:
        """One optimiser step, by letting it train until a step more."""
        self.trainer.train_num_steps = self.trainer.step + 1
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.trainer.train()

    @torch.inference_mode()
    def draw(self, rows: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
        """A sample (n, S, S, C) uint8 for each of `rows`, which it cannot be asked for, by its DDIM with averaged
        weights and the `steps` it was made for; stochastic, since that suits networks better that are not yet good."""
        model = self.trainer.ema.ema_model.eval()
        assert model.sampling_timesteps == steps
        with torch.random.fork_rng():
            torch.manual_seed(0)
            counts = [min(BATCH, len(rows) - start) for start in range(0, len(rows), BATCH)]
            parts = [to_uint8(2 * model.sample(batch_size=count).numpy() - 1) for count in counts]
        return np.concatenate(parts)
