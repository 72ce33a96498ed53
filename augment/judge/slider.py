"""What moving one factor changes, and where: numbers of pictures before and after. Knows arrays alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SliderFigures", "slider_figures"]

_SPEAKS = 0.3
"""Spread of a dimension's means over photographs from which on it says something: the prior's is 1."""


@dataclass(frozen=True, kw_only=True)
class SliderFigures:
    """Medians over photographs. inside, outside: mean change of a pixel in levels of 255 within the mask and beside it.
    moved: how far the added dimension, read again from the pictures, followed, over how far it was moved. others: how
    well each of the other dimensions that say something agrees before and after, as Pearson's correlation, the least
    of them; None if none says anything. speaking: how many those are."""

    photographs: int
    inside: float
    outside: float
    moved: float
    others: float | None
    speaking: int


def slider_figures(
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    read: tuple[NDArray[np.float32], NDArray[np.float32]],
    masks: NDArray[np.bool_],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> SliderFigures:
    """Figures of pictures (n, side, side, C) before and after, and of their factors (n, dimensions) as read again.

    masks: (n, side, side), none all True or all False. low, high: values that the last dimensions were given.
    """
    before, after = (one.astype(np.float64) for one in pictures)
    change = np.abs(after - before).mean(axis=3)
    first, second = read
    known = first.shape[1] - len(low)
    speaking = np.flatnonzero(first[:, :known].std(axis=0) > _SPEAKS)
    agreement = [float(np.corrcoef(first[:, one], second[:, one])[0, 1]) for one in speaking]
    return SliderFigures(
        photographs=len(masks),
        inside=float(np.median([one[mask].mean() for one, mask in zip(change, masks, strict=True)])),
        outside=float(np.median([one[~mask].mean() for one, mask in zip(change, masks, strict=True)])),
        moved=float(np.median((second[:, known:] - first[:, known:]) / (high - low))),
        others=min(agreement) if agreement else None,
        speaking=len(speaking),
    )
