"""Which curves an evaluation's report has: recall or balanced accuracy over a number of images, or over a severity.

The figure and the page draw the same ones. Knows reports; not how a curve is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from augment.judge.contest import ArmReport, ContestReport

__all__ = ["COLOURS", "Curve", "Plot", "plots"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
"""Okabe and Ito's, to be told apart by all eyes."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """y, low, high: one for each x. x: positions on the axis."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Curves upon one another. ticks: the axis' words at 0, 1, 2 ...; empty for a logarithmic axis of numbers."""

    title: str
    x_name: str
    y_name: str
    ticks: tuple[str, ...]
    curves: tuple[Curve, ...]


def plots(report: ContestReport) -> list[Plot]:
    """Over real images, over samples beside them, and over each severity of the whole training sets; those that have
    curves."""
    whole = [arm for arm in report.arms if not arm.point.real and not arm.point.beside] or report.arms
    found = [_over(report, "real", "real images of each defect"), _over(report, "beside", "samples of each label")]
    for name, words in report.severities.items():
        curves = tuple(_over_severity(report, arm, name) for arm in whole if _has_curve(arm, name))
        title = f"Detectability by {name}"
        found.append(Plot(title=title, x_name=words, y_name="recall", ticks=(), curves=curves))
    return [plot for plot in found if plot.curves]


def _has_curve(arm: ArmReport, severity: str) -> bool:
    return severity in arm.detected and arm.detected[severity].curve is not None


def _over_severity(report: ContestReport, arm: ArmReport, severity: str) -> Curve:
    told = arm.detected[severity].curve
    assert told is not None
    alarms = report.false_alarms(arm)
    name = arm.point.text if alarms is None else f"{arm.point.text}, {alarms:.0%} false alarms"
    return Curve(name=name, x=told.severity, y=told.recall, low=told.low, high=told.high)


def _over(report: ContestReport, axis: str, words: str) -> Plot:
    """Balanced accuracy over `real` or `beside` of the points, equally spaced; 0, for all, stands last."""
    values = sorted({getattr(arm.point, axis) for arm in report.arms}, key=lambda value: value or float("inf"))
    curves = []
    if len(values) > 1:
        for name, arms in _families(report, axis).items():
            own = sorted(arms, key=lambda arm: values.index(getattr(arm.point, axis)))
            curves.append(
                Curve(
                    name=name,
                    x=tuple(float(values.index(getattr(arm.point, axis))) for arm in own),
                    y=tuple(arm.interval.value for arm in own),
                    low=tuple(arm.interval.low for arm in own),
                    high=tuple(arm.interval.high for arm in own),
                )
            )
    return Plot(
        title=f"Balanced accuracy over {words}",
        x_name=words,
        y_name="balanced accuracy",
        ticks=tuple(str(value or "all") for value in values),
        curves=tuple(curves),
    )


def _families(report: ContestReport, axis: str) -> dict[str, Sequence[ArmReport]]:
    """Arms that differ in this number alone, by what they share; those of two or more."""
    families: dict[str, list[ArmReport]] = {}
    for arm in report.arms:
        other = arm.point.beside if axis == "real" else arm.point.real
        words = f"{other} {'samples of each label' if axis == 'real' else 'real of each defect'}" if other else ""
        families.setdefault(", ".join(filter(None, (arm.point.arm, words))), []).append(arm)
    return {name: arms for name, arms in families.items() if len(arms) > 1}
