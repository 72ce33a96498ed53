"""Forms are drawn from the operations' own config dataclasses, and fit what the operations read."""

import pytest

from augment.operations import OPERATIONS, find_operation
from ui.forms import describe_fields
from ui.train_routes import DEMO_IMAGES_SEEN, KINDS


@pytest.mark.parametrize("name", ["import", "train_encoder", "train_ddpm", "train_redraw", "embed", "export"])
def test_every_plain_field_has_an_input(name: str) -> None:
    operation = find_operation(name)
    described = describe_fields(operation.config_type)
    assert described, name
    for field in described:
        assert field["kind"] in {"bool", "int", "float", "str", "choice", "list"}
        assert field["kind"] != "choice" or field["default"] in field["choices"], field["name"]
        assert field["help"], field["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_train_tab_names_exists(kind: str) -> None:
    about = KINDS[kind]
    assert about["operation"] in OPERATIONS
    operation = find_operation(about["operation"])
    fields = {field["name"]: field["default"] for field in describe_fields(operation.config_type)}
    assert set(about["main"]) <= set(fields)
    for group in about["presets"].values():
        for preset in group.values():
            operation.read_config(fields | preset)
    operation.read_config(fields | {"images_seen": DEMO_IMAGES_SEEN})
