"""Dataclasses to JSON and back, strictly: configs from forms and files, records and results over pipes.

Every wrong field is refused by name, with the value and what is allowed. Knows no operation and no store.
"""

import difflib
import math
import numbers
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from augment.errors import InvalidConfig

T = TypeVar("T")

Json = Any
"""What JSON can say: null, true or false, numbers, text, lists and objects with text for keys."""

Declared = Any
"""What stands after the colon of a field: a class, a union, a Literal, a generic alias."""

_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


def field_types(config_type: type[Any]) -> dict[str, Any]:
    """The declared type of each field that can be given, by name, in order."""
    hints = get_type_hints(config_type)
    return {field.name: hints[field.name] for field in fields(config_type) if field.init}


def config_from_json(config_type: type[T], data: Mapping[str, Any]) -> T:
    """A `config_type` from what `to_json` made of one, or from a form or file.

    Lists become the tuples that the fields declare; whole numbers are taken where a number is needed; nothing else is
    converted. Raises InvalidConfig naming the field and what is allowed: unknown, missing or of the wrong type; and
    whatever the dataclass itself raises about a value outside its range.
    """
    if not isinstance(data, Mapping):
        raise InvalidConfig(f"{config_type.__name__} {data!r}: a JSON object with its fields is needed")
    declared = field_types(config_type)
    for name in data:
        if name not in declared:
            raise InvalidConfig(_unknown(config_type, str(name), tuple(declared)))
    values = {name: _decode(name, declared[name], value) for name, value in data.items()}
    for field in fields(config_type):  # type: ignore[arg-type]  # T is a dataclass; typing has no bound for that
        needed = field.init and field.default is MISSING and field.default_factory is MISSING
        if needed and field.name not in values:
            raise InvalidConfig(f"{field.name} is missing: {describe_type(declared[field.name])} is needed")
    return config_type(**values)


def to_json(value: object) -> Json:
    """Dataclasses, tuples, paths and numpy's scalars as plain JSON values.

    A number that is not finite becomes null, for JSON has none. Raises TypeError for anything JSON cannot say: results
    carry numbers and names, large things go into files.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value) if field.init}
    if isinstance(value, Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def describe_type(declared: Declared) -> str:
    """What a field of this type takes, in words: "one of 'grey', 'rgb'", "a list of text"."""
    if declared in _PLAIN:
        return _PLAIN[declared]
    origin: Declared = get_origin(declared)
    inner = get_args(declared)
    if declared is None or declared is type(None):
        return "null"
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(part) for part in inner)
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        return f"a list of {len(inner)}: {', '.join(map(describe_type, inner))}"
    if origin in (tuple, list):
        return f"a list, each item {describe_type(inner[0])}"
    if origin in (dict, Mapping):
        return f"an object, each value {describe_type(inner[1])}"
    return "any JSON value" if declared is Any else f"a {getattr(declared, '__name__', declared)}"


def _unknown(config_type: type[Any], name: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{name} is not a field of {config_type.__name__}: {', '.join(allowed) or 'it has none'}{hint}"


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} cannot be written as JSON: text is needed")
    return key


def _wrong(name: str, declared: Declared, value: object) -> InvalidConfig:
    shown = repr(value)
    return InvalidConfig(
        f"{name} {shown if len(shown) <= 80 else shown[:77] + '...'}: {describe_type(declared)} is needed"
    )


def _decode(name: str, declared: Declared, value: Json) -> Json:
    origin: Declared = get_origin(declared)
    if declared in _PLAIN:
        return _decode_plain(name, declared, value)
    if declared is None or declared is type(None):
        if value is not None:
            raise _wrong(name, declared, value)
        return None
    if declared is Any:
        return value
    if origin is Literal:
        # Compared with the type as well, for True == 1.
        if not any(type(value) is type(choice) and value == choice for choice in get_args(declared)):
            raise _wrong(name, declared, value)
        return value
    if origin in (Union, types.UnionType):
        return _decode_union(name, declared, value)
    if origin in (tuple, list):
        return _decode_items(name, declared, value)
    if (origin or declared) in (dict, Mapping) or getattr(origin, "__name__", "") == "Mapping":
        return _decode_mapping(name, declared, value)
    if is_dataclass(declared) and isinstance(declared, type):
        return value if isinstance(value, declared) else config_from_json(declared, value)
    raise TypeError(f"the field {name} is declared as {declared}, which has no JSON form here")


def _decode_plain(name: str, declared: Declared, value: Json) -> Json:
    if declared is Path and isinstance(value, (str, Path)):
        return Path(value)
    if declared is bool and isinstance(value, bool):
        return value
    if declared is str and isinstance(value, str):
        return value
    if not isinstance(value, bool):
        if declared is int and isinstance(value, int):
            return value
        if declared is float and isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
    raise _wrong(name, declared, value)


def _decode_union(name: str, declared: Declared, value: Json) -> Json:
    alternatives = get_args(declared)
    real = [part for part in alternatives if part is not type(None)]
    if value is None and len(real) < len(alternatives):
        return None
    if len(real) == 1:
        try:
            return _decode(name, real[0], value)
        except InvalidConfig as error:
            raise InvalidConfig(f"{error} (or null)") from None
    for part in real:
        try:
            return _decode(name, part, value)
        except InvalidConfig:
            continue
    raise _wrong(name, declared, value)


def _decode_items(name: str, declared: Declared, value: Json) -> Json:
    origin: Declared = get_origin(declared)
    inner = get_args(declared)
    if not isinstance(value, (list, tuple)):
        raise _wrong(name, declared, value)
    if origin is list or (len(inner) == 2 and inner[1] is Ellipsis):
        items = [_decode(f"{name}[{index}]", inner[0], item) for index, item in enumerate(value)]
        return items if origin is list else tuple(items)
    if len(value) != len(inner):
        raise _wrong(name, declared, value)
    pairs = zip(inner, value, strict=True)
    return tuple(_decode(f"{name}[{index}]", part, item) for index, (part, item) in enumerate(pairs))


def _decode_mapping(name: str, declared: Declared, value: Json) -> Json:
    inner = get_args(declared) or (str, Any)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _wrong(name, declared, value)
    return {key: _decode(f"{name}[{key!r}]", inner[1], item) for key, item in value.items()}
