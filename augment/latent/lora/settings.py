"""What the training of a LoRA can be told. Known to forms and the command line, so it knows no torch."""

from dataclasses import dataclass, field
from typing import Literal

from augment.errors import InvalidConfig
from augment.training.settings import Training

__all__ = ["TARGETS", "LoraTraining", "Targets"]

Targets = Literal["attention", "all"]

TARGETS: dict[Targets, str] = {
    "attention": r".*\.(to_q|to_k|to_v|to_out\.0)",
    "all": r".*\.(to_q|to_k|to_v|to_out\.0|proj_in|proj_out|net\.0\.proj|net\.2|conv1|conv2)",
}
"""Layers of a U-Net that get adapters, as patterns of their whole names. Convolutions learn texture."""


@dataclass(frozen=True, kw_only=True)
class LoraTraining(Training):
    """How adapters of low rank (Hu et al. 2022) are trained on a few photographs, and on good ones beside them."""

    images_seen: int = field(default=1200, metadata={"help": "length in crops, repeats counted: steps times batch"})
    batch_size: int = field(default=4, metadata={"help": "crops in a step"})
    learning_rate: float = field(default=3e-3, metadata={"help": "peak; 0.003 built-in model, 0.0001 large ones"})
    warmup_steps: int = field(default=20, metadata={"help": "steps until the learning rate is at its peak"})
    preview_every: int = field(default=300, metadata={"help": "crops between previews, held-out losses and kept files"})
    checkpoint_every: int = field(default=300, metadata={"help": "crops between checkpoints"})
    rank: int = field(default=16, metadata={"help": "rank of the adapters: 4 to 16 for one defect"})
    lora_alpha: float = field(default=16.0, metadata={"help": "strength of the adapters over their rank"})
    targets: Targets = field(default="all", metadata={"help": "attention alone, or all: convolutions as well"})
    text_encoder: bool = field(default=False, metadata={"help": "train adapters of the text encoder too"})
    regularisation_share: float = field(
        default=0.3, metadata={"help": "share of a batch that shows good parts, where there are any"}
    )
    min_snr_gamma: float = field(
        default=0.0,
        metadata={"help": "largest weight of a noise level by its signal (min-SNR, 5 is usual); 0 for none"},
    )
    defect_weight: float = field(default=1.0, metadata={"help": "weight of the loss on the defect's own pixels"})
    mask_weight: float = field(default=0.3, metadata={"help": "weight on the rest of what was marked around it"})
    object_weight: float = field(default=0.02, metadata={"help": "weight on the rest of the part"})
    background_weight: float = field(default=0.0, metadata={"help": "weight on what lies around the part"})
    drop_caption: float = field(default=0.1, metadata={"help": "chance of an empty prompt, which guidance needs"})
    prompt_noise: float = field(default=0.0, metadata={"help": "noise on the prompt's features, in their own spread"})
    noise_offset: float = field(
        default=0.0, metadata={"help": "noise that shifts whole pictures in light; 0.05 is much"}
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = field(
        default="auto", metadata={"help": "number format: auto, fp32, bf16, fp16"}
    )
    gradient_checkpointing: bool = field(
        default=False, metadata={"help": "a third slower, and much less memory for large models"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 1 <= self.rank <= 256 or not 0 < self.lora_alpha <= 1024:
            raise InvalidConfig(
                f"rank {self.rank}, lora_alpha {self.lora_alpha}: allowed 1 to 256, and above 0 to 1024; 16 and 16 suit"
            )
        if self.targets not in TARGETS:
            raise InvalidConfig(f"targets {self.targets!r}: allowed are {', '.join(TARGETS)}")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise InvalidConfig(f"precision {self.precision!r}: allowed are auto, fp32, bf16, fp16")
        for name, most in (
            ("regularisation_share", 0.9),
            ("drop_caption", 0.9),
            ("prompt_noise", 1),
            ("noise_offset", 1),
        ):
            if not 0 <= getattr(self, name) <= most:
                raise InvalidConfig(f"{name} {getattr(self, name)}: allowed 0 to {most}")
        if self.min_snr_gamma < 0:
            raise InvalidConfig(f"min_snr_gamma {self.min_snr_gamma}: 0 (no weighting) or more; 5 is usual")
        weights = (self.defect_weight, self.mask_weight, self.object_weight, self.background_weight)
        if min(weights) < 0 or not 0 < max(weights) <= 100:
            raise InvalidConfig(
                f"weights {weights} of defect, mask, object and background: 0 to 100, one of them above 0"
            )
