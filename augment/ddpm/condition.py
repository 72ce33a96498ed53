"""What a sample is asked to be: a class label, a position in feature space, both or neither, as one embedding vector.

The whitening statistics travel with the network as buffers, so that a checkpoint needs nothing else to be used.
This module knows no images and no projection; positions are vectors of up to 20 numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.errors import InvalidConfig, InvalidInput

__all__ = ["Condition", "ConditionConfig", "ConditionEncoder", "ConditionKind", "Whitening", "drop", "jitter"]

ConditionKind = Literal["label+position", "label", "position"]
TURNS = 8
"""The eight flips and quarter turns of a square; 0 leaves the image as it is."""


@dataclass(frozen=True)
class Condition:
    """Conditions of a batch of N.

    label: (N,) int64, index of the class, -1 for none. position: (N, 20) float32, in the units of the projection.
    has_position: (N,) bool, False where `position` means nothing. turn: (N,) int64 in 0..7, how a training image was
    flipped or turned; 0 for all samples. aim: (N, c) float32, what the encoder should see there, finer than the
    position; c may be 0.
    """

    label: Tensor
    position: Tensor
    has_position: Tensor
    turn: Tensor
    aim: Tensor

    @classmethod
    def of(
        cls, label: Tensor, position: Tensor | None = None, dimensions: int = 20, aim: Tensor | None = None
    ) -> "Condition":
        """From labels (N,) and positions (N, 20), or None for no position at all; `aim` (N, c) where one is known."""
        count = len(label)
        given = torch.zeros(count, dimensions) if position is None else position.float()
        has_position = torch.full((count,), position is not None)
        aimed = torch.zeros(count, 0) if aim is None else aim.float()
        return cls(label.long(), given, has_position, torch.zeros(count, dtype=torch.int64), aimed)

    def __len__(self) -> int:
        """N."""
        return len(self.label)

    def __getitem__(self, rows: Tensor | slice) -> "Condition":
        """The conditions of some rows, in their order."""
        return self._each(lambda values: values[rows])

    def to(self, device: torch.device) -> "Condition":
        """The same on another device."""
        return self._each(lambda values: values.to(device))

    def turned(self, turn: Tensor) -> "Condition":
        """The same for images flipped and turned by `turn` (N,) int64 in 0..7."""
        return replace(self, turn=turn)

    def without(self, *, label: bool = False, position: bool = False) -> "Condition":
        """The same without label, position or both; what guidance is measured against."""
        labels = torch.full_like(self.label, -1) if label else self.label
        return replace(self, label=labels, has_position=self.has_position & (not position))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Condition":
        return Condition(*(change(getattr(self, part.name)) for part in fields(self)))


def drop(condition: Condition, label: float, position: float, both: float, generator: torch.Generator) -> Condition:
    """Forgets the label alone, the position alone and both, with these probabilities, exclusively.

    Separate dropout is what gives label and position a guidance scale each. Ho and Salimans 2022, algorithm 1.
    """
    chance = torch.rand(len(condition), generator=generator)
    label_gone = (chance < label) | (chance >= 1 - both)
    position_gone = ((chance >= label) & (chance < label + position)) | (chance >= 1 - both)
    labels = torch.where(label_gone, -1, condition.label)
    return replace(condition, label=labels, has_position=condition.has_position & ~position_gone)


def jitter(position: Tensor, distance: Tensor, generator: torch.Generator) -> Tensor:
    """Positions (N, d) moved at random by `distance` (N,) on average (root mean square, same units).

    A network that sees each position exactly learns an image for each; half the distance between neighbours fills the
    gaps between them. Vicinal risk as in CCDM, Ding et al. 2024.
    """
    noise = torch.randn(position.shape, generator=generator)
    moved: Tensor = position + noise * (distance[:, None] / position.shape[1] ** 0.5)
    return moved


@dataclass(frozen=True)
class Whitening:
    """Two linear maps of a position: over all images, and inside classes (where classes are tight, far-apart clumps).

    mean: (d,). overall, within: (d, d) float32; `(position - mean) @ overall` has variance 1 in each direction
    that varies.
    """

    mean: Tensor
    overall: Tensor
    within: Tensor

    @classmethod
    def fit(cls, position: Tensor, label: Tensor) -> "Whitening":
        """From training positions (n, d) float32 and labels (n,) int64. InvalidInput if a position is not finite."""
        if not bool(torch.isfinite(position).all()):
            bad = int((~torch.isfinite(position).all(1)).sum())
            raise InvalidInput(
                f"{bad} of {len(position)} positions are not finite numbers: build the map again (embed)"
            )
        exact = position.double()
        mean = exact.mean(0)
        residual = exact.clone()
        for value in torch.unique(label):
            members = label == value
            residual[members] -= exact[members].mean(0)
        return cls(mean.float(), _whitener(exact - mean), _whitener(residual))

    @classmethod
    def identity(cls, dimensions: int) -> "Whitening":
        """No change; for networks without positions and before weights are loaded."""
        return cls(torch.zeros(dimensions), torch.eye(dimensions), torch.eye(dimensions))


def _whitener(centred: Tensor) -> Tensor:
    """(n, d) float64 -> (d, d) float32, the symmetric inverse root of the covariance; directions without spread give 0.

    Spread below a hundredth of the widest direction is floored, so that the projection's noise is not blown up.
    """
    covariance = centred.T @ centred / max(1, len(centred))
    value, vector = torch.linalg.eigh(covariance)
    largest = value.max().clamp_min(1e-12)
    root = torch.where(value > 1e-9 * largest, value.clamp_min(1e-4 * largest).rsqrt(), 0.0)
    whitener: Tensor = ((vector * root) @ vector.T).float()
    return whitener


@dataclass(frozen=True, kw_only=True)
class ConditionConfig:
    """Size and kind of the condition."""

    labels: int = field(default=1, metadata={"help": "number of classes"})
    kind: ConditionKind = field(default="label+position", metadata={"help": "label+position, label or position"})
    dimensions: int = field(default=20, metadata={"help": "length of a position"})
    components: int = field(default=0, metadata={"help": "length of the aim told beside the position, 0 for none"})
    fourier: int = field(default=0, metadata={"help": "Fourier features of the position, 0 for none"})
    turns: bool = field(default=False, metadata={"help": "trained on flipped and turned images, told which"})

    def __post_init__(self) -> None:
        """InvalidConfig for an unknown kind or an empty size."""
        if self.kind not in ("label+position", "label", "position"):
            raise InvalidConfig(f"condition {self.kind!r}: allowed are label+position, label, position")
        if min(self.labels, self.dimensions) < 1 or min(self.fourier, self.components) < 0:
            raise InvalidConfig(
                f"labels {self.labels}, dimensions {self.dimensions}, fourier {self.fourier}, components "
                f"{self.components}: need 1, 1, 0 and 0 or more"
            )

    @property
    def uses_label(self) -> bool:
        """Whether the network ever sees a label."""
        return self.kind != "position"

    @property
    def uses_position(self) -> bool:
        """Whether the network ever sees a position."""
        return self.kind != "label"


class Coordinates(nn.Module):
    """Coordinates of a place (N, d) -> embedding (N, width), whitened first."""

    mean: Tensor
    overall: Tensor
    within: Tensor
    frequencies: Tensor

    def __init__(self, whitening: Whitening, fourier: int, width: int) -> None:
        """The whitening is kept in buffers and may come later with the weights."""
        super().__init__()
        dimensions = len(whitening.mean)
        self.register_buffer("mean", whitening.mean.clone())
        self.register_buffer("overall", whitening.overall.clone())
        self.register_buffer("within", whitening.within.clone())
        self.register_buffer("frequencies", torch.randn(dimensions, fourier))
        inputs = 2 * dimensions + 2 * fourier
        self.net = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, coordinates: Tensor) -> Tensor:
        """asinh keeps the far-apart classes of the within-class map in range."""
        centred = coordinates - self.mean
        overall = centred @ self.overall
        parts = [overall, torch.asinh(centred @ self.within)]
        if self.frequencies.shape[1]:
            phase = overall @ self.frequencies
            parts += [phase.cos(), phase.sin()]
        embedding: Tensor = self.net(torch.cat(parts, dim=1))
        return embedding


class ConditionEncoder(nn.Module):
    """Condition -> embedding (N, width). Label and place each add a vector, or nothing where they are absent.

    A place is told as its position and, beside it, the aim: within a tight class a position says who the neighbours
    are and hardly what the image looks like.
    """

    def __init__(
        self, config: ConditionConfig, width: int, whitening: Whitening | None = None, aim: Whitening | None = None
    ) -> None:
        """`whitening` of positions and of aims may come later with the weights."""
        super().__init__()
        self.config = config
        self.label = nn.Embedding(config.labels, width)
        self.turn = nn.Embedding(TURNS, width)
        self.position = Coordinates(whitening or Whitening.identity(config.dimensions), config.fourier, width)
        if config.components:
            self.aim = Coordinates(aim or Whitening.identity(config.components), 0, width)
        self.absent = nn.Parameter(torch.zeros(width))

    def forward(self, condition: Condition) -> Tensor:
        """(N, width) float32. InvalidInput if the condition's aim has another length than the network was told."""
        label = self.label(condition.label.clamp_min(0))
        embedding = torch.where((condition.label >= 0)[:, None] & self.config.uses_label, label, 0.0)
        if self.config.uses_position:
            embedding = embedding + torch.where(condition.has_position[:, None], self._place(condition), self.absent)
        if self.config.turns:
            turned = self.turn(condition.turn)
            embedding = embedding + torch.where((condition.turn > 0)[:, None], turned, 0.0)
        return embedding

    def _place(self, condition: Condition) -> Tensor:
        placed: Tensor = self.position(condition.position)
        if self.config.components:
            if condition.aim.shape[1] == 0 and not bool(condition.has_position.any()):
                return placed
            if condition.aim.shape[1] != self.config.components:
                raise InvalidInput(
                    f"aim of {condition.aim.shape[1]} components: the network was trained on {self.config.components}; "
                    "train it again on this map"
                )
            placed = placed + self.aim(condition.aim)
        return placed


def turn_images(pixels: Tensor, turn: Tensor) -> Tensor:
    """Square images (N, C, S, S) flipped and turned by the element `turn` (N,) in 0..7 of the square's symmetries.

    Bit 0 mirrors left-right, bit 1 top-bottom, bit 2 exchanges rows and columns, in this order.
    """
    turned = pixels
    for bit, change in enumerate((lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.transpose(2, 3))):
        chosen = (turn >> bit & 1).bool()
        turned = torch.where(chosen[:, None, None, None], change(turned), turned)  # type: ignore[no-untyped-call]
    return turned


def sinusoids(value: Tensor, width: int, largest: float = 100.0) -> Tensor:
    """(N,) -> (N, width): cosines and sines of `value` at frequencies from 1 to `largest`. Vaswani et al. 2017."""
    frequency = torch.exp(torch.linspace(0, 1, width // 2, device=value.device) * torch.tensor(largest).log())
    phase = value[:, None] * frequency
    return functional.pad(torch.cat([phase.cos(), phase.sin()], dim=1), (0, width % 2))
