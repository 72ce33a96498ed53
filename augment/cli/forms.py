"""Command line arguments drawn from config dataclasses. Knows argparse and dataclasses; no operation by name."""

import argparse
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

__all__ = ["LazyParser", "add_config", "read_config"]

_PREFIX = "config_"
_METAVARS: dict[Any, str] = {int: "N", float: "X", str: "TEXT", Path: "PATH"}

Declared = Any
"""The declared type of a field."""


class LazyParser(argparse.ArgumentParser):
    """A parser whose arguments are added when they are needed, so that `kizu --help` imports no operation."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # those of ArgumentParser
        """Takes what ArgumentParser takes. Abbreviations are refused: a new option must not change an old script."""
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)
        self._fill: Callable[[LazyParser], None] | None = None

    def fill_later(self, fill: Callable[["LazyParser"], None]) -> None:
        """Have `fill(parser)` called before this parser parses or shows its help."""
        self._fill = fill

    def fill_now(self) -> None:
        """Add the arguments now, if they are still to be added."""
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401
        """As ArgumentParser."""
        self.fill_now()
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        """As ArgumentParser."""
        self.fill_now()
        return super().format_help()


def add_config(parser: argparse.ArgumentParser, config_type: type[Any]) -> None:
    """Add an argument for each field: positional where it has no default, an option named after it otherwise.

    Help comes from the field's metadata "help" and "unit"; choices from Literal; true and false become --x and --no-x.
    A type with `presets` (fields by name, in groups) gets --preset, which other options override.
    """
    from augment.operations import field_types

    declared = field_types(config_type)
    presets = _presets(config_type)
    if presets:
        words = "settings that suit so many photographs, or such a model; other options change them"
        parser.add_argument("--preset", nargs="+", choices=list(presets), default=[], help=words)
    for field in fields(config_type):
        if field.name in declared:
            _add_field(parser, field, declared[field.name])


def read_config(parser: argparse.ArgumentParser, options: argparse.Namespace, config_type: type[Any]) -> Any:  # noqa: ANN401
    """The config from parsed options. What is wrong with a value ends the program with usage and exit code 2."""
    from augment.errors import InvalidConfig
    from augment.operations import config_from_json, field_types

    presets = _presets(config_type)
    suited = {name: value for chosen in getattr(options, "preset", ()) for name, value in presets[chosen].items()}
    given = {
        name.removeprefix(_PREFIX): value
        for name, value in vars(options).items()
        if name.startswith(_PREFIX) and value is not None
    }
    try:
        declared = field_types(config_type)
        values = {name: _converted(name, declared[name], value) for name, value in given.items()}
        return config_from_json(config_type, {**suited, **values})
    except InvalidConfig as error:
        parser.error(str(error))


def _presets(config_type: type[Any]) -> dict[str, Mapping[str, Any]]:
    """Those of all groups by name."""
    groups: Mapping[str, Mapping[str, Mapping[str, Any]]] = getattr(config_type, "presets", {})
    return {name: preset for group in groups.values() for name, preset in group.items()}


def _add_field(parser: argparse.ArgumentParser, field: "Field[Any]", declared: Declared) -> None:
    required = field.default is MISSING and field.default_factory is MISSING
    plain = _without_none(declared)
    words = field.metadata.get("help", "").replace("%", "%%")
    unit = field.metadata.get("unit", "")
    note = "" if required else _default_text(field)
    options: dict[str, Any] = {"help": f"{words}{f', in {unit}' if unit else ''}{note}".strip()}
    if plain is bool:
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(
            flag, dest=_PREFIX + field.name, action=argparse.BooleanOptionalAction, default=None, help=options["help"]
        )
        return
    options |= _shape(plain)
    if required:
        if "choices" not in options:
            options["metavar"] = field.name.upper()
        if options.get("nargs") == "*":
            options["nargs"] = "+"
        parser.add_argument(_PREFIX + field.name, **options)
    else:
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(flag, dest=_PREFIX + field.name, default=None, **options)


def _default_text(field: "Field[Any]") -> str:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    if isinstance(default, bool):
        shown = "yes" if default else "no"
    elif default is None or default in ("", ()):
        return ""
    elif isinstance(default, (tuple, list)):
        shown = " ".join(map(str, default))
    else:
        shown = f"{default:g}" if isinstance(default, float) else str(default)
    return f" (default: {shown})".replace("%", "%%")


def _without_none(declared: Declared) -> Declared:
    origin: Declared = get_origin(declared)
    if origin in (Union, types.UnionType):
        real = [part for part in get_args(declared) if part is not type(None)]
        return real[0] if len(real) == 1 else str
    return declared


def _shape(declared: Declared) -> dict[str, Any]:
    """argparse's words for a type."""
    origin: Declared = get_origin(declared)
    inner = get_args(declared)
    if declared in _METAVARS:
        return {"type": declared, "metavar": _METAVARS[declared]}
    if origin is Literal:
        return {"type": type(inner[0]), "choices": inner}
    if origin in (tuple, list):
        if origin is list or (len(inner) == 2 and inner[1] is Ellipsis):
            return {"nargs": "*"} | _shape(inner[0])
        return {"nargs": len(inner), "metavar": tuple(_METAVARS.get(part, "VALUE") for part in inner)}
    return {"metavar": "JSON"}


def _converted(name: str, declared: Declared, value: Any) -> Any:  # noqa: ANN401  # what argparse made of it
    """Parsed text as the JSON that `config_from_json` reads."""
    from augment.errors import InvalidConfig

    plain = _without_none(declared)
    origin: Declared = get_origin(plain)
    inner = get_args(plain)
    if isinstance(value, Path):
        return str(value)
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        try:
            return [part(item) if part in _METAVARS else item for part, item in zip(inner, value, strict=True)]
        except ValueError as error:
            raise InvalidConfig(f"{name} {' '.join(value)}: {error}") from None
    if plain in _METAVARS or plain is bool or origin in (Literal, tuple, list):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise InvalidConfig(f"{name} {value!r}: JSON is needed") from None
