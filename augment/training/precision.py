"""Where and in which number format networks compute, and on how many cores. Knows no training."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from augment.errors import InvalidConfig

__all__ = ["Precision", "choose_device", "choose_precision", "half_the_cores", "processor_features"]

Module = TypeVar("Module", bound=nn.Module)


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
