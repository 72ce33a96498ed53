"""Gates: limits from real images, which side passes, and sentences that are those of the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.judge.gates import GATES, limit_of, outcomes
from ui import i18n


def test_a_limit_lets_the_share_of_real_images_fail():
    numbers = np.arange(1000, dtype=float)
    for name, gate in GATES.items():
        if gate.fails is None:
            continue
        limit = limit_of(gate.name, numbers)
        failing = np.mean([not gate.passes(value, limit) for value in numbers])
        assert failing == pytest.approx(gate.fails, abs=0.002), name


def test_numbers_that_are_none_neither_set_a_limit_nor_pass():
    assert limit_of("realism", np.array([1.0, np.nan, np.inf, 1.0])) == 1.0
    with pytest.raises(InvalidInput, match="0 real images"):
        limit_of("realism", np.array([np.nan]))
    with pytest.raises(InvalidInput, match="'copy' takes no limit"):
        limit_of("copy", np.ones(3))
    assert not any(gate.passes(float("nan"), 1.0) for gate in GATES.values())


def test_what_is_said_of_a_sample():
    said = outcomes({"noise": -3.0, "copy": 0.5, "label": 0.4}, {"noise": 2.5, "copy": 0.7, "realism": 1.0})
    assert [(one.gate, one.passed) for one in said] == [("copy", False), ("noise", False)]
    assert said[0].sentence == "It copies a photograph: 0.5 times as far as that of any other part, and 0.7 is asked."


def test_the_page_says_the_same():
    texts = json.loads((Path(i18n.__file__).parent / "texts" / "gates.json").read_text(encoding="utf-8"))
    for name, gate in GATES.items():
        assert texts[f"gates.{name}_passed"][0] == gate.passed and texts[f"gates.{name}_failed"][0] == gate.failed
        for key in (f"gates.name_{name}", f"gates.title_{name}"):
            assert all(texts[key])
