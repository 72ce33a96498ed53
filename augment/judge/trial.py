"""Classifiers whose only difference is what they were trained on: each arm of an evaluation trains one for each seed.

All start alike and see as many images in as many steps, so that a larger training set is no longer training. Knows
arrays and the file to start from; no store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from augment.errors import InvalidConfig, InvalidInput
from augment.features.augmentation import mirrors_that_look_real, vary
from augment.features.encoders import BuiltinNetConfig, ResidualNet
from augment.training.averages import settle_norms
from augment.training.files import start_from
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision, choose_precision
from augment.training.randomness import deterministic, seed_everything
from augment.training.settings import Training

__all__ = ["TrialConfig", "TrialSet", "predicted", "starts_from", "train_trial"]

_ASKED = 256
_BUILTIN = ("builtin", "untrained:builtin")
_LEAST_DEVIATION = 0.02  # images of one grey must not have their noise blown up


@dataclass(frozen=True, kw_only=True)
class TrialConfig(Training):
    """One classifier. The defaults take half a minute on 2 cores at 64 px.

    Measured on 631 magnetic tiles in three folds, real images alone, mirrored and lit anew: balanced accuracy 0.49
    after 6,000 looks (three partitions), 0.47 after 12,000 (two of them); from nothing 0.34 after 6,000.
    """

    images_seen: int = field(default=6_000, metadata={"help": "training images shown, repeats counted"})
    batch_size: int = field(default=32, metadata={"help": "images in a step"})
    learning_rate: float = field(default=3e-3, metadata={"help": "peak learning rate of AdamW"})
    weight_decay: float = field(default=0.05, metadata={"help": "AdamW's weight decay"})
    warmup_steps: int = field(default=20, metadata={"help": "steps until the learning rate is at its peak"})
    preview_every: int = field(default=1_000_000_000, metadata={"help": "unused: there are no previews"})
    checkpoint_every: int = field(default=1_000_000_000, metadata={"help": "unused: a trial is begun again"})
    classifier: str = field(
        default="builtin",
        metadata={
            "help": "builtin, from the network that ships with Kizu; timm:NAME_OR_FOLDER with its weights; "
            "untrained:NAME, a timm network or builtin from nothing"
        },
    )
    width: int = field(
        default=16,
        metadata={"help": "builtin: channels of the first level, a multiple of 8; the one that ships with Kizu has 16"},
    )
    label_smoothing: float = field(default=0.1, metadata={"help": "share of certainty taken from the right label"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        kind, _, name = self.classifier.partition(":")
        if self.classifier != "builtin" and not (kind in ("timm", "untrained") and name):
            raise InvalidConfig(
                f"classifier {self.classifier!r}: builtin, timm:NAME_OR_FOLDER or untrained:NAME is possible"
            )
        if self.width < 8 or self.width % 8:
            raise InvalidConfig(f"width {self.width}: a multiple of 8 from 8")
        if not 0 <= self.label_smoothing <= 0.9:
            raise InvalidConfig(f"label_smoothing {self.label_smoothing}: 0 to 0.9")


@dataclass(frozen=True, eq=False, kw_only=True)
class TrialSet:
    """What an arm trains on. images: (n, side, side, C) uint8. label_index: (n,) int64. odds: (n,) float32, how often
    each is drawn. varied: mirrored, shifted, scaled and lit anew at every look (`vary`)."""

    images: NDArray[np.uint8]
    label_index: NDArray[np.int64]
    odds: NDArray[np.float32]
    varied: bool


class TrialNet(nn.Module):
    """uint8 images (N, side, side, C) -> logits (N, labels). The built-in network, or any of timm's."""

    def __init__(
        self, config: TrialConfig, shape: tuple[int, int, int], light: tuple[float, float], labels: int
    ) -> None:
        """shape: side, side, C. light: mean and deviation of real training pixels in [0, 1].

        Raises:
            NotFound, InvalidInput: a timm model that cannot be had.
        """
        super().__init__()
        self.light = light
        if config.classifier in _BUILTIN:
            side, _, channels = shape
            net = ResidualNet(BuiltinNetConfig(side_px=side, channels=channels, width=config.width))
            # The aim belongs to maps; no classifier learns by it.
            del net.aim
            self.net: nn.Module = nn.Sequential(net, nn.ReLU(), nn.Linear(net.net_config.dim, labels))
        else:
            self.net = _timm(config.classifier, labels)

    def start_from(self, base: Path) -> bool:
        """Takes the weights of a built-in network (`kizu train base`); False where they do not fit this one."""
        assert isinstance(self.net, nn.Sequential)
        return start_from(base, self.net[0])

    def normalised(self, pixels: Tensor) -> Tensor:
        """uint8 (N, side, side, C) -> float32 (N, C, side, side) of mean 0 and deviation 1."""
        mean, deviation = self.light
        return (pixels.permute(0, 3, 1, 2).float() / 255.0 - mean) / deviation

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images to logits."""
        wanted = 3 if not isinstance(self.net, nn.Sequential) else x.shape[1]
        logits: Tensor = self.net(x.expand(-1, wanted, -1, -1) if x.shape[1] == 1 else x)
        return logits


def _timm(classifier: str, labels: int) -> nn.Module:
    """A network of timm's with a head of its own for these labels."""
    import timm

    from augment.features.timm_encoder import create_timm

    kind, _, name = classifier.partition(":")
    if kind == "untrained":
        try:
            untrained: nn.Module = timm.create_model(name, pretrained=False, num_classes=labels)
        except RuntimeError as error:
            raise InvalidInput(f"classifier {classifier!r}: timm knows no network of this name") from error
        return untrained
    net = create_timm(name)
    net.reset_classifier(labels)  # type: ignore[operator]  # every timm model has it
    return net


@dataclass(frozen=True)
class _Learning:
    training: TrialSet
    flips: tuple[bool, bool]
    smoothing: float

    def losses(self, network: TrialNet, draw: Draw) -> Tensor:
        """Cross entropy of one draw."""
        odds = torch.from_numpy(self.training.odds)
        rows = torch.multinomial(odds, draw.count, replacement=True, generator=draw.generator)
        x = network.normalised(torch.from_numpy(np.ascontiguousarray(self.training.images[rows.numpy()])))
        if self.training.varied:
            x = vary(x, self.flips, draw.generator)
        wanted = torch.from_numpy(self.training.label_index[rows.numpy()]).to(draw.precision.device)
        with draw.precision.autocast():
            logits = network(draw.precision.arrange(x))
        return functional.cross_entropy(logits.float(), wanted, reduction="none", label_smoothing=self.smoothing)

    def previews(self, averaged: TrialNet, precision: Precision) -> NDArray[np.uint8] | None:
        """None."""
        return None

    def held_out(self, averaged: TrialNet, precision: Precision) -> Mapping[str, float]:
        """Nothing: what a classifier is worth is asked once, at the end, of images that decided nothing."""
        return {}


def train_trial(
    training: TrialSet,
    real: NDArray[np.uint8],
    labels: int,
    config: TrialConfig,
    checkpoint: Path,
    report: Report,
    base: Path | None = None,
) -> TrialNet:
    """A classifier of one arm and seed, with averaged weights.

    real: the real training images of all arms, (m, side, side, C) uint8; what mirrors look real and how bright images
    are is measured on them alone, so that arms differ in nothing but their images. base: weights that "builtin" starts
    from where they fit.

    Raises:
        InvalidInput: an arm without two labels. NotFound: a timm model that cannot be had. Cancelled.
    """
    counts = np.bincount(training.label_index, minlength=labels)
    if (counts > 0).sum() < 2:
        raise InvalidInput(
            f"{len(training.images)} images of {(counts > 0).sum()} labels: a classifier needs two labels"
        )
    precision = choose_precision()
    seed_everything(config.seed)
    light = (float(real.mean()) / 255.0, max(float(real.std()) / 255.0, _LEAST_DEVIATION))
    network = TrialNet(config, (real.shape[1], real.shape[2], real.shape[3]), light, labels)
    if base is not None and config.classifier == "builtin":
        network.start_from(base)
    task = _Learning(training, mirrors_that_look_real(real), config.label_smoothing)
    with deterministic():
        averaged, _ = train_network(network, task, config, checkpoint, report, precision)
    generator = torch.Generator().manual_seed(config.seed)
    settle_norms(averaged, lambda: task.losses(averaged, Draw(config.batch_size, generator, precision, 1.0)))
    return averaged.eval()


def starts_from(base: Path | None, config: TrialConfig, shape: tuple[int, int, int]) -> bool:
    """Whether classifiers of images of a shape (side, side, C) start from weights: timm's own, or those of `base`."""
    if config.classifier != "builtin":
        return config.classifier.startswith("timm:")
    return base is not None and TrialNet(config, shape, (0.5, 0.25), 2).start_from(base)


@torch.inference_mode()
def predicted(network: TrialNet, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities (n, labels) float32 of images (n, side, side, C) uint8."""
    precision = choose_precision()
    network = precision.place(network)
    parts = []
    for first in range(0, len(images), _ASKED):
        x = network.normalised(torch.from_numpy(np.ascontiguousarray(images[first : first + _ASKED])))
        with precision.autocast():
            logits = network(precision.arrange(x))
        parts.append(torch.softmax(logits.float(), dim=1).cpu().numpy())
    return np.concatenate(parts)
