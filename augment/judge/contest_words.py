"""An evaluation of classifiers in words: verdicts in a sentence, and the whole report as Markdown."""

from collections.abc import Sequence

from augment.judge.contest import ArmReport, ContestReport, Detected
from augment.judge.metrics import Interval

__all__ = ["LEAKS", "markdown", "sentence", "summary"]

LEAKS = (
    "The published protocol (Zheng et al. 2024) tests on the training images themselves, mirrored left-right. It "
    "leaks: a classifier that remembers its training images passes it. No verdict is drawn from it; beside it stands "
    "the accuracy on photographs of parts that were never trained on."
)


def sentence(report: ContestReport, arm: ArmReport) -> str:
    """The verdict on an arm, in one sentence that a reader needs no statistics for."""
    one = arm.comparison
    if one is None:
        return ""
    gain = f"{one.difference:+.3f} balanced accuracy, {one.low:+.3f} to {one.high:+.3f}, against {arm.base}"
    if arm.verdict != "cannot tell":
        return f"{arm.point.text}: {arm.verdict} ({gain})."
    if one.why:
        return f"{arm.point.text}: cannot tell ({gain}). {one.why.text}"
    have = f"there are {len(report.test_ids):,} test images"
    if one.needed is not None:
        have = f"a difference like this needs about {one.needed:,} test images, there are {len(report.test_ids):,}"
    return f"{arm.point.text}: cannot tell ({gain}); {have}."


def summary(report: ContestReport) -> str:
    """What was judged and how, in one line."""
    judged = f"{report.folds} folds" if report.folds else "a split that is never trained on"
    trainings = f"{report.seeds} training{'s' if report.seeds > 1 else ''} of each arm"
    images = f"{len(report.test_ids)} images of {report.test_parts} parts"
    told = f"{images} judged in {judged}, {trainings}, {report.classifier}."
    return told + (" **Partial**: not all trainings are done." if report.partial else "")


def markdown(report: ContestReport) -> str:
    """Tables, verdicts and notes."""
    lines = [summary(report), "", *_arms(report)]
    told = [f"- {one}" for arm in report.arms if (one := sentence(report, arm))]
    notes = [f"- {note.text}" for note in report.notes]
    parts = [lines, told, _apart(report), _detected(report), _mirrored(report), notes]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _arms(report: ContestReport) -> list[str]:
    heads = ["arm", "accuracy", "balanced", "between trainings", *report.labels, "verdict"]
    rows = []
    for arm in report.arms:
        recall = [_share(arm.recall.get(label), "none tested") for label in report.labels]
        spread = "" if arm.spread is None else f"{arm.spread:.3f}"
        against = "" if arm.comparison is None else f"{arm.comparison.difference:+.3f}, {arm.verdict}"
        balanced = _share(arm.interval, "", digits=3)
        rows.append([arm.point.text, f"{arm.accuracy:.3f}", balanced, spread, *recall, against])
    return _table(heads, rows)


def _apart(report: ContestReport) -> list[str]:
    if not report.apart:
        return []
    rows = [
        [label, str(one.real), str(one.generated), _share(one.area, "") if one.why is None else one.why.text]
        for label, one in report.apart.items()
    ]
    return [
        "Generated or real, told by networks like the classifier that saw neither the part nor what descends from it "
        "(area under the curve; 0.5: cannot be told apart):",
        "",
        *_table(["label", "real", "generated", "area"], rows),
    ]


_EXTREMES = ("defects_all_found", "defects_none_found")


def _detected(report: ContestReport) -> list[str]:
    lines = []
    for name, words in report.severities.items():
        given = [(arm, arm.detected[name]) for arm in report.arms if name in arm.detected]
        # Who takes all for defects finds them all: that says nothing without the second number beside it.
        whys = {one.why.text for _, one in given if one.why and one.why.key not in _EXTREMES}
        if whys:
            lines += [f"No smallest {name} found at 95 % recall. {' '.join(sorted(whys))}", ""]
        elif given:
            rows = [[arm.point.text, _smallest(one), _alarms(report, arm)] for arm, one in given]
            table = _table(["arm", name, "good taken for a defect"], rows)
            lines += [f"Smallest found at 95 % recall, by {name} ({words}):", "", *table, ""]
    return lines[:-1]


def _alarms(report: ContestReport, arm: ArmReport) -> str:
    share = report.false_alarms(arm)
    return "not known" if share is None else f"{share:.0%}"


def _smallest(one: Detected) -> str:
    if one.why is not None:
        return one.why.text
    return _share(one.curve.smallest if one.curve else None, "not reached among those seen", digits=1)


def _mirrored(report: ContestReport) -> list[str]:
    if not report.mirrored:
        return []
    count = len(report.mirrored[0].trainings)
    heads = ["trained on", *(f"trial {number + 1}" for number in range(count)), "mean", "leak-free"]
    rows = [
        [one.arm, *(f"{100 * share:.2f} %" for share in (*one.trainings, one.mean, one.leak_free))]
        for one in report.mirrored
    ]
    return [LEAKS, "", *_table(heads, rows)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (heads, ["---"] * len(heads), *rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _share(share: Interval | None, nothing: str, digits: int = 2) -> str:
    if share is None:
        return nothing
    return f"{share.value:.{digits}f} ({share.low:.{digits}f} to {share.high:.{digits}f})"
