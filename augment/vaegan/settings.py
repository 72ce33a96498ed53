"""The shape of the networks of factors and how they are trained, apart from the code, because that imports torch."""

from dataclasses import dataclass, field
from typing import Literal

from augment.errors import InvalidConfig
from augment.training.settings import Training

__all__ = ["FactorShape", "StudentTraining", "TeacherTraining"]


@dataclass(frozen=True, kw_only=True)
class FactorShape:
    """Networks of square images in [0, 1]: `dimensions` latents, the last `added` of which the teacher did not have."""

    side_px: int = field(default=64, metadata={"help": "side of the square images, a multiple of 16"})
    channels: int = field(default=1, metadata={"help": "colour channels of the images: 1 or 3"})
    dimensions: int = field(default=5, metadata={"help": "latent dimensions in all"})
    added: int = field(default=0, metadata={"help": "how many of them a student has more than its teacher"})
    width: int = field(default=32, metadata={"help": "channels of the finest layer, a multiple of 8"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 32 <= self.side_px <= 256 or self.side_px % 16:
            raise InvalidConfig(f"side_px {self.side_px}: a multiple of 16 from 32 to 256")
        if self.channels not in (1, 3):
            raise InvalidConfig(f"channels {self.channels}: images are grey (1) or RGB (3)")
        if not 1 <= self.dimensions <= 64:
            raise InvalidConfig(f"dimensions {self.dimensions}: allowed 1 to 64; 5 to 10 can still be told apart")
        if not 0 <= self.added < self.dimensions:
            raise InvalidConfig(f"added {self.added} of {self.dimensions} dimensions: the teacher needs one at least")
        if not 8 <= self.width <= 128 or self.width % 8:
            raise InvalidConfig(f"width {self.width}: a multiple of 8 from 8 to 128")


@dataclass(frozen=True, kw_only=True)
class _FactorTraining(Training):
    images_seen: int = field(default=400_000, metadata={"help": "length of the training in images, repeats counted"})
    batch_size: int = field(default=64, metadata={"help": "images in a step"})
    weight_decay: float = field(default=0.0, metadata={"help": "AdamW's weight decay"})
    ema_width: float = field(default=0.05, metadata={"help": "averaged share of the training, 0.01 to 0.25"})
    preview_every: int = field(default=50_000, metadata={"help": "images between previews and held-out losses"})
    checkpoint_every: int = field(default=50_000, metadata={"help": "images between checkpoints"})
    beta: float = field(
        default=4.0, metadata={"help": "weight of the KL to the prior: more separates factors, less blurs less"}
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = field(
        default="auto", metadata={"help": "number format: auto takes bf16 where the processor or GPU has it"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 0 < self.beta <= 100:
            raise InvalidConfig(f"beta {self.beta}: allowed above 0 to 100; 1 is a plain VAE, 4 is usual")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise InvalidConfig(f"precision {self.precision!r}: choose auto, fp32, bf16 or fp16")


@dataclass(frozen=True, kw_only=True)
class TeacherTraining(_FactorTraining):
    """A beta-VAE (Higgins et al. 2017)."""


@dataclass(frozen=True, kw_only=True)
class StudentTraining(_FactorTraining):
    """A student of a teacher's factors and of new ones. The source gives the terms, not their weights beside beta."""

    batch_size: int = field(default=32, metadata={"help": "images in a step"})
    gamma: float = field(
        default=1.0, metadata={"help": "weight of the term that ties the new data to the added dimensions"}
    )
    known_share: float = field(
        default=0.5, metadata={"help": "share of a batch that shows what the teacher already knows"}
    )
    feature_weight: float = field(
        default=300.0, metadata={"help": "weight of the reconstruction in what the discriminator sees, means of layers"}
    )
    kl_weight: float = field(
        default=0.03, metadata={"help": "weight beside it of the KL to the prior, a sum over dimensions"}
    )
    distil_weight: float = field(
        default=0.3, metadata={"help": "weight beside it of the KL to the teacher, which holds what is known"}
    )
    discriminator_rate: float = field(
        default=0.3, metadata={"help": "the discriminator's learning rate over that of the others"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 0 <= self.gamma <= 100:
            raise InvalidConfig(f"gamma {self.gamma}: allowed 0 (the added dimensions are free) to 100; 1 is usual")
        if not 0 <= self.known_share <= 0.9:
            raise InvalidConfig(f"known_share {self.known_share}: allowed 0 to 0.9; 0.5 is usual")
        for name in ("feature_weight", "kl_weight", "distil_weight"):
            if not 0 < getattr(self, name) <= 10_000:
                raise InvalidConfig(f"{name} {getattr(self, name)}: allowed above 0 to 10000")
        if not 0.01 <= self.discriminator_rate <= 10:
            raise InvalidConfig(f"discriminator_rate {self.discriminator_rate}: allowed 0.01 to 10")
