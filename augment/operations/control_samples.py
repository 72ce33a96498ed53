"""What an evaluation of control asks generators for: references, their places, and samples under each condition.

One generator that knows labels and positions serves all conditions by forgetting one of them. What was drawn is kept in
the job's folder until the evaluation is done. Places and images come from the functions that a click uses.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig
from augment.errors import InvalidInput, NotReady
from augment.operations.context import Context
from augment.operations.generate import GenerateConfig
from augment.operations.generators import Generator, draw_series, find_generator
from augment.operations.places import MappedEncoder, Place, find_place
from augment.store import ImageRecord
from augment.views import View

__all__ = ["Asked", "ConditionName", "Drawing", "choose_references", "find_conditions"]

ConditionName = Literal["label", "label+position", "position"]

_CHUNK = 64


@dataclass(frozen=True)
class Asked:
    """A generator under a condition."""

    condition: ConditionName
    generator: Generator

    def knows(self, label: str) -> bool:
        """Whether samples of this label can be asked for."""
        return "label" not in self.condition or label in self.generator.labels


def find_conditions(
    model_ids: Mapping[ConditionName, int | None], mapped: MappedEncoder, view: View, context: Context
) -> tuple[list[Asked], list[str]]:
    """The generator for each condition, and which conditions none can serve.

    Args:
        model_ids: by condition; None for the newest.

    Raises:
        NotReady: no generator. NotFound: no such model. InvalidInput: of another map or view, or no condition is left.
    """
    found, notes = [], []
    for condition, model_id in model_ids.items():
        generator = find_generator(context, model_id)
        generator.check_map(mapped.atlas)
        if generator.record.config.get("view") != view.to_json():
            raise InvalidInput(
                f"generator {generator.record.id} was trained with another view: train it again, or name another"
            )
        missing = [
            what
            for what, knows in (("label", generator.uses_label), ("position", generator.uses_position))
            if what in condition.split("+") and not knows
        ]
        if missing:
            notes.append(f"{condition} is left out: generator {generator.record.id} knows no {missing[0]}")
        else:
            found.append(Asked(condition, generator))
    if not found:
        raise InvalidInput(f"no condition can be asked for: {'; '.join(notes)}")
    return found, notes


def choose_references(
    images: Sequence[ImageRecord], count: int, asked: Sequence[Asked], seed: int
) -> tuple[dict[str, list[ImageRecord]], list[str]]:
    """`count` images of each label, drawn by the seed, of different groups where there are; and what was left out.

    Raises:
        NotReady: no label has enough images.
    """
    chosen: dict[str, list[ImageRecord]] = {}
    notes = []
    for number, label in enumerate(sorted({image.label for image in images})):
        unknown = [one.generator for one in asked if not one.knows(label)]
        members = [image for image in images if image.label == label]
        if unknown or len(members) < count:
            why = (
                f"generator {unknown[0].record.id} does not know it" if unknown else f"{len(members)} of {count} images"
            )
            notes.append(f"label {label} is left out: {why}")
            continue
        order = [members[row] for row in np.random.default_rng([seed, number]).permutation(len(members))]
        groups: set[str] = set()
        picked: list[ImageRecord] = []
        others: list[ImageRecord] = []
        for image in order:
            (others if image.group in groups else picked).append(image)
            groups.add(image.group)
        if len(picked) < count:
            notes.append(f"label {label}: references of {len(picked)} part{'s' * (len(picked) > 1)} only")
        chosen[label] = [*picked, *others][:count]
    if not chosen:
        raise NotReady(f"no label has {count} images to refer to ({'; '.join(notes)}): import more")
    return chosen, notes


class Drawing:
    """Draws samples, tells how many are done, and keeps them for a job that is resumed."""

    def __init__(self, recipe: Mapping[str, Any], mapped: MappedEncoder, total: int, context: Context) -> None:
        """recipe: steps, sampler and guidance. total: samples that will be drawn in all."""
        self._recipe, self._mapped, self._total, self._context = recipe, mapped, total, context
        self._done = 0

    def draw(self, asked: Asked, images: Sequence[ImageRecord], seeds: Sequence[int]) -> NDArray[np.uint8]:
        """A sample (n, side, side, C) uint8 for each image: of its label, at its place, or both, by the condition."""
        recipes = [self._asked_at(asked, image) for image in images]
        parts = []
        for start in range(0, len(seeds), _CHUNK):
            rows = slice(start, start + _CHUNK)
            parts.append(self._part(asked.generator, recipes[rows], seeds[rows]))
        return np.concatenate(parts)

    def _asked_at(self, asked: Asked, image: ImageRecord) -> dict[str, Any]:
        generator = asked.generator
        place = Place()
        if "position" in asked.condition:
            at = GenerateConfig(label=image.label, image_id=image.id)
            place, _ = find_place(at, generator, self._mapped, self._context.store)
        return {
            **self._recipe,
            **place.told,
            "checkpoint_sha256": generator.record.sha256,
            "label": image.label if "label" in asked.condition else None,
            "micro_batch": SamplerConfig().micro_batch,
        }

    def _part(
        self, generator: Generator, recipes: Sequence[Mapping[str, Any]], seeds: Sequence[int]
    ) -> NDArray[np.uint8]:
        named = hashlib.sha256(json.dumps([recipes, [*seeds]]).encode()).hexdigest()[:24]
        kept = self._context.job_folder / "drawn" / f"{named}.npy"
        if kept.is_file():
            images: NDArray[np.uint8] = np.load(kept)
        else:

            def on_step(step: int, total: int) -> None:
                self._context.progress(self._done + len(seeds) * step // total, self._total)

            images = draw_series(generator, recipes, seeds, on_step, self._mapped.steering)
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, images)
            part.replace(kept)
        self._done += len(seeds)
        self._context.progress(self._done, self._total)
        return images
