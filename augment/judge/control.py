"""Reference control: whether samples asked for at a reference image resemble that one and bear its label.

The published experiment (Hayata 2025: two references a class, ten samples each) judged by numbers instead of by eye.
It knows features, probabilities and indices; what drew the samples and which encoder looked at them it does not know.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.features.neighbours import check_points
from augment.judge.metrics import Interval, Share, wilson

__all__ = ["TURNS", "ControlNumbers", "Verdicts", "copies", "least_distances", "nearer_to_own", "turned"]

TURNS = 8
"""Flips and quarter turns of a square, itself among them."""


@dataclass(frozen=True, kw_only=True)
class ControlNumbers:
    """Shares of samples that are nearer to their own reference, bear the asked label, do both, and are copies.

    landing: median distance from the reference's position in the class's usual distances, low and high its quartiles.
    None where nothing was judged.
    """

    nearer: Share | None
    labelled: Share | None
    both: Share | None
    copied: Share | None
    landing: Interval | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdicts:
    """What was found of n samples: nearer, labelled, copied (n,) bool as in `ControlNumbers`, landing (n,) float."""

    nearer: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    copied: NDArray[np.bool_]
    landing: NDArray[np.float64]

    def numbers(self, rows: NDArray[np.bool_] | slice = slice(None)) -> ControlNumbers:
        """The shares of some of the samples."""
        nearer, labelled, landing = self.nearer[rows], self.labelled[rows], self.landing[rows]
        quartiles = [float(value) for value in np.quantile(landing, (0.25, 0.5, 0.75))] if len(landing) else None
        return ControlNumbers(
            nearer=wilson(nearer),
            labelled=wilson(labelled),
            both=wilson(nearer & labelled),
            copied=wilson(self.copied[rows]),
            landing=Interval(low=quartiles[0], value=quartiles[1], high=quartiles[2]) if quartiles else None,
        )


def nearer_to_own(
    sample: NDArray[Any], sample_of: NDArray[np.int64], reference: NDArray[Any], reference_label: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each sample is nearer, by cosine, to its own reference than to every other of that reference's class.

    Chance is one in the number of references a class has.

    Args:
        sample: (n, d) float features, from an encoder that no generator is conditioned on.
        sample_of: (n,) int64, row of its reference.
        reference: (r, d) float features. reference_label: (r,) int64.

    Returns:
        (n,) bool.

    Raises:
        InvalidInput: a class with one reference: there is nothing to be nearer to.
    """
    cosine = _unit(sample) @ _unit(reference).T
    rivals = reference_label[sample_of][:, None] == reference_label[None, :]
    rivals[np.arange(len(sample_of)), sample_of] = False
    if not rivals.any(axis=1).all():
        raise InvalidInput("a class with one reference: two or more are needed to tell which one a sample resembles")
    own = cosine[np.arange(len(sample_of)), sample_of]
    return np.asarray(own > np.where(rivals, cosine, -np.inf).max(axis=1, initial=-np.inf))


def turned(images: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Square images (n, side, side, channels) flipped and turned by 0 to 7; 0 leaves them as they are."""
    changed = images.transpose(0, 2, 1, 3) if turn & 4 else images
    changed = changed[:, ::-1] if turn & 2 else changed
    return np.ascontiguousarray(changed[:, :, ::-1] if turn & 1 else changed)


def least_distances(features: list[NDArray[Any]], training: NDArray[Any]) -> NDArray[np.float32]:
    """Least distance of each sample to each training image, over the sample's flips and turns.

    Args:
        features: one (n, d) float matrix for each turn. training: (m, d) float.

    Returns:
        (n, m) float32, between features scaled to length 1.
    """
    points = _unit(training)
    likest = np.max([_unit(turn) @ points.T for turn in features], axis=0)
    return np.asarray(np.sqrt(np.maximum(2 - 2 * likest, 0)), dtype=np.float32)


def copies(distances: NDArray[Any]) -> NDArray[np.bool_]:
    """Which samples lie three times nearer to one training image than to any other.

    Args:
        distances: (n, training images) float, the least over the sample's eight flips and turns.

    Returns:
        (n,) bool; False where there are fewer than two training images.
    """
    if distances.shape[1] < 2:
        return np.zeros(len(distances), dtype=np.bool_)
    two = np.partition(distances, 1, axis=1)[:, :2]
    return np.asarray(3 * two[:, 0] < two[:, 1])


def _unit(features: NDArray[Any]) -> NDArray[np.float32]:
    points = check_points(features, "features")
    return np.asarray(points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12), dtype=np.float32)
