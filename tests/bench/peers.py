"""Speed of our generator beside `denoising-diffusion-pytorch` and diffusers: training and sampling at 64 px.

Networks of one size within 5 %, random weights, 512 images of noise: the arithmetic is the same whatever the pictures
show. All on the processor. What the samples are worth and what a training comes to, `recipes` tells.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.measure import Measurement
from tests.bench.recipes import check_peers

BATCH, ROUNDS, STEPS = 16, 5, 4
SLOW_ROUNDS = 3


def measure() -> list[Measurement]:
    """Rounds of all three in turn, so that other load on the machine hits them alike. Exits where a peer is missing."""
    os.environ |= {"TQDM_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
    check_peers()
    with tempfile.TemporaryDirectory() as folder:
        speeds = training_speeds(Path(folder), 64, ROUNDS, STEPS)
    rows = [
        Measurement(f"training at 64 px, batch {BATCH}: {name}", "images/s", values) for name, values in speeds.items()
    ]
    for peer, target in (("denoising-diffusion-pytorch", "8 times"), ("diffusers fp32", "2 times")):
        rows.append(_ratio(f"training throughput: Kizu over {peer}", speeds["Kizu"], speeds[peer], target))
    return [*rows, *_sampling()]


def _ratio(name: str, more: Sequence[float], less: Sequence[float], target: str) -> Measurement:
    """Ratio of each round, for rounds see the same load."""
    return Measurement(name, "times", [a / b for a, b in zip(more, less, strict=True)], target, "round by round")


def training_speeds(folder: Path, side_px: int, rounds: int, steps: int) -> dict[str, list[float]]:
    """Images a second (rounds,) of each, `steps` optimiser steps a round after a warming one."""
    from augment.ddpm.train import TrainingImages
    from tests.bench.peer_ddp import DenoisingDiffusion
    from tests.bench.peer_diffusers import Unconditional

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (512, side_px, side_px, 1), dtype=np.uint8)
    label = rng.integers(0, 6, 512)
    data = TrainingImages(pixels, label, rng.normal(size=(512, 20)).astype(np.float32), np.ones(512, np.float32))
    peers = {
        "denoising-diffusion-pytorch": DenoisingDiffusion(data, folder, 50).step,
        "diffusers fp32": Unconditional(data).step,
    }
    speeds: dict[str, list[float]] = {"Kizu": [], **{name: [] for name in peers}}
    for number in range(rounds + 1):
        found = {"Kizu": _own_speed(data, folder / f"{number}.pt", steps)}
        found |= {name: _speed(step, steps) for name, step in peers.items()}
        for name, value in found.items():
            if number:
                speeds[name].append(value)
    return speeds


def _speed(step: Callable[[], None], steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return BATCH * steps / (time.perf_counter() - began)


def _own_speed(data: Any, checkpoint: Path, steps: int) -> float:
    """Of `train_denoiser` at its defaults, between its reports."""
    from augment.ddpm.settings import DenoiserTraining
    from augment.ddpm.train import build_denoiser, train_denoiser

    # Two steps more: the first one's beginning is not seen, and the last one's end has checkpoint and previews in it.
    config = DenoiserTraining(images_seen=(steps + 2) * BATCH, preview_every=10**9, checkpoint_every=10**9)
    times: list[float] = []

    def report(step: int, total: int, metrics: Mapping[str, float], previews: Any) -> None:
        times.append(time.perf_counter())

    train_denoiser(build_denoiser(data, 6, "label+position", config), data, None, config, checkpoint, report)
    return BATCH * steps / (times[-2] - times[0])


def _sampling() -> list[Measurement]:
    """Seconds for 8 samples of ours at its defaults, and of DDPMPipeline with 1,000 steps."""
    import torch

    from augment.ddpm.condition import Condition
    from augment.ddpm.denoiser import Denoiser, DenoiserConfig
    from augment.ddpm.sampling import sample
    from augment.ddpm.settings import SamplerConfig
    from augment.ddpm.unet import UNetConfig
    from augment.training.precision import choose_precision
    from tests.bench.peer_diffusers import network, pipeline_samples

    precision = choose_precision()
    net = precision.place(Denoiser(DenoiserConfig(unet=UNetConfig.for_side(64, 1))).eval())
    condition = Condition.of(torch.zeros(8)).to(precision.device)

    def ours() -> None:
        with precision.autocast():
            sample(net, condition, range(8), (1, 64, 64), SamplerConfig(), net.config.noise)

    slow = network(64, 1).eval()
    ours()
    pipeline_samples(slow, 8, 2)
    quick, pipeline = [], []
    for _ in range(SLOW_ROUNDS):
        quick.append(statistics.median(_seconds(ours) for _ in range(3)))
        pipeline.append(_seconds(lambda: pipeline_samples(slow, 8)))
    return [
        Measurement("8 samples at 64 px: Kizu, 12 steps", "s", quick, note="no guidance, not steered"),
        Measurement("8 samples at 64 px: DDPMPipeline, 1,000 steps", "s", pipeline),
        _ratio("8 samples at 64 px: DDPMPipeline over Kizu", pipeline, quick, "100 times"),
    ]


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
