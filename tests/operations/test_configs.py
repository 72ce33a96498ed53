"""Dataclasses and JSON: what goes out comes back, and what is wrong is named."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from augment.errors import InvalidConfig
from augment.operations import config_from_json, describe_type, to_json
from augment.store.records import ImageRecord, JobRecord, ModelRecord, SampleRecord


@dataclass(frozen=True, kw_only=True)
class Inner:
    size_px: int = 3


@dataclass(frozen=True, kw_only=True)
class Config:
    label: str
    count: int = field(default=8, metadata={"help": "how many"})
    rate: float = 1e-3
    colour: Literal["grey", "rgb"] = "grey"
    folder: Path = Path("out")
    labels: tuple[str, ...] = ()
    between: tuple[int, int, float] | None = None
    flag: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    mixed: int | str | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidConfig(f"count {self.count}: 1 or more is needed")


def test_everything_a_config_may_hold_goes_there_and_back() -> None:
    config = Config(
        label="<b>傷</b>", rate=2, labels=("a", "b"), between=(1, 2, 0.5), flag=True, extra={"a": [1, None]},
        inner=Inner(size_px=4), mixed="x",
    )  # fmt: skip
    text = json.dumps(to_json(config), allow_nan=False)
    assert config_from_json(Config, json.loads(text)) == config


def test_only_what_differs_from_the_defaults_need_be_given() -> None:
    assert config_from_json(Config, {"label": "a"}) == Config(label="a")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["label", "missing", "text"]),
        ({"label": "a", "cuont": 1}, ["cuont", "Config", "count", "did you mean"]),
        ({"label": 3}, ["label", "3", "text"]),
        ({"label": "a", "count": "8"}, ["count", "'8'", "whole number"]),
        ({"label": "a", "count": True}, ["count", "True", "whole number"]),
        ({"label": "a", "count": 1.5}, ["count", "1.5"]),
        ({"label": "a", "count": 0}, ["count", "0", "1 or more"]),
        ({"label": "a", "rate": float("nan")}, ["rate", "nan", "number"]),
        ({"label": "a", "colour": "blue"}, ["colour", "'blue'", "'grey', 'rgb'"]),
        ({"label": "a", "labels": "ab"}, ["labels", "'ab'", "list"]),
        ({"label": "a", "labels": ["a", 1]}, ["labels[1]", "1", "text"]),
        ({"label": "a", "between": [1, 2]}, ["between", "[1, 2]", "3", "or null"]),
        ({"label": "a", "flag": 1}, ["flag", "1", "true or false"]),
        ({"label": "a", "extra": []}, ["extra", "object"]),
        ({"label": "a", "inner": {"size": 1}}, ["size", "Inner", "size_px"]),
        ({"label": "a", "mixed": [1]}, ["mixed", "[1]", "whole number or text"]),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(given: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config_from_json(Config, given)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_something_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="JSON object"):
        config_from_json(Config, [1])  # type: ignore[arg-type]


def test_numpy_scalars_and_numbers_that_are_not_finite_become_json() -> None:
    assert to_json({"a": np.float32(0.5), "b": np.int64(3), "c": float("inf"), "d": (1, 2)}) == {
        "a": 0.5, "b": 3, "c": None, "d": [1, 2],
    }  # fmt: skip


def test_what_json_cannot_say_is_refused_rather_than_guessed() -> None:
    with pytest.raises(TypeError, match="ndarray"):
        to_json({"a": np.zeros(3)})
    with pytest.raises(TypeError, match="key"):
        to_json({1: "a"})


@pytest.mark.parametrize(
    "record",
    [
        ImageRecord(
            sha256="a", name="n", label="l", group="g", split="test", width_px=1, height_px=2, size_bytes=3, source="s"
        ),
        SampleRecord(
            sha256="a",
            label="l",
            method="ddpm",
            seed=1,
            recipe={"x": [1]},
            position=(0.5, 1.5),
            requested_xy=(0.0, 1.0),
        ),
        ModelRecord(kind="ddpm", name="n", path="p", sha256="a", config={}, metrics={"loss": 0.5}),
        JobRecord(operation="embed", config={}),
    ],
)
def test_records_go_over_the_pipe_unchanged(record: Any) -> None:
    assert config_from_json(type(record), json.loads(json.dumps(to_json(record)))) == record


def test_types_are_described_in_words() -> None:
    assert describe_type(tuple[str, ...]) == "a list, each item text"
    assert describe_type(int | None) == "a whole number or null"
