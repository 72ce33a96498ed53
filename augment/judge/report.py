"""What an evaluation of control found, as dataclasses that become JSON, and as Markdown tables.

It knows numbers and names; not how they were found. A number that could not be had is None and printed as "too few".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augment.judge.control import ControlNumbers
from augment.judge.metrics import Interval, Share

__all__ = ["Ceiling", "ConditionReport", "ControlReport", "SetNumbers", "SetTable", "markdown"]

_FEW = "too few"


@dataclass(frozen=True, kw_only=True)
class ConditionReport:
    """One condition: the generator that was asked, the numbers of all samples and of each label."""

    condition: str
    model_id: int
    whole: ControlNumbers
    per_label: Mapping[str, ControlNumbers]


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The same tests on real images: what a perfect generator could get.

    same_part: other photographs of the references' parts (landing and copies are None of them). held_out: label test on
    the validation and test splits, all and for each label.
    """

    same_part: ControlNumbers
    held_out: Share | None
    held_out_per_label: Mapping[str, Share | None]


@dataclass(frozen=True, kw_only=True)
class SetNumbers:
    """A set of `images` against `against` real training images.

    frechet: FD. frechet_at_floor: FD at the floor's numbers of images, to be compared with the floor. kernel: KID.
    inception: IS. labelled: share that bears the label asked for (None where none was). None: too few images.
    """

    images: int
    against: int
    frechet: float | None
    frechet_at_floor: float | None
    kernel: Interval | None
    inception: float | None
    labelled: Share | None = None
    labelled_per_label: Mapping[str, Share | None] | None = None
    landing: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class SetTable:
    """Sets of samples by name, and the distance between `floor_images` real images and the other real
    ones.

    Sets are the conditions and "real, held out".
    """

    sets: Mapping[str, SetNumbers]
    floor_images: int
    floor_against: int
    floor_frechet: float | None
    floor_kernel: float | None
    real_inception: float | None


@dataclass(frozen=True, kw_only=True)
class ControlReport:
    """All of an evaluation. references: image ids by label. encoder, classifier: what judged, in words."""

    encoder: str
    classifier: str
    references_from: str
    references: Mapping[str, Sequence[int]]
    samples: int
    conditions: Sequence[ConditionReport]
    ceiling: Ceiling
    table: SetTable | None
    notes: Sequence[str]


def markdown(report: ControlReport) -> str:
    """The tables as Markdown."""
    count = max((len(ids) for ids in report.references.values()), default=0)
    parts = [
        f"Reference control: {len(report.references)} labels, {count} references each ({report.references_from}), "
        f"{report.samples} samples each; chance {100 / count:.0f} %. Likeness in {report.encoder}; label by "
        f"{report.classifier}. Landing error: median (quartiles), in distances between neighbours of the class. "
        "Intervals of 95 % take samples as independent, though those of one reference are alike.",
        _control_table(report),
        "By label: nearer to the own reference / bears the label / landing error.",
        _label_table(report),
    ]
    if report.table is not None:
        parts += [
            f"Sets of samples asked for as the training images are. FD and KID in {report.encoder}, IS by "
            f"{report.classifier}; FD at the floor's numbers: {report.table.floor_images} against "
            f"{report.table.floor_against} images.",
            _set_table(report.table),
            *_ratio(report.table),
        ]
    if report.notes:
        parts.append("\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _control_table(report: ControlReport) -> str:
    heads = ("condition", "nearer to own reference", "asked label", "both", "landing error", "copies")
    rows = [(one.condition, *_cells(one.whole)) for one in report.conditions]
    rows.append(("*real, same part*", *_cells(report.ceiling.same_part)[:3], "", ""))
    rows.append(("*real, held out*", "", _share(report.ceiling.held_out), "", "", ""))
    return _table(heads, rows)


def _cells(numbers: ControlNumbers) -> tuple[str, ...]:
    shares = (_share(numbers.nearer), _share(numbers.labelled), _share(numbers.both))
    return (*shares, _spread(numbers.landing), _percent(numbers.copied))


def _label_table(report: ControlReport) -> str:
    heads = ("label", *(one.condition for one in report.conditions), "real, held out: label")
    rows = []
    for label in report.references:
        cells = []
        for one in report.conditions:
            numbers = one.per_label[label]
            cells.append(f"{_percent(numbers.nearer)} / {_percent(numbers.labelled)} / {_spread(numbers.landing)}")
        rows.append((label, *cells, _share(report.ceiling.held_out_per_label.get(label))))
    return _table(heads, rows)


def _set_table(table: SetTable) -> str:
    heads = ("set", "images", "FD", "FD at the floor's numbers", "KID x 1000 (95 %)", "IS", "asked label")
    rows = []
    for name, numbers in table.sets.items():
        rows.append(
            (
                f"*{name}*" if name.startswith("real") else name,
                f"{numbers.images} against {numbers.against}",
                _number(numbers.frechet),
                _number(numbers.frechet_at_floor),
                _kernel(numbers.kernel),
                _number(numbers.inception),
                "" if numbers.labelled is None else _share(numbers.labelled),
            )
        )
    size = f"{table.floor_images} against {table.floor_against}"
    kernel = _FEW if table.floor_kernel is None else f"{1000 * table.floor_kernel:.2f}"
    rows.append(("*real, training*", size, "", _number(table.floor_frechet), kernel, _number(table.real_inception), ""))
    return _table(heads, rows)


def _ratio(table: SetTable) -> list[str]:
    """The published comparison: what positions add to labels."""
    pair = [table.sets[name].frechet for name in ("label+position", "label") if name in table.sets]
    if len(pair) < 2 or pair[0] is None or not pair[1]:
        return []
    return [f"FD of label+position over FD of label: {pair[0] / pair[1]:.2f}"]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _percent(share: Share | None) -> str:
    return "none" if share is None else f"{100 * share.value:.0f} %"


def _share(share: Share | None) -> str:
    """ "95 % (86 to 98), 57 of 60"."""
    if share is None:
        return "none"
    return f"{_percent(share)} ({100 * share.low:.0f} to {100 * share.high:.0f}), {share.right} of {share.count}"


def _spread(value: Interval | None) -> str:
    return "none" if value is None else f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f})"


def _kernel(value: Interval | None) -> str:
    if value is None:
        return _FEW
    return f"{1000 * value.value:.2f} ({1000 * value.low:.2f} to {1000 * value.high:.2f})"


def _number(value: float | None) -> str:
    return _FEW if value is None else f"{value:.3g}"
