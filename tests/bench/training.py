"""Training and sampling of the generator: images a second at 64 px, peak memory, seconds for 8 samples.

788 images of noise stand for the 788 tiles: the arithmetic is the same whatever the pictures show.
"""

import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from tests.bench.measure import ROOT, Measurement

STEPS, BATCH = 24, 16

PROGRAM = f"""
import resource, sys, time
from pathlib import Path
import numpy as np
from augment.ddpm.settings import DenoiserTraining
from augment.ddpm.train import TrainingImages, build_denoiser, train_denoiser
rng = np.random.default_rng(0)
data = TrainingImages(
    rng.integers(0, 256, (788, 64, 64, 1), dtype=np.uint8), rng.integers(0, 6, 788),
    rng.normal(size=(788, 20)).astype(np.float32), np.ones(788, np.float32),
)
config = DenoiserTraining(images_seen={STEPS * BATCH}, batch_size={BATCH}, preview_every=10**9, checkpoint_every=10**9)
times = []
net = build_denoiser(data, 6, "label+position", config)
train_denoiser(net, data, None, config, Path(sys.argv[1]) / "c.pt", lambda *_: times.append(time.perf_counter()))
# The first steps choose kernels; the last writes the checkpoint.
print(*[{BATCH} / (b - a) for a, b in zip(times[3:-2], times[4:-1])])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def measure() -> list[Measurement]:
    """Training in a process of its own, for its peak memory; sampling in this one, warm."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROGRAM, folder]
        out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [
        Measurement("training at 64 px, 788 images", "images/s", [float(v) for v in out[0].split()], "60 (bf16)"),
        Measurement("training, peak memory", "GiB", [float(out[1])], "under 3"),
        *_sampling(),
    ]


def _sampling() -> list[Measurement]:
    import torch

    from augment.ddpm.condition import Condition
    from augment.ddpm.denoiser import Denoiser, DenoiserConfig, guided
    from augment.ddpm.sampling import sample
    from augment.ddpm.settings import SamplerConfig
    from augment.ddpm.unet import UNetConfig
    from augment.training.precision import choose_precision

    precision = choose_precision()
    net = precision.place(Denoiser(DenoiserConfig(unet=UNetConfig.for_side(64, 1))).eval())
    condition = Condition.of(torch.zeros(8), torch.zeros(8, 20)).to(precision.device)
    measured = []
    for name, denoise in (("no guidance", net), ("guidance 2", guided(net, 2.0, 2.0))):
        seconds = []
        for _ in range(6):
            started = time.perf_counter()
            with precision.autocast():
                sample(denoise, condition, range(8), (1, 64, 64), SamplerConfig(), net.config.noise)
            seconds.append(time.perf_counter() - started)
        measured.append(Measurement(f"8 samples at 64 px, 12 steps, {name}", "s", seconds[1:], "under 3"))
    return measured
