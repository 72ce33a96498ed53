"""The baselines without a network: real defects pasted onto good parts, and noise defects that need no example.

Each sample hangs on the settings and its number alone; its record names both photographs and the place, which is enough
to make it again. What a stopped job has committed stays, and the resumed one makes the rest.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from PIL import Image

from augment.baselines.perlin import perlin_mask
from augment.errors import InvalidConfig, NotFound
from augment.images import decode, decode_native, encode_native, encode_png
from augment.masked import Box, PasteConfig
from augment.operations.context import Context
from augment.operations.mask_library import estimate_part
from augment.operations.pasting import Composite, lay_piece, like_sized, piece_of
from augment.operations.places import MappedEncoder, Place, placed
from augment.operations.views import current_view, load_mask, load_pixels
from augment.pieces import Blend, Placing, lay
from augment.store import ImageRecord, SampleRecord, Store

__all__ = ["PasteBatchConfig", "PasteBatchResult", "paste_again", "paste_batch"]

_STRETCH = (0.8, 1.25)
_PLACES = 48
_MOST_NOISE_PX = 1024
"""Longer side at which noise masks are drawn; larger pictures get them enlarged."""
_OPACITY = (0.2, 1.0)


@dataclass(frozen=True, kw_only=True)
class PasteBatchConfig:
    """What is pasted, on which photographs, how often."""

    label: str = field(metadata={"help": "label of the samples; for copy_paste also whose defects are cut out"})
    count: int = field(metadata={"help": "number of samples, 1 to 100000; photographs are taken in turn"})
    on: str = field(default="", metadata={"help": "label of the photographs to paste on, the good ones; any if empty"})
    method: Literal["copy_paste", "perlin"] = field(
        default="copy_paste",
        metadata={"help": "copy_paste: real defects; perlin: patches of noise, other texture in them"},
    )
    blend: Blend = field(
        default="feathered", metadata={"help": "how a piece meets the photograph: hard, feathered, poisson"}
    )
    feather_px: int = field(default=PasteConfig().feather_px, metadata={"help": "soft rim inside the piece, in px"})
    match_colour: bool = field(default=True, metadata={"help": "match the light of the surroundings"})
    turn: bool = field(
        default=True, metadata={"help": "turn pieces to any side; not where the surface has a direction"}
    )
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not self.label.strip():
            raise InvalidConfig("label: the samples need one; choose a class")
        if not 1 <= self.count <= 100_000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 100000")
        if self.method not in ("copy_paste", "perlin"):
            raise InvalidConfig(f"method {self.method!r}: allowed are copy_paste and perlin")
        if self.blend not in ("hard", "feathered", "poisson"):
            raise InvalidConfig(f"blend {self.blend!r}: allowed are hard, feathered and poisson")
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
    below, sources = _images(config, store)
    made = set() if context.job_id is None else {row.seed for row in store.samples.rows(job_id=context.job_id)}
    projection = store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    for number in range(config.count):
        seed = config.seed + number
        context.progress(number, config.count)
        if seed in made:
            continue
        recipe = _recipe(config, below[number % len(below)], sources, seed, store)
        context.commit([_sample(recipe, seed, context, mapped)])
    context.progress(config.count, config.count)
    return PasteBatchResult(samples=config.count)


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
    config: PasteBatchConfig, below: ImageRecord, sources: list[ImageRecord], seed: int, store: Store
) -> dict[str, Any]:
    """All that makes the sample `seed`: both photographs, and the place or the noise."""
    chance = random.Random(f"{config.method}:{config.label}:{below.sha256}:{seed}")
    source = chance.choice([one for one in sources if one.sha256 != below.sha256] or sources)
    recipe: dict[str, Any] = {
        "method": config.method,
        "label": config.label,
        "below_sha256": below.sha256,
        "source_sha256": source.sha256,
    }
    if config.method == "perlin":
        return {**recipe, "opacity": round(chance.uniform(*_OPACITY), 4), "mirrored": chance.random() < 0.5}
    return {
        **recipe,
        "blend": config.blend,
        "feather_px": config.feather_px,
        "match_colour": config.match_colour,
        "placing": asdict(_placing(config, below, source, chance, store)),
    }


def _placing(
    config: PasteBatchConfig, below: ImageRecord, source: ImageRecord, chance: random.Random, store: Store
) -> Placing:
    """A size, a turn, and of some places the one where most of the piece lies on the part."""
    low, high = _STRETCH
    scale = like_sized(source, below) * low * (high / low) ** chance.random()
    piece = piece_of(store, source, margin_px=config.feather_px + 1)
    # What is larger than the picture below becomes smaller, not cut.
    scale = min(scale, 0.9 * min(below.height_px / piece.mask.shape[0], below.width_px / piece.mask.shape[1]))
    turn_deg = 360 * chance.random() if config.turn else 0.0
    mirrored = chance.random() < 0.5
    reach = [0.5 * scale * length for length in piece.mask.shape]
    part = estimate_part(store, below)
    tried: list[tuple[float, Placing]] = []
    for _ in range(_PLACES if part is not None else 1):
        y, x = (
            min(half, length / 2) + chance.random() * max(0.0, length - 2 * half)
            for half, length in zip(reach, (below.height_px, below.width_px), strict=True)
        )
        placing = Placing(x_px=round(x, 2), y_px=round(y, 2), scale=scale, turn_deg=turn_deg, mirrored=mirrored)
        if part is None:
            return placing
        laid = lay(piece, placing, part.shape[:2], 1)
        tried.append((float(part[laid.box.slices][laid.mask].mean()), placing))
        if tried[-1][0] == 1.0:
            break
    return max(tried, key=lambda one: one[0])[1]


def _sample(recipe: dict[str, Any], seed: int, context: Context, mapped: MappedEncoder | None) -> SampleRecord:
    """Files and record; on the map where there is one."""
    store = context.store
    made, parents = _made(recipe, seed, store)
    stems = Place(parents=parents)
    record = SampleRecord(
        sha256=store.files.put(encode_native(made.values)),
        label=recipe["label"],
        method=recipe["method"],
        seed=seed,
        recipe=recipe,
        parents=tuple(parent.sha256 for parent in parents),
        group=stems.group,
        split=stems.split,
        mask_sha256=store.files.put(encode_png(made.label)),
        job_id=context.job_id,
    )
    if mapped is None:
        return record
    shown = decode(store.files.path(record.sha256)).pixels
    cut = current_view(store).cut(shown, made.label, record.sha256)
    return placed([record], [cut], [Place()], mapped)[0]


def paste_again(sample: SampleRecord, store: Store) -> bytes:
    """The PNG of a sample that `paste_batch` made, from its record alone. NotFound if a photograph is gone."""
    return encode_native(_made(sample.recipe, sample.seed, store)[0].values)


def _made(recipe: dict[str, Any], seed: int, store: Store) -> tuple[Composite, tuple[ImageRecord, ImageRecord]]:
    found = [store.images.by_sha256(recipe[name]) for name in ("below_sha256", "source_sha256")]
    below, source = found
    if below is None or source is None:
        raise NotFound("a photograph that this was pasted from is no longer in this workspace")
    if recipe["method"] == "perlin":
        return _noise(recipe, seed, below, source, store), (below, source)
    piece = piece_of(store, source, margin_px=recipe["feather_px"] + 1)
    placing = Placing(**recipe["placing"])
    made = lay_piece(
        store, below, piece, placing, recipe["blend"], recipe["feather_px"], match_colour=recipe["match_colour"]
    )
    return made, (below, source)


def _noise(recipe: dict[str, Any], seed: int, below: ImageRecord, source: ImageRecord, store: Store) -> Composite:
    """Another photograph's texture through a mask of noise."""
    native = decode_native(store.files.path(below.sha256))
    height, width, channels = native.values.shape
    shrunk = min(1.0, _MOST_NOISE_PX / max(height, width))
    coarse = perlin_mask(np.random.default_rng(seed), (round(height * shrunk), round(width * shrunk)))
    mask = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    pixels = load_pixels(store, source)
    plain = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    texture = np.asarray(plain.convert("L" if channels == 1 else "RGB").resize((width, height)))
    texture = texture.reshape(height, width, channels)[:, :: -1 if recipe["mirrored"] else 1]
    under, inside = native.levels(box.slices), mask[box.slices][..., None]
    mixed = under + recipe["opacity"] * (texture[box.slices].astype(np.float32) - under)
    values = native.values.copy()
    values[box.slices] = np.where(inside, native.from_levels(mixed), values[box.slices])
    return Composite(native, values, box, mask, mask)
