"""Evaluate samples: how near the workspace's samples come to its real training images, by set and by label.

Judged by an encoder that shares nothing with the map that generators are conditioned on. Nothing is written to the
database; the report goes into a folder. Imports torch only when it runs.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from augment.errors import InvalidConfig, NotReady
from augment.judge.sample_report import LPIPS, LPIPS_FILE, Figures, SampleReport, SetFigures, markdown
from augment.notices import Notice, notice
from augment.operations.aside import report_folder, written_aside
from augment.operations.configs import to_json
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.judges import find_encoder_judge
from augment.operations.members import Members
from augment.operations.sample_sets import Pool, SampleSet, find_sets, measure_set
from augment.operations.views import current_view

__all__ = ["EvaluateSamplesConfig", "EvaluateSamplesResult", "evaluate_samples"]

_JUDGED, _READ = 500, 700  # thousandths of the whole when the judges are there, and when all is encoded


@dataclass(frozen=True, kw_only=True)
class EvaluateSamplesConfig:
    """Who judges, and how long a judge is trained."""

    encoder: str = field(
        default="builtin", metadata={"help": "judge of likeness: builtin (trained here) or timm:NAME_OR_FOLDER"}
    )
    judge_images: int = field(
        default=16_000, metadata={"help": "training images shown to each judge, once for a workspace"}
    )
    seed: int = field(default=0, metadata={"help": "splits the real images and draws equal numbers"})
    folder: str = field(
        default="", metadata={"help": "a new folder for the report; exports/evaluate-samples-N if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if self.encoder != "builtin" and not (self.encoder.startswith("timm:") and self.encoder[5:]):
            raise InvalidConfig(f"encoder {self.encoder!r}: builtin or timm:NAME_OR_FOLDER is possible")
        if not 1 <= self.judge_images <= 100_000_000:
            raise InvalidConfig(f"judge_images {self.judge_images}: 1 to 100000000 is possible")
        if not 0 <= self.seed < 2**32:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**32 - 1} is possible")


@dataclass(frozen=True, kw_only=True)
class EvaluateSamplesResult:
    """The report as numbers and as Markdown, and the folder with both."""

    folder: str
    report: SampleReport
    markdown: str
    seconds: float


def evaluate_samples(config: EvaluateSamplesConfig, context: Context) -> EvaluateSamplesResult:
    """Measures every set of samples; writes samples.json and samples.md.

    Raises:
        NotReady: no samples or no training images. InvalidInput: a folder in use, or the judge is the map's own
        encoder. NotFound: no such model. Cancelled: told to stop; a judge that is trained is kept.
    """
    from augment.judge.classifier import JudgeConfig

    began = time.monotonic()
    store = context.store
    target = report_folder(store.workspace, "evaluate-samples", config.folder)
    members = Members.of(store)
    samples, sets, left_out = find_sets(store, members)
    if not samples:
        raise NotReady("there are no samples of training parts to measure: generate some first")
    view, projection = current_view(store), store.projections.latest()
    judge = find_encoder_judge(
        config.encoder,
        JudgeConfig(images_seen=config.judge_images),
        view,
        0 if projection is None else projection.encoder_id,
        staged(context, 0, _JUDGED),
    )
    pool = Pool.read(samples, members.images, judge, view, staged(context, _JUDGED, _READ - _JUDGED))
    report = SampleReport(
        encoder=judge.encoder_name,
        lpips="" if pool.lpips is None else LPIPS,
        real_images=len(members.images),
        real_parts=len({image.group for image in members.images}),
        sets=_measured(sets, pool, judge.labels, config.seed, staged(context, _READ, 1000 - _READ)),
        notes=[*left_out, *_remarks(pool)],
    )
    told = markdown(report)
    with written_aside(target) as aside:
        (aside / "samples.json").write_text(json.dumps(to_json(report), indent=1, ensure_ascii=False), encoding="utf-8")
        (aside / "samples.md").write_text(told, encoding="utf-8")
    context.progress(1000, 1000)
    return EvaluateSamplesResult(folder=str(target), report=report, markdown=told, seconds=time.monotonic() - began)


def _measured(
    sets: Sequence[SampleSet], pool: Pool, labels: Sequence[str], seed: int, context: Context
) -> list[SetFigures]:
    """The figures of all sets, of all labels together and of each label that a set has."""
    asked = [(one, label) for one in sets for label in (None, *np.unique(pool.samples.label[one.rows]))]
    found: dict[str, dict[int | None, Figures]] = {one.name: {} for one in sets}
    # Thousands of matrices of some hundred rows: each is done before a second core has been told of it.
    with threadpool_limits(limits=1):
        for step, (one, label) in enumerate(asked):
            context.progress(step, len(asked))
            found[one.name][label] = measure_set(one, pool, label, seed)
    return [
        SetFigures(
            name=one.name,
            kind=one.kind,
            samples=len(one.rows),
            whole=found[one.name].pop(None),
            per_label={labels[label]: figures for label, figures in found[one.name].items() if label is not None},
        )
        for one in sets
    ]


def _remarks(pool: Pool) -> list[Notice]:
    """What a reader must know of these numbers."""
    remarks = [
        notice("metrics_of_training"),
        notice("metrics_nearer"),
        notice("metrics_matched"),
        notice("metrics_shift"),
    ]
    if pool.lpips is None:
        remarks.append(notice("lpips_absent", file=LPIPS_FILE))
    return remarks
