"""CutMix: a region of one photograph pasted into another where it was dragged, then harmonised.

Hirokawa 2024, after Yun et al. 2019: the hard paste is noised to a strength and denoised, which smooths the seam and
keeps the features of both parts. A paste that begins blended keeps no edge in the detail that a model's scale does not
hold. Label and mask come from what was pasted.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from augment.ddpm.settings import SamplerConfig
from augment.errors import InvalidConfig
from augment.operations.context import Context
from augment.operations.generators import find_generator
from augment.operations.harmonise import GENERATOR
from augment.operations.pasted import pasted_sample
from augment.operations.pasting import like_sized
from augment.operations.places import MappedEncoder
from augment.operations.redraw_engines import FULL_SIGMA, find_engine
from augment.operations.redraw_models import model_choice
from augment.pieces import Blend, Placing
from augment.store import ImageRecord, Store

__all__ = ["CutmixConfig", "CutmixResult", "Harmony", "cutmix", "cutmix_recipe"]

_FIGURES = ("seam_before", "seam_after", "kept_below", "kept_piece")


@dataclass(frozen=True, kw_only=True)
class Harmony:
    """How a paste becomes one picture."""

    sigma: float = field(
        default=1.23,
        metadata={"help": "strength: noise to harmonise from; 1.23 is t = 300, 0 leaves the paste as it is"},
    )
    keep: Literal["ring", "all"] = field(
        default="ring", metadata={"help": "what is drawn again: ring, about the seam alone; all, as published"}
    )
    blend: Blend = field(
        default="poisson", metadata={"help": "how the paste begins: hard, as published, feathered or poisson"}
    )
    ring_px: int = field(default=6, metadata={"help": "width of the ring on both sides of the seam, in px"})
    model: str = field(
        default=GENERATOR,
        metadata={"help": "generator (its own cut), workspace, built-in, a folder, a file or a Hub id (native size)"},
    )
    steps: int | None = field(
        default=None, metadata={"help": "noise levels visited; what suits the model if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 0 <= self.sigma < FULL_SIGMA:
            raise InvalidConfig(f"sigma {self.sigma:g}: allowed 0 (the paste as it is) to below {FULL_SIGMA:g}")
        if self.keep not in ("ring", "all"):
            raise InvalidConfig(f"keep {self.keep!r}: allowed are ring and all")
        if self.keep == "all" and self.model != GENERATOR:
            raise InvalidConfig("keep all: only the generator draws a whole picture again; choose it, or the ring")
        if self.blend not in get_args(Blend):
            raise InvalidConfig(f"blend {self.blend!r}: allowed are {', '.join(get_args(Blend))}")
        if not 1 <= self.ring_px <= 256:
            raise InvalidConfig(f"ring_px {self.ring_px}: allowed 1 to 256; 6 is usual")
        if self.steps is not None:
            SamplerConfig(steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class CutmixConfig(Harmony):
    """What is pasted where, and how it is harmonised."""

    image_id: int = field(metadata={"help": "the photograph below"})
    other_id: int = field(metadata={"help": "the photograph that the region is cut from"})
    x_px: float | None = field(
        default=None, metadata={"help": "middle of the piece from the left; the middle if empty"}
    )
    y_px: float | None = field(default=None, metadata={"help": "middle of the piece from the top; the middle if empty"})
    scale: float | None = field(default=None, metadata={"help": "size over its own; as the two pictures' if empty"})
    turn_deg: float = field(default=0.0, metadata={"help": "turn, clockwise, in degrees"})
    mirrored: bool = field(default=False, metadata={"help": "flip the piece left to right"})
    region_sha256: str = field(
        default="", metadata={"help": "stored mask of the region; if empty, what is drawn on it, else its own mask"}
    )
    margin_px: int = field(default=4, metadata={"help": "surroundings that its own mask takes along, in px"})
    label: str = field(default="", metadata={"help": "label of the samples; that of the other photograph if empty"})
    count: int = field(default=1, metadata={"help": "number of samples, 1 to 1000"})
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 1 <= self.count <= 1000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 1000")
        if not 0 <= self.seed < 2**62:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**62 - 1}")
        if not 0 <= self.margin_px <= 256:
            raise InvalidConfig(f"margin_px {self.margin_px}: allowed 0 to 256")
        Placing(x_px=self.x_px or 0, y_px=self.y_px or 0, scale=self.scale or 1, turn_deg=self.turn_deg)


@dataclass(frozen=True, kw_only=True)
class CutmixResult:
    """Ids of the samples in the order of their seeds, and what was measured on each: seam_before, seam_after,
    kept_below, kept_piece."""

    sample_ids: tuple[int, ...]
    figures: tuple[dict[str, float], ...]


def cutmix(config: CutmixConfig, context: Context) -> CutmixResult:
    """Pastes, harmonises and commits sample after sample; cancelled, what was committed stays.

    NotFound for an unknown photograph, mask or model; InvalidInput for a region outside the picture below, or a
    photograph without a region; NotReady where the model is not trained.
    """
    store = context.store
    below, other = store.images.get(config.image_id), store.images.get(config.other_id)
    placing = Placing(
        x_px=below.width_px / 2 if config.x_px is None else config.x_px,
        y_px=below.height_px / 2 if config.y_px is None else config.y_px,
        scale=config.scale or like_sized(other, below),
        turn_deg=config.turn_deg,
        mirrored=config.mirrored,
    )
    recipe = cutmix_recipe(config, config.label or other.label, below, other, placing, context)
    recipe["margin_px"] = config.margin_px
    region = config.region_sha256 or _drawn(other, store)
    if region:
        recipe["region_sha256"] = region
    projection = store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    ids: list[int] = []
    figures: list[dict[str, float]] = []
    for number in range(config.count):

        def on_step(step: int, total: int, done: int = number) -> None:
            context.progress(done * 100 + 100 * step // total, config.count * 100)

        record = pasted_sample(recipe, config.seed + number, context, mapped, on_step)
        ids += context.commit([record])
        figures.append({name: record.recipe[name] for name in _FIGURES if name in record.recipe})
    return CutmixResult(sample_ids=tuple(ids), figures=tuple(figures))


def _drawn(other: ImageRecord, store: Store) -> str:
    draft = store.drafts.get(other.id or 0)
    return draft.mask_sha256 if draft is not None else ""


def cutmix_recipe(
    config: Harmony, label: str, below: ImageRecord, other: ImageRecord, placing: Placing, context: Context
) -> dict[str, Any]:
    """All that makes a sample of these photographs but its seed. Raises what the model's finder does."""
    recipe: dict[str, Any] = {
        "method": "cutmix",
        "label": label,
        "below_sha256": below.sha256,
        "source_sha256": other.sha256,
        "placing": asdict(placing),
        "margin_px": 4,
        "blend": config.blend,
        "feather_px": 2,
        "match_colour": True,
    }
    if config.sigma == 0:
        return recipe
    recipe |= {"sigma": config.sigma, "keep": config.keep, "ring_px": config.ring_px, "model": config.model}
    if config.model != GENERATOR:
        steps = config.steps or model_choice(context.store, config.model).steps
        return {**recipe, "steps": steps, "checkpoint_sha256": find_engine(context, config.model).sha256}
    generator, sampling = find_generator(context), SamplerConfig()
    if generator.uses_label:
        generator.label_index(label)
    return {
        **recipe,
        "checkpoint_sha256": generator.record.sha256,
        "steps": config.steps or sampling.steps,
        "sampler": sampling.sampler,
        "micro_batch": 1,
        "label_guidance": 1.0,
        "position_guidance": 1.0,
        "precision": generator.precision.name,
    }
