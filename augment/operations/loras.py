"""The LoRA files of a re-drawing: found by path or by the id of a training, and whether they suit. No torch."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from augment.errors import InvalidConfig, NotFound, NotReady
from augment.notices import Notice, notice
from augment.store import ModelRecord, Store

__all__ = ["find_lora", "lora_notices", "read_lora", "told_of"]

_OWN = "lora:"


def read_lora(told: str) -> tuple[str, float]:
    """File or "lora:ID", and weight, of "style.safetensors=0.8"; without a weight 1. InvalidConfig for no weight."""
    name, sign, weight = told.rpartition("=")
    try:
        found, value = (name, float(weight)) if sign else (told, 1.0)
    except ValueError as error:
        raise InvalidConfig(f"LoRA {told!r}: its weight {weight!r} is no number; FILE=0.8 is needed") from error
    if not -4.0 <= value <= 4.0:
        raise InvalidConfig(f"LoRA {told!r}: weight {value} is outside -4 to 4; 0.5 to 1 is usual")
    return found, value


def find_lora(told: str, store: Store) -> tuple[Path, float]:
    """The file and weight of what `read_lora` takes. NotFound for an id that is no LoRA's; NotReady for a lost file."""
    name, weight = read_lora(told)
    if not name.startswith(_OWN):
        return Path(name).expanduser(), weight
    record = _record(name, store)
    path = store.workspace.root / record.path
    if not path.is_file():
        raise NotReady(f"LoRA {record.id} ({record.path}) is gone: train it again")
    return path, weight


def _record(name: str, store: Store) -> ModelRecord:
    number = name.removeprefix(_OWN)
    trained = store.models.list("lora")
    found = next((one for one in trained if str(one.id) == number), None)
    if found is None:
        known = ", ".join(f"{_OWN}{one.id}" for one in trained) or "none"
        raise NotFound(f"LoRA {name}: {known} is trained here; train one (kizu train lora) or give a file")
    return found


def told_of(path: Path) -> dict[str, Any]:
    """What a LoRA's training wrote into its file; empty for one of other makers or a file that cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as opened:
            told: dict[str, Any] = json.loads((opened.metadata() or {}).get("kizu", "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}
    return told


def lora_notices(loras: Sequence[str], prompt: str, base_sha256: str, store: Store) -> Iterator[Notice]:
    """What a user should know of the LoRAs of a re-drawing: trained on another model, or called by another word."""
    for one in loras:
        path, _ = find_lora(one, store)
        told = told_of(path)
        if told.get("base_sha256", base_sha256) != base_sha256:
            yield notice("lora_other_base", lora=path.name, base=str(told.get("base")))
        token = str(told.get("token", ""))
        if token and token.lower() not in prompt.lower().split():
            yield notice("lora_unsaid", lora=path.name, token=token, prompt=str(told.get("instance_prompt")))
