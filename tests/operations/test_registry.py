"""Every operation that is registered: its config can be made, described and sent, and its function is there."""

import inspect
import json
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from augment.errors import InvalidConfig, NotFound
from augment.operations import OPERATIONS, config_from_json, describe_type, field_types, find_operation, to_json

NAMES = sorted(OPERATIONS)


def example(declared: Any) -> Any:
    """A value for a field without a default."""
    if get_origin(declared) is Literal:
        return get_args(declared)[0]
    if get_origin(declared) is tuple and get_args(declared)[0] is str:
        return [f"label {number}" for number, _ in enumerate(get_args(declared))]
    if get_origin(declared) is tuple:
        return [example(get_args(declared)[0])]
    return {str: "crack", int: 1, float: 0.5, bool: True}[declared]


def smallest(name: str) -> Any:
    declared = field_types(OPERATIONS[name].config_type)
    needed = {
        field.name: example(declared[field.name])
        for field in fields(OPERATIONS[name].config_type)
        if field.init and field.default is MISSING and field.default_factory is MISSING
    }
    return config_from_json(OPERATIONS[name].config_type, needed)


@pytest.mark.parametrize("name", NAMES)
def test_the_config_goes_to_json_and_back(name: str) -> None:
    config = smallest(name)
    text = json.dumps(to_json(config), allow_nan=False)
    assert config_from_json(type(config), json.loads(text)) == config
    assert OPERATIONS[name].read_config(json.loads(text)) == config
    with pytest.raises(InvalidConfig, match="not_a_field is not a field of"):
        OPERATIONS[name].read_config({"not_a_field": 1})


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_explained_and_has_a_type_that_forms_and_help_can_show(name: str) -> None:
    config_type = OPERATIONS[name].config_type
    assert is_dataclass(config_type)
    assert config_type.__dataclass_params__.frozen  # type: ignore[attr-defined]
    declared = field_types(config_type)
    assert list(declared) == [field.name for field in fields(config_type) if field.init]
    for field in fields(config_type):
        assert field.metadata.get("help"), f"{field.name} has no help"
        assert "a <" not in describe_type(declared[field.name])


@pytest.mark.parametrize("name", NAMES)
def test_the_function_takes_config_and_context_and_returns_a_dataclass(name: str) -> None:
    operation = OPERATIONS[name]
    function = operation.load()
    assert list(inspect.signature(function).parameters) == ["config", "context"]
    hints = get_type_hints(function)
    assert hints["config"] is operation.config_type
    assert hints["return"] is type(None) or is_dataclass(hints["return"])
    assert callable(operation.load_settle())
    assert operation.title


def test_an_unknown_operation_is_told_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=", ".join(NAMES)):
        find_operation("trian")


def test_a_config_of_another_operation_is_a_fault_of_the_program() -> None:
    with pytest.raises(TypeError, match="EmbedConfig"):
        OPERATIONS["embed"].read_config(smallest("regenerate"))
