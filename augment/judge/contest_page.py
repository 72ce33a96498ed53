"""An evaluation of classifiers as one page that needs nothing else: plotly's code is in it, so that it works offline.

Knows reports.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from augment.judge.contest import ArmReport, ContestReport
from augment.judge.contest_curves import COLOURS, Plot, plots
from augment.judge.contest_words import LEAKS, sentence, summary

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["contest_page"]

_VERDICTS: Mapping[str, str] = {"helps": "#00785a", "hurts": "#be2828", "cannot tell": "#6e6e6e"}
_BASE = "#1e1e1e"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1e1e1e;max-width:1100px;margin:24px auto;padding:0 16px}"
    "h1{font-size:22px}h2{font-size:17px;margin:32px 0 4px}.partial{color:#be2828}"
    "table{border-collapse:collapse}td,th{padding:3px 10px;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child{text-align:left}"
)


def contest_page(report: ContestReport) -> str:
    """HTML: verdicts, dots, recall, confusion, curves, what is told apart, the published protocol, notes."""
    told = [sentence(report, arm) for arm in report.arms]
    parts = [
        f"<h1>{'Partial: does' if report.partial else 'Does'} it help a classifier?</h1>",
        f"<p>{escape(summary(report).replace('**', ''))}</p>",
        _listed([one for one in told if one]),
        "<h2>Training sets</h2>" + _drawn(_dots(report.arms), first=True),
        "<h2>Recall of each label</h2>" + _drawn(_recall(report)),
        "<h2>What is taken for what</h2>" + _drawn(_confusion(report)),
        *(f"<h2>{escape(plot.title)}</h2>{_drawn(_lines(plot))}" for plot in plots(report)),
        _apart(report),
        _mirrored(report),
        "<h2>Notes</h2>" + _listed([note.text for note in report.notes]) if report.notes else "",
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Kizu: evaluation of a classifier</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _drawn(figure: "Figure", *, first: bool = False) -> str:
    """A figure's HTML; the first one brings plotly's code."""
    figure.update_layout(template="plotly_white", margin={"l": 10, "r": 10, "t": 30, "b": 10}, font={"size": 13})
    html: str = figure.to_html(full_html=False, include_plotlyjs=first, config={"displaylogo": False})
    return html


def _dots(arms: Sequence[ArmReport]) -> "Figure":
    import plotly.graph_objects as go

    given = [arm.interval for arm in arms]
    dots = go.Scatter(
        x=[one.value for one in given],
        y=[escape(arm.point.text) for arm in arms],
        mode="markers",
        marker={"size": 12, "color": [_VERDICTS.get(arm.verdict or "", _BASE) for arm in arms]},
        error_x={
            "type": "data",
            "array": [one.high - one.value for one in given],
            "arrayminus": [one.value - one.low for one in given],
            "color": "#888",
        },
        text=[arm.verdict or "base" for arm in arms],
        hovertemplate="%{y}: %{x:.3f}, %{text}<extra></extra>",
    )
    layout = {"xaxis_title": "balanced accuracy, 95 % interval", "height": 130 + 34 * len(arms)}
    figure = go.Figure(dots, layout)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def _recall(report: ContestReport) -> "Figure":
    import plotly.graph_objects as go

    bars = []
    for number, arm in enumerate(report.arms):
        given = arm.recall
        bars.append(
            go.Bar(
                name=escape(arm.point.text),
                x=[escape(label) for label in given],
                y=[one.value for one in given.values()],
                error_y={
                    "type": "data",
                    "array": [one.high - one.value for one in given.values()],
                    "arrayminus": [one.value - one.low for one in given.values()],
                },
                marker={"color": COLOURS[number % len(COLOURS)]},
            )
        )
    return go.Figure(bars, {"barmode": "group", "yaxis": {"title": "recall", "range": [0, 1]}, "height": 420})


def _confusion(report: ContestReport) -> "Figure":
    """One matrix for each arm, as shares of the true label."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    across = min(3, len(report.arms))
    down = math.ceil(len(report.arms) / across)
    names = [escape(label) for label in report.labels]
    figure = make_subplots(down, across, subplot_titles=[escape(arm.point.text) for arm in report.arms])
    for number, arm in enumerate(report.arms):
        shares = [[count / (sum(row) or 1) for count in row] for row in arm.confusion]
        heat = go.Heatmap(
            z=shares,
            x=names,
            y=names,
            zmin=0,
            zmax=1,
            colorscale="Blues",
            showscale=False,
            text=arm.confusion,
            texttemplate="%{z:.2f}",
            hovertemplate="%{y} taken for %{x}: %{text}<extra></extra>",
        )
        figure.add_trace(heat, number // across + 1, number % across + 1)
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(height=330 * down)
    return figure


def _lines(plot: Plot) -> "Figure":
    import plotly.graph_objects as go

    lines = []
    for number, curve in enumerate(plot.curves):
        colour = COLOURS[number % len(COLOURS)]
        name = escape(curve.name)
        band = go.Scatter(
            x=[*curve.x, *curve.x[::-1]],
            y=[*curve.high, *curve.low[::-1]],
            fill="toself",
            fillcolor=colour,
            opacity=0.13,
            line={"width": 0},
            hoverinfo="skip",
            legendgroup=name,
            showlegend=False,
        )
        line = go.Scatter(x=curve.x, y=curve.y, name=name, legendgroup=name, line={"color": colour, "width": 3})
        lines += [band, line]
    figure = go.Figure(lines, {"height": 400, "yaxis": {"title": plot.y_name, "range": [0, 1]}})
    if plot.ticks:
        figure.update_xaxes(title=plot.x_name, tickvals=list(range(len(plot.ticks))), ticktext=plot.ticks)
    else:
        figure.update_xaxes(title=plot.x_name, type="log")
    return figure


def _apart(report: ContestReport) -> str:
    if not report.apart:
        return ""
    rows = []
    for label, one in report.apart.items():
        area, why = one.area, "" if one.why is None else one.why.text
        told = why if area is None else f"{area.value:.2f} ({area.low:.2f} to {area.high:.2f})"
        rows.append([label, str(one.real), str(one.generated), told])
    heads = ["label", "real", "generated", "area under the curve (0.5: cannot be told apart)"]
    return f"<h2>Generated or real</h2>{_table(heads, rows)}"


def _mirrored(report: ContestReport) -> str:
    if not report.mirrored:
        return ""
    count = len(report.mirrored[0].trainings)
    heads = ["trained on", *(f"trial {number + 1}" for number in range(count)), "mean", "leak-free"]
    rows = [
        [one.arm, *(f"{100 * share:.2f} %" for share in (*one.trainings, one.mean, one.leak_free))]
        for one in report.mirrored
    ]
    return f"<h2>Published protocol</h2><p>{escape(LEAKS)}</p>{_table(heads, rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    return f"<table>{line(heads, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def _listed(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"
