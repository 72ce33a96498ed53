"""A config dataclass described for a form: the same fields and help texts that `--help` is drawn from.

The page's script makes the inputs (`components/config_form.js`) and sends JSON back, which the operation's own strict
reader checks. It knows no operation.
"""

import types
from dataclasses import MISSING, fields
from typing import Any, Literal, Union, get_args, get_origin

from augment.operations import field_types, to_json

_KINDS = {bool: "bool", int: "int", float: "float", str: "str"}


def describe_fields(config_type: type[Any]) -> list[dict[str, Any]]:
    """Name, kind, default, help, unit, choices and optionality of each field.

    Kinds are "bool", "int", "float", "str", "choice" and "list". A field of
    another type (a nested object) is left out: it has no place in a form.
    """
    types_by_name = field_types(config_type)
    described = []
    for field in fields(config_type):
        if field.name not in types_by_name:
            continue
        kind = _kind(types_by_name[field.name])
        if kind is not None:
            default = None if field.default is MISSING else to_json(field.default)
            if field.default_factory is not MISSING:
                default = to_json(field.default_factory())
            help_text, unit = field.metadata.get("help", ""), field.metadata.get("unit", "")
            described.append({"name": field.name, "default": default, "help": help_text, "unit": unit, **kind})
    return described


def _kind(declared: object) -> dict[str, Any] | None:
    origin, inner = get_origin(declared), get_args(declared)
    if declared in _KINDS:
        return {"kind": _KINDS[declared]}
    if origin is Literal:
        return {"kind": "choice", "choices": list(inner)}
    if origin in (Union, types.UnionType):
        parts = [part for part in inner if part is not type(None)]
        kind = _kind(parts[0]) if len(parts) == 1 else None
        return {**kind, "optional": True} if kind else None
    if origin in (tuple, list) and inner and inner[0] is str:
        return {"kind": "list"}
    return None
