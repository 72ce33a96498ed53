"""Two recipes built from `diffusers`: its own unconditional example, and the published conditioning on label and place.

The network is the one of the example (six levels of two blocks, attention at the fifth), narrowed to the size of ours.
Images come from memory, where the example decodes files: that spares these recipes CPU seconds which it would spend.
"""

import copy
import math
import time

import numpy as np
import torch
from diffusers import DDPMPipeline, DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from augment.ddpm.train import TrainingImages
from augment.images import to_uint8

WIDTHS = (16, 16, 32, 32, 64, 72)
"""The example's (128, 128, 256, 256, 512, 512) over 8, the last one wider: 1.98 million weights."""

BATCH = 16
EPOCHS = 100  # of the example; its learning rate falls over them


def network(side_px: int, channels: int, class_embed_type: str | None = None) -> UNet2DModel:
    """The example's network with narrow levels; random weights."""
    down, up = ["DownBlock2D"] * 6, ["UpBlock2D"] * 6
    down[4], up[1] = "AttnDownBlock2D", "AttnUpBlock2D"
    return UNet2DModel(
        sample_size=side_px,
        in_channels=channels,
        out_channels=channels,
        layers_per_block=2,
        block_out_channels=WIDTHS,
        down_block_types=tuple(down),
        up_block_types=tuple(up),
        norm_num_groups=8,
        class_embed_type=class_embed_type,
    )


class Unconditional:
    """examples/unconditional_image_generation/train_unconditional.py at its defaults.

    AdamW 1e-4, betas (0.95, 0.999), weight decay 1e-6; 500 steps of warm-up, then a cosine over 100 epochs; gradients
    clipped at 1; averaged weights with decay 1 - (1 + step) ** -0.75, at most 0.9999; flips; noise predicted at 1,000
    linear steps.
    """

    steps = 0

    def __init__(self, data: TrainingImages) -> None:
        """`data.label` and the rest are not looked at."""
        torch.manual_seed(0)
        self.data = data
        self.net = self.build()
        self.noise = DDPMScheduler(num_train_timesteps=1000)
        self.optimizer, self.schedule, self.average = self.recipe()
        self._order: list[int] = []

    def build(self) -> nn.Module:
        """The network to train."""
        return network(self.data.pixels.shape[1], self.data.pixels.shape[3])

    def recipe(self) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None, EMAModel | None]:
        """Optimiser, schedule of its rate, average of the weights."""
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
        steps = math.ceil(len(self.data) / BATCH) * EPOCHS
        schedule = get_scheduler("cosine", optimizer, num_warmup_steps=500, num_training_steps=steps)
        average = EMAModel(self.net.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
        return optimizer, schedule, average

    def train(self, seconds: float) -> float:
        """Steps until `seconds` of this process's CPU time are spent; returns what was spent."""
        began = time.process_time()
        self.net.train()
        while time.process_time() - began < seconds:
            self.step()
        return time.process_time() - began

    def step(self) -> None:
        """One optimiser step."""
        rows = torch.tensor(self._next_rows())
        clean = self.prepare(self.data.clean(rows))
        noise = torch.randn_like(clean)
        times = torch.randint(0, 1000, (len(rows),))
        predicted = self.predict(self.net, self.noise.add_noise(clean, noise, times), times, rows)
        functional.mse_loss(predicted, noise).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        if self.average is not None:
            self.average.step(self.net.parameters())
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1

    def _next_rows(self) -> list[int]:
        """Rows of the next batch; every image once in an epoch, its last batch may be short."""
        if not self._order:
            self._order = torch.randperm(len(self.data)).tolist()
        rows, self._order = self._order[:BATCH], self._order[BATCH:]
        return rows

    def prepare(self, clean: Tensor) -> Tensor:
        """Images (N, C, S, S) in [-1, 1] as this recipe augments them: half of them mirrored."""
        return torch.where(torch.rand(len(clean))[:, None, None, None] < 0.5, clean.flip(3), clean)

    def predict(self, net: nn.Module, noisy: Tensor, times: Tensor, rows: Tensor) -> Tensor:
        """Noise in `noisy` (N, C, S, S) at `times` (N,), for the training images `rows`."""
        predicted: Tensor = net(noisy, times).sample
        return predicted

    def averaged(self) -> nn.Module:
        """The network that is sampled from."""
        net = copy.deepcopy(self.net).eval()
        if self.average is not None:
            self.average.copy_to(net.parameters())
        return net

    @torch.inference_mode()
    def draw(self, rows: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
        """A sample (n, S, S, C) uint8 for each training image of `rows`: with 1,000 steps as `DDPMPipeline` draws it,
        with fewer by the stochastic DPM-Solver++ 2M, x0 clipped as DDPM clips it.

        Measured on the example's network after 712 steps, FD of 64 samples: 1,000 steps 41; in 25 steps the stochastic
        solver 61, the deterministic one 120, the same without clipping 417. So only 1,000 steps are fair to a network
        that is not yet good, and fewer show no more than how a training goes.
        """
        net = self.averaged()
        solver = self.noise
        if steps < 1000:
            told = {"thresholding": True, "sample_max_value": 1.0, "algorithm_type": "sde-dpmsolver++"}
            solver = DPMSolverMultistepScheduler.from_config(self.noise.config, **told)
        generator = torch.Generator().manual_seed(0)
        side, channels = self.data.pixels.shape[1], self.data.pixels.shape[3]
        parts = []
        for chosen in torch.tensor(rows).split(BATCH):
            solver.set_timesteps(steps)
            x = torch.randn((len(chosen), channels, side, side), generator=generator)
            for moment in solver.timesteps:
                predicted = self.predict(net, x, moment.expand(len(x)), chosen)
                x = solver.step(predicted, moment, x, generator=generator).prev_sample
            parts.append(to_uint8(x.numpy()))
        return np.concatenate(parts)


def pipeline_samples(net: nn.Module, count: int, steps: int = 1000) -> NDArray[np.uint8]:
    """`count` samples (n, S, S, C) uint8 by `DDPMPipeline`, 8 at a time."""
    pipeline = DDPMPipeline(unet=net, scheduler=DDPMScheduler(num_train_timesteps=1000))
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    parts = []
    for start in range(0, count, 8):
        many = min(8, count - start)
        drawn = pipeline(batch_size=many, num_inference_steps=steps, generator=generator, output_type="np").images
        parts.append((np.asarray(drawn) * 255).round().astype(np.uint8).reshape(many, *drawn.shape[1:3], -1))
    return np.concatenate(parts)


class _Placed(nn.Module):
    """The network with label and position added to its embedding of the time, which reaches every block."""

    def __init__(self, net: UNet2DModel, labels: int, position: Tensor) -> None:
        super().__init__()
        width = 4 * WIDTHS[0]
        self.net = net
        self.label = nn.Embedding(labels, width)
        self.place = nn.Sequential(nn.Linear(position.shape[1], width), nn.SiLU(), nn.Linear(width, width))
        self.register_buffer("mean", position.mean(0))
        self.register_buffer("spread", position.std(0).clamp_min(1e-6))

    def forward(self, noisy: Tensor, times: Tensor, label: Tensor, position: Tensor) -> Tensor:
        told = self.label(label) + self.place((position - self.mean) / self.spread)
        predicted: Tensor = self.net(noisy, times, class_labels=told).sample
        return predicted


class Published(Unconditional):
    """Label and 20 numbers of position condition every level, beside the time. Hayata 2025, as near as it is told.

    AdamW 1e-5 with torch's defaults, constant; T = 1,000 linear; noise predicted. Not told there and chosen here: batch
    16, no flips, no average of the weights, positions standardised, gradients clipped at 1. Positions are those of our
    map, of our encoder's features, where theirs come from SwinV2.
    """

    def build(self) -> nn.Module:
        """As above."""
        net = network(self.data.pixels.shape[1], self.data.pixels.shape[3], "identity")
        assert self.data.position is not None
        self.label, self.position = torch.tensor(self.data.label), torch.tensor(self.data.position)
        return _Placed(net, int(self.label.max()) + 1, self.position)

    def recipe(self) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None, EMAModel | None]:
        """As above."""
        return torch.optim.AdamW(self.net.parameters(), lr=1e-5), None, None

    def prepare(self, clean: Tensor) -> Tensor:
        """As they are."""
        return clean

    def predict(self, net: nn.Module, noisy: Tensor, times: Tensor, rows: Tensor) -> Tensor:
        """Noise, for the labels and positions of `rows`."""
        predicted: Tensor = net(noisy, times, self.label[rows], self.position[rows])
        return predicted
