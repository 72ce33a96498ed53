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
    low: float = field(default=-1.0, metadata={"help": "the slider without the new thing, -5 to 5"})
    high: float = field(default=1.0, metadata={"help": "the slider with it, -5 to 5"})
    folder: str = field(
        default="", metadata={"help": "a new folder for the figures; exports/evaluate-slider-N if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        for name in ("low", "high"):
            if not -5 <= getattr(self, name) <= 5:
                raise InvalidConfig(f"{name} {getattr(self, name):g}: allowed -5 to 5; most latents lie within 2")
        if self.low == self.high:
            raise InvalidConfig(f"low and high are both {self.low:g}: a slider that does not move changes nothing")


@dataclass(frozen=True, kw_only=True)
class EvaluateSliderResult:
    """The figures, and the folder with slider.json and slider.png."""

    folder: str
    figures: SliderFigures


def evaluate_slider(config: EvaluateSliderConfig, context: Context) -> EvaluateSliderResult:
    """Moves the added dimension of unseen photographs with masks, and measures what changed.

    InvalidInput for a teacher, or a model of another view; NotReady where no such photograph has a mask; NotFound for
    an unknown model.
    """
    model = find_factors(context, config.model_id)
    if not model.shape.added:
        raise InvalidInput(f"model of factors {model.record.id} is a teacher, without added dimensions: name a student")
    target = report_folder(context.store.workspace, "evaluate-slider", config.folder)
    label = config.label or str(model.record.config["label"])
    cuts, masks = _photographs(label, model, context)
    context.progress(1, 3)
    z, _ = model.read(cuts)
    without, with_it = (model.draw(_with_added(z, model, value)) for value in (config.low, config.high))
    read = model.read(without)[0], model.read(with_it)[0]
    moved, added = config.high - config.low, model.shape.added
    figures = slider_figures((without, with_it), read, masks, added=added, moved=moved)
    context.progress(2, 3)
    changed = np.abs(with_it.astype(np.int16) - without).max(axis=3, keepdims=True).astype(np.uint8)
    shown = slice(_SHOWN)
    rows = [
        (f"{label}, not seen in training", cuts[shown]),
        (f"the added slider at {config.low:g}", without[shown]),
        (f"at {config.high:g}", with_it[shown]),
        ("what changed", changed[shown]),
        ("the mask", masks[shown, :, :, None] * np.uint8(255)),
    ]
    with written_aside(target) as aside:
        (aside / "slider.json").write_text(json.dumps(asdict(figures), indent=1), encoding="utf-8")
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


def _with_added(z: NDArray[np.float32], model: FactorModel, value: float) -> NDArray[np.float32]:
    moved = z.copy()
    moved[:, -model.shape.added :] = value
    return moved
