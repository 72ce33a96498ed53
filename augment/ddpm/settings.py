"""Settings of training and sampling as dataclasses, apart from the code they configure because that imports torch.

Forms and the command line read them in a process that has no torch.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

from augment.errors import InvalidConfig
from augment.training.settings import Training

__all__ = [
    "MOST_SIDES",
    "DenoiserTraining",
    "NetworkTraining",
    "SamplerConfig",
    "SamplerName",
    "SteeringConfig",
    "Turns",
]

MOST_SIDES = 4
"""Largest patch that a re-drawing model is shown, in sides of what it was trained on: for thin defects."""

Turns = Literal["none", "mirror", "all"]
SamplerName = Literal["dpmpp_2m", "heun", "ancestral", "ddpm", "ddpm_beta"]
"""ddpm and ddpm_beta are the published sampler on its own schedule, with its two variances."""


@dataclass(frozen=True, kw_only=True)
class NetworkTraining(Training):
    """How large any denoiser is, what it starts from and how it is trained."""

    width: int = field(default=48, metadata={"help": "channels at 32 px, a multiple of 8: 48 for a CPU, 128 for a GPU"})
    start: Literal["base", "random"] = field(
        default="base",
        metadata={
            "help": "base starts from the network that ships with Kizu where its shape fits; random from nothing"
        },
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = field(
        default="auto", metadata={"help": "number format: auto takes bf16 where the processor or GPU has it"}
    )
    condition_rate: float = field(
        default=10.0, metadata={"help": "learning rate of label and position over that of the image network"}
    )
    balance: float = field(default=0.75, metadata={"help": "0 draws images as they are, 1 all classes equally often"})
    drop_label: float = field(default=0.1, metadata={"help": "chance of forgetting the label alone"})
    turns: Turns = field(default="mirror", metadata={"help": "flips the network is told of: none, mirror or all"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 0.1 <= self.condition_rate <= 100:
            raise InvalidConfig(f"condition_rate {self.condition_rate}: allowed 0.1 to 100; 10 is usual")
        if not 0 <= self.drop_label <= 0.9:
            raise InvalidConfig(f"drop_label {self.drop_label}: allowed 0 to 0.9; 0.1 is usual")
        if not 0 <= self.balance <= 1:
            raise InvalidConfig(f"balance {self.balance}: allowed 0 to 1; 0.75 is usual")
        if self.turns not in ("none", "mirror", "all"):
            raise InvalidConfig(f"turns {self.turns!r}: allowed are none, mirror, all")
        if not 8 <= self.width <= 256 or self.width % 8:
            raise InvalidConfig(f"width {self.width}: give a multiple of 8 from 8 to 256; 48 suits a processor")
        if self.start not in ("base", "random"):
            raise InvalidConfig(f"start {self.start!r}: choose base or random")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise InvalidConfig(f"precision {self.precision!r}: allowed are auto, fp32, bf16, fp16")


@dataclass(frozen=True, kw_only=True)
class DenoiserTraining(NetworkTraining):
    """How a denoiser of labels and positions is trained."""

    drop_position: float = field(default=0.1, metadata={"help": "chance of forgetting the position alone"})
    drop_both: float = field(default=0.1, metadata={"help": "chance of forgetting label and position"})
    jitter: float = field(default=0.5, metadata={"help": "move of the position, in distances to the nearest neighbour"})
    network: Literal["kizu", "published_group", "published_batch"] = field(
        default="kizu",
        metadata={
            "help": "kizu, or the network of the published DDPM with GroupNorm or BatchNorm: slower, to compare with"
        },
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        shares = (self.drop_label, self.drop_position, self.drop_both)
        if min(shares) < 0 or sum(shares) > 0.9:
            raise InvalidConfig(f"drop_label, drop_position, drop_both {shares}: each 0 or more, together at most 0.9")
        if self.jitter < 0:
            raise InvalidConfig(f"jitter {self.jitter}: give 0 or more; 0.5 is usual")
        if self.network not in ("kizu", "published_group", "published_batch"):
            raise InvalidConfig(f"network {self.network!r}: choose kizu, published_group or published_batch")


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """How images are drawn from a denoiser. Together with seeds, condition and weights it determines them."""

    sampler: SamplerName = field(
        default="dpmpp_2m",
        metadata={
            "help": "dpmpp_2m (12 to 20 steps), heun (two evaluations a step), ancestral (100 or more), ddpm or "
            "ddpm_beta (1000, as published)"
        },
    )
    steps: int = field(default=12, metadata={"help": "noise levels visited, 1 to 1000"})
    micro_batch: int = field(
        default=4, metadata={"help": "samples computed together; part of the recipe, always filled up"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the allowed range."""
        if self.sampler not in get_args(SamplerName):
            raise InvalidConfig(f"sampler {self.sampler!r}: allowed are {', '.join(get_args(SamplerName))}")
        if not 1 <= self.steps <= 1000:
            raise InvalidConfig(f"steps {self.steps}: allowed 1 to 1000, 12 to 20 are usual")
        if not 1 <= self.micro_batch <= 256:
            raise InvalidConfig(f"micro_batch {self.micro_batch}: allowed 1 to 256")


@dataclass(frozen=True, kw_only=True)
class SteeringConfig:
    """How strongly, at which noise levels and how far x0 may be moved."""

    strength: float = field(
        default=1.0, metadata={"help": "share of the way to the features asked for that each level tries; 0 for none"}
    )
    iterations: int = field(default=3, metadata={"help": "steps at each level, each from where the last one led"})
    sigma_low: float = field(default=0.02, metadata={"help": "noise level below which samples are left alone"})
    sigma_high: float = field(default=30.0, metadata={"help": "noise level above which samples are left alone"})
    reach: float = field(
        default=0.45, metadata={"help": "longest move of x0 at a level, root mean square, over sigma times sigma_data"}
    )
    smoothness: float = field(
        default=1 / 80, metadata={"help": "width of the patches moved, as a share of the side, over sigma / sigma_data"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 0 <= self.strength <= 2:
            raise InvalidConfig(f"steering strength {self.strength}: allowed 0 (none) to 2; 1 is usual")
        if not 1 <= self.iterations <= 20:
            raise InvalidConfig(f"steering iterations {self.iterations}: allowed 1 to 20; 3 is usual")
        if not 0 <= self.sigma_low < self.sigma_high:
            raise InvalidConfig(f"sigma_low {self.sigma_low}, sigma_high {self.sigma_high}: need 0 <= low < high")
        if not 0 < self.reach <= 10:
            raise InvalidConfig(f"reach {self.reach}: allowed above 0 to 10; 0.45 is usual")
        if not 0 <= self.smoothness <= 1:
            raise InvalidConfig(f"smoothness {self.smoothness}: allowed 0 (single pixels) to 1; 0.0125 is usual")
