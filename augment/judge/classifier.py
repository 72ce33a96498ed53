"""Judges of generated images: a classifier and an encoder, both trained from nothing on real training images alone.

They share no weights, seed or width with the encoder that a generator is conditioned on, so that a generator cannot
please them by accident of its own features. The gates' classifiers in folds, which judge labels, start from the
network that ships with Kizu instead (`JudgeConfig.fold_classifier`). All know arrays and label indices; neither store
nor view.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.features.encoder_config import TrainEncoderConfig
from augment.features.encoder_training import LabelledImages, train_builtin
from augment.features.encoders import BuiltinEncoder, BuiltinNetConfig, ResidualNet
from augment.training.files import load_weights, save_weights
from augment.training.precision import choose_precision

__all__ = ["Classifier", "JudgeConfig", "train_classifier", "train_judge_encoder"]

Report = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """How both judges are trained. Other seed and width than the conditioning encoder's defaults (0 and 16)."""

    images_seen: int = field(default=16_000, metadata={"help": "training images shown to each judge, repeats counted"})
    width: int = field(default=24, metadata={"help": "channels of the first level, a multiple of 8"})
    seed: int = field(default=1_000, metadata={"help": "random seed of weights and order"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if self.images_seen < 1 or self.width < 8 or self.width % 8 or not 0 <= self.seed < 2**32 - 1:
            raise InvalidConfig(
                f"images_seen {self.images_seen}, width {self.width}, seed {self.seed}: 1 or more, a multiple of 8, "
                "0 or more are needed"
            )

    def classifier(self) -> TrainEncoderConfig:
        """The classifier's training: labels alone, at the rate at which they are learned in so few looks.

        Measured on magnetic tiles (511 images, width 16): rate 0.004 names 0.81 of the training images and 0.60 of
        those of held-out parts after 16,000 looks, rate 0.001 0.70 and 0.44 after 12,000; telling images apart beside
        it, as the encoder does, helped neither.
        """
        return TrainEncoderConfig(
            images_seen=self.images_seen,
            width=self.width,
            seed=self.seed,
            start="random",
            likeness_weight=0.0,
            learning_rate=4e-3,
        )

    def fold_classifier(self) -> TrainEncoderConfig:
        """That of classifiers which each have not seen a part of the training images: from the network that ships with
        Kizu, in three eighths of the looks.

        They judge labels, not generators, and so may start where the map's encoder does. Measured on magnetic tiles
        (511 images, three folds by part): balanced accuracy 0.45 after 6,000 looks; from nothing 0.37 after 16,000,
        with 4 of 100 cracks named and no fray.
        """
        return TrainEncoderConfig(
            images_seen=max(1, 3 * self.images_seen // 8),
            seed=self.seed,
            start="base",
            likeness_weight=0.0,
            learning_rate=4e-3,
        )

    def encoder(self) -> TrainEncoderConfig:
        """The encoder's training: no labels, so that what differs within a label counts as much as between them."""
        return TrainEncoderConfig(
            images_seen=self.images_seen, width=self.width, seed=self.seed + 1, start="random", label_weight=0.0
        )


class _ClassifierNet(nn.Module):
    """The built-in network with its label head."""

    def __init__(self, net: ResidualNet, head: nn.Linear) -> None:
        super().__init__()
        self.net, self.head = net, head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised images (N, C, S, S) -> logits (N, classes)."""
        return self.head(torch.relu(self.net(x)))  # type: ignore[no-any-return]


class Classifier:
    """Names the label of an image. `train_classifier` makes one; `load` reads one."""

    def __init__(self, net: ResidualNet, head: nn.Linear, batch_size: int = 256) -> None:
        """Take a network and its head; they are moved to the device and switched to evaluation."""
        self.precision = choose_precision()
        self._net = self.precision.place(_ClassifierNet(net, head)).eval()
        self.batch_size = batch_size

    @property
    def classes(self) -> int:
        """Number of labels."""
        return int(self._net.head.out_features)

    @property
    def config(self) -> dict[str, Any]:
        """JSON values for `load`."""
        return {"classes": self.classes, **asdict(self._net.net.net_config)}

    def probability(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (n, classes) float32, rows summing to 1, of images (n, side, side, channels) uint8.

        Raises:
            InvalidInput: images of another shape than it was trained on.
        """
        return self.last_layer(images)[1]

    def last_layer(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What comes into the last layer, (n, d) float32 from 0, and the probabilities that come of it.

        images and errors: as `probability`.
        """
        shape = self._net.net.net_config
        if images.shape[1:] != (shape.side_px, shape.side_px, shape.channels) or images.dtype != np.uint8:
            raise InvalidInput(
                f"images {images.shape} {images.dtype}: this classifier takes (n, {shape.side_px}, {shape.side_px}, "
                f"{shape.channels}) uint8; train it again for this view"
            )
        entering = [np.empty((0, shape.dim), dtype=np.float32)]
        parts = [np.empty((0, self.classes), dtype=np.float32)]
        with torch.inference_mode(), self.precision.autocast():
            for start in range(0, len(images), self.batch_size):
                pixels = torch.from_numpy(np.ascontiguousarray(images[start : start + self.batch_size]))
                hidden = torch.relu(self._net.net(self.precision.arrange(self._net.net.normalise(pixels))))
                entering.append(hidden.float().cpu().numpy())
                parts.append(torch.softmax(self._net.head(hidden).float(), dim=1).cpu().numpy())
        return np.concatenate(entering), np.concatenate(parts)

    def save(self, path: Path) -> str:
        """Write the weights as safetensors; return the file's SHA-256."""
        return save_weights(path, self._net)

    @classmethod
    def load(cls, config: Mapping[str, Any], weights: Path) -> Self:
        """Rebuild from `config` and the file that `save` wrote. NotFound or InvalidInput if it is gone or damaged."""
        if not weights.is_file():
            raise NotFound(f"weights of the judging classifier ({weights.name}) are missing: train it again")
        shape = {name: value for name, value in config.items() if name != "classes"}
        net = ResidualNet(BuiltinNetConfig(**shape))
        whole = _ClassifierNet(net, nn.Linear(net.net_config.dim, int(config["classes"])))
        load_weights(weights, whole)
        return cls(whole.net, whole.head)


def train_classifier(
    training: LabelledImages,
    classes: int,
    config: TrainEncoderConfig,
    report: Report,
    checkpoint: Path,
    base: Path | None = None,
) -> Classifier:
    """Train a classifier on real images; class-balanced, deterministic, resumed from `checkpoint` if it is there.

    config: `JudgeConfig.classifier` or `fold_classifier`. base: weights to start from where they fit.

    Raises:
        InvalidInput: fewer than two images, or a single label: nothing to tell apart.
        Cancelled: `report` said so; the checkpoint holds everything done so far.
    """
    if len(np.unique(training.label_index)) < 2:
        raise InvalidInput("one label in training: a classifier needs two or more; import images of another label")
    trained = train_builtin(training, classes, config, checkpoint=checkpoint, report=report, base=base)
    return Classifier(trained.encoder.net, trained.head)


def train_judge_encoder(
    training: LabelledImages, config: JudgeConfig, report: Report, checkpoint: Path
) -> BuiltinEncoder:
    """Train the independent encoder on real images without their labels; as `train_classifier`."""
    unlabelled = LabelledImages(training.images, np.zeros_like(training.label_index))
    return train_builtin(unlabelled, 1, config.encoder(), checkpoint=checkpoint, report=report).encoder
