"""What a model of factors does on the tab: a photograph's factors, the picture of some, a series along one into review.

Decoding answers a slider, so it does nothing beside it. Imports torch only when it runs.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, InvalidInput
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.generators import find_model, loaded
from augment.operations.places import MappedEncoder, Place, placed
from augment.operations.views import current_view, load_cut
from augment.store import ImageRecord, ModelRecord, SampleRecord
from augment.vaegan.settings import FactorShape

if TYPE_CHECKING:
    from augment.training.precision import Precision
    from augment.vaegan.model import Factors

__all__ = [
    "DecodeFactorsConfig",
    "DecodeFactorsResult",
    "EncodeFactorsConfig",
    "EncodeFactorsResult",
    "FactorModel",
    "FactorSeriesConfig",
    "FactorSeriesResult",
    "decode_factors",
    "encode_factors",
    "factor_again",
    "factor_series",
    "find_factors",
    "photograph_cut",
]

_MOST = 10.0
"""Largest latent that is taken: the prior's spread is 1."""
_STEPS = 9
"""Pictures in each row of a traversal."""


@dataclass(frozen=True)
class FactorModel:
    """A loaded network with the record it came from."""

    record: ModelRecord
    network: "Factors"
    precision: "Precision"

    @property
    def shape(self) -> FactorShape:
        """Of its networks."""
        return self.network.shape

    @property
    def usual(self) -> tuple[tuple[float, float], ...]:
        """For each added dimension where known parts and where new ones lie in the middle; empty for a teacher."""
        return tuple((known, new) for known, new in self.record.config.get("usual", ()))

    def shape_with(self, added: int) -> FactorShape:
        """That of a student with so many dimensions more."""
        own = self.shape
        return FactorShape(
            side_px=own.side_px,
            channels=own.channels,
            dimensions=own.dimensions + added,
            added=added,
            width=own.width,
        )

    def draw(self, z: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Pictures (n, side, side, C) uint8 of latents (n, dimensions)."""
        import torch

        with torch.inference_mode():
            images = self.network.decoder(torch.from_numpy(z).to(self.precision.device))
            pixels = (images * 255).round().byte().permute(0, 2, 3, 1)
        found: NDArray[np.uint8] = pixels.cpu().numpy()
        return found

    def read(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Means and spreads (n, dimensions) of pictures (n, side, side, C)."""
        import torch

        with torch.inference_mode():
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            mean, logvar = self.network.encoder(x.to(self.precision.device))
        return mean.cpu().numpy(), (0.5 * logvar).exp().cpu().numpy()

    def draw_over(self, cut: NDArray[np.uint8], z: NDArray[np.float32]) -> NDArray[np.uint8]:
        """As `draw`, laid over a photograph (side, side, C): it changes by what the picture does, and keeps its grain.

        Its own factors give the photograph itself. What a few factors can draw is smooth; the rest of it is its own.
        """
        change = self.draw(z).astype(np.int16) - self.draw(self.read(cut[None])[0])
        return np.clip(cut + change, 0, 255).astype(np.uint8)


def find_factors(context: Context, model_id: int | None = None, sha256: str | None = None) -> FactorModel:
    """The model asked for by id or hash, else the newest; loaded once in a process.

    NotFound if there is no such model, NotReady if none is trained yet or its file is gone.
    """
    from augment.vaegan.model import Factors

    record = find_model(context, "factors", model_id, sha256)
    network, precision = loaded(context, record, lambda: Factors(FactorShape(**record.config["shape"])))
    return FactorModel(record, network, precision)


@dataclass(frozen=True, kw_only=True)
class EncodeFactorsConfig:
    """Which photograph's factors are asked for."""

    image_id: int | None = field(default=None, metadata={"help": "the photograph; the middle of all factors if empty"})
    model_id: int | None = field(default=None, metadata={"help": "model of factors; the newest if not given"})


@dataclass(frozen=True, kw_only=True)
class EncodeFactorsResult:
    """z: the photograph's factors; spread: how sure the encoder is of each, 1 for not at all; added: how many of the
    last ones a student has more than its teacher. source: the photograph as the networks see it, a PNG in base64, or
    ""."""

    model_id: int
    z: tuple[float, ...]
    spread: tuple[float, ...]
    added: int
    source: str


def encode_factors(config: EncodeFactorsConfig, context: Context) -> EncodeFactorsResult:
    """Reads a photograph's factors. NotFound for an unknown photograph or model; NotReady without a model."""
    model = find_factors(context, config.model_id)
    z = np.zeros((1, model.shape.dimensions), dtype=np.float32)
    spread = np.ones_like(z)
    source = ""
    if config.image_id is not None:
        cut = photograph_cut(context.store.images.get(config.image_id), model, context)
        z, spread = model.read(cut[None])
        source = base64.b64encode(encode_png(cut)).decode()
    return EncodeFactorsResult(
        model_id=model.record.id or 0,
        z=tuple(round(float(value), 4) for value in z[0]),
        spread=tuple(round(float(value), 4) for value in spread[0]),
        added=model.shape.added,
        source=source,
    )


def photograph_cut(image: ImageRecord, model: FactorModel, context: Context) -> NDArray[np.uint8]:
    """(side, side, C) uint8 as the model was taught. InvalidInput if the view is another one now."""
    view = current_view(context.store)
    if (view.side_px, 1 if view.colour == "grey" else 3) != (model.shape.side_px, model.shape.channels):
        raise InvalidInput(
            f"model of factors {model.record.id} was trained on {model.shape.side_px} px and {model.shape.channels} "
            f"channels, the view is now {view.side_px} px and {view.colour}: train it again"
        )
    return load_cut(context.store, image, view)


@dataclass(frozen=True, kw_only=True)
class DecodeFactorsConfig:
    """Whose picture is asked for."""

    z: tuple[float, ...] = field(metadata={"help": "a value for each dimension, -10 to 10; most lie between -3 and 3"})
    model_id: int | None = field(default=None, metadata={"help": "model of factors; the newest if not given"})
    grid: bool = field(default=False, metadata={"help": "the traversal too: each dimension in a row, from -2 to 2"})
    over_id: int | None = field(
        default=None,
        metadata={"help": "photograph that the change is laid over, so that its grain stays"},
    )

    def __post_init__(self) -> None:
        """InvalidConfig for values that no slider has."""
        _check(self.z)


def _check(z: tuple[float, ...]) -> None:
    if not all(-_MOST <= value <= _MOST for value in z):
        raise InvalidConfig(f"z {', '.join(f'{value:g}' for value in z)}: allowed -{_MOST:g} to {_MOST:g}")


@dataclass(frozen=True, kw_only=True)
class DecodeFactorsResult:
    """PNGs in base64: the picture, and the traversal or ""."""

    picture: str
    grid: str


def decode_factors(config: DecodeFactorsConfig, context: Context) -> DecodeFactorsResult:
    """Draws the picture. InvalidInput for another number of dimensions than the model has."""
    model = find_factors(context, config.model_id)
    z = _latents(config.z, model)
    below = None if config.over_id is None else context.store.images.get(config.over_id)
    draw = _drawing(model, below, context)
    grid = ""
    if config.grid:
        moved = np.repeat(z[None], len(z) * _STEPS, axis=0)
        for dimension in range(len(z)):
            moved[dimension * _STEPS : (dimension + 1) * _STEPS, dimension] = np.linspace(-2, 2, _STEPS)
        rows = np.split(draw(moved), len(z))
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
        grid = base64.b64encode(encode_png(sheet)).decode()
    return DecodeFactorsResult(picture=base64.b64encode(encode_png(draw(z[None])[0])).decode(), grid=grid)


def _drawing(
    model: FactorModel, below: ImageRecord | None, context: Context
) -> Callable[[NDArray[np.float32]], NDArray[np.uint8]]:
    """Pictures of latents, laid over a photograph if there is one."""
    return model.draw if below is None else partial(model.draw_over, photograph_cut(below, model, context))


def _latents(z: tuple[float, ...], model: FactorModel) -> NDArray[np.float32]:
    if len(z) != model.shape.dimensions:
        raise InvalidInput(
            f"{len(z)} values for model of factors {model.record.id}, which has {model.shape.dimensions} dimensions"
        )
    return np.array(z, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class FactorSeriesConfig:
    """A series of samples along one dimension."""

    label: str = field(metadata={"help": "label of the samples"})
    dimension: int = field(metadata={"help": "the dimension that is moved, from 1; the added ones are the last"})
    image_ids: tuple[int, ...] = field(default=(), metadata={"help": "photographs to start from, each a series"})
    z: tuple[float, ...] = field(
        default=(),
        metadata={"help": "factors to start from: the photograph's own if empty, the middle of all without one"},
    )
    keep_grain: bool = field(
        default=True, metadata={"help": "lay what changes over the photograph; else the model's own smooth pictures"}
    )
    low: float | None = field(
        default=None,
        metadata={
            "help": "value in the first sample; where known parts lie on an added dimension if not given, else 0"
        },
    )
    high: float | None = field(
        default=None,
        metadata={"help": "value in the last sample; if not given 2, on an added one where new parts lie"},
    )
    count: int = field(default=8, metadata={"help": "samples of each series, 1 to 1000"})
    model_id: int | None = field(default=None, metadata={"help": "model of factors; the newest if not given"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not self.label.strip():
            raise InvalidConfig("label: the samples need one; choose a class")
        if len(self.image_ids) > 1 and self.z:
            raise InvalidConfig(f"z for {len(self.image_ids)} photographs: give one, or let each start from its own")
        if self.dimension < 1:
            raise InvalidConfig(f"dimension {self.dimension}: dimensions count from 1")
        if not 1 <= self.count <= 1000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 1000")
        _check((*self.z, self.low or 0.0, self.high or 0.0))


@dataclass(frozen=True, kw_only=True)
class FactorSeriesResult:
    """Ids of the samples, series by series, each from low to high."""

    sample_ids: tuple[int, ...]


def factor_series(config: FactorSeriesConfig, context: Context) -> FactorSeriesResult:
    """Draws and commits series after series; cancelled, what was committed stays.

    NotFound for an unknown photograph or model; InvalidInput for a dimension that the model does not have.
    """
    model = find_factors(context, config.model_id)
    if config.dimension > model.shape.dimensions:
        raise InvalidInput(
            f"dimension {config.dimension}: model of factors {model.record.id} has {model.shape.dimensions}"
        )
    added = config.dimension - 1 - model.shape.dimensions + model.shape.added
    known, new = model.usual[added] if 0 <= added < len(model.usual) else (0.0, 2.0)
    low, high = known if config.low is None else config.low, new if config.high is None else config.high
    projection = context.store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    starts: list[ImageRecord | None] = [context.store.images.get(image_id) for image_id in config.image_ids]
    ids: list[int] = []
    for number, image in enumerate(starts or [None]):
        context.progress(number, len(starts))
        moved = np.repeat(_start(config, image, model, context)[None], config.count, axis=0)
        moved[:, config.dimension - 1] = np.linspace(low, high, config.count)
        ids += context.commit(_records(config, moved, image, model, mapped, context))
    context.progress(len(starts), len(starts))
    return FactorSeriesResult(sample_ids=tuple(ids))


def _start(
    config: FactorSeriesConfig, image: ImageRecord | None, model: FactorModel, context: Context
) -> NDArray[np.float32]:
    if config.z or image is None:
        return _latents(config.z or (0.0,) * model.shape.dimensions, model)
    own, _ = model.read(photograph_cut(image, model, context)[None])
    return np.asarray(own[0])


def _records(
    config: FactorSeriesConfig,
    z: NDArray[np.float32],
    image: ImageRecord | None,
    model: FactorModel,
    mapped: MappedEncoder | None,
    context: Context,
) -> list[SampleRecord]:
    draw = _drawing(model, image if config.keep_grain else None, context)
    drawn = np.stack([draw(one[None])[0] for one in z])
    place = Place(parents=() if image is None else (image,))
    hashes = context.store.files.put_many([encode_png(one) for one in drawn])
    records = [
        SampleRecord(
            sha256=sha256,
            label=config.label,
            method="factors",
            seed=0,
            recipe={
                "method": "factors",
                "label": config.label,
                "dimension": config.dimension,
                "keep_grain": config.keep_grain,
                "z": [float(value) for value in one],
            },
            parents=tuple(parent.sha256 for parent in place.parents),
            group=place.group,
            split=place.split,
            checkpoint_sha256=model.record.sha256,
            job_id=context.job_id,
        )
        for sha256, one in zip(hashes, z, strict=True)
    ]
    return placed(records, list(drawn), [place] * len(records), mapped) if mapped is not None else records


def factor_again(sample: SampleRecord, context: Context) -> bytes:
    """The PNG of a sample of a series. NotFound if its model is not there any more."""
    model = find_factors(context, sha256=sample.checkpoint_sha256)
    below = context.store.images.by_sha256(sample.parents[0]) if sample.parents else None
    draw = _drawing(model, below if sample.recipe.get("keep_grain") else None, context)
    told: Any = sample.recipe["z"]
    return encode_png(draw(np.array([told], dtype=np.float32))[0])
