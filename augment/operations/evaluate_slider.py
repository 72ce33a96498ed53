"""Evaluate a slider: what an added dimension of factors changes on photographs that it has not seen, and where.

The published study asks whether the new factor lies on the added dimension alone, of sprites whose factors are known.
Of photographs only the place of a defect is known: its mask. Nothing is written to the database; the figures go into a
folder. Imports torch only when it runs.
"""

import json
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, InvalidInput, NotReady
from augment.images import encode_png
from augment.judge.figure import captioned_rows
from augment.judge.slider import SliderFigures, slider_figures
from augment.operations.aside import report_folder, written_aside
from augment.operations.context import Context
from augment.operations.factors import FactorModel, find_factors, photograph_cut
from augment.operations.views import current_view, load_mask
from augment.store import ImageRecord, Split

__all__ = ["EvaluateSliderConfig", "EvaluateSliderResult", "evaluate_slider"]

_UNSEEN: tuple[Split, ...] = ("validation", "test")
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class EvaluateSliderConfig:
    """Which model, how far its slider is moved, and on which photographs."""

    model_id: int | None = field(default=None, metadata={"help": "student of factors; the newest model if not given"})
    label: str = field(
        default="", metadata={"help": "class of the photographs; the one that the student learned if empty"}
    )
    low: float | None = field(
        default=None, metadata={"help": "the slider without the new thing, -5 to 5; where known parts lie if not given"}
    )
    high: float | None = field(
        default=None, metadata={"help": "the slider with it, -5 to 5; where new ones lie if not given"}
    )
    folder: str = field(
        default="", metadata={"help": "a new folder for the figures; exports/evaluate-slider-N if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        for name in ("low", "high"):
            value = getattr(self, name)
            if value is not None and not -5 <= value <= 5:
                raise InvalidConfig(f"{name} {value:g}: allowed -5 to 5; most latents lie within 2")
        if self.low is not None and self.low == self.high:
            raise InvalidConfig(f"low and high are both {self.low:g}: a slider that does not move changes nothing")


@dataclass(frozen=True, kw_only=True)
class EvaluateSliderResult:
    """The figures, and the folder with slider.json and slider.png."""

    folder: str
    figures: SliderFigures


def evaluate_slider(config: EvaluateSliderConfig, context: Context) -> EvaluateSliderResult:
    """Moves the added dimension of unseen photographs with masks, and measures what changed.

    InvalidInput for a teacher, a student that tells nothing apart, or a model of another view; NotReady where no such
    photograph has a mask; NotFound for an unknown model.
    """
    model = find_factors(context, config.model_id)
    if not model.shape.added:
        raise InvalidInput(f"model of factors {model.record.id} is a teacher, without added dimensions: name a student")
    target = report_folder(context.store.workspace, "evaluate-slider", config.folder)
    label = config.label or str(model.record.config["label"])
    cuts, masks = _photographs(label, model, context)
    context.progress(1, 3)
    z, _ = model.read(cuts)
    usual = np.array(model.usual)
    low = usual[:, 0] if config.low is None else np.full(model.shape.added, config.low)
    high = usual[:, 1] if config.high is None else np.full(model.shape.added, config.high)
    if (low == high).any():
        raise InvalidInput(
            f"the added slider lies at {_told(low)} for known and new parts alike: train the student longer"
        )
    without, with_it = (model.draw(_with_added(z, value)) for value in (low, high))
    read = model.read(without)[0], model.read(with_it)[0]
    figures = slider_figures((without, with_it), read, masks, low, high)
    context.progress(2, 3)
    changed = np.abs(with_it.astype(np.int16) - without).max(axis=3, keepdims=True).astype(np.uint8)
    shown = slice(_SHOWN)
    rows = [
        (f"{label}, not seen in training", cuts[shown]),
        (f"the added slider at {_told(low)}", without[shown]),
        (f"at {_told(high)}", with_it[shown]),
        ("what changed", changed[shown]),
        ("the mask", masks[shown, :, :, None] * np.uint8(255)),
    ]
    with written_aside(target) as aside:
        told = {"low": low.tolist(), "high": high.tolist(), **asdict(figures)}
        (aside / "slider.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
        (aside / "slider.png").write_bytes(encode_png(captioned_rows(rows, _SHOWN)))
    context.progress(3, 3)
    return EvaluateSliderResult(folder=str(target), figures=figures)


def _photographs(label: str, model: FactorModel, context: Context) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Cuts (n, side, side, C) outside the training split, and their masks (n, side, side), none of them empty."""
    cuts, masks = [], []
    for split in _UNSEEN:
        for image in context.store.images.list(split=split, label=label):
            mask = _mask_cut(image, context)
            if mask is not None and mask.any() and not mask.all():
                cuts.append(photograph_cut(image, model, context))
                masks.append(mask)
    if not cuts:
        raise NotReady(f"no photograph of {label!r} outside the training split has a mask: draw or import masks")
    return np.stack(cuts), np.stack(masks)


def _mask_cut(image: ImageRecord, context: Context) -> NDArray[np.bool_] | None:
    mask = load_mask(context.store, image)
    if mask is None:
        return None
    levels = mask.astype(np.uint8)[:, :, None] * np.uint8(255)
    cut = current_view(context.store).cut(levels, mask, image.sha256)
    return np.asarray(cut[:, :, 0] > 127)


def _with_added(z: NDArray[np.float32], values: NDArray[np.float64]) -> NDArray[np.float32]:
    moved = z.copy()
    moved[:, -len(values) :] = values
    return moved


def _told(values: NDArray[np.float64]) -> str:
    return " and ".join(f"{value:.2f}" for value in values)
