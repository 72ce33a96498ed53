"""Settings of latent models, their sampling and pretraining, apart from the code, because that imports torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from augment.errors import InvalidConfig
from augment.training.settings import Training

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

__all__ = ["AutoencoderTraining", "DiffusionTraining", "LatentSampling", "SamplerName"]


@dataclass(frozen=True, kw_only=True)
class AutoencoderTraining(Training):
    """How the autoencoder is trained: on small cuts first, because a convolution learns as much from four cuts of 64 px
    as from one picture of 128 px, and its normalisation settles on whole pictures at the end."""

    images_seen: int = field(default=50_000, metadata={"help": "length in cuts, repeats counted"})
    batch_size: int = field(default=16, metadata={"help": "cuts in a step; whole pictures come in quarters of it"})
    learning_rate: float = field(default=2e-3, metadata={"help": "peak of AdamW's learning rate"})
    ema_width: float = field(default=0.05, metadata={"help": "averaged share of the training, 0.01 to 0.25"})
    cut_px: int = field(default=64, metadata={"help": "side of the cuts"})
    whole_share: float = field(default=0.15, metadata={"help": "share of the steps, the last ones, on whole pictures"})
    kl_weight: float = field(default=1e-5, metadata={"help": "pull of the latents to a normal distribution"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if self.batch_size % 8 or self.cut_px % 8:
            raise InvalidConfig(f"batch_size {self.batch_size}, cut_px {self.cut_px}: multiples of 8 are needed")
        if not 0 <= self.whole_share <= 1 or not 0 <= self.kl_weight <= 1:
            raise InvalidConfig(f"whole_share {self.whole_share}, kl_weight {self.kl_weight}: allowed 0 to 1")


@dataclass(frozen=True, kw_only=True)
class DiffusionTraining(Training):
    """How U-Net and text encoder are trained together on finished latents: on windows around the masks first, because
    what a defect looks like is learned as well from a quarter of a scene, and four are computed in the time of one.

    Measured after six minutes each on 2 cores, error of v inside the masks of held-out scenes: windows 0.21 at sigma 3
    and 0.37 at sigma 8, whole scenes (with min-SNR weights, which hardly count strong noise) 0.25 and 0.53.
    """

    images_seen: int = field(default=400_000, metadata={"help": "length in windows, repeats counted"})
    batch_size: int = field(default=32, metadata={"help": "windows in a step; whole scenes come in quarters of it"})
    ema_width: float = field(default=0.08, metadata={"help": "averaged share of the training, 0.01 to 0.25"})
    preview_every: int = field(default=20_000, metadata={"help": "windows between held-out losses"})
    checkpoint_every: int = field(default=20_000, metadata={"help": "windows between checkpoints"})
    window: int = field(default=16, metadata={"help": "side of the windows, in latent pixels, a multiple of 4"})
    whole_share: float = field(default=0.2, metadata={"help": "share of the steps, the last ones, on whole scenes"})
    drop_caption: float = field(default=0.1, metadata={"help": "chance of an empty caption, for guidance"})
    outside_weight: float = field(default=0.05, metadata={"help": "weight of the loss outside the mask; 1 inside"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if self.window < 4 or self.window % 4 or not 0 <= self.whole_share <= 1:
            raise InvalidConfig(
                f"window {self.window}, whole_share {self.whole_share}: a multiple of 4, and 0 to 1 are needed"
            )
        if not 0 <= self.drop_caption <= 0.9 or not 0 <= self.outside_weight <= 1:
            raise InvalidConfig(
                f"drop_caption {self.drop_caption}, outside_weight {self.outside_weight}: allowed 0 to 0.9, and 0 to 1"
            )


SamplerName = Literal["dpmpp_2m_karras", "dpmpp_2m_sde_karras", "euler", "euler_a", "unipc"]

_SCHEDULERS: dict[str, tuple[str, dict[str, object]]] = {
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpmpp_2m_sde_karras": (
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
    ),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {"use_karras_sigmas": True}),
}
"""diffusers' class of each sampler and how it differs from its defaults."""


@dataclass(frozen=True, kw_only=True)
class LatentSampling:
    """How a latent model draws."""

    sampler: SamplerName = field(
        default="dpmpp_2m_karras", metadata={"help": f"one of {', '.join(_SCHEDULERS)}, by diffusers"}
    )
    steps: int = field(
        default=40, metadata={"help": "noise levels from pure noise to none; a strength skips the first"}
    )
    guidance: float = field(default=1.0, metadata={"help": "classifier-free guidance; 1 is none and twice as fast"})
    sigma: float | None = field(
        default=None, metadata={"help": "strength: the noise to start from, 0.1 to 15; from pure noise if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if self.sampler not in _SCHEDULERS:
            raise InvalidConfig(f"sampler {self.sampler!r}: allowed are {', '.join(_SCHEDULERS)}")
        if not 2 <= self.steps <= 1000:
            raise InvalidConfig(f"steps {self.steps}: allowed 2 to 1000; 40 is usual, 12 is quick")
        if not 0 <= self.guidance <= 30:
            raise InvalidConfig(f"guidance {self.guidance}: allowed 0 to 30; 1 is none, 5 to 8 usual for large models")
        if self.sigma is not None and not 0.03 <= self.sigma <= 200:
            raise InvalidConfig(
                f"sigma {self.sigma}: allowed 0.03 (hardly anything) to 200; 0.57 good part, 1.16 defect"
            )

    def scheduler(self, config: Mapping[str, object]) -> "SchedulerMixin":
        """A new scheduler of diffusers with the noise levels of a model's own scheduler config."""
        import diffusers

        name, options = _SCHEDULERS[self.sampler]
        return getattr(diffusers, name).from_config(config, **options)

    def first_step(self, sigmas: Sequence[float]) -> int:
        """The first of decreasing noise levels (the last is 0) no stronger than `sigma`; at least one is left."""
        if self.sigma is None:
            return 0
        allowed = (index for index, level in enumerate(sigmas[:-1]) if level <= self.sigma * 1.001)
        return next(allowed, len(sigmas) - 2)
