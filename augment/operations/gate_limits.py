"""The limits of the gates: as real images set them, kept beside the judges, and as they were moved, in the settings.

No torch.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from augment.errors import InvalidInput, NotReady
from augment.judge.gates import GATES
from augment.operations.judges import judge_home
from augment.store import ProjectionRecord, Store
from augment.views import View

if TYPE_CHECKING:
    from augment.judge.classifier import JudgeConfig

__all__ = ["MOVED_SETTING", "gate_basis", "limits_in_force", "limits_of_real", "move_limit", "write_limits"]

MOVED_SETTING = "gate_limits"


def gate_basis(
    store: Store, view: View, judging: "JudgeConfig", encoder: str, projection: ProjectionRecord | None
) -> str:
    """A name for what samples are measured against: real images, view, judges and map. Other ones have another name."""
    home = judge_home(store, store.images.labels(), view, judging).name
    about = json.dumps([home, encoder, None if projection is None else projection.path])
    return hashlib.sha256(about.encode()).hexdigest()[:24]


def write_limits(store: Store, basis: str, limits: Mapping[str, float]) -> None:
    """Keeps the limits that real images set."""
    folder = store.workspace.cache_dir / "gates"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{basis}.json.part"
    unfinished.write_text(json.dumps(dict(limits)), encoding="utf-8")
    unfinished.replace(folder / f"{basis}.json")


def limits_of_real(store: Store, basis: str) -> dict[str, float]:
    """The limits that real images set. NotReady where they are not there any more."""
    path = store.workspace.cache_dir / "gates" / f"{basis}.json"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotReady("the limits of the gates are gone: run the gates again") from error
    return {name: float(read[name]) for name in GATES if name in read}


def limits_in_force(store: Store, basis: str) -> dict[str, float]:
    """The same, with those that were moved in their place."""
    moved = store.settings.get(MOVED_SETTING, {})
    limits = limits_of_real(store, basis)
    return limits | {name: float(moved[name]) for name in limits if isinstance(moved, dict) and name in moved}


def move_limit(store: Store, gate: str, limit: float | None) -> None:
    """Puts a limit in the place of that of real images; None gives it back. InvalidInput for no gate or no number."""
    if gate not in GATES:
        raise InvalidInput(f"gate {gate!r}: one of {', '.join(GATES)} is needed")
    if limit is not None and not math.isfinite(limit):
        raise InvalidInput(f"limit {limit} of gate {gate!r}: give a number")
    moved = store.settings.get(MOVED_SETTING, {})
    kept = {name: value for name, value in (moved if isinstance(moved, dict) else {}).items() if name != gate}
    store.settings.set(MOVED_SETTING, kept if limit is None else {**kept, gate: limit})
