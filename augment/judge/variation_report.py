"""What an evaluation of variations found, as dataclasses that become JSON, and as Markdown tables.

It knows numbers and names; not how they were found. A number that could not be had is None and printed as "too few".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from augment.judge.manifold import Manifold
from augment.judge.metrics import Interval

__all__ = ["CutmixFigures", "Likeness", "SetFigures", "VariationReport", "markdown"]

_FEW = "too few"


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Mean SSIM of results to their photograph, and of results of one photograph to each other."""

    name: str
    to_source: float
    among: float | None


@dataclass(frozen=True, kw_only=True)
class CutmixFigures:
    """Medians over pairs: the seam's strength hard and harmonised, beside that of real pictures at the same place; and
    the SSIM of both halves with what they were."""

    pairs: int
    seam_hard: float
    seam_after: float
    seam_real: float
    kept_left: float
    kept_right: float


@dataclass(frozen=True, kw_only=True)
class SetFigures:
    """A set of images beside as many real training images. kernel: KID."""

    name: str
    images: int
    kernel: Interval | None
    manifold: Manifold | None


@dataclass(frozen=True, kw_only=True)
class VariationReport:
    """All that was found. photographs: how many were varied, from the splits that no generator has seen."""

    photographs: int
    sampler: str
    encoder: str
    likeness: Sequence[Likeness]
    cutmix: CutmixFigures
    sets: Sequence[SetFigures]
    notes: Sequence[str]


def markdown(report: VariationReport) -> str:
    """A table of each kind that there is, and the notes."""
    lines = [
        f"{report.photographs} photographs that no generator has seen, {report.sampler}.",
        "",
        "| SSIM | to the photograph | of its results to each other |",
        "|---|---|---|",
        *(_likeness_row(one) for one in report.likeness),
        "",
        f"| CutMix of {report.cutmix.pairs} pairs | seam | SSIM of the left half | SSIM of the right half |",
        "|---|---|---|---|",
        f"| hard | {report.cutmix.seam_hard:.2f} | 1 | 1 |",
        f"| noised and denoised | {report.cutmix.seam_after:.2f} | {report.cutmix.kept_left:.3f} | "
        f"{report.cutmix.kept_right:.3f} |",
        f"| real, the same place | {report.cutmix.seam_real:.2f} | | |",
        "",
    ]
    if report.sets:
        lines += [
            "| set | images | KID | precision | coverage |",
            "|---|---|---|---|---|",
            *(_set_row(one) for one in report.sets),
            "",
            f"Features of {report.encoder}; against as many real training images.",
        ]
    return "\n".join([*lines, *report.notes, ""])


def _likeness_row(one: Likeness) -> str:
    among = "" if one.among is None else f"{one.among:.3f}"
    return f"| {one.name} | {one.to_source:.3f} | {among} |"


def _set_row(one: SetFigures) -> str:
    kernel = _FEW if one.kernel is None else f"{one.kernel.value:.4f} ({one.kernel.low:.4f} to {one.kernel.high:.4f})"
    shares = (None, None) if one.manifold is None else (one.manifold.precision, one.manifold.coverage)
    return f"| {one.name} | {one.images} | {kernel} | {' | '.join(_said(share) for share in shares)} |"


def _said(value: float | None) -> str:
    return _FEW if value is None else f"{value:.3f}"
