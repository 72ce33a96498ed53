"""The folder of an evaluation's report: numbers, words, a figure and a page. No torch."""

import json
from pathlib import Path

from augment.images import encode_png
from augment.judge.contest import ContestReport
from augment.judge.contest_figure import contest_figure
from augment.judge.contest_page import contest_page
from augment.judge.contest_words import markdown
from augment.operations.aside import written_aside
from augment.operations.configs import to_json

__all__ = ["write_report"]


def write_report(report: ContestReport, target: Path) -> None:
    """classifier.json, .md, .png and .html in a new folder, there as a whole or not at all; as `written_aside`."""
    with written_aside(target) as aside:
        (aside / "classifier.json").write_text(json.dumps(to_json(report), indent=1), encoding="utf-8")
        (aside / "classifier.md").write_text(markdown(report), encoding="utf-8")
        (aside / "classifier.png").write_bytes(encode_png(contest_figure(report)))
        (aside / "classifier.html").write_text(contest_page(report), encoding="utf-8")
