"""One contestant of the benchmark `recipes`: it trains for a number of CPU seconds and is judged on the way.

`python -m tests.bench.contest FOLDER NAME [TARGET ...]`, in a process of its own with one thread, so that
`time.process_time()` counts what its training cost and no other load does. Sampling and judging are not counted.
Whatever it finds goes into files of FOLDER, which `arrange` filled before; contestants know nothing of each other.
"""

import dataclasses
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from augment.ddpm.train import TrainingImages

PEERS = ("diffusers", "published", "ddp")
OURS = ("kizu-base", "kizu-random", "kizu-placed-base", "kizu-placed-random")


@dataclass(frozen=True, kw_only=True)
class PeersConfig:
    """Budgets in CPU seconds of one thread, and how samples are judged. Every contestant gives the same number."""

    budgets: dict[str, float] = field(
        default_factory=lambda: {"diffusers": 600.0, "published": 900.0, "ddp": 600.0},
        metadata={"help": "training of each peer"},
    )
    marks: dict[str, int] = field(
        default_factory=lambda: {"diffusers": 3, "published": 3, "ddp": 1},
        metadata={"help": "how often each peer is judged: at its budget, at half of it, at a quarter ..."},
    )
    first_mark: float = field(default=2.0, metadata={"help": "ours is judged here first, then at 1.41 times that ..."})
    most: float = field(default=725.0, metadata={"help": "our longest training"})
    samples: int = field(default=128, metadata={"help": "samples of each judgement, for training images drawn once"})
    own_steps: int = field(default=12, metadata={"help": "our sampler's steps: the default of a click"})
    solver_steps: int = field(
        default=25, metadata={"help": "steps for the networks of diffusers before their last mark"}
    )
    last_steps: int = field(
        default=1000, metadata={"help": "DDPM steps for the networks of diffusers at their last mark"}
    )
    ddim_steps: int = field(default=100, metadata={"help": "DDIM steps of denoising-diffusion-pytorch, eta 1"})
    judge_images: int = field(default=16_000, metadata={"help": "training images shown to the judging encoder"})

    def marks_of(self, name: str) -> list[float]:
        """CPU seconds at which a contestant is judged, increasing."""
        if name in self.budgets:
            return [self.budgets[name] / 2**halved for halved in reversed(range(self.marks[name]))]
        marks = [self.first_mark]
        while 2**0.5 * marks[-1] <= self.most:
            marks.append(2**0.5 * marks[-1])
        return marks

    def sampler_steps(self, name: str, last: bool) -> int:
        """Network evaluations for a sample."""
        if name not in PEERS:
            return self.own_steps
        return self.ddim_steps if name == "ddp" else self.last_steps if last else self.solver_steps

    def write(self, folder: Path) -> None:
        """For the processes of the contestants."""
        (folder / "config.json").write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote."""
        return cls(**json.loads((folder / "config.json").read_text(encoding="utf-8")))


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A judgement: after so many CPU seconds and steps of training. kernel: KID with its 95 % interval."""

    seconds: float
    steps: int
    frechet: float
    kernel: tuple[float, float, float]


class Contestant(Protocol):
    """What is trained and judged."""

    @property
    def steps(self) -> int:
        """Optimiser steps so far."""
        ...

    def train(self, seconds: float) -> float:
        """Trains for CPU seconds, a step more than fits; returns the seconds."""
        ...

    def draw(self, rows: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
        """A sample (n, S, S, C) uint8 for each training image of `rows`."""
        ...


class Judge:
    """The independent encoder and its features of all training images, centred and scaled as `Judges.compared` does."""

    def __init__(self, folder: Path, training: NDArray[np.uint8]) -> None:
        """Loads what `arrange` trained."""
        from augment.features.encoders import load_encoder

        told = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
        self.encoder = load_encoder(told, folder / "judge.safetensors")
        features = np.asarray(self.encoder.encode(training))  # type: ignore[arg-type]
        self.centre, self.scale = features.mean(axis=0), float(np.sqrt(features.var(axis=0).mean())) or 1.0
        self.real = (features - self.centre) / self.scale

    def judge(self, images: NDArray[np.uint8]) -> tuple[float, tuple[float, float, float]]:
        """FD and KID of images (n, S, S, C) uint8, 50 or more, against all training images."""
        from augment.judge.metrics import frechet_distance, kernel_distance

        seen = (np.asarray(self.encoder.encode(images)) - self.centre) / self.scale  # type: ignore[arg-type]
        frechet, kernel = frechet_distance(seen, self.real), kernel_distance(seen, self.real)
        assert frechet is not None and kernel is not None, f"{len(images)} samples: 50 or more are needed"
        return frechet, (kernel.value, kernel.low, kernel.high)


def read_data(folder: Path) -> "TrainingImages":
    """The training images that `arrange` wrote."""
    from augment.ddpm.train import TrainingImages

    with np.load(folder / "training.npz") as arrays:
        return TrainingImages(**{one.name: arrays[one.name] for one in dataclasses.fields(TrainingImages)})


def enter(name: str, data: "TrainingImages", folder: Path, config: PeersConfig) -> Contestant:
    """The contestant of this name, untrained."""
    if name == "ddp":
        from tests.bench.peer_ddp import DenoisingDiffusion

        return DenoisingDiffusion(data, folder, config.ddim_steps)
    if name in PEERS:
        from tests.bench import peer_diffusers

        return peer_diffusers.Published(data) if name == "published" else peer_diffusers.Unconditional(data)
    from tests.bench.peer_ours import Kizu

    return Kizu(data, folder, conditional="placed" in name, base=name.endswith("base"))


def compete(folder: Path, name: str, targets: list[float]) -> list[Mark]:
    """Trains and judges a contestant; ends early where its FD is at or below all targets, if there are any.

    Writes NAME/marks.json and NAME/samples.png, the first 32 samples of the last judgement.
    """
    import torch

    torch.set_num_threads(1)
    config, data = PeersConfig.read(folder), read_data(folder)
    judge = Judge(folder, data.pixels)
    home = folder / name
    home.mkdir()
    rows = np.random.default_rng(0).permutation(len(data))[: config.samples]
    contestant = enter(name, data, home, config)
    spent, marks = 0.0, []
    planned = config.marks_of(name)
    for wanted in planned:
        spent += contestant.train(wanted - spent)
        images = contestant.draw(rows, config.sampler_steps(name, wanted == planned[-1]))
        frechet, kernel = judge.judge(images)
        marks.append(Mark(seconds=spent, steps=contestant.steps, frechet=frechet, kernel=kernel))
        tell(
            f"{name}: {spent:.1f} CPU s, {contestant.steps} steps, FD {frechet:.3g}, KID x 1000 {1000 * kernel[0]:.3g}"
        )
        write_sheet(home / "samples.png", images)
        if targets and frechet <= min(targets):
            break
    (home / "marks.json").write_text(json.dumps([asdict(mark) for mark in marks]), encoding="utf-8")
    return marks


def write_sheet(path: Path, images: NDArray[np.uint8]) -> None:
    """The first 32 images (n, S, S, C) uint8 in four lines, as PNG."""
    from augment.images import encode_png

    lines = [np.concatenate(list(images[start : start + 8]), axis=1) for start in range(0, min(32, len(images)), 8)]
    path.write_bytes(encode_png(np.concatenate([line for line in lines if line.shape == lines[0].shape])))


def tell(text: str) -> None:
    """A line for whoever waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    compete(Path(sys.argv[1]), sys.argv[2], [float(target) for target in sys.argv[3:]])
