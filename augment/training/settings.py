"""The length and pace of any training, apart from the loop, because that imports torch."""

import math
from dataclasses import dataclass, field
from typing import Literal

from augment.errors import InvalidConfig

__all__ = ["Schedule", "Training", "rate_share"]

Schedule = Literal["cosine", "linear", "constant"]


def rate_share(step: int, total: int, warmup: int, schedule: Schedule = "cosine") -> float:
    """Learning rate at `step` of `total` as a share of its peak: linear warm-up, then down to a hundredth, or not."""
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    left = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}[schedule]
    return 0.01 + 0.99 * left


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long, how fast and how evenly a network learns, whatever it learns."""

    images_seen: int = field(default=40_000, metadata={"help": "length of the training in images, repeats counted"})
    batch_size: int = field(default=16, metadata={"help": "images in a step"})
    learning_rate: float = field(default=1e-3, metadata={"help": "peak of AdamW's learning rate"})
    schedule: Schedule = field(
        default="cosine", metadata={"help": "how the learning rate falls after its peak: cosine, linear or constant"}
    )
    warmup_steps: int = field(default=100, metadata={"help": "steps until the learning rate is at its peak"})
    weight_decay: float = field(default=0.01, metadata={"help": "AdamW's weight decay"})
    accumulation: int = field(
        default=1, metadata={"help": "parts of a batch, computed one after the other where memory is short"}
    )
    ema_width: float = field(default=0.1, metadata={"help": "averaged share of the training, 0.01 to 0.25"})
    preview_every: int = field(default=4000, metadata={"help": "images between previews and held-out losses"})
    checkpoint_every: int = field(default=4000, metadata={"help": "images between checkpoints"})
    seed: int = field(default=0, metadata={"help": "seed of weights, order and noise"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if self.images_seen < 1 or self.batch_size < 1:
            raise InvalidConfig(f"images_seen {self.images_seen}, batch_size {self.batch_size}: give 1 or more")
        if not 0 < self.learning_rate <= 0.1:
            raise InvalidConfig(f"learning_rate {self.learning_rate}: allowed above 0 to 0.1; 0.001 is usual")
        if self.preview_every < 1 or self.checkpoint_every < 1 or self.warmup_steps < 1:
            raise InvalidConfig("preview_every, checkpoint_every and warmup_steps: give 1 or more")
        if self.schedule not in ("cosine", "linear", "constant"):
            raise InvalidConfig(f"schedule {self.schedule!r}: allowed are cosine, linear and constant")
        if self.accumulation < 1 or self.batch_size % self.accumulation:
            raise InvalidConfig(
                f"accumulation {self.accumulation}: a divisor of batch_size {self.batch_size} is needed"
            )

    @property
    def betas(self) -> tuple[float, float]:
        """How much of the first and second moment of its gradients AdamW keeps from step to step."""
        return 0.9, 0.99

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return math.ceil(self.images_seen / self.batch_size)

    def rate(self, step: int) -> float:
        """The learning rate of a step, which counts from 0."""
        return self.learning_rate * rate_share(step, self.steps, self.warmup_steps, self.schedule)
