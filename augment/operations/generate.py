"""Generate samples of a label, at a place on the map or anywhere: the operation behind a click.

Each sample is encoded and placed like a photograph, so that where it landed can be told from where it was asked for.
Distances: `landing_error` is measured between 20-D positions; `nearest_real_distance` between features as the
projection scales them, to the nearest image the projection was fitted on, which is what shows a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig
from augment.errors import InvalidConfig, NotFound
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.generators import Generator, draw_images, find_generator
from augment.operations.notices import Notice, notice
from augment.operations.places import MappedEncoder, Place, class_places, find_place
from augment.store import SampleRecord

__all__ = ["GenerateConfig", "GenerateResult", "generate"]

CHUNK = 64
"""Samples made, encoded and committed together; a long run keeps what it has when it is stopped."""


@dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """What to generate, where, and how. At most one of image_id, xy, position, between; for none see `unplaced`."""

    label: str = field(metadata={"help": "label of the samples"})
    count: int = field(default=8, metadata={"help": "number of samples, 1 to 10000"})
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})
    steps: int = field(default=12, metadata={"help": "noise levels visited, 12 to 20 are usual"})
    sampler: Literal["dpmpp_2m", "heun", "ancestral"] = field(
        default="dpmpp_2m", metadata={"help": "dpmpp_2m, heun (twice the work) or ancestral (needs 100 steps or more)"}
    )
    label_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the label; 1 near boundaries"})
    position_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the position"})
    image_id: int | None = field(default=None, metadata={"help": "at the place of this image"})
    xy: tuple[float, float] | None = field(default=None, metadata={"help": "at this place of the 2-D map"})
    position: tuple[float, ...] | None = field(default=None, metadata={"help": "at this 20-D position"})
    between: tuple[int, int, float] | None = field(
        default=None, metadata={"help": "between two images: their ids and the share of the way, 0 to 1"}
    )
    unplaced: Literal["class", "label"] = field(
        default="class",
        metadata={"help": "without a place: class takes the label's training images in turn, label asks for it alone"},
    )
    model_id: int | None = field(default=None, metadata={"help": "generator to use; the newest if not given"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 1 <= self.count <= 10_000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 10000")
        if not 0 <= self.seed < 2**63 - self.count:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**63 - 1 - self.count}")
        for name in ("label_guidance", "position_guidance"):
            if not 0 <= getattr(self, name) <= 20:
                raise InvalidConfig(f"{name} {getattr(self, name)}: allowed 0 to 20; 1 to 3 are usual")
        places = [name for name in ("image_id", "xy", "position", "between") if getattr(self, name) is not None]
        if len(places) > 1:
            raise InvalidConfig(f"{' and '.join(places)} are given: choose one place, or none")
        if self.between is not None and not 0 <= self.between[2] <= 1:
            raise InvalidConfig(f"between: the share of the way is {self.between[2]}, allowed 0 to 1")
        if self.unplaced not in ("class", "label"):
            raise InvalidConfig(f"unplaced {self.unplaced!r}: allowed are class and label")
        numbers = [*(self.xy or ()), *(self.position or ())]
        if not all(np.isfinite(number) for number in numbers):
            raise InvalidConfig("xy and position: every number must be finite")
        SamplerConfig(sampler=self.sampler, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class GenerateResult:
    """Ids of the samples in the order of their seeds, and what the user should know about them."""

    sample_ids: tuple[int, ...]
    warnings: tuple[Notice, ...] = ()


def generate(config: GenerateConfig, context: Context) -> GenerateResult:
    """Makes, places and commits `count` samples, 64 at a time; cancelled, what was committed stays.

    NotFound for an unknown label, image or model; NotReady without a generator or map; InvalidInput if the generator
    was trained on another map, or knows no positions and a place was asked for.
    """
    store = context.store
    known = store.images.labels()
    if config.label not in known:
        raise NotFound(f"label {config.label!r} is not in this workspace: {', '.join(known) or 'import images first'}")
    generator = find_generator(context, config.model_id)
    if generator.uses_label:
        generator.label_index(config.label)
    projection = store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    place, warnings = find_place(config, generator, mapped, store)
    if not generator.uses_label:
        warnings = (*warnings, notice("label_unchecked", label=config.label))
    recipe: dict[str, Any] = {
        "method": "ddpm",
        "checkpoint_sha256": generator.record.sha256,
        "label": config.label,
        "steps": config.steps,
        "sampler": config.sampler,
        "label_guidance": config.label_guidance,
        "position_guidance": config.position_guidance,
        "micro_batch": SamplerConfig().micro_batch,
        "precision": generator.precision.name,
    }
    ids: list[int] = []
    for where, chunk in _stops(config, place, generator, mapped, context):

        def on_step(step: int, total: int, done: int = len(ids), many: int = len(chunk)) -> None:
            context.progress(done + many * step // total, config.count)

        position = None if where.position is None else [float(value) for value in where.position]
        here = {**recipe, "position": position}
        images = draw_images(generator, here, chunk, on_step)
        records = _records(images, chunk, here, where, context)
        if mapped is not None:
            records = _placed(records, images, where, mapped)
        ids += context.commit(records)
    return GenerateResult(sample_ids=tuple(ids), warnings=warnings)


def _stops(
    config: GenerateConfig, place: Place, generator: Generator, mapped: MappedEncoder | None, context: Context
) -> list[tuple[Place, range]]:
    """Places with the seeds to draw there, in order: the place asked for, or those of the label's images in turn."""
    seeds, ids = range(config.seed, config.seed + config.count), []
    if place.position is None and config.unplaced == "class" and mapped is not None:
        ids = class_places(config.label, generator, mapped)
    if not ids:
        return [(place, seeds[first : first + CHUNK]) for first in range(0, config.count, CHUNK)]
    # A seed's place hangs on the seed alone, so that it gives one image whatever is asked for beside it.
    many = SamplerConfig().micro_batch
    stops = []
    for block in range(seeds.start // many, (seeds.stop - 1) // many + 1):
        asked = replace(config, image_id=ids[block % len(ids)])
        chunk = range(max(seeds.start, block * many), min(seeds.stop, (block + 1) * many))
        stops.append((find_place(asked, generator, mapped, context.store)[0], chunk))
    return stops


def _records(
    images: NDArray[np.uint8], seeds: Sequence[int], recipe: dict[str, Any], place: Place, context: Context
) -> list[SampleRecord]:
    """Files and records of images (n, side, side, C) uint8, still without their own places."""
    hashes = context.store.files.put_many([encode_png(image) for image in images])
    return [
        SampleRecord(
            sha256=sha256,
            label=recipe["label"],
            method="ddpm",
            seed=seed,
            recipe=recipe,
            parents=tuple(parent.sha256 for parent in place.parents),
            group=place.group,
            split=place.split,
            checkpoint_sha256=recipe["checkpoint_sha256"],
            job_id=context.job_id,
        )
        for sha256, seed in zip(hashes, seeds, strict=True)
    ]


def _placed(
    records: Sequence[SampleRecord], images: NDArray[np.uint8], place: Place, mapped: MappedEncoder
) -> list[SampleRecord]:
    """The records with where the images landed, how far off that is, and the nearest training image."""
    landed = mapped.land(list(images))
    requested = None if place.position is None else tuple(float(value) for value in place.position)
    requested_xy = None if place.xy is None else (float(place.xy[0]), float(place.xy[1]))
    placed = []
    for index, record in enumerate(records):
        error = None
        usual = mapped.atlas.scale.get(record.label, 0.0)
        if place.position is not None and usual > 0:
            error = float(np.linalg.norm(landed.position[index] - place.position) / usual)
        placed.append(
            replace(
                record,
                position=tuple(float(value) for value in landed.position[index]),
                xy=(float(landed.xy[index, 0]), float(landed.xy[index, 1])),
                requested=requested,
                requested_xy=requested_xy,
                landing_error=error,
                nearest_image_id=int(landed.nearest_id[index]),
                nearest_real_distance=float(landed.nearest_distance[index]),
                projection_id=mapped.record.id,
            )
        )
    return placed
