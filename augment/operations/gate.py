"""Measures every sample by every gate, what it is worth to a classifier, and the limits that real images set.

The judges are trained once for a training split and kept. Imports torch only when it runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from augment.errors import InvalidConfig, NotReady
from augment.judge.gates import GATES, outcomes
from augment.judge.value import VALUE
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.gate_limits import gate_basis, limits_in_force, write_limits
from augment.operations.views import current_view
from augment.store import CONTROL, GateRecord, SampleRecord

__all__ = ["GateConfig", "GateResult", "GateRow", "gate"]

_MOST_USEFUL = 10
_JUDGED = 700
"""Thousandths of the whole that training the judges takes, at the first run."""


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """Who judges realism, and how long judges are trained."""

    encoder: str = field(
        default="builtin", metadata={"help": "judge of realism: builtin (trained here) or timm:NAME_OR_FOLDER"}
    )
    judge_images: int = field(
        default=16_000, metadata={"help": "training images shown to each judge, once for a workspace"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if self.encoder != "builtin" and not (self.encoder.startswith("timm:") and self.encoder[5:]):
            raise InvalidConfig(f"encoder {self.encoder!r}: builtin or timm:NAME_OR_FOLDER is possible")
        if not 1 <= self.judge_images <= 100_000_000:
            raise InvalidConfig(f"judge_images {self.judge_images}: 1 to 100000000 is possible")


@dataclass(frozen=True, kw_only=True)
class GateRow:
    """One gate: its limit, how many samples it has a number for, and how many of them fail."""

    gate: str
    limit: float
    measured: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """samples: how many there are; passed: how many pass every gate that has a number for them. most_useful: ids of
    those that pass and are worth the most to a classifier, the best first, at most 10."""

    samples: int
    passed: int
    most_useful: tuple[int, ...]
    rows: tuple[GateRow, ...]
    notes: tuple[str, ...]
    markdown: str


def gate(config: GateConfig, context: Context) -> GateResult:
    """Measures all samples; decides nothing about any. Controls are measured too, so that no filter tells them from
    samples, and not counted.

    Raises:
        NotReady: no samples, or a training split that no classifier can be trained on. NotFound: no such model.
        Cancelled: told to stop; judges that are trained are kept.
    """
    from augment.judge.classifier import JudgeConfig
    from augment.operations.fold_judges import find_fold_judges
    from augment.operations.gate_numbers import RealImages, measure
    from augment.operations.generators import load_map
    from augment.operations.judges import find_encoder_judge

    store = context.store
    samples, controls = (
        [one for one in store.samples.list() if one.method != CONTROL],
        store.samples.list(method=CONTROL),
    )
    if not samples:
        raise NotReady("there are no samples to measure: generate some first")
    view, projection, judging = (
        current_view(store),
        store.projections.latest(),
        JudgeConfig(images_seen=config.judge_images),
    )
    map_encoder_id = 0 if projection is None else projection.encoder_id
    folds = find_fold_judges(judging, view, staged(context, 0, _JUDGED // 2))
    stage = staged(context, _JUDGED // 2, _JUDGED // 2)
    judge = find_encoder_judge(config.encoder, judging, view, map_encoder_id, stage)
    atlas = None if projection is None else load_map(context, projection)
    real = RealImages.read(judge, folds, atlas, context)
    basis = gate_basis(store, view, judging, config.encoder, projection)
    everything = [*samples, *controls]
    numbers = measure(everything, real, judge, folds, view, staged(context, _JUDGED, 1000 - _JUDGED))
    write_limits(store, basis, real.limits)
    context.commit(
        [
            GateRecord(sample_id=sample.id or 0, numbers=one, basis=basis)
            for sample, one in zip(everything, numbers, strict=True)
        ]
    )
    limits = limits_in_force(store, basis)
    return _result(samples, numbers[: len(samples)], limits, folds.notes)


def _result(
    samples: Sequence[SampleRecord],
    numbers: Sequence[dict[str, float]],
    limits: Mapping[str, float],
    notes: tuple[str, ...],
) -> GateResult:
    said = [outcomes(one, limits) for one in numbers]
    rows = tuple(
        GateRow(
            gate=name,
            limit=limits[name],
            measured=sum(one.gate == name for outcome in said for one in outcome),
            failed=sum(one.gate == name and not one.passed for outcome in said for one in outcome),
        )
        for name in GATES
        if name in limits
    )
    passing = [row for row, outcome in enumerate(said) if all(one.passed for one in outcome)]
    worth = sorted((row for row in passing if VALUE in numbers[row]), key=lambda row: -numbers[row][VALUE])
    useful = tuple(samples[row].id or 0 for row in worth[:_MOST_USEFUL])
    return GateResult(
        samples=len(samples),
        passed=len(passing),
        most_useful=useful,
        rows=rows,
        notes=notes,
        markdown=_table(len(samples), len(passing), useful, rows),
    )


def _table(samples: int, passed: int, useful: tuple[int, ...], rows: tuple[GateRow, ...]) -> str:
    lines = ["| gate | limit | measured | fail |", "|---|---|---|---|"]
    lines += [f"| {row.gate} | {row.limit:.3g} | {row.measured} | {row.failed} |" for row in rows]
    lines += ["", f"{passed} of {samples} samples pass every gate."]
    if useful:
        lines.append(f"Worth the most to a classifier, of these: {', '.join(map(str, useful))}.")
    return "\n".join([*lines, ""])
