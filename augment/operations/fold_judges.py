"""Classifiers in folds: each training image is judged by one that has seen no image of its part.

They are trained once on the training split as it is, from the network that ships with Kizu where it fits, and kept
beside the other judges, under a fingerprint of what made them. Imports torch only when it runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.errors import NotReady
from augment.features.boundary import coded, folds_by_group
from augment.operations.base_models import base_weights
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.judges import judge_home, kept_judge
from augment.operations.train_encoder import read_labelled
from augment.store import ImageRecord
from augment.views import View

if TYPE_CHECKING:
    from augment.judge.classifier import Classifier, JudgeConfig

__all__ = ["FOLDS", "FoldJudges", "Layers", "find_fold_judges", "own_share"]

FOLDS = 3
Layers = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What comes into a classifier's last layer, (m, d), and the probabilities (m, labels) that come of it."""
_TINY = 1e-6
_REMEMBERED = 0.5
"""Classifiers are trained as if all labels were as frequent; so much of how rare a label is, as an exponent, is given
back. Measured on magnetic tiles (511 images in three folds, the gate's limit where it refuses 5 % of them): wrong
labels found 43 % at 0, 59 % at 0.25, 72 % at 0.5, 73 % at 0.75; balanced accuracy 0.45, 0.44, 0.43, 0.37."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldJudges:
    """classifiers[k] saw the training images whose fold is not k.

    images: the training images; fold: (n,) int64, -1 for an image that is never held out: the only one of its label.
    probability: (n, labels) float32 of each, out of fold; NaN where there is none. prior: (labels,) float32, what
    probabilities are weighed by, see `_REMEMBERED`.
    """

    labels: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    fold: NDArray[np.int64]
    classifiers: "tuple[Classifier, ...]"
    probability: NDArray[np.float32]
    prior: NDArray[np.float32]
    notes: tuple[str, ...] = ()

    def layers(self, cuts: NDArray[np.uint8]) -> list[Layers]:
        """`Classifier.last_layer` of images (m, side, side, C) uint8 by each classifier."""
        return [classifier.last_layer(cuts) for classifier in self.classifiers]

    def judge(self, layers: Sequence[Layers], groups: Sequence[Collection[str]]) -> NDArray[np.float32]:
        """Probabilities (m, labels) float32 of images, of which `layers` are.

        groups: the parts that each stems from. Where they lie in one fold, its classifier alone judges; of several, and
        of none, all do, and the mean is taken.
        """
        each = np.stack([probability for _, probability in layers])
        fold_of = {image.group: int(fold) for image, fold in zip(self.images, self.fold, strict=True)}
        found = np.empty(each.shape[1:], dtype=np.float32)
        for row, own in enumerate(groups):
            folds = {fold_of.get(group, -1) for group in own}
            fold = folds.pop() if len(folds) == 1 else -1
            found[row] = each[fold, row] if fold >= 0 else each[:, row].mean(axis=0)
        return _weighed(found, self.prior)

    def usualness(self, probability: NDArray[np.float32], label: str) -> NDArray[np.float32]:
        """Share of the real images of a label that look less like it, out of fold, than each of (m,) probabilities.

        NaN where the label has no image that was judged out of fold.
        """
        column = self.labels.index(label)
        own = np.array([image.label == label for image in self.images])
        real = self.probability[own, column]
        real = np.sort(real[np.isfinite(real)])
        if not len(real):
            return np.full(len(probability), np.nan, dtype=np.float32)
        return np.asarray(np.searchsorted(real, probability, side="left") / len(real), dtype=np.float32)


def _weighed(probability: NDArray[np.float32], prior: NDArray[np.float32]) -> NDArray[np.float32]:
    weighed = probability * prior
    return np.asarray(weighed / np.maximum(weighed.sum(axis=1, keepdims=True), _TINY), dtype=np.float32)


def own_share(probability: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """(m,), 0 to 1: between the label of its column and the likeliest other, what share each of (m, labels)
    probabilities gives its own; below a half another label is likelier.
    """
    rows = np.arange(len(columns))
    own = probability[rows, columns]
    others = probability.copy()
    others[rows, columns] = -1
    return np.asarray((own + _TINY) / (own + others.max(axis=1) + 2 * _TINY), dtype=np.float32)


def find_fold_judges(config: "JudgeConfig", view: View, context: Context) -> FoldJudges:
    """The classifiers of the training split as it is now; trained if they are not there.

    Raises:
        NotReady: no training images, or a single label: there is nothing to tell apart.
        Cancelled: told to stop; trainings go on from where they were.
    """
    from augment.features.encoder_training import LabelledImages
    from augment.judge.classifier import Classifier, train_classifier
    from augment.judge.trial import TrialConfig, starts_from

    labels = context.store.images.labels()
    records = tuple(context.store.images.list(split="train"))
    training = read_labelled("train", labels, view, context)
    if len(np.unique(training.label_index)) < 2:
        raise NotReady("the training split has images of fewer than two labels: a classifier needs two to tell apart")
    fold, notes = folds_by_group(training.label_index, coded([one.group for one in records])[1], FOLDS, config.seed)
    home, base = judge_home(context.store, labels, view, config), base_weights("encoder")
    _, *shape, channels = training.images.shape
    known = starts_from(base, TrialConfig(), (shape[0], shape[1], channels))
    recipe = config.fold_classifier() if known else config.classifier()
    classifiers = []
    for number in range(FOLDS):
        rows = np.flatnonzero(fold != number)
        seen = LabelledImages(training.images[rows], training.label_index[rows])
        told, weights = kept_judge(
            home,
            f"fold-{number}-of-{FOLDS}",
            staged(context, 1000 * number // FOLDS, 1000 // FOLDS),
            lambda report, path, seen=seen: train_classifier(  # type: ignore[misc]
                seen, len(labels), recipe, report, path, base if known else None
            ),
        )
        classifiers.append(Classifier.load(told, weights))
    prior = (np.bincount(training.label_index, minlength=len(labels)) ** _REMEMBERED).astype(np.float32)
    probability = np.full((len(records), len(labels)), np.nan, dtype=np.float32)
    for number, classifier in enumerate(classifiers):
        held = np.flatnonzero(fold == number)
        probability[held] = _weighed(classifier.probability(training.images[held]), prior)
    return FoldJudges(
        labels=tuple(labels),
        images=records,
        fold=fold,
        classifiers=tuple(classifiers),
        probability=probability,
        prior=prior,
        notes=tuple(note.format(*labels) for note in notes),
    )
