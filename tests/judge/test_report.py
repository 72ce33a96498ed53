import json

import numpy as np

from augment.judge.control import ControlNumbers, Verdicts
from augment.judge.metrics import Interval, wilson
from augment.judge.report import Ceiling, ConditionReport, ControlReport, SetNumbers, SetTable, markdown
from augment.operations import to_json

FOUND = Verdicts(
    nearer=np.array([True, True, False, True]),
    labelled=np.array([True, False, False, True]),
    copied=np.zeros(4, bool),
    landing=np.array([0.5, 1.0, 1.5, 9.0]),
)
NOTHING = ControlNumbers(nearer=None, labelled=None, both=None, copied=None, landing=None)


def report(table=None, notes=()):
    condition = ConditionReport(
        condition="label+position", model_id=3, whole=FOUND.numbers(), per_label={"a|b": FOUND.numbers(FOUND.labelled)}
    )
    held_out = wilson(np.array([True, False]))
    return ControlReport(
        encoder="encoder X",
        classifier="classifier Y",
        references_from="train",
        references={"a|b": [4, 7]},
        samples=2,
        conditions=[condition],
        ceiling=Ceiling(same_part=NOTHING, held_out=held_out, held_out_per_label={"a|b": held_out}),
        table=table,
        notes=notes,
    )


def test_the_numbers_of_some_rows():
    numbers = FOUND.numbers()
    assert (numbers.nearer.right, numbers.labelled.right, numbers.both.right, numbers.copied.right) == (3, 2, 2, 0)
    assert numbers.landing.value == 1.25
    assert FOUND.numbers(np.zeros(4, bool)) == NOTHING
    assert FOUND.numbers(FOUND.labelled).nearer.count == 2


def test_the_tables_name_their_judges_and_say_what_is_missing():
    numbers = SetNumbers(
        images=60, against=70, frechet=1.5, frechet_at_floor=None, kernel=Interval(value=0.002, low=0.001, high=0.004),
        inception=1.25,
    )  # fmt: skip
    table = SetTable(
        sets={"label+position": numbers}, floor_images=35, floor_against=35, floor_frechet=None, floor_kernel=None,
        real_inception=1.3,
    )  # fmt: skip
    text = markdown(report(table, ["one remark", "another"]))
    assert "Likeness in encoder X" in text and "FD and KID in encoder X, IS by classifier Y" in text
    assert "| label+position | 75 % (30 to 95), 3 of 4 | 50 % (15 to 85), 2 of 4 |" in text
    assert "| label+position | 60 against 70 | 1.5 | too few | 2.00 (1.00 to 4.00) | 1.25 |  |" in text
    assert text.endswith("- one remark\n- another\n")
    assert "FID" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "over FD" not in text
    # A bar in a label must not make a column.
    assert len({line.count("|") for line in rows}) == 3
    assert "a/b" in text


def test_what_positions_add_to_labels_is_one_number():
    sets = {
        name: SetNumbers(images=60, against=70, frechet=distance, frechet_at_floor=None, kernel=None, inception=None)
        for name, distance in (("label", 2.0), ("label+position", 1.5))
    }
    table = SetTable(
        sets=sets, floor_images=35, floor_against=35, floor_frechet=None, floor_kernel=None, real_inception=None
    )
    assert "FD of label+position over FD of label: 0.75" in markdown(report(table))


def test_it_becomes_json():
    told = json.loads(json.dumps(to_json(report()), allow_nan=False))
    assert told["conditions"][0]["whole"]["nearer"]["right"] == 3
    assert told["table"] is None
    assert markdown(report()).count("IS by") == 0
