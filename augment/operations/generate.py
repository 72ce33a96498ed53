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

from augment.ddpm.settings import SamplerConfig, SamplerName, SteeringConfig
from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.images import encode_png
from augment.notices import Notice, notice
from augment.operations.context import Context
from augment.operations.generators import Generator, draw_series, find_generator
from augment.operations.places import (
    MappedEncoder,
    Place,
    class_places,
    find_place,
    labels_at,
    placed,
    places_along,
    places_of,
)
from augment.operations.propose import ProposeConfig, boundary_places
from augment.store import SampleRecord, Store

__all__ = ["AUTO", "GenerateConfig", "GenerateResult", "generate"]

AUTO = "auto"
"""The label that leaves the choice to the place."""
CHUNK = 16
"""Samples made, encoded and committed together: all that a stop, or the end of the server, can lose."""
_PLACES = ("image_id", "xy", "position", "between", "path", "boundary")


@dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """What to generate, where, and how. At most one of image_id, xy, position, between, path and boundary is given; for
    none see `unplaced`."""

    label: str = field(
        metadata={"help": "label of the samples; auto: the most probable at each place, at a boundary both in turn"}
    )
    count: int = field(default=8, metadata={"help": "number of samples, 1 to 10000"})
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})
    steps: int = field(default=12, metadata={"help": "noise levels visited, 12 to 20 are usual"})
    sampler: SamplerName = field(
        default="dpmpp_2m",
        metadata={"help": "dpmpp_2m, heun (twice the work), ancestral (100 steps or more), ddpm or ddpm_beta (1000)"},
    )
    label_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the label; 1 near boundaries"})
    position_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the position"})
    steering: float = field(
        default=1.0, metadata={"help": "how strongly samples are pulled to the place while they are drawn; 0 for none"}
    )
    image_id: int | None = field(default=None, metadata={"help": "at the place of this image"})
    xy: tuple[float, float] | None = field(default=None, metadata={"help": "at this place of the 2-D map"})
    position: tuple[float, ...] | None = field(default=None, metadata={"help": "at this 20-D position"})
    between: tuple[int, int, float] | None = field(
        default=None, metadata={"help": "between two images: their ids and the share of the way, 0 to 1"}
    )
    path: tuple[float, float, float, float] | None = field(
        default=None, metadata={"help": "along the way from one place of the 2-D map to another: x0 y0 x1 y1"}
    )
    same_seed: bool = field(
        default=True, metadata={"help": "one seed along a path, so that samples differ by their place alone"}
    )
    boundary: tuple[str, str, int] | None = field(
        default=None, metadata={"help": "where two labels meet: the labels and over how many places (see propose)"}
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
        SteeringConfig(strength=self.steering)
        for name in ("label_guidance", "position_guidance"):
            if not 0 <= getattr(self, name) <= 20:
                raise InvalidConfig(f"{name} {getattr(self, name)}: allowed 0 to 20; 1 to 3 are usual")
        places = [name for name in _PLACES if getattr(self, name) is not None]
        if len(places) > 1:
            raise InvalidConfig(f"{' and '.join(places)} are given: choose one place, or none")
        if self.between is not None and not 0 <= self.between[2] <= 1:
            raise InvalidConfig(f"between: the share of the way is {self.between[2]}, allowed 0 to 1")
        if self.unplaced not in ("class", "label"):
            raise InvalidConfig(f"unplaced {self.unplaced!r}: allowed are class and label")
        numbers = [*(self.xy or ()), *(self.position or ()), *(self.path or ())]
        if not all(np.isfinite(number) for number in numbers):
            raise InvalidConfig("xy, position and path: every number must be finite")
        if self.path is not None and (self.count < 2 or self.path[:2] == self.path[2:]):
            raise InvalidConfig(
                f"path {self.path} with count {self.count}: two different ends and 2 or more are needed"
            )
        if self.boundary is not None:
            ProposeConfig(labels=self.boundary[:2], count=self.boundary[2])
        SamplerConfig(sampler=self.sampler, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class GenerateResult:
    """Ids of the samples in the order of their seeds, and what the user should know about them."""

    sample_ids: tuple[int, ...]
    warnings: tuple[Notice, ...] = ()


def generate(config: GenerateConfig, context: Context) -> GenerateResult:
    """Makes, places and commits `count` samples, 16 at a time; cancelled, what was committed stays.

    NotFound for an unknown label, image or model; NotReady without a generator or map; InvalidInput if the generator
    was trained on another map, or knows no positions and a place was asked for.
    """
    generator = find_generator(context, config.model_id)
    projection = context.store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    wanted, warnings = _plan(config, generator, mapped, context.store)
    if not generator.uses_label:
        labels = sorted({one.label for one in wanted})
        warnings = (*warnings, notice("label_unchecked", label=", ".join(labels)))
    if (config.path or config.boundary) and mapped is not None and mapped.atlas.classifier is None:
        warnings = (*warnings, notice("no_classifier"))
    features = mapped.steering if mapped is not None and generator.knows(mapped.atlas) else None
    recipe: dict[str, Any] = {
        "method": "ddpm",
        "checkpoint_sha256": generator.record.sha256,
        "steps": config.steps,
        "sampler": config.sampler,
        "label_guidance": config.label_guidance,
        "position_guidance": config.position_guidance,
        "steering": config.steering if features is not None else 0.0,
        "micro_batch": SamplerConfig().micro_batch,
        "precision": generator.precision.name,
    }
    ids: list[int] = []
    for first in range(0, config.count, CHUNK):
        chunk = wanted[first : first + CHUNK]

        def on_step(step: int, total: int, done: int = first, many: int = len(chunk)) -> None:
            context.progress(done + many * step // total, config.count)

        recipes = [{**recipe, "label": one.label, **one.place.told} for one in chunk]
        images = draw_series(generator, recipes, [one.seed for one in chunk], on_step, features)
        records = _records(images, chunk, recipes, context)
        if mapped is not None:
            records = placed(records, list(images), [one.place for one in chunk], mapped)
        ids += context.commit(records)
    return GenerateResult(sample_ids=tuple(ids), warnings=warnings)


@dataclass(frozen=True)
class _Wanted:
    """One sample to be made."""

    label: str
    seed: int
    place: Place


def _plan(
    config: GenerateConfig, generator: Generator, mapped: MappedEncoder | None, store: Store
) -> tuple[list[_Wanted], tuple[Notice, ...]]:
    """Every sample in the order of the result, and what the user should know about their places."""
    known = store.images.labels()
    auto = config.label == AUTO and AUTO not in known
    for label in {*(() if auto else (config.label,)), *(config.boundary or ())[:2]}:
        if label not in known:
            raise NotFound(f"label {label!r} is not in this workspace: {', '.join(known) or 'import images first'}")
        if generator.uses_label:
            generator.label_index(label)
    seeds: Sequence[int] = range(config.seed, config.seed + config.count)
    if config.path is not None:
        places, warnings = places_along(config.path, config.count, places_of(generator, mapped))
        seeds = [config.seed] * config.count if config.same_seed else seeds
    elif config.boundary is not None:
        places, warnings = _at_boundary(config, generator, places_of(generator, mapped), store)
    else:
        place, warnings = find_place(config, generator, mapped, store)
        places = [place] * config.count
        if place.position is None and config.unplaced == "class" and not auto:
            places = _in_turn(config, generator, mapped, store) or places
            if mapped is not None and generator.uses_position and not generator.knows(mapped.atlas):
                warnings = (*warnings, notice("other_map", generator=generator.record.id or 0))
    labels = [config.label] * config.count
    if auto and config.boundary is not None:
        labels = [config.boundary[:2][number % 2] for number in range(config.count)]
    elif auto:
        positions = [place.position for place in places if place.position is not None]
        if not positions or mapped is None:
            raise InvalidInput(f"label {AUTO} is the most probable one of a place: choose a place, or name a label")
        labels = labels_at(mapped.atlas, np.stack(positions), generator.labels)
    wanted = [_Wanted(*one) for one in zip(labels, seeds, places, strict=True)]
    return wanted, warnings


def _at_boundary(
    config: GenerateConfig, generator: Generator, mapped: MappedEncoder, store: Store
) -> tuple[list[Place], tuple[Notice, ...]]:
    """For each sample the proposed place it is asked for at, all places equally often, those of a place together."""
    first, second, count = config.boundary or ("", "", 0)
    proposed = boundary_places(mapped.atlas, ProposeConfig(labels=(first, second), count=min(count, config.count)))
    if not proposed.places:
        raise InvalidInput(" ".join(one.text for one in proposed.warnings) + " Choose other labels, or a place.")
    asked = [replace(config, boundary=None, between=place.between) for place in proposed.places]
    places = [find_place(one, generator, mapped, store)[0] for one in asked]
    spread = [places[number * len(places) // config.count] for number in range(config.count)]
    return spread, proposed.warnings


def _in_turn(config: GenerateConfig, generator: Generator, mapped: MappedEncoder | None, store: Store) -> list[Place]:
    """The places of the label's images in turn, for each sample one; empty where the generator knows none."""
    ids = [] if mapped is None else class_places(config.label, generator, mapped)
    # A seed's place hangs on the seed alone, so that it gives one image whatever is asked for beside it.
    many = SamplerConfig().micro_batch
    blocks = [(config.seed + number) // many for number in range(config.count)] if ids else []
    places = {
        block: find_place(replace(config, image_id=ids[block % len(ids)]), generator, mapped, store)[0]
        for block in set(blocks)
    }
    return [places[block] for block in blocks]


def _records(
    images: NDArray[np.uint8], chunk: Sequence[_Wanted], recipes: Sequence[dict[str, Any]], context: Context
) -> list[SampleRecord]:
    """Files and records of images (n, side, side, C) uint8, still without their own places."""
    hashes = context.store.files.put_many([encode_png(image) for image in images])
    return [
        SampleRecord(
            sha256=sha256,
            label=one.label,
            method="ddpm",
            seed=one.seed,
            recipe=recipe,
            parents=tuple(parent.sha256 for parent in one.place.parents),
            group=one.place.group,
            split=one.place.split,
            checkpoint_sha256=recipe["checkpoint_sha256"],
            job_id=context.job_id,
        )
        for sha256, one, recipe in zip(hashes, chunk, recipes, strict=True)
    ]
