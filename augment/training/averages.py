"""The average of a training's weights."""

import copy
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import nn

from augment.errors import InvalidConfig

__all__ = ["PowerEma", "copy_learning", "ema_exponent", "settle_norms"]

_SETTLING = 20
"""Batches by which the averaged network's normalisation is measured anew."""

Module = TypeVar("Module", bound=nn.Module)


def ema_exponent(relative_width: float) -> float:
    """Exponent gamma of a power-function average whose width is `relative_width` (0.01 to 0.25) of the training so far.

    Karras et al. 2024 (EDM2), algorithm 2: the largest root of g^3 + 7 g^2 + (16 - t) g + 12 - t, t = width^-2.
    """
    if not 0.01 <= relative_width <= 0.25:
        raise InvalidConfig(f"ema width {relative_width}: allowed 0.01 to 0.25; 0.05 to 0.15 is usual")
    t = relative_width**-2
    return float(np.roots([1, 7, 16 - t, 12 - t]).real.max())


def copy_learning(module: Module) -> Module:
    """A copy of a module in all that learns. Weights that are frozen, a base model's for one, are the same tensors."""
    frozen = {id(weight): weight for weight in module.parameters() if not weight.requires_grad}
    return copy.deepcopy(module, dict(frozen))


class PowerEma(Generic[Module]):
    """Average of the weights over the last part of the training, however long it has been. EDM2, equation 124.

    `module` holds the average and is what is sampled from and shipped.
    """

    def __init__(self, module: Module, relative_width: float) -> None:
        """Starts as a copy of `module`; `relative_width` as for `ema_exponent`."""
        self.gamma = ema_exponent(relative_width)
        self.module: Module = copy_learning(module).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, module: Module, step: int) -> None:
        """Takes in the weights after step `step`, which counts from 1."""
        beta = (1 - 1 / step) ** (self.gamma + 1)
        for average, value in zip(self.module.parameters(), module.parameters(), strict=True):
            if average is not value:
                average.lerp_(value, 1 - beta)
        for kept, buffer in zip(self.module.buffers(), module.buffers(), strict=True):
            kept.copy_(buffer)


@torch.no_grad()
def settle_norms(averaged: nn.Module, look: Callable[[], object]) -> None:
    """Measures batch normalisation anew: averaged weights do not have the statistics of those they are of.

    look: runs the network on one batch like those it learned from. Does nothing for a network without such layers.
    """
    norms = [module for module in averaged.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for _ in range(_SETTLING if norms else 0):
        look()
    for norm in norms:
        norm.eval()
