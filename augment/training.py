"""What every training loop needs: number formats, seeds, averaged weights, exact checkpoints, a guard for bad losses.

Nothing here knows what is trained, nor where it is stored in a workspace.
"""

import contextlib
import copy
import hashlib
import math
import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from augment.errors import InvalidConfig, InvalidInput, JobFailed

__all__ = [
    "PowerEma",
    "Precision",
    "check_loss",
    "choose_device",
    "choose_precision",
    "cosine_rate",
    "deterministic",
    "ema_exponent",
    "half_the_cores",
    "load_checkpoint",
    "load_weights",
    "processor_features",
    "random_state",
    "restore_random_state",
    "save_checkpoint",
    "save_weights",
    "seed_everything",
    "start_from",
]

Module = TypeVar("Module", bound=nn.Module)


# Precision ------------------------------------------------------------------------------------------------------------


def processor_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Instruction sets of this processor in Linux's words ("avx512_bf16", "amx_bf16"); empty if unknown."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        word for line in lines if line.lower().startswith(("flags", "features")) for word in line.split()[2:]
    )


@dataclass(frozen=True)
class Precision:
    """Where and in which number format a network computes. Weights and results stay float32."""

    device: torch.device
    dtype: torch.dtype
    memory_format: torch.memory_format

    @property
    def name(self) -> str:
        """ "fp32", "bf16" or "fp16"."""
        return {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.dtype]

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which the network is called."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def place(self, module: Module) -> Module:
        """Moves a module to the device, its convolution weights into the memory format."""
        return module.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload, no-any-return]

    def arrange(self, images: Tensor) -> Tensor:
        """Moves images (N, C, H, W) to the device in the memory format."""
        return images.to(device=self.device, memory_format=self.memory_format)


def choose_device() -> torch.device:
    """The GPU if torch sees one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_precision(
    request: str = "auto", device: torch.device | None = None, features: frozenset[str] | None = None
) -> Precision:
    """The number format for "auto", or the one asked for: "fp32", "bf16", "fp16".

    bf16 on a processor only with AMX or AVX512-bf16: without them it is emulated, some 10 times slower than fp32. A GPU
    takes bf16 where it can, fp16 otherwise. Channels-last everywhere: it saves reordering before convolutions.
    InvalidConfig for another word, and for fp16 on a processor.
    """
    device = device or choose_device()
    if request not in ("auto", "fp32", "bf16", "fp16"):
        raise InvalidConfig(f"precision {request!r}: allowed are auto, fp32, bf16, fp16")
    if request == "fp16" and device.type == "cpu":
        raise InvalidConfig("precision fp16 needs a GPU: choose auto, bf16 or fp32")
    if request == "auto":
        if device.type == "cuda":
            request = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        else:
            known = processor_features() if features is None else features
            request = "bf16" if known & {"amx_bf16", "avx512_bf16"} else "fp32"
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[request]
    return Precision(device, dtype, torch.channels_last)


@contextlib.contextmanager
def half_the_cores() -> Iterator[None]:
    """Inside, torch's threads are half the cores: for two networks beside each other, each in a Python thread.

    Small convolutions keep two threads of one network waiting for each other longer than they work.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, max(1, (os.cpu_count() or 1) // 2)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


# Seeds ----------------------------------------------------------------------------------------------------------------


def seed_everything(seed: int) -> None:
    """Seeds Python, numpy and torch. A sample's own noise never comes from these."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Inside, torch uses only algorithms that give the same bits again, and warns where there is none."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def random_state() -> dict[str, Tensor]:
    """The state of torch's global generators, for a checkpoint."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict[str, Tensor]) -> None:
    """Puts back what `random_state` gave."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


# Rates and averages ---------------------------------------------------------------------------------------------------


def cosine_rate(step: int, total: int, warmup: int) -> float:
    """Learning rate at `step` of `total` as a share of its peak: linear warm-up, then half a cosine to a hundredth."""
    if step < warmup:
        return (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def ema_exponent(relative_width: float) -> float:
    """Exponent gamma of a power-function average whose width is `relative_width` (0.01 to 0.25) of the training so far.

    Karras et al. 2024 (EDM2), algorithm 2: the largest root of g^3 + 7 g^2 + (16 - t) g + 12 - t, t = width^-2.
    """
    if not 0.01 <= relative_width <= 0.25:
        raise InvalidConfig(f"ema width {relative_width}: allowed 0.01 to 0.25; 0.05 to 0.15 is usual")
    t = relative_width**-2
    return float(np.roots([1, 7, 16 - t, 12 - t]).real.max())


class PowerEma(Generic[Module]):
    """Average of the weights over the last part of the training, however long it has been. EDM2, equation 124.

    `module` holds the average and is what is sampled from and shipped.
    """

    def __init__(self, module: Module, relative_width: float) -> None:
        """Starts as a copy of `module`; `relative_width` as for `ema_exponent`."""
        self.gamma = ema_exponent(relative_width)
        self.module: Module = copy.deepcopy(module).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, module: Module, step: int) -> None:
        """Takes in the weights after step `step`, which counts from 1."""
        beta = (1 - 1 / step) ** (self.gamma + 1)
        for average, value in zip(self.module.parameters(), module.parameters(), strict=True):
            average.lerp_(value, 1 - beta)
        for kept, buffer in zip(self.module.buffers(), module.buffers(), strict=True):
            kept.copy_(buffer)


# Guards ---------------------------------------------------------------------------------------------------------------


def check_loss(loss: float, step: int, learning_rate: float) -> None:
    """JobFailed if a loss is not a finite number, before it can reach the weights."""
    if not math.isfinite(loss):
        raise JobFailed(
            f"the loss became {loss} at step {step} with learning rate {learning_rate:g}: "
            "resume from the last checkpoint with a lower learning rate, or in precision fp32"
        )


# Files ----------------------------------------------------------------------------------------------------------------


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
