"""What an evaluation of samples found, as dataclasses that become JSON, and as Markdown tables.

It knows numbers and names; not how they were found. What could not be had is None and printed as "too few".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augment.judge.matched import FEWEST_PARTS, Figure
from augment.judge.metrics import FEWEST, Interval
from augment.notices import Notice

__all__ = ["LPIPS", "LPIPS_FILE", "METRICS", "Figures", "Metric", "SampleReport", "SetFigures", "markdown"]

LPIPS = "LPIPS 0.1 of AlexNet, at 64 px"
LPIPS_FILE = "alexnet-owt-7be5be79.pth"
"""AlexNet as torchvision names it, in the folder `checkpoints` of torch's hub (TORCH_HOME)."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """title: the field's word. better: what is nearer to real images, a "lower" or a "higher" number. scale: what it is
    multiplied by where it is shown. digits: decimals shown."""

    title: str
    better: str
    scale: float = 1.0
    digits: int = 2


METRICS: Mapping[str, Metric] = {
    "kernel": Metric(title="KID x 1000", better="lower", scale=1000.0, digits=0),
    "frechet": Metric(title="FD", better="lower", digits=1),
    "precision": Metric(title="precision", better="higher"),
    "coverage": Metric(title="coverage", better="higher"),
    "diversity": Metric(title="Vendi score", better="higher", digits=1),
    "region": Metric(title="KID x 1000 around masks", better="lower", scale=1000.0, digits=0),
    "lpips": Metric(title="LPIPS within a label", better="higher", digits=3),
}
"""By name, in the order of columns."""

Figures = Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class SetFigures:
    """A set of samples. kind: an "arm" as evaluations of classifiers have it, or a "method". Figures by metric, of all
    labels together and of each; a metric that was not measured is not there."""

    name: str
    kind: str
    samples: int
    whole: Figures
    per_label: Mapping[str, Figures]


@dataclass(frozen=True, kw_only=True)
class SampleReport:
    """encoder: what made the features, in words. lpips: what LPIPS is of; "" where its weights are not here."""

    encoder: Notice
    lpips: str
    real_images: int
    real_parts: int
    sets: Sequence[SetFigures]
    notes: Sequence[Notice]


def markdown(report: SampleReport) -> str:
    """A table of all labels, one of each label that any set has enough of, and the notes."""
    parts = [
        f"Samples beside {report.real_images} real training images of {report.real_parts} parts, in "
        f"{report.encoder.text}. "
        "Each cell: samples (95 % interval); real against real at the same numbers. Real images are split by part into "
        "two halves, samples and one half held against the other, with as many of each label; the mean of 5 splits.",
        _table(report, None),
    ]
    labels = sorted({label for one in report.sets for label, own in one.per_label.items() if _any(own)})
    for label in labels:
        parts += [f"Label {label}:", _table(report, label)]
    parts.append("\n".join(f"- {note.text}" for note in report.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def _any(figures: Figures) -> bool:
    return any(figure.value is not None for figure in figures.values())


def _table(report: SampleReport, label: str | None) -> str:
    shown = [name for name in METRICS if name != "lpips" or report.lpips]
    lines = [["set", "images", *(METRICS[name].title for name in shown)]]
    lines.append(["---"] * len(lines[0]))
    for one in report.sets:
        figures = one.whole if label is None else one.per_label.get(label, {})
        if not figures:
            continue
        images = f"{figures['kernel'].images} a side"
        lines.append([one.name, images, *(_cell(figures.get(name), METRICS[name]) for name in shown)])
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _cell(figure: Figure | None, metric: Metric) -> str:
    if figure is None:
        return "no masks"
    if figure.value is None:
        if figure.images < FEWEST:
            return f"too few ({figure.images} of {FEWEST})"
        return f"too few parts ({figure.parts} of {FEWEST_PARTS})"
    floor = "too few for real against real" if figure.floor is None else f"real {_said(figure.floor, metric)}"
    return f"{_said(figure.value, metric)}; {floor}"


def _said(one: Interval, metric: Metric) -> str:
    value, low, high = (f"{number * metric.scale:.{metric.digits}f}" for number in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})"
