"""An evaluation of classifiers as one picture: arms as dots with their intervals, and curves where there are any.

Drawn with Pillow alone, as the other figures are, to be read without zooming. Knows reports.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from augment.judge.contest import ArmReport, ContestReport
from augment.judge.contest_curves import COLOURS, Plot, plots
from augment.judge.contest_words import summary

__all__ = ["contest_figure"]

_WIDTH, _LEFT, _RIGHT, _ROW, _PLOT, _TEXT, _MARGIN = 1200, 330, 330, 30, 300, 15, 16
_INK, _QUIET, _GRID = (30, 30, 30), (110, 110, 110), (225, 225, 225)
_VERDICTS = {"helps": (0, 120, 80), "hurts": (190, 40, 40), "cannot tell": _QUIET, None: _INK}


def contest_figure(report: ContestReport) -> NDArray[np.uint8]:
    """(height, 1200, 3) uint8."""
    curves = plots(report)
    dots = 3 * _ROW + len(report.arms) * _ROW
    image = Image.new("RGB", (_WIDTH, dots + len(curves) * (_PLOT + 3 * _ROW) + _MARGIN), "white")
    draw = ImageDraw.Draw(image)
    _text(draw, _MARGIN, _MARGIN / 2, summary(report).replace("**", ""))
    _dots(draw, report.arms, _ROW + _MARGIN / 2)
    for number, plot in enumerate(curves):
        _curves(draw, plot, dots + number * (_PLOT + 3 * _ROW))
    return np.asarray(image)


def _dots(draw: ImageDraw.ImageDraw, arms: Sequence[ArmReport], top: float) -> None:
    """Balanced accuracy of each arm with its interval, and the verdict."""
    low = math.floor(min(arm.interval.low for arm in arms) * 10) / 10
    high = math.ceil(max(arm.interval.high for arm in arms) * 10) / 10
    width = _WIDTH - _LEFT - _RIGHT

    def x(value: float) -> float:
        return _LEFT + width * (value - low) / ((high - low) or 1.0)

    bottom = top + len(arms) * _ROW
    for step in range(round((high - low) * 10) + 1):
        value = low + step / 10
        draw.line([(x(value), top), (x(value), bottom)], fill=_GRID)
        _text(draw, x(value), bottom + 4, f"{value:.1f}", anchor="ma", fill=_QUIET)
    _text(draw, _LEFT + width / 2, bottom + _ROW - 6, "balanced accuracy, 95 % interval", anchor="ma", fill=_QUIET)
    for row, arm in enumerate(arms):
        y, colour = top + (row + 0.5) * _ROW, _VERDICTS[arm.verdict]
        _text(draw, _LEFT - 12, y, arm.point.text, anchor="rm")
        draw.line([(x(arm.interval.low), y), (x(arm.interval.high), y)], fill=colour, width=3)
        draw.ellipse([x(arm.interval.value) - 6, y - 6, x(arm.interval.value) + 6, y + 6], fill=colour)
        told = "" if arm.comparison is None else f"  {arm.comparison.difference:+.3f}, {arm.verdict}"
        _text(draw, _WIDTH - _RIGHT + 12, y, f"{arm.interval.value:.3f}{told}", anchor="lm", fill=colour)


def _curves(draw: ImageDraw.ImageDraw, plot: Plot, top: float) -> None:
    """Lines with bars for their intervals; a severity on a logarithmic axis."""
    given = [x for curve in plot.curves for x in curve.x]
    place = (lambda value: value) if plot.ticks else math.log
    low, high = place(min(given)), place(max(given))
    left, right, upper, lower = 70, _WIDTH - _RIGHT, top + _ROW, top + _ROW + _PLOT

    def x(value: float) -> float:
        return left + 20 + (right - left - 40) * (place(value) - low) / ((high - low) or 1.0)

    def y(value: float) -> float:
        return lower - (lower - upper) * value

    _text(draw, _MARGIN, top, plot.title)
    for step in range(6):
        draw.line([(left, y(step / 5)), (right, y(step / 5))], fill=_GRID)
        _text(draw, left - 8, y(step / 5), f"{step / 5:.1f}", anchor="rm", fill=_QUIET)
    marks = list(enumerate(plot.ticks)) if plot.ticks else [(one, f"{one:,g}") for one in _log_ticks(given)]
    for value, words in marks:
        _text(draw, x(value), lower + 4, words, anchor="ma", fill=_QUIET)
    _text(draw, (left + right) / 2, lower + _ROW - 6, plot.x_name, anchor="ma", fill=_QUIET)
    for number, curve in enumerate(plot.curves):
        colour = COLOURS[number % len(COLOURS)]
        draw.line([(x(at), y(value)) for at, value in zip(curve.x, curve.y, strict=True)], fill=colour, width=3)
        every = max(1, len(curve.x) // 8)
        for at, least, most in list(zip(curve.x, curve.low, curve.high, strict=True))[number % every :: every]:
            draw.line([(x(at), y(least)), (x(at), y(most))], fill=colour)
        _text(draw, right + 12, upper + number * (_TEXT + 5), curve.name, fill=colour)


def _log_ticks(given: Sequence[float]) -> list[float]:
    """1, 2 and 5 times powers of ten within what is given; more steps where that leaves fewer than three."""
    powers = range(math.floor(math.log10(min(given))), math.ceil(math.log10(max(given))) + 1)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [step * 10.0**power for power in powers for step in steps]
        found = [one for one in found if min(given) <= one <= max(given)]
        if len(found) >= 3:
            break
    return found


def _text(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "la",
    fill: tuple[int, int, int] | str = _INK,
) -> None:
    draw.text((x, y), words, fill=fill, font=ImageFont.load_default(size=_TEXT), anchor=anchor)
