"""The shape of the house, held by reading every module: who may import whom, and how large a part may grow.

A room imports only rooms on floors below its own. What the server process loads at its start must not pull in libraries
that take seconds; their imports stand inside the functions that need them.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = (
    (
        "augment.errors",
        "augment.images",
        "augment.masked",
        "augment.notices",
        "augment.grain",
        "augment.pieces",
        "augment.views",
        "augment.training",
    ),
    (
        "augment.store",
        "augment.features",
        "augment.ddpm",
        "augment.latent",
        "augment.vaegan",
        "augment.baselines",
        "augment.surfaces",
        "augment.importing",
        "augment.exporting",
    ),
    ("augment.judge",),
    ("augment.operations",),
    ("augment.jobs",),
    ("augment.doctor", "ui"),
    ("augment.cli",),
    ("augment.__main__", "app"),
)
"""From the ground up. Floor 0 is one room: its modules may know each other."""

TORCHLESS = (
    "augment.store",
    "augment.surfaces",
    "augment.importing",
    "augment.exporting",
    "augment.jobs",
    "ui",
)
HEAVY = {"datasets", "diffusers", "pandas", "peft", "sklearn", "timm", "torch", "torchvision", "transformers", "umap"}
SERVER = ("app", "augment.cli", "augment.doctor", "augment.jobs", "augment.operations", "augment.store", "ui")
"""Rooms that the server process imports as a whole; what their modules import at the top is loaded at the start."""

MODULE_LINES = 400
FUNCTION_LINES = 60


@dataclass(frozen=True)
class Import:
    """One name imported: `a.b` for `import a.b`, `a.b.c` for `from a.b import c`; top when it runs with the module."""

    name: str
    line: int
    top: bool


class Module:
    """A parsed source file."""

    def __init__(self, path: Path) -> None:
        parts = path.relative_to(ROOT).with_suffix("").parts
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.path = path.relative_to(ROOT).as_posix()
        self.source = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.source)
        self.imports = [*self._imports(self.tree, top=True)]

    def _imports(self, node: ast.AST, top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, top)
            elif isinstance(child, ast.ImportFrom):
                base = self._absolute(child)
                for alias in child.names:
                    yield Import(f"{base}.{alias.name}", child.lineno, top)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                only_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
                yield from self._imports(child, top and not inside and not only_types)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)


SOURCES = [*sorted(ROOT.glob("augment/**/*.py")), *sorted(ROOT.glob("ui/**/*.py")), ROOT / "app.py"]
MODULES = {module.name: module for module in map(Module, SOURCES)}


def room_of(name: str) -> str | None:
    """The room a module belongs to; None for what is not ours, and for the bare package, which holds nothing."""
    rooms = [room for floor in FLOORS for room in floor if name == room or name.startswith(f"{room}.")]
    return rooms[0] if rooms else None


def floor_of(room: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if room in floor)


def own_modules(name: str) -> list[str]:
    """The modules of ours that importing a name runs: its packages, and the module itself."""
    parts = name.split(".")
    prefixes = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return [prefix for prefix in prefixes if prefix in MODULES]


def public_definitions(node: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child)


def test_every_module_has_a_room():
    homeless = [name for name in MODULES if name != "augment" and room_of(name) is None]
    assert homeless == [], f"give {homeless} a floor in FLOORS"


def test_a_room_imports_only_from_floors_below():
    wrong = []
    for module in MODULES.values():
        own = room_of(module.name)
        for found in module.imports:
            other = room_of(found.name)
            if own is None or other is None or own == other or floor_of(own) == floor_of(other) == 0:
                continue
            if floor_of(other) >= floor_of(own):
                wrong.append(f"{module.path}:{found.line}: {own} imports {other}")
    assert wrong == []


def test_gradio_lives_in_the_user_interface_alone():
    wrong = [
        f"{module.path}:{found.line}: {found.name}"
        for module in MODULES.values()
        if room_of(module.name) not in ("ui", "app")
        for found in module.imports
        if found.name.split(".")[0] in ("gradio", "gradio_client")
    ]
    assert wrong == []


def test_rooms_that_know_no_torch():
    wrong = [
        f"{module.path}:{found.line}: {found.name}"
        for module in MODULES.values()
        if room_of(module.name) in TORCHLESS
        for found in module.imports
        if found.name.split(".")[0] in ("torch", "torchvision", "diffusers", "timm")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", SERVER)
def test_the_server_starts_without_heavy_libraries(room):
    """Follow what runs at the start through our own modules, and name the chain that ends in a heavy import."""
    wrong = []
    waiting = [(name, name) for name in MODULES if room_of(name) == room]
    seen = {name for name, _ in waiting}
    while waiting:
        name, chain = waiting.pop()
        for found in MODULES[name].imports:
            if not found.top:
                continue
            if found.name.split(".")[0] in HEAVY:
                wrong.append(f"{chain} imports {found.name.split('.')[0]} (line {found.line})")
            for other in own_modules(found.name):
                if other not in seen:
                    seen.add(other)
                    waiting.append((other, f"{chain} -> {other}"))
    assert wrong == []


def test_no_module_and_no_function_is_too_long():
    wrong = []
    for module in MODULES.values():
        lines = len(module.source.splitlines())
        if lines > MODULE_LINES:
            wrong.append(f"{module.path}: {lines} lines; {MODULE_LINES} are allowed: split it by noun")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    wrong.append(
                        f"{module.path}:{node.lineno}: {node.name} has {length} lines; {FUNCTION_LINES} are allowed"
                    )
    assert wrong == []


def test_every_public_object_has_a_docstring():
    wrong = [module.path for module in MODULES.values() if module.tree.body and not ast.get_docstring(module.tree)]
    for module in MODULES.values():
        # A protocol's member `...` only repeats a name that the protocol's own docstring explains.
        written = (node for node in public_definitions(module.tree) if ast.unparse(node.body[0]) != "...")
        bare = (node for node in written if not ast.get_docstring(node))
        wrong += [f"{module.path}:{node.lineno}: {node.name}" for node in bare]
    assert wrong == []


def names_at_the_top(tree: ast.Module) -> set[str]:
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {
                name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
    return names


def test_what_a_module_exports_is_there():
    wrong = []
    for module in MODULES.values():
        for node in module.tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                missing = set(ast.literal_eval(node.value)) - names_at_the_top(module.tree)
                wrong += [f"{module.path}: {name}" for name in sorted(missing)]
    assert wrong == []


def test_the_reader_of_imports_sees_what_it_should(tmp_path):
    """A checker that finds nothing passes every time; this one must find what is planted."""
    source = """
import torch
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import timm
def work():
    from augment.store import Store
try:
    import umap
except ImportError:
    pass
class Room:
    import datasets
"""
    imports = [*Module._imports(MODULES["augment"], ast.parse(source), top=True)]
    assert {found.name: found.top for found in imports} == {
        "torch": True,
        "typing.TYPE_CHECKING": True,
        "timm": False,
        "augment.store.Store": False,
        "umap": True,
        "datasets": True,
    }
    relative = ast.parse("from . import files\nfrom ..errors import KizuError\nfrom .records import Change").body
    assert [MODULES["augment.store"]._absolute(node) for node in relative] == [
        "augment.store",
        "augment.errors",
        "augment.store.records",
    ]
    assert MODULES["augment.store.files"]._absolute(relative[2]) == "augment.store.records"
    assert own_modules("augment.store.records.Change") == ["augment", "augment.store", "augment.store.records"]
