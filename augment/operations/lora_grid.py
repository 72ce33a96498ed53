"""Trainings of one LoRA with more or fewer photographs and good parts, side by side at each number of steps.

The grid of Chowa Giken (2024), from which one sees what decides: the first eight samples of each, never picked, with
their loss and copies beside them, on one sheet. Resumed, what was trained is not trained again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from augment.errors import InvalidConfig
from augment.images import decode, encode_png
from augment.notices import Notice
from augment.operations.context import Context, Previews, Progress
from augment.operations.lora_photographs import TrainLoraConfig, choose_photographs
from augment.operations.redraw_models import find_checkpoint
from augment.operations.train_lora import taught

__all__ = ["GridRow", "LoraGridConfig", "LoraGridResult", "lora_grid"]

_MARGIN_PX = 190


@dataclass(frozen=True, kw_only=True)
class LoraGridConfig(TrainLoraConfig):
    """A training, and the numbers to vary; a file is looked at every `preview_every` crops."""

    instances: tuple[int, ...] = field(default=(10, 20), metadata={"help": "photographs with the defect, each in turn"})
    regularisation: tuple[int, ...] = field(
        default=(0, 10, 100), metadata={"help": "good parts beside them, each in turn"}
    )
    sheet: str = field(default="", metadata={"help": "where to write the contact sheet, a PNG; else beside the job"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not self.instances or min(self.instances) < 1 or not self.regularisation or min(self.regularisation) < 0:
            raise InvalidConfig(
                f"instances {self.instances}, regularisation {self.regularisation}: one or more numbers each, "
                "from 1 and from 0"
            )


@dataclass(frozen=True, kw_only=True)
class GridRow:
    """One row of the sheet. copied: share of its eight samples that repeat a photograph."""

    instances: int
    regularisation: int
    steps: int
    held_out_loss: float | None
    copied: float
    alarm: bool


@dataclass(frozen=True, kw_only=True)
class LoraGridResult:
    """Where the sheet is, and its rows from top to bottom."""

    sheet: str
    rows: tuple[GridRow, ...]
    notes: tuple[Notice, ...] = ()


def lora_grid(config: LoraGridConfig, context: Context) -> LoraGridResult:
    """Trains each pair of numbers from the beginning; commits nothing. Raises what `train_lora` does."""
    most = replace(config, regularisation_images=max(config.regularisation))
    chosen = choose_photographs(most, context.store, find_checkpoint(config.base))
    pairs = [
        (few, good)
        for few in _numbers(config.instances, len(chosen.defect))
        for good in _numbers(config.regularisation, len(chosen.good))
    ]
    rows: list[GridRow] = []
    pictures: list[NDArray[np.uint8]] = []
    for number, (few, good) in enumerate(pairs):
        folder = context.job_folder / f"{few}-{good}"
        folder.mkdir(exist_ok=True)
        progress = _Part(context.progress, number, len(pairs), folder)
        some = replace(chosen, defect=chosen.defect[:few], good=chosen.good[:good])
        # All are looked at in the same places, whatever they learn from.
        watch, _ = taught(config, some, replace(context, job_folder=folder, progress=progress), places=chosen)
        for kept in watch.kept:
            figures = kept.figures
            rows.append(
                GridRow(
                    instances=few,
                    regularisation=good,
                    steps=kept.images_seen // config.batch_size,
                    held_out_loss=figures.get("held_out_loss"),
                    copied=figures["copied"],
                    alarm=kept.alarm,
                )
            )
            pictures.append(decode((folder / f"samples-{kept.images_seen:06d}.png").read_bytes()).pixels)
    target = Path(config.sheet).expanduser() if config.sheet else context.job_folder / "sheet.png"
    target.write_bytes(encode_png(_sheet(rows, pictures)))
    return LoraGridResult(sheet=str(target), rows=tuple(rows), notes=chosen.notes)


def _numbers(asked: Sequence[int], there: int) -> list[int]:
    """Each once, and none above what is there."""
    return sorted({min(one, there) for one in asked})


class _Part(Progress):
    """The progress of one training among several; its previews also stay in its folder, for the sheet."""

    def __init__(self, whole: Progress, number: int, count: int, folder: Path) -> None:
        self._whole, self._number, self._count, self._folder = whole, number, count, folder

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        for name, png in (previews or {}).items():
            (self._folder / name).write_bytes(png)
        named = {f"{self._folder.name}-{name}": png for name, png in (previews or {}).items()}
        self._whole(self._number * total + step, self._count * total, metrics, named)

    def check(self) -> None:
        self._whole.check()


def _sheet(rows: Sequence[GridRow], pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(rows * side, margin + 8 * side, 3) uint8: each row's samples, its numbers before them."""
    side, width = pictures[0].shape[0], pictures[0].shape[1]
    sheet = Image.new("RGB", (_MARGIN_PX + width, side * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
        loss = "" if row.held_out_loss is None else f"\nheld-out loss {row.held_out_loss:.4f}"
        copied = f"\ncopied {100 * row.copied:.0f} %{', alarm' if row.alarm else ''}"
        words = f"{row.instances} defects, {row.regularisation} good\n{row.steps} steps{loss}{copied}"
        draw.multiline_text((8, number * side + 8), words, fill="black", font=ImageFont.load_default(14), spacing=5)
        sheet.paste(Image.fromarray(picture), (_MARGIN_PX, number * side))
    return np.asarray(sheet)
