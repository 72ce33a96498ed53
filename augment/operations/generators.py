"""A trained generator taken from the workspace, kept loaded, and asked for images.

What `generate` and `regenerate` share: reading the model's record, checking that it fits the labels and the map, and
drawing images from a recipe. Imports torch only when it runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig
from augment.errors import InvalidInput, NotFound, NotReady
from augment.features.atlas import Atlas
from augment.images import to_float, to_uint8
from augment.operations.context import Context
from augment.operations.train_ddpm import fit_fingerprint
from augment.store import ModelKind, ModelRecord, ProjectionRecord

if TYPE_CHECKING:
    from torch import nn

    from augment.ddpm.denoiser import Denoiser
    from augment.ddpm.steering import Features
    from augment.training.precision import Precision

__all__ = ["Generator", "draw_images", "draw_series", "find_generator", "find_model", "load_map", "loaded"]

_NAMES: dict[ModelKind, str] = {
    "encoder": "encoder",
    "ddpm": "generator",
    "redraw": "re-drawing model",
    "lora": "LoRA",
    "dcgan": "DCGAN",
    "factors": "model of factors",
}

Network = TypeVar("Network", bound="nn.Module")


@dataclass(frozen=True)
class Generator:
    """A loaded network with the record it came from."""

    record: ModelRecord
    denoiser: "Denoiser"
    precision: "Precision"

    @property
    def labels(self) -> list[str]:
        """The labels it was trained on, in the order of its network."""
        return list(self.record.config["labels"])

    @property
    def uses_position(self) -> bool:
        """Whether a place on the map changes its images."""
        return bool(self.record.config["condition"] != "label")

    @property
    def uses_label(self) -> bool:
        """Whether a label changes its images."""
        return bool(self.record.config["condition"] != "position")

    def label_index(self, label: str) -> int:
        """The network's number of a label. NotFound with the labels there are."""
        if label not in self.labels:
            raise NotFound(f"label {label!r} is not known to generator {self.record.id}: {', '.join(self.labels)}")
        return self.labels.index(label)

    def knows(self, atlas: Atlas) -> bool:
        """Whether the positions of this map are those it was trained on."""
        return self.uses_position and bool(self.record.config["fit"] == fit_fingerprint(atlas))

    def check_map(self, atlas: Atlas) -> None:
        """InvalidInput if the positions of this map mean something else to the network."""
        if self.uses_position and not self.knows(atlas):
            trained_on = self.record.config["projection_id"]
            raise InvalidInput(
                f"generator {self.record.id} was trained on another map (projection {trained_on}): positions mean "
                "something else here; train the generator again, or choose one trained on this map"
            )


def find_generator(context: Context, model_id: int | None = None, sha256: str | None = None) -> Generator:
    """The model asked for by id or hash, else the newest; loaded once in a process.

    NotFound if there is no such model, NotReady if none is trained yet or its file is gone.
    """
    from augment.ddpm.denoiser import Denoiser, DenoiserConfig

    record = find_model(context, "ddpm", model_id, sha256)
    denoiser, precision = loaded(context, record, lambda: Denoiser(DenoiserConfig.from_json(record.config["denoiser"])))
    return Generator(record, denoiser, precision)


def find_model(context: Context, kind: ModelKind, model_id: int | None, sha256: str | None) -> ModelRecord:
    """The record of a generator or a re-drawing model: by hash, by id, else the newest of its kind.

    NotFound if there is no such model or it is of another kind, NotReady if none is trained yet.
    """
    models, name = context.store.models, _NAMES[kind]
    if sha256 is not None:
        record = models.by_sha256(sha256)
        if record is None:
            raise NotFound(f"the {name} {sha256[:12]} that made this is no longer in this workspace")
    else:
        record = models.get(model_id) if model_id is not None else models.latest(kind)
    if record is None:
        raise NotReady(f"no {name} has been trained in this workspace: train one first (train_{kind})")
    if record.kind != kind:
        raise NotFound(f"model {record.id} is of kind {record.kind}, a {name} ({kind}) is needed")
    return record


def loaded(context: Context, record: ModelRecord, build: "Callable[[], Network]") -> "tuple[Network, Precision]":
    """The network of a record, ready to draw, built and loaded once in a process. NotReady if its file is gone."""
    from augment.training.files import load_weights
    from augment.training.precision import choose_precision

    key = f"{record.kind}:{record.sha256}"
    if key not in context.cache:
        path = context.store.workspace.root / record.path
        if not path.is_file():
            raise NotReady(f"the weights of {_NAMES[record.kind]} {record.id} ({record.path}) are gone: train it again")
        precision, network = choose_precision(), build()
        load_weights(path, network)
        context.cache[key] = precision.place(network.eval().requires_grad_(False)), precision
    found: tuple[Network, Precision] = context.cache[key]
    return found


def load_map(context: Context, record: ProjectionRecord) -> Atlas:
    """The map of a projection, opened once in a process."""
    key = f"atlas:{context.store.workspace.root}:{record.id}"
    if key not in context.cache:
        context.cache[key] = Atlas.load(context.store.workspace.root / record.path)
    atlas: Atlas = context.cache[key]
    return atlas


def draw_images(
    generator: Generator,
    recipe: Mapping[str, Any],
    seeds: Sequence[int],
    on_step: Callable[[int, int], None],
    features: "Features | None" = None,
) -> NDArray[np.uint8]:
    """Images (n, side, side, C) uint8 of a recipe, one for each seed; `on_step(step, total)` at every noise level.

    features: of the encoder that the map was made with, where the recipe steers.
    """
    return draw_series(generator, [recipe] * len(seeds), seeds, on_step, features)


def draw_series(
    generator: Generator,
    recipes: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    on_step: Callable[[int, int], None],
    features: "Features | None" = None,
    start: NDArray[np.uint8] | None = None,
    free: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """As `draw_images`, with a recipe for each seed. Recipes of a series differ in label and place alone, and all of
    them name a place or none does, and a label or none does: a label of None is forgotten.

    start: (side, side, C), a picture to start from, under noise of the recipe's sigma; as much as the network knows, or
    more, leaves nothing of it. free: (side, side), what of it may change; the rest is held at every noise level.

    InvalidInput if the recipe steers and there are no features to steer by.
    """
    import torch

    from augment.ddpm.condition import Condition
    from augment.ddpm.denoiser import guided, held
    from augment.ddpm.sampling import sample
    from augment.ddpm.steering import SteeringConfig, steered

    config, precision = generator.denoiser.config, generator.precision
    recipe = recipes[0]
    labelled = generator.uses_label and recipe["label"] is not None
    label = torch.tensor([generator.label_index(each["label"]) if labelled else -1 for each in recipes])
    position, aim = (
        None if recipe.get(name) is None else torch.tensor([each[name] for each in recipes], dtype=torch.float32)
        for name in ("position", "aim")
    )
    condition = Condition.of(label, position, config.condition.dimensions, aim)
    # A condition that is not there takes the scale of the one that is, so that no term is spent on it.
    scales = [recipe["label_guidance"]] if labelled else []
    scales += [recipe["position_guidance"]] if position is not None else []
    denoise = guided(generator.denoiser, scales[0], scales[-1]) if scales else generator.denoiser
    if aim is not None and recipe.get("steering", 0.0):
        if features is None:
            raise InvalidInput(f"steering {recipe['steering']} needs the map and encoder that the place was taken from")
        denoise = steered(denoise, features, SteeringConfig(strength=recipe["steering"]), config.sigma_data)
    noise, clean = config.noise, None
    if start is not None and recipe["sigma"] < noise.sigma_max:
        noise = replace(noise, sigma_max=max(recipe["sigma"], 2 * noise.sigma_min))
        clean = precision.arrange(torch.from_numpy(to_float(start[None])))
        if free is not None:
            denoise = held(denoise, clean, torch.from_numpy(free.astype(np.float32)).to(precision.device))
    with precision.autocast():
        images = sample(
            denoise,
            condition.to(precision.device),
            seeds,
            (config.unet.channels, config.side_px, config.side_px),
            SamplerConfig(sampler=recipe["sampler"], steps=recipe["steps"], micro_batch=recipe["micro_batch"]),
            noise,
            on_step,
            clean,
        )
    return to_uint8(images.cpu().numpy())
