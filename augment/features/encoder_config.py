"""What the built-in encoder's training can be told. Known to forms and the command line, so it knows no torch."""

from dataclasses import dataclass, field
from typing import Literal

from augment.errors import InvalidConfig

__all__ = ["TrainEncoderConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainEncoderConfig:
    """Training of the built-in encoder. The defaults take two minutes on 2 cores at 64 px.

    Where classes have few images, labels weigh less (see `encoder_training.label_share`).
    """

    images_seen: int = field(
        default=0,
        metadata={
            "help": "training images shown, repeats counted; 0 takes 16,000, or each image 12 times where that is more"
        },
    )
    batch_size: int = field(default=32, metadata={"help": "images per step, each shown in two variants"})
    learning_rate: float = field(default=1e-3, metadata={"help": "peak learning rate of AdamW"})
    weight_decay: float = field(default=0.05, metadata={"help": "decoupled weight decay of AdamW"})
    width: int = field(default=16, metadata={"help": "channels of the first level; the cost grows with its square"})
    start: Literal["base", "random"] = field(
        default="base",
        metadata={
            "help": "base starts from the network that ships with Kizu where its shape fits; random from nothing"
        },
    )
    label_weight: float = field(
        default=1.0,
        metadata={"help": "weight of telling labels apart, less where classes have few images; 0 uses no labels"},
    )
    likeness_weight: float = field(
        default=1.0, metadata={"help": "weight of telling single images apart: keeps what differs within a label"}
    )
    label_smoothing: float = field(default=0.1, metadata={"help": "share of certainty taken from the right label"})
    flips: Literal["auto", "none", "horizontal", "both"] = field(
        default="auto",
        metadata={"help": "mirror images in training; auto mirrors where mirrored images look like real ones"},
    )
    seed: int = field(
        default=0, metadata={"help": "random seed; on one processor the same seed gives the same weights"}
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = field(
        default="auto", metadata={"help": "number format; auto takes bf16 where the processor computes it"}
    )

    def looks(self, images: int) -> int:
        """How many training images are shown where there are so many: `images_seen`, or what suits them.

        Measured on 5,199 digits, label weight 0.3: the 5 nearest training images name 0.82 of held-out ones after
        16,000 looks (3 at each) and 0.97 after 64,000. 511 tiles gain nothing beyond 16,000 (31 at each).
        """
        return self.images_seen or max(16_000, 12 * images)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidConfig: a field lies outside its range.
        """
        ranges = {
            "images_seen": (0, 100_000_000),
            "batch_size": (2, 4096),
            "learning_rate": (1e-7, 1.0),
            "weight_decay": (0.0, 1.0),
            "width": (8, 256),
            "label_weight": (0.0, 100.0),
            "likeness_weight": (0.0, 100.0),
            "label_smoothing": (0.0, 0.9),
            "seed": (0, 2**32 - 1),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidConfig(f"{name} {value}: {low} to {high} is possible")
        if self.width % 8:
            raise InvalidConfig(f"width {self.width}: a multiple of 8 is needed; 16 suits a processor")
        if self.label_weight == 0 and self.likeness_weight == 0:
            raise InvalidConfig("label_weight 0 and likeness_weight 0: nothing to learn; make one of them positive")
        if self.start not in ("base", "random"):
            raise InvalidConfig(f"start {self.start!r}: choose base or random")
        if self.flips not in ("auto", "none", "horizontal", "both"):
            raise InvalidConfig(f"flips {self.flips!r}: choose auto, none, horizontal or both")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise InvalidConfig(f"precision {self.precision!r}: choose auto, fp32, bf16 or fp16")
