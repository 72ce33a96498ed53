"""Checkpoints and weights on disk: whole or not there, and never run as code. Knows no workspace."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from augment.errors import InvalidInput

__all__ = ["load_checkpoint", "load_weights", "save_checkpoint", "save_weights", "start_from"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors, numbers and texts so that the old file or the whole new one is there, even after a power cut."""
    _write_whole(path, lambda part: torch.save(state, part))


def load_checkpoint(path: Path, device: torch.device | None = None) -> dict[str, Any]:
    """Reads `save_checkpoint`'s file; no code in it is ever run. InvalidInput if it is damaged or of another kind."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device or "cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(
            f"checkpoint {path.name} cannot be read ({reason}): delete it and start the training again"
        ) from error
    return state


def save_weights(path: Path, module: nn.Module) -> str:
    """Writes a module's parameters and buffers as safetensors, whole or not at all; returns the SHA-256 in hex."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    _write_whole(path, lambda part: save_file(tensors, part))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_weights(path: Path, module: nn.Module) -> None:
    """Fills a module from `save_weights`' file. InvalidInput if it is damaged or of another shape."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"weights {path.name} do not fit this network ({reason}): train the model again") from error


def start_from(path: Path, module: nn.Module, own: tuple[str, ...] = (), named: Callable[[str], str] = str) -> bool:
    """Fills a module with another network's weights to start a training from; False and no change if they do not fit.

    path: a `save_weights` file of a grey network. own: beginnings of the names that stay as they are, because they mean
    something else in this training. named: the other network's name of a weight of this one. A network for colour
    takes the grey input weights a third each, and gives the same value in each channel at first.
    """
    from safetensors.torch import load_file

    given, wanted = load_file(path), module.state_dict()
    taken: dict[str, Tensor] = {}
    for name, value in wanted.items():
        if name.startswith(own):
            continue
        other = given.get(named(name))
        if other is None:
            return False
        fitted = _in_channels(other, value.shape)
        if fitted is None:
            return False
        taken[name] = fitted
    module.load_state_dict({**wanted, **taken})
    return True


def _in_channels(weight: Tensor, shape: torch.Size) -> Tensor | None:
    """A weight of one grey channel spread over `shape`'s three; itself if the shape is its own, None if neither."""
    if weight.shape == shape:
        return weight
    if weight.ndim == 4 and weight.shape[1] == 1 and shape == (weight.shape[0], 3, *weight.shape[2:]):
        return weight.expand(shape) / 3.0
    if weight.shape[0] == 1 and shape == (3, *weight.shape[1:]):
        return weight.expand(shape)
    return None


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Temporary name, flushed, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
