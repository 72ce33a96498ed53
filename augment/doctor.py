"""`kizu doctor`: what this machine offers, and what each finding means for the work. Changes nothing."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Check", "examine", "render"]

_HUB = "https://huggingface.co/api/models?limit=1"
_CPU_INFO = Path("/proc/cpuinfo")
_SQLITE_NEEDED = (3, 38, 0)
_DISK_NEEDED_GB = 2
_MEMORY_WANTED_GB = 4


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding: good, a note (something will be slower or is off), or a problem (something will not work)."""

    name: str
    value: str
    level: Literal["good", "note", "problem"]
    meaning: str


def examine(folder: Path, *, hub_timeout_seconds: float = 3.0) -> list[Check]:
    """All findings, in a fixed order. folder: where the workspace is or would be, for the free space."""
    return [
        check_python(),
        check_torch(),
        check_processor(),
        check_gpu(),
        check_sqlite(),
        check_disk(folder),
        check_memory(),
        check_hub(hub_timeout_seconds),
    ]


def render(checks: Sequence[Check]) -> str:
    """The findings as text, a mark before each: "ok", "--" for a note, "!!" for a problem."""
    marks = {"good": "ok", "note": "--", "problem": "!!"}
    width = max(len(check.name) for check in checks)
    indent = " " * (width + 5)
    return "".join(
        f"{marks[check.level]} {check.name.ljust(width)}  {check.value}\n"
        f"{textwrap.fill(check.meaning, 100, initial_indent=indent, subsequent_indent=indent)}\n"
        for check in checks
    )


def check_python() -> Check:
    """The version of Python."""
    value = f"{platform.python_version()}, {sys.executable}"
    return Check(name="Python", value=value, level="good", meaning="3.11 or newer is needed.")


def check_torch() -> Check:
    """Whether torch can be imported, its version and threads."""
    if importlib.util.find_spec("torch") is None:
        meaning = "Training and generating need it: install Kizu's requirements again. Import, review and export work."
        return Check(name="torch", value="not installed", level="problem", meaning=meaning)
    try:
        import torch
    except (ImportError, OSError) as error:
        meaning = f"It does not load ({str(error).splitlines()[0]}): install Kizu's requirements again."
        version = importlib.metadata.version("torch")
        return Check(name="torch", value=version, level="problem", meaning=meaning)
    threads = torch.get_num_threads()
    return Check(
        name="torch",
        value=f"{torch.__version__}, {threads} thread{'s' if threads != 1 else ''}",
        level="good",
        meaning="Trains and generates. OMP_NUM_THREADS sets how many processor cores it takes.",
    )


def check_processor(cpuinfo: Path = _CPU_INFO) -> Check:
    """The number of cores, and the instruction sets that make bfloat16 fast."""
    model, flags = _read_cpuinfo(cpuinfo)
    has_bf16, has_amx = "avx512_bf16" in flags, "amx_bf16" in flags
    known = (("AVX2", "avx2" in flags), ("AVX-512", "avx512f" in flags), ("AVX512-bf16", has_bf16), ("AMX", has_amx))
    found = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in known)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    value = f"{model or platform.machine()}, {cores} core{'s' if cores != 1 else ''}, {found}"
    if not flags:
        meaning = "The instruction sets cannot be read on this system: training uses 32-bit numbers, which always work."
        return Check(name="processor", value=value, level="note", meaning=meaning)
    if has_bf16 or has_amx:
        meaning = "Training on the processor uses bfloat16 (about twice as fast)."
        return Check(name="processor", value=value, level="good", meaning=meaning)
    meaning = "Training on the processor uses 32-bit numbers: without AVX512-bf16 or AMX, bfloat16 would be slower."
    return Check(name="processor", value=value, level="note", meaning=meaning)


def check_gpu() -> Check:
    """The first GPU that torch can use."""
    try:
        import torch
    except (ImportError, OSError):
        return Check(name="GPU", value="unknown", level="note", meaning="torch must load before a GPU can be found.")
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        value = f"{properties.name}, {properties.total_memory / 2**30:.0f} GB"
        return Check(name="GPU", value=value, level="good", meaning="Training and generating use it.")
    if torch.version.cuda:
        meaning = "torch could use one but finds no GPU or no driver: training on the processor takes minutes to hours."
    else:
        meaning = (
            "This torch is built for the processor alone: training takes minutes to hours. A GPU needs a CUDA build."
        )
    return Check(name="GPU", value="none", level="note", meaning=meaning)


def check_sqlite() -> Check:
    """The version of SQLite that Python was built with."""
    value = sqlite3.sqlite_version
    needed = ".".join(map(str, _SQLITE_NEEDED))
    if sqlite3.sqlite_version_info < _SQLITE_NEEDED:
        meaning = f"Kizu needs {needed} or newer: use a Python that is built with a newer one."
        return Check(name="SQLite", value=value, level="problem", meaning=meaning)
    return Check(name="SQLite", value=value, level="good", meaning=f"Keeps the workspace; {needed} or newer is needed.")


def check_disk(folder: Path) -> Check:
    """The space that is free where the workspace is or would be, and whether it may be written."""
    place = folder
    while not place.exists():
        place = place.parent
    free_gb = shutil.disk_usage(place).free / 2**30
    value = f"{free_gb:.1f} GB free in {place}"
    if not os.access(place, os.W_OK):
        meaning = "The folder cannot be written: choose another with --workspace, or change its permissions."
        return Check(name="disk", value=value, level="problem", meaning=meaning)
    if free_gb < _DISK_NEEDED_GB:
        meaning = f"Below {_DISK_NEEDED_GB} GB, imports and checkpoints may not fit: free some space."
        return Check(name="disk", value=value, level="note", meaning=meaning)
    meaning = "Imports keep the original bytes; a checkpoint takes 10 to 60 MB."
    return Check(name="disk", value=value, level="good", meaning=meaning)


def check_memory() -> Check:
    """The memory that is free."""
    import psutil

    memory = psutil.virtual_memory()
    free_gb = memory.available / 2**30
    value = f"{free_gb:.1f} of {memory.total / 2**30:.1f} GB free"
    if free_gb < _MEMORY_WANTED_GB:
        meaning = (
            f"Training takes up to 3 GB: below {_MEMORY_WANTED_GB} GB, close other programs or use smaller batches."
        )
        return Check(name="memory", value=value, level="note", meaning=meaning)
    return Check(name="memory", value=value, level="good", meaning="Training takes up to 3 GB.")


def check_hub(timeout_seconds: float, environment: Mapping[str, str] = os.environ, address: str = _HUB) -> Check:
    """Whether the Hugging Face Hub answers; not asked where HF_HUB_OFFLINE forbids it."""
    need = "Only Hub data sets, timm models by name and pushing exports need it"
    if environment.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        meaning = f"{need}; unset HF_HUB_OFFLINE to allow it."
        return Check(name="Hub", value="not asked (HF_HUB_OFFLINE)", level="note", meaning=meaning)
    address = (
        address if "HF_ENDPOINT" not in environment else f"{environment['HF_ENDPOINT'].rstrip('/')}/api/models?limit=1"
    )
    try:
        with urllib.request.urlopen(address, timeout=timeout_seconds) as answer:
            status = answer.status
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        meaning = f"{need}; the built-in encoder and generator do not. Local folders work as well."
        return Check(name="Hub", value=f"no answer ({reason})", level="note", meaning=meaning)
    return Check(name="Hub", value=f"answers ({status})", level="good", meaning=f"{need}.")


def _read_cpuinfo(path: Path) -> tuple[str, frozenset[str]]:
    """Model name and flags of the first processor; empty where the system does not tell."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", frozenset()
    facts = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    flags = facts.get("flags") or facts.get("features") or ""
    return facts.get("model name", ""), frozenset(flags.split())
