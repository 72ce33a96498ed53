"""Variations by a Stable Diffusion model: image-to-image on the whole photograph, at its own size.

The samples are those of `redraw` with area whole, and are made again as such; how alike each is to its photograph is
told beside.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from augment.errors import InvalidConfig
from augment.images import decode
from augment.judge.similarity import structural_similarity
from augment.operations.context import Context
from augment.operations.redraw import CHUNK, RedrawConfig, Redrawing
from augment.operations.redraw_engines import FULL_SIGMA
from augment.operations.redraw_models import WORKSPACE
from augment.operations.views import load_pixels
from augment.store import ImageRecord, SampleRecord

__all__ = ["check_model", "latent_variations"]


def check_model(model: str) -> None:
    """InvalidConfig for a model that fills masks and knows no whole photograph."""
    if model == WORKSPACE:
        raise InvalidConfig(
            "model workspace: the workspace's re-drawing model fills masks; choose generator, built-in, or a model of "
            "Stable Diffusion"
        )


def latent_variations(
    model: str,
    image: ImageRecord,
    label: str,
    series: Sequence[tuple[float, int]],
    context: Context,
    on_step: Callable[[int, int], None],
) -> tuple[list[SampleRecord], list[float]]:
    """Records and similarities of one photograph's variations, in the order of `series`: (sigma, seed) each.

    Strengths from which nothing is left of the photograph are one, and drawn once.
    """
    asked = list(dict.fromkeys((min(sigma, FULL_SIGMA), seed) for sigma, seed in series))
    source = load_pixels(context.store, image)
    records: list[SampleRecord] = []
    for sigma in dict.fromkeys(sigma for sigma, _ in asked):
        seeds = [seed for other, seed in asked if other == sigma]
        told = RedrawConfig(image_id=image.id or 0, label=label, model=model, area="whole", sigma=sigma, seed=seeds[0])
        work = Redrawing.of(told, context)
        for first in range(0, len(seeds), CHUNK):
            part = seeds[first : first + CHUNK]

            def of_all(step: int, total: int, done: int = len(records), many: int = len(part)) -> None:
                on_step(done * total + many * step, len(asked) * total)

            drawn, _ = work.draw(part, of_all)
            records += work.records(drawn, part, context)
    pixels = [decode(context.store.files.path(one.sha256)).pixels for one in records]
    alike = [round(structural_similarity(source, one), 4) for one in pixels]
    told_of = [replace(one, recipe={**one.recipe, "similarity": s}) for one, s in zip(records, alike, strict=True)]
    return told_of, alike
