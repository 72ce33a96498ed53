"""Whether drawn defects repeat photographs: how near each lies to its nearest training image, over flips and turns.

Judged against how near real defects lie to each other, so that a class that always looks the same raises no alarm.
Knows pictures of defects alone; no network, no store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.judge.control import TURNS, least_distances, turned

__all__ = ["CopyFigures", "RealDefects", "look_of"]

_SIDE_PX = 24
"""A defect's look at this size tells one photograph from another and forgets grain."""
_ALARM_SHARE = 0.25


def look_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The surroundings of a mask (H, W) in a picture (H, W, C), grey (24, 24, 1); of all of it where it is empty.

    A quarter of the mask's sides is added on each side, so that the defect's rim is in it.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        rows, columns = np.arange(mask.shape[0]), np.arange(mask.shape[1])
    spans = []
    for found, length in ((columns, mask.shape[1]), (rows, mask.shape[0])):
        margin = max(1, (int(found[-1]) + 1 - int(found[0])) // 4)
        spans.append((max(0, int(found[0]) - margin), min(length, int(found[-1]) + 1 + margin)))
    cut = pixels[spans[1][0] : spans[1][1], spans[0][0] : spans[0][1]].mean(axis=2).astype(np.uint8)
    shown = Image.fromarray(cut).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    return np.asarray(shown)[..., None]


@dataclass(frozen=True, kw_only=True)
class CopyFigures:
    """nearest: (n,) float32, distance of each drawn defect to the training photograph in row `like` (n,), from 0 to 2.

    limit: half the least distance between real ones of different photographs; below it a drawn one is a copy. None
    where there are fewer than three photographs.
    """

    nearest: NDArray[np.float32]
    like: NDArray[np.int64]
    limit: float | None

    @property
    def copied(self) -> NDArray[np.bool_]:
        """(n,) bool."""
        return np.asarray(self.nearest < (self.limit or 0.0))

    @property
    def alarm(self) -> bool:
        """Whether a quarter or more are copies."""
        return bool(len(self.nearest) and self.copied.mean() >= _ALARM_SHARE)


class RealDefects:
    """The defects that a model learned from, to hold drawn ones against."""

    def __init__(self, looks: Sequence[NDArray[np.uint8]]) -> None:
        """looks: of one defect of each photograph, as `look_of` gives them."""
        self._points = _plain(np.stack(looks)) if looks else np.zeros((0, _SIDE_PX**2), np.float32)
        self.limit: float | None = None
        if len(looks) >= 3:
            between = _distances(np.stack(looks), self._points)
            np.fill_diagonal(between, np.inf)
            self.limit = float(between.min()) / 2

    def compare(self, looks: Sequence[NDArray[np.uint8]]) -> CopyFigures:
        """How near drawn defects lie to these."""
        if not looks or not len(self._points):
            return CopyFigures(nearest=np.zeros(0, np.float32), like=np.zeros(0, np.int64), limit=self.limit)
        distances = _distances(np.stack(looks), self._points)
        return CopyFigures(nearest=distances.min(axis=1), like=distances.argmin(axis=1), limit=self.limit)


def _plain(looks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 576): without the picture's mean light. A flat one is given a slope, for it has no direction of its own."""
    flat = looks.reshape(len(looks), -1).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    slope = np.linspace(-1e-3, 1e-3, flat.shape[1], dtype=np.float32)
    return np.asarray(flat + slope)


def _distances(looks: NDArray[np.uint8], points: NDArray[Any]) -> NDArray[np.float32]:
    return least_distances([_plain(turned(looks, turn)) for turn in range(TURNS)], points)
