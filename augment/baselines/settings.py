"""The shape and the training of the DCGAN, apart from its code, because that imports torch."""

from dataclasses import dataclass, field
from typing import Literal

from augment.errors import InvalidConfig
from augment.training.settings import Training

__all__ = ["DcganShape", "DcganTraining"]

_COARSEST_PX = 4
_LARGEST_START_PX = 16


@dataclass(frozen=True, kw_only=True)
class DcganShape:
    """A ladder of convolutions from a grid of a few px to the image."""

    side_px: int = field(default=64, metadata={"help": "side of the square images"})
    channels: int = field(default=1, metadata={"help": "colour channels of the images: 1 or 3"})
    labels: int = field(default=1, metadata={"help": "number of classes"})
    latents: int = field(default=100, metadata={"help": "length of z"})
    width: int = field(default=32, metadata={"help": "channels of the finest layer, doubled at each coarser one"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 16 <= self.side_px <= 256 or self.start_px > _LARGEST_START_PX:
            raise InvalidConfig(
                f"side_px {self.side_px}: a DCGAN doubles a grid of 4 to {_LARGEST_START_PX} px; take 32, 48, 64 or 96"
            )
        if self.channels not in (1, 3):
            raise InvalidConfig(f"channels {self.channels}: images are grey (1) or RGB (3)")
        if self.labels < 1 or self.latents < 1:
            raise InvalidConfig(f"labels {self.labels}, latents {self.latents}: give 1 or more")
        if not 8 <= self.width <= 128:
            raise InvalidConfig(f"width {self.width}: allowed 8 to 128; 32 suits a processor, 64 is as published")

    @property
    def doublings(self) -> int:
        """Layers that double the grid."""
        count = 0
        while self.side_px % 2 ** (count + 1) == 0 and self.side_px // 2 ** (count + 1) >= _COARSEST_PX:
            count += 1
        return count

    @property
    def start_px(self) -> int:
        """Side of the coarsest grid."""
        return self.side_px >> self.doublings


@dataclass(frozen=True, kw_only=True)
class DcganTraining(Training):
    """Radford et al. 2016, section 4: learning rate 2e-4, first moment 0.5."""

    images_seen: int = field(default=200_000, metadata={"help": "length of the training in images, repeats counted"})
    batch_size: int = field(default=64, metadata={"help": "images in a step; batch normalisation wants 32 or more"})
    learning_rate: float = field(default=2e-4, metadata={"help": "peak of AdamW's learning rate"})
    schedule: Literal["cosine", "linear", "constant"] = field(
        default="constant", metadata={"help": "how the learning rate falls: cosine, linear or constant"}
    )
    weight_decay: float = field(default=0.0, metadata={"help": "AdamW's weight decay"})
    ema_width: float = field(default=0.05, metadata={"help": "averaged share of the training, 0.01 to 0.25"})
    preview_every: int = field(default=20_000, metadata={"help": "images between previews"})
    checkpoint_every: int = field(default=20_000, metadata={"help": "images between checkpoints"})
    balance: float = field(default=0.75, metadata={"help": "0 draws images as they are, 1 all classes equally often"})
    mirror: bool = field(default=True, metadata={"help": "flip images left to right at random"})
    width: int = field(default=32, metadata={"help": "channels of the finest layer: 32 for a CPU, 64 as published"})
    precision: Literal["auto", "fp32", "bf16", "fp16"] = field(
        default="auto", metadata={"help": "number format: auto takes bf16 where the processor or GPU has it"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if self.batch_size < 4:
            raise InvalidConfig(f"batch_size {self.batch_size}: batch normalisation needs 4 or more; 64 is usual")
        if not 0 <= self.balance <= 1:
            raise InvalidConfig(f"balance {self.balance}: allowed 0 to 1; 0.75 is usual")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise InvalidConfig(f"precision {self.precision!r}: choose auto, fp32, bf16 or fp16")
        DcganShape(width=self.width)

    @property
    def betas(self) -> tuple[float, float]:
        """As published: with 0.9 for the first the game swings, and few images are drawn again and again."""
        return 0.5, 0.999
