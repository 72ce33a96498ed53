"""What a sample is worth to a classifier: whether a step of learning from it would mend what unseen images need mended.

TracIn (Pruthi et al. 2020, section 3.2): the product of a training example's gradient and that of a test example is
what one step on the first takes off the loss of the second. As there, and as in GRAD-MATCH (Killamsetty et al. 2021),
the last layer's gradient alone is taken: it is known from the layer's input and output, without a backward pass.

Two things differ from them, because without them wrong labels came out as the most useful of all. Inputs are centred
and the offset is left out: what all images of a label share only says how often it is drawn, which training sets by
itself. And a doubtful label takes from what a sample is worth, for a wrong label pulls as hard as a hard example, and
to first order nothing tells the two apart. It is weak: measured on magnetic tiles (120 unseen photographs, mean over
6 labels), the chance that one of them is put above another image that is given the same label is 0.76 where that label
is wrong and 0.65 where the other mirrors an image that is learned; when the form was chosen, by classifiers that had
started from nothing, 0.74 and 0.63, beside 0.54 and 0.67 as published. It orders a queue and proves nothing. Knows
arrays; no network, no store.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = ["VALUE", "LastLayer", "alignment", "weighed"]

VALUE = "value"
"""Under this name it is kept beside what the gates measured. It has no limit, and so decides nothing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LastLayer:
    """Images at a classifier's last layer. hidden: (n, d) float32, its input. probability: (n, k) float32, the softmax
    of its output. label_index: (n,) int64, what they ought to be named."""

    hidden: NDArray[np.float32]
    probability: NDArray[np.float32]
    label_index: NDArray[np.int64]

    def __post_init__(self) -> None:
        """InvalidInput where the shapes do not agree."""
        if not len(self.hidden) == len(self.probability) == len(self.label_index):
            raise InvalidInput(
                f"hidden {self.hidden.shape}, probability {self.probability.shape}, labels {self.label_index.shape}: "
                "one row of each is needed for an image"
            )

    @property
    def share(self) -> NDArray[np.float64]:
        """(n,), sums to 1: every label counts alike, so that one of 300 images says no more than one of 20."""
        counts = np.bincount(self.label_index)
        return np.asarray(1.0 / (counts[self.label_index] * (counts > 0).sum()), dtype=np.float64)

    @property
    def error(self) -> NDArray[np.float64]:
        """(n, k): the gradient of cross entropy by the logits, softmax less the label."""
        error = self.probability.astype(np.float64)
        error[np.arange(len(error)), self.label_index] -= 1.0
        return error


def alignment(samples: LastLayer, unseen: LastLayer) -> NDArray[np.float64]:
    """(n,): how far learning from each sample goes where images that the classifier has not seen need it to go.

    The need is the mean gradient of the unseen images, each label counting alike. 1: a sample pulls along it with all
    the strength that an unseen image has on the average. About 0: it teaches nothing, as a copy of what is learned.
    Below 0: it pulls the other way. NaN where there is no unseen image, or nothing to mend.
    """
    if not len(unseen.hidden):
        return np.full(len(samples.hidden), np.nan)
    middle = unseen.share @ unseen.hidden
    inputs = unseen.hidden - middle
    needed = (unseen.error * unseen.share[:, None]).T @ inputs
    strengths = np.linalg.norm(unseen.error, axis=1) * np.linalg.norm(inputs, axis=1)
    unit = float(np.linalg.norm(needed) * (unseen.share @ strengths))
    if not unit:
        return np.full(len(samples.hidden), np.nan)
    along = ((samples.error @ needed) * (samples.hidden - middle)).sum(axis=1)
    return np.asarray(along / unit, dtype=np.float64)


def weighed(aligned: NDArray[np.float64], usual: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,): the value. usual: (n,), of the real images of a sample's label the share that looks less like it, 0 to 1;
    a label that nobody would give takes away what an alignment above 0 would be worth."""
    return np.where(aligned > 0, aligned * usual, aligned)
