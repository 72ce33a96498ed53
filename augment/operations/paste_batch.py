"""Pasting many: real defects onto good parts, as they are or harmonised (CutMix), and noise that needs no example.

Each sample hangs on the settings and its number alone; its record names both photographs and the place, which is enough
to make it again. What a stopped job has committed stays, and the resumed one makes the rest.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.grain import grain_deg
from augment.masked import PasteConfig
from augment.operations.context import Context
from augment.operations.cutmix import Harmony, cutmix_recipe
from augment.operations.mask_library import estimate_part
from augment.operations.pasted import pasted_sample
from augment.operations.pasting import like_sized, piece_of
from augment.operations.places import MappedEncoder
from augment.operations.views import load_mask, load_pixels
from augment.pieces import Placing, lay
from augment.store import ImageRecord, Store

__all__ = ["PasteBatchConfig", "PasteBatchResult", "paste_batch", "paste_recipes"]

_STRETCH = (0.8, 1.25)
_PLACES, _SOURCES = 48, 8
_MARGIN_PX = 1
"""Surroundings that a defect takes along beside the feather, so that its seam runs through good material."""
_OPACITY = (0.2, 1.0)


@dataclass(frozen=True, kw_only=True)
class PasteBatchConfig(Harmony):
    """What is pasted, on which photographs, how often; how it is harmonised is asked of cutmix alone."""

    label: str = field(metadata={"help": "label of the samples; but for perlin also whose defects are cut out"})
    count: int = field(metadata={"help": "number of samples, 1 to 100000; photographs are taken in turn"})
    on: str = field(default="", metadata={"help": "label of the photographs to paste on, the good ones; any if empty"})
    method: Literal["copy_paste", "cutmix", "perlin"] = field(
        default="copy_paste",
        metadata={"help": "copy_paste: real defects; cutmix: those harmonised; perlin: noise with other texture in it"},
    )
    feather_px: int = field(default=PasteConfig().feather_px, metadata={"help": "soft rim inside the piece, in px"})
    match_colour: bool = field(default=True, metadata={"help": "match the light of the surroundings"})
    turn: bool = field(default=True, metadata={"help": "turn pieces to any side"})
    along_grain: bool = field(
        default=True, metadata={"help": "where a surface runs one way, turn pieces along it or back alone"}
    )
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not self.label.strip():
            raise InvalidConfig("label: the samples need one; choose a class")
        if not 1 <= self.count <= 100_000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 100000")
        if self.method not in ("copy_paste", "cutmix", "perlin"):
            raise InvalidConfig(f"method {self.method!r}: allowed are copy_paste, cutmix and perlin")
        if not 0 <= self.seed < 2**62:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**62 - 1}")
        PasteConfig(feather_px=self.feather_px)


@dataclass(frozen=True, kw_only=True)
class PasteBatchResult:
    """How many samples the job has made."""

    samples: int


def paste_batch(config: PasteBatchConfig, context: Context) -> PasteBatchResult:
    """Pastes and commits one sample after the other.

    Only the training split is cut from and pasted on. NotFound where no photograph fits, or none with a mask.
    """
    store = context.store
    recipes = paste_recipes(config, context)
    made = set() if context.job_id is None else {row.seed for row in store.samples.rows(job_id=context.job_id)}
    projection = store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    for number, (seed, recipe) in enumerate(recipes):
        context.progress(number, config.count)
        if seed not in made:
            context.commit([pasted_sample(recipe(), seed, context, mapped)])
    context.progress(config.count, config.count)
    return PasteBatchResult(samples=config.count)


def paste_recipes(config: PasteBatchConfig, context: Context) -> list[tuple[int, Callable[[], dict[str, Any]]]]:
    """The seeds of the samples, and what makes the recipe of each. NotFound as `paste_batch`."""
    below, sources = _images(config, context.store)
    seeds = range(config.seed, config.seed + config.count)
    return [
        (seed, partial(_recipe, config, below[number % len(below)], sources, seed, context))
        for number, seed in enumerate(seeds)
    ]


def _images(config: PasteBatchConfig, store: Store) -> tuple[list[ImageRecord], list[ImageRecord]]:
    """Photographs to paste on, in an order that hangs on the seed, and those to take from."""
    below = store.images.list(split="train", label=config.on or None)
    if not below:
        raise NotFound(f"no training photograph of label {config.on!r}: {', '.join(store.images.labels())} are there")
    random.Random(config.seed).shuffle(below)
    if config.method == "perlin":
        return below, store.images.list(split="train")
    masked = [one for one in store.images.list(split="train") if one.mask_sha256 is not None]
    own = [(one, load_mask(store, one)) for one in masked if one.label == config.label]
    sources = [one for one, mask in own if mask is not None and mask.any()]
    if not sources:
        raise NotFound(
            f"no training image of {config.label!r} has a mask: masks are there for "
            f"{', '.join(sorted({one.label for one in masked})) or 'no label; draw some, or choose perlin'}"
        )
    return below, sources


def _recipe(
    config: PasteBatchConfig, below: ImageRecord, sources: list[ImageRecord], seed: int, context: Context
) -> dict[str, Any]:
    """All that makes the sample `seed`: both photographs, and the place or the noise."""
    chance = random.Random(f"{config.method}:{config.label}:{below.sha256}:{seed}")
    others = [one for one in sources if one.sha256 != below.sha256] or sources
    recipe: dict[str, Any] = {"method": config.method, "label": config.label, "below_sha256": below.sha256}
    if config.method == "perlin":
        recipe |= {"source_sha256": chance.choice(others).sha256}
        return {**recipe, "opacity": round(chance.uniform(*_OPACITY), 4), "mirrored": chance.random() < 0.5}
    source, placing = _placed(config, below, others, chance, context.store)
    recipe["source_sha256"] = source.sha256
    if config.method == "cutmix":
        harmonised = cutmix_recipe(config, config.label, below, source, placing, context)
        return {**harmonised, "margin_px": _MARGIN_PX + config.feather_px}
    return {
        **recipe,
        "margin_px": _MARGIN_PX + config.feather_px,
        "blend": config.blend,
        "feather_px": config.feather_px,
        "match_colour": config.match_colour,
        "placing": asdict(placing),
    }


def _placed(
    config: PasteBatchConfig, below: ImageRecord, sources: list[ImageRecord], chance: random.Random, store: Store
) -> tuple[ImageRecord, Placing]:
    """A photograph to take from, and where its piece comes to lie; of those whose piece can be seen there."""
    for _ in range(_SOURCES):
        source = chance.choice(sources)
        with suppress(InvalidInput):
            return source, _placing(config, below, source, chance, store)
    source = chance.choice(sources)
    return source, _placing(config, below, source, chance, store)


def _placing(
    config: PasteBatchConfig, below: ImageRecord, source: ImageRecord, chance: random.Random, store: Store
) -> Placing:
    """A size, a turn, and of some places the one where most of the piece lies on the part. InvalidInput for a piece too
    thin to be seen at this size."""
    low, high = _STRETCH
    scale = like_sized(source, below) * low * (high / low) ** chance.random()
    piece = piece_of(store, source, margin_px=_MARGIN_PX + config.feather_px)
    # What is larger than the picture below becomes smaller, not cut.
    scale = min(scale, 0.9 * min(below.height_px / piece.mask.shape[0], below.width_px / piece.mask.shape[1]))
    turned, mirrored = chance.random(), chance.random() < 0.5
    turn_deg = 360 * turned if config.turn else 0.0
    if config.turn and config.along_grain:
        turn_deg = _turn_along(store, below, source, turned, mirrored)
    reach = [0.5 * scale * length for length in piece.mask.shape]
    estimated = estimate_part(store, below)
    part = np.ones((below.height_px, below.width_px), dtype=np.bool_) if estimated is None else estimated
    tried: list[tuple[float, Placing]] = []
    for _ in range(_PLACES):
        y, x = (
            min(half, length / 2) + chance.random() * max(0.0, length - 2 * half)
            for half, length in zip(reach, (below.height_px, below.width_px), strict=True)
        )
        placing = Placing(x_px=round(x, 2), y_px=round(y, 2), scale=scale, turn_deg=turn_deg, mirrored=mirrored)
        laid = lay(piece, placing, part.shape[:2], 1)
        tried.append((float(part[laid.box.slices][laid.mask].mean()), placing))
        if tried[-1][0] == 1.0:
            break
    return max(tried, key=lambda one: one[0])[1]


def _turn_along(store: Store, below: ImageRecord, source: ImageRecord, turned: float, mirrored: bool) -> float:
    """`turned` of a whole turn where the surface below runs nowhere; else that at which both run alike, or half a turn
    more. A surface that does not tell how it runs is taken to run as the one below."""
    runs = grain_deg(load_pixels(store, below))
    if runs is None:
        return 360 * turned
    defect = load_mask(store, source)
    own = grain_deg(load_pixels(store, source), defect)
    own = runs if own is None else own
    return (runs - (180 - own if mirrored else own) + (180 if turned < 0.5 else 0)) % 360
