"""How well single dimensions stand for single factors, and what each dimension does. Knows no training.

The score of Kim and Mnih 2018 (FactorVAE), section 4: fix one factor, encode images, and let the dimension that varies
least vote for the factor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.vaegan.model import Factors

__all__ = ["Disentangled", "disentanglement", "traversal"]

Encode = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Factors (n, factors) to the means of their images' latents (n, dimensions)."""

_COLLAPSED = 0.05
"""Spread of a dimension's means below which it says nothing, and has no vote. The prior's is 1."""


@dataclass(frozen=True, kw_only=True)
class Disentangled:
    """score: share of the votes that the best table from dimensions to factors gets right, 0 to 1. votes: (dimensions,
    factors) int, how often each dimension was the steadiest while each factor was fixed."""

    score: float
    votes: NDArray[np.int64]


def disentanglement(
    encode: Encode,
    sizes: tuple[int, ...],
    *,
    fixed: tuple[int, ...] | None = None,
    repeats: int = 100,
    images: int = 100,
    seed: int = 0,
) -> Disentangled:
    """The score over factors of these sizes, `repeats` votes for each.

    fixed: which of the factors are asked for; all if None. The others vary still. images: in each vote.
    """
    rng = np.random.default_rng(seed)
    asked = tuple(range(len(sizes))) if fixed is None else fixed

    def drawn(count: int) -> NDArray[np.int64]:
        return np.stack([rng.integers(0, size, count) for size in sizes], axis=1)

    spread = encode(drawn(10 * images)).std(axis=0)
    told = spread > _COLLAPSED
    votes = np.zeros((len(spread), len(asked)), dtype=np.int64)
    for column, factor in enumerate(asked):
        for _ in range(repeats):
            factors = drawn(images)
            factors[:, factor] = factors[0, factor]
            steadiness = np.where(told, encode(factors).var(axis=0) / np.maximum(spread, 1e-12) ** 2, np.inf)
            votes[int(steadiness.argmin()), column] += 1
    score = float(votes.max(axis=1).sum() / max(1, votes.sum()))
    return Disentangled(score=score, votes=votes)


@torch.no_grad()
def traversal(network: Factors, z: Tensor, values: Sequence[float]) -> NDArray[np.uint8]:
    """A sheet (d * side, values * side, C) uint8: each row moves one dimension of z (d,) through the values."""
    rows = []
    for dimension in range(len(z)):
        moved = z.repeat(len(values), 1)
        moved[:, dimension] = torch.tensor(values)
        images = (network.decoder(moved) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        rows.append(np.concatenate(list(images), axis=1))
    return np.concatenate(rows)
