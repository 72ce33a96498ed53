"""Evaluate control: whether samples asked for at a reference image resemble it and bear its label (the published
experiment of Hayata 2025, judged by numbers), and how near sets of samples come to the real images.

Judges are trained on real images alone and share nothing with the encoder that generators are conditioned on. Nothing
is written to the database; the report with its tables and figures goes into a folder. Imports torch only when it runs.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig, SamplerName
from augment.errors import InvalidConfig, NotReady
from augment.images import encode_png
from augment.judge.control import Verdicts
from augment.judge.figure import ReferenceSamples, reference_sheet, side_by_side
from augment.judge.report import ConditionReport, ControlReport, SetNumbers, SetTable, markdown
from augment.operations.aside import report_folder, written_aside
from augment.operations.configs import to_json
from augment.operations.context import Context
from augment.operations.control_numbers import (
    References,
    ceiling,
    read_references,
    set_numbers,
    set_table,
    verdicts,
)
from augment.operations.control_samples import Asked, ConditionName, Drawing, choose_references, find_conditions
from augment.operations.embedding import staged
from augment.operations.judges import Judges, find_judges
from augment.operations.places import MappedEncoder
from augment.operations.views import current_view
from augment.store import ImageRecord, Store
from augment.views import View

__all__ = ["EvaluateControlConfig", "EvaluateControlResult", "evaluate_control"]

_JUDGED = 300  # thousandths of the whole when the judges are there
_TABLE_SEED = 1_000_000  # seeds of the table's samples begin here, apart from those of the references


@dataclass(frozen=True, kw_only=True)
class EvaluateControlConfig:
    """Which generators are asked for what, how many samples, and who judges."""

    model_id: int | None = field(default=None, metadata={"help": "generator to judge; the newest if not given"})
    label_model_id: int | None = field(
        default=None, metadata={"help": "another generator for the condition label; else the same, positions forgotten"}
    )
    position_model_id: int | None = field(
        default=None, metadata={"help": "another generator for the condition position; else the same, labels forgotten"}
    )
    conditions: tuple[ConditionName, ...] = field(
        default=("label", "label+position", "position"), metadata={"help": "what is asked for, each judged by itself"}
    )
    references: int = field(default=2, metadata={"help": "reference images of each label, 2 to 10"})
    samples: int = field(default=10, metadata={"help": "samples at each reference, 1 to 1000"})
    references_from: Literal["train", "validation"] = field(
        default="train", metadata={"help": "split of the references; validation: images that no generator has seen"}
    )
    table_samples: int = field(
        default=1000,
        metadata={
            "help": "samples of each condition for FD, IS and KID, at most the training images; 0 leaves them out"
        },
    )
    steps: int = field(default=12, metadata={"help": "noise levels visited, 12 to 20 are usual"})
    sampler: SamplerName = field(default="dpmpp_2m", metadata={"help": "dpmpp_2m, heun or ancestral"})
    label_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the label"})
    position_guidance: float = field(default=1.0, metadata={"help": "above 1 exaggerates the position"})
    steering: float = field(
        default=1.0, metadata={"help": "how strongly samples are pulled to the place while they are drawn; 0 for none"}
    )
    encoder: str = field(
        default="builtin", metadata={"help": "judge of likeness: builtin (trained here) or timm:NAME_OR_FOLDER"}
    )
    judge_images: int = field(
        default=16_000, metadata={"help": "training images shown to each judge, once for a workspace"}
    )
    seed: int = field(default=0, metadata={"help": "chooses the references and the noise of every sample"})
    folder: str = field(
        default="", metadata={"help": "a new folder for the report; exports/evaluate-control-N if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        ranges = {
            "references": (2, 10),
            "samples": (1, 1000),
            "table_samples": (0, 100_000),
            "label_guidance": (0, 20),
            "position_guidance": (0, 20),
            "steering": (0, 2),
            "judge_images": (1, 100_000_000),
            "seed": (0, 2**32 - 1),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidConfig(f"{name} {getattr(self, name)}: {low} to {high} is possible")
        known = ("label", "label+position", "position")
        if not self.conditions or any(condition not in known for condition in self.conditions):
            raise InvalidConfig(f"conditions {' '.join(self.conditions)!r}: one or more of {', '.join(known)}")
        if len(set(self.conditions)) < len(self.conditions):
            raise InvalidConfig(f"conditions {' '.join(self.conditions)!r}: each once")
        if self.references_from not in ("train", "validation"):
            raise InvalidConfig(f"references_from {self.references_from!r}: choose train or validation")
        if self.encoder != "builtin" and not (self.encoder.startswith("timm:") and self.encoder[5:]):
            raise InvalidConfig(f"encoder {self.encoder!r}: builtin or timm:NAME_OR_FOLDER is possible")
        SamplerConfig(sampler=self.sampler, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class EvaluateControlResult:
    """The report as numbers and as Markdown, and the folder with both and the figures."""

    folder: str
    report: ControlReport
    markdown: str
    seconds: float


def evaluate_control(config: EvaluateControlConfig, context: Context) -> EvaluateControlResult:
    """Judge control and quality, and write control.json, control.md, control.png and a figure for each condition.

    Raises:
        NotReady: no map, generator or training images, or no label with enough images.
        InvalidInput: a generator of another map or view, a folder in use, one label only.
        NotFound: no such model. Cancelled: told to stop; judges and samples that are done are kept for a resumed job.
    """
    from augment.judge.classifier import JudgeConfig

    began = time.monotonic()
    store = context.store
    target = report_folder(store.workspace, "evaluate-control", config.folder)
    view, projection = current_view(store), store.projections.latest()
    if projection is None:
        raise NotReady("this workspace has no map: build it first (embed), then train a generator on it")
    mapped = MappedEncoder.load(context, projection)
    models = {"label": config.label_model_id, "position": config.position_model_id}
    asked, notes = find_conditions(
        {name: models.get(name) or config.model_id for name in config.conditions}, mapped, view, context
    )
    on_map = {int(image_id) for image_id in mapped.atlas.image_ids}
    pool = [image for image in store.images.list(split=config.references_from) if image.id in on_map]
    chosen, left_out = choose_references(pool, config.references, asked, config.seed)
    judging = JudgeConfig(images_seen=config.judge_images)
    judges = find_judges(config.encoder, judging, view, projection.encoder_id, staged(context, 0, _JUDGED))
    notes += [*left_out, *_remarks(config, judges)]
    references = read_references([image for images in chosen.values() for image in images], judges, view, context)
    rows = _training_rows(config, on_map, asked, store)
    total = len(asked) * (len(references.images) * config.samples + len(rows))
    drawing = Drawing(_recipe(config), mapped, total, staged(context, _JUDGED, 990 - _JUDGED))
    found, reports = _judge_references(config, asked, references, judges, mapped, drawing)
    report = ControlReport(
        encoder=judges.encoder_name.text,
        classifier=judges.classifier_name,
        references_from=config.references_from,
        references={label: [image.id or 0 for image in images] for label, images in chosen.items()},
        samples=config.samples,
        conditions=reports,
        ceiling=ceiling(references, judges, view, context),
        table=_judge_sets(config, asked, rows, judges, mapped, drawing, view, context) if rows else None,
        notes=notes,
    )
    _write(target, report, _figures(references, found, config.samples))
    context.progress(1000, 1000)
    shutil.rmtree(context.job_folder / "drawn", ignore_errors=True)
    return EvaluateControlResult(
        folder=str(target), report=report, markdown=markdown(report), seconds=time.monotonic() - began
    )


def _remarks(config: EvaluateControlConfig, judges: Judges) -> list[str]:
    """What a reader must know of these settings."""
    remarks = []
    if config.references_from == "train":
        remarks.append(
            "references are training images: a sample asked for at a training image's own place is expected near it, "
            "and what is counted as a copy says less than for references from validation; the judges were trained on "
            "them and on the other photographs of their parts"
        )
    else:
        remarks.append("references are validation images: no generator, judge or map was fitted on them")
    if config.table_samples > len(judges.training.images):
        remarks.append(f"sets hold {len(judges.training.images)} samples, as many as there are training images")
    return remarks


def _recipe(config: EvaluateControlConfig) -> dict[str, float | str]:
    return {
        "steps": config.steps,
        "sampler": config.sampler,
        "label_guidance": config.label_guidance,
        "position_guidance": config.position_guidance,
        "steering": config.steering,
    }


def _training_rows(
    config: EvaluateControlConfig, on_map: set[int], asked: Sequence[Asked], store: Store
) -> list[ImageRecord]:
    """Training images whose labels and positions are asked for, each once, drawn by the seed."""
    images = [
        image
        for image in store.images.list(split="train")
        if image.id in on_map and all(one.knows(image.label) for one in asked)
    ]
    order = np.random.default_rng(config.seed).permutation(len(images))
    return [images[row] for row in order[: config.table_samples]]


def _seeds(config: EvaluateControlConfig, first: int, count: int) -> range:
    """The same for every condition, so that these differ by what was asked for alone."""
    start = config.seed * 10 * _TABLE_SEED + first
    return range(start, start + count)


def _judge_references(
    config: EvaluateControlConfig,
    asked: Sequence[Asked],
    references: References,
    judges: Judges,
    mapped: MappedEncoder,
    drawing: Drawing,
) -> tuple[dict[str, tuple[NDArray[np.uint8], Verdicts]], list[ConditionReport]]:
    """Samples and verdicts of each condition, and the numbers."""
    sample_of = np.repeat(np.arange(len(references.images)), config.samples)
    images = [image for image in references.images for _ in range(config.samples)]
    found: dict[str, tuple[NDArray[np.uint8], Verdicts]] = {}
    reports = []
    for one in asked:
        samples = drawing.draw(one, images, _seeds(config, 0, len(images)))
        verdict = verdicts(samples, sample_of, references, judges, mapped)
        found[one.condition] = samples, verdict
        index = references.index[sample_of]
        reports.append(
            ConditionReport(
                condition=one.condition,
                model_id=one.generator.record.id or 0,
                whole=verdict.numbers(),
                per_label={judges.labels[label]: verdict.numbers(index == label) for label in np.unique(index)},
            )
        )
    return found, reports


def _judge_sets(
    config: EvaluateControlConfig,
    asked: Sequence[Asked],
    rows: Sequence[ImageRecord],
    judges: Judges,
    mapped: MappedEncoder,
    drawing: Drawing,
    view: View,
    context: Context,
) -> SetTable:
    """FD, KID and IS of each condition's set, beside real images."""
    floor_images = min(len(rows), len(judges.features) // 2)
    sets: dict[str, SetNumbers] = {}
    for one in asked:
        samples = drawing.draw(one, rows, _seeds(config, _TABLE_SEED, len(rows)))
        sets[one.condition] = set_numbers(samples, rows, judges, mapped, floor_images, config.seed)
    return set_table(sets, judges, view, floor_images, config.seed, context)


def _figures(
    references: References, found: dict[str, tuple[NDArray[np.uint8], Verdicts]], samples: int
) -> dict[str, NDArray[np.uint8]]:
    """A sheet for each condition, and all of them side by side, by file name."""
    sheets = {}
    for condition, (images, verdict) in found.items():
        parts = [slice(row * samples, (row + 1) * samples) for row in range(len(references.images))]
        sheets[condition] = reference_sheet(
            condition,
            [
                ReferenceSamples(
                    label=image.label,
                    reference=cut,
                    samples=images[part],
                    nearer=verdict.nearer[part],
                    labelled=verdict.labelled[part],
                )
                for image, cut, part in zip(references.images, references.cuts, parts, strict=True)
            ],
        )
    return {"control.png": side_by_side([*sheets.values()])} | {
        f"control-{condition.replace('+', '-')}.png": sheet for condition, sheet in sheets.items()
    }


def _write(target: Path, report: ControlReport, figures: dict[str, NDArray[np.uint8]]) -> None:
    """All files, or nothing. WorkspaceError where they cannot be written."""
    with written_aside(target) as aside:
        (aside / "control.json").write_text(json.dumps(to_json(report), indent=1, ensure_ascii=False), encoding="utf-8")
        (aside / "control.md").write_text(markdown(report), encoding="utf-8")
        for name, pixels in figures.items():
            (aside / name).write_bytes(encode_png(pixels))
