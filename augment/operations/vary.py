"""Variations of photographs: noised to a strength and denoised by the workspace's generator or a latent model.

Hirokawa 2024: the noise that is added decides how much of the photograph stays. Little noise keeps its features and
changes details; t = 1000 leaves nothing of it. How alike each sample is to its photograph is measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig, SamplerName
from augment.errors import InvalidConfig
from augment.images import encode_png
from augment.judge.similarity import structural_similarity
from augment.notices import Notice, notice
from augment.operations.context import Context
from augment.operations.generators import Generator, draw_series, find_generator
from augment.operations.harmonise import GENERATOR
from augment.operations.places import MappedEncoder, Place, placed
from augment.operations.vary_latent import check_model, latent_variations
from augment.operations.views import current_view, load_cut
from augment.store import ImageRecord, SampleRecord

__all__ = ["MOST_SIGMA", "VaryConfig", "VaryResult", "vary"]

MOST_SIGMA = 160.0
"""A little above t = 1000 of the published schedule, 157."""

_OnStep = Callable[[int, int], None]
_Varied = Callable[[ImageRecord, _OnStep], tuple[list[SampleRecord], list[float]]]
"""Records and similarities of one photograph's variations."""


@dataclass(frozen=True, kw_only=True)
class VaryConfig:
    """Which photographs to vary, how strongly, and how often."""

    image_ids: tuple[int, ...] = field(metadata={"help": "the photographs"})
    sigma: float = field(
        default=1.23,
        metadata={"help": "strength: noise to start from; 1.23 is t = 300, 157 is t = 1000, 0 changes nothing"},
    )
    strip: tuple[float, ...] = field(
        default=(), metadata={"help": "several strengths instead, each with the same seed, to see what they do"}
    )
    count: int = field(default=8, metadata={"help": "variations of each photograph at one strength, 1 to 1000"})
    label: str = field(default="", metadata={"help": "label of the samples; each photograph's own if empty"})
    place: bool = field(
        default=True, metadata={"help": "ask for the photograph's place on the map too, where the generator knows it"}
    )
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})
    steps: int = field(default=12, metadata={"help": "noise levels visited, 12 to 20 are usual; 1000 for ddpm"})
    sampler: SamplerName = field(
        default="dpmpp_2m",
        metadata={"help": "dpmpp_2m, heun (twice the work), ancestral (100 steps or more), ddpm or ddpm_beta (1000)"},
    )
    label_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the label"})
    position_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the place"})
    model_id: int | None = field(default=None, metadata={"help": "generator to use; the newest if not given"})
    model: str = field(
        default=GENERATOR,
        metadata={
            "help": "generator (small cuts), or built-in, a folder, a file or a Hub id: whole photographs at their "
            "size, with the steps and sampler that suit it"
        },
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 1 <= len(self.image_ids) <= 10_000:
            raise InvalidConfig(f"image_ids: {len(self.image_ids)} photographs; choose 1 to 10000")
        for sigma in (self.sigma, *self.strip):
            if not 0 <= sigma <= MOST_SIGMA:
                raise InvalidConfig(f"sigma {sigma:g}: allowed 0 (the photograph as it is) to {MOST_SIGMA:g}")
        if not 1 <= self.count <= 1000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 1000")
        if not 0 <= self.seed < 2**62:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**62 - 1}")
        for name in ("label_guidance", "position_guidance"):
            if not 0 <= getattr(self, name) <= 20:
                raise InvalidConfig(f"{name} {getattr(self, name)}: allowed 0 to 20; 1 to 3 are usual")
        SamplerConfig(sampler=self.sampler, steps=self.steps)
        check_model(self.model)

    @property
    def series(self) -> list[tuple[float, int]]:
        """Strength and seed of each sample of a photograph; a strength of 0 gives none."""
        if self.strip:
            return [(sigma, self.seed) for sigma in dict.fromkeys(self.strip) if sigma > 0]
        return [(self.sigma, self.seed + number) for number in range(self.count)] if self.sigma > 0 else []


@dataclass(frozen=True, kw_only=True)
class VaryResult:
    """Ids of the samples, photograph by photograph in the order of strengths and seeds; how alike each is to its
    photograph (SSIM, 1 for the same); and what the user should know."""

    sample_ids: tuple[int, ...]
    similarity: tuple[float, ...]
    warnings: tuple[Notice, ...] = ()


def vary(config: VaryConfig, context: Context) -> VaryResult:
    """Draws, places and commits the variations of one photograph after the other; cancelled, what was committed stays,
    and a resumed job goes on behind it.

    NotFound for an unknown photograph, label or model; NotReady without a generator.
    """
    store, series = context.store, config.series
    images = [store.images.get(image_id) for image_id in config.image_ids]
    varied = _by_latent_model(config, context) if config.model != GENERATOR else _by_generator(config, images, context)
    warnings: list[Notice] = []
    if not all(config.strip or (config.sigma,)):
        warnings.append(notice("strength_none"))
    ids = [] if context.job_id is None else [row.id for row in store.samples.rows(job_id=context.job_id)]
    made = store.samples.get_many(ids)
    similarity = [one.recipe["similarity"] for one in made]
    # A photograph's samples are committed together.
    done = {one.parents[0] for one in made}
    for number, image in enumerate(images if series else []):
        if image.sha256 in done:
            continue

        def on_step(step: int, total: int, done: int = number) -> None:
            context.progress(done * 100 + 100 * step // total, len(images) * 100)

        records, alike = varied(image, on_step)
        ids += context.commit(records)
        similarity += alike
    return VaryResult(sample_ids=tuple(ids), similarity=tuple(similarity), warnings=tuple(warnings))


def _by_latent_model(config: VaryConfig, context: Context) -> _Varied:
    def varied(image: ImageRecord, on_step: _OnStep) -> tuple[list[SampleRecord], list[float]]:
        label = config.label or image.label
        return latent_variations(config.model, image, label, config.series, context, on_step)

    return varied


def _by_generator(config: VaryConfig, images: Sequence[ImageRecord], context: Context) -> _Varied:
    generator = find_generator(context, config.model_id)
    for label in {config.label or image.label for image in images}:
        if generator.uses_label:
            generator.label_index(label)
    projection = context.store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)

    def varied(image: ImageRecord, on_step: _OnStep) -> tuple[list[SampleRecord], list[float]]:
        place = _place(image, config, generator, mapped)
        records, drawn, alike = _varied(config, config.series, image, place, generator, context, on_step)
        if mapped is not None:
            records = placed(records, list(drawn), [place] * len(records), mapped)
        return records, alike

    return varied


def _place(image: ImageRecord, config: VaryConfig, generator: Generator, mapped: MappedEncoder | None) -> Place:
    """The photograph's place, where it is to be asked for and the generator knows this map; else only where it stems
    from."""
    known = mapped is not None and generator.knows(mapped.atlas) and image.id in mapped.atlas.image_ids
    if config.place and known and mapped is not None:
        return mapped.place_of(image)
    return Place(parents=(image,))


def _varied(
    config: VaryConfig,
    series: Sequence[tuple[float, int]],
    image: ImageRecord,
    place: Place,
    generator: Generator,
    context: Context,
    on_step: _OnStep,
) -> tuple[list[SampleRecord], NDArray[np.uint8], list[float]]:
    """Records, pixels (n, side, side, C) and similarities of one photograph's variations."""
    source = load_cut(context.store, image, current_view(context.store))
    recipe: dict[str, Any] = {
        "method": "vary",
        "label": config.label or image.label,
        "checkpoint_sha256": generator.record.sha256,
        "steps": config.steps,
        "sampler": config.sampler,
        "label_guidance": config.label_guidance,
        "position_guidance": config.position_guidance,
        # A strip draws its strengths one by one.
        "micro_batch": 1 if config.strip else SamplerConfig().micro_batch,
        "precision": generator.precision.name,
        **place.told,
    }
    recipes = [{**recipe, "sigma": sigma} for sigma, _ in series]
    drawn: list[NDArray[np.uint8]] = []
    for sigma in dict.fromkeys(sigma for sigma, _ in series):
        rows = [row for row, (other, _) in enumerate(series) if other == sigma]
        done, seeds = len(drawn), [series[row][1] for row in rows]

        def of_all(step: int, total: int, done: int = done, many: int = len(rows)) -> None:
            on_step(done * total + many * step, len(series) * total)

        drawn += list(draw_series(generator, [recipes[row] for row in rows], seeds, of_all, start=source))
    alike = [round(structural_similarity(source, one), 4) for one in drawn]
    hashes = context.store.files.put_many([encode_png(one) for one in drawn])
    records = [
        SampleRecord(
            sha256=sha256,
            label=told["label"],
            method="vary",
            seed=seed,
            recipe={**told, "similarity": similarity},
            parents=(image.sha256,),
            group=place.group,
            split=place.split,
            checkpoint_sha256=generator.record.sha256,
            strength_sigma=sigma,
            job_id=context.job_id,
        )
        for sha256, told, (sigma, seed), similarity in zip(hashes, recipes, series, alike, strict=True)
    ]
    return records, np.stack(drawn), alike
