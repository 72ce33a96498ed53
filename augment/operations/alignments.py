"""How each sample pulls the classifiers in folds: see `judge.value`. No training, and no torch of its own."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.judge.value import LastLayer, alignment

if TYPE_CHECKING:
    from augment.operations.fold_judges import FoldJudges, Layers

__all__ = ["alignments"]


def alignments(
    labels: Sequence[str],
    layers: Sequence["Layers"],
    groups: Sequence[Collection[str]],
    folds: "FoldJudges",
    real: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """(n,): the alignment of samples of these labels; NaN of a label that is not trained on.

    layers: of the samples, by each classifier. groups: the parts that each stems from. Those classifiers are asked that
    have learned from them: what a sample adds to its own photographs is the question, and these must not be among the
    images that it is to help with. Where no classifier has seen all of them, all are asked; the mean is taken.

    real: (m, side, side, C) uint8, cuts of `folds.images`.
    """
    fold_of = {image.group: int(fold) for image, fold in zip(folds.images, folds.fold, strict=True)}
    unseen_by = [{fold_of[group] for group in own if fold_of.get(group, -1) >= 0} for own in groups]
    number = {label: index for index, label in enumerate(folds.labels)}
    known = np.array([label in number for label in labels], dtype=np.bool_)
    label_index = np.array([number.get(label, 0) for label in labels], dtype=np.int64)
    real_index = np.array([number[image.label] for image in folds.images], dtype=np.int64)
    found = np.full((len(folds.classifiers), len(labels)), np.nan)
    for fold, classifier in enumerate(folds.classifiers):
        asked = [len(own) == len(folds.classifiers) or fold not in own for own in unseen_by]
        rows = np.flatnonzero(known & np.array(asked, dtype=np.bool_))
        held = np.flatnonzero(folds.fold == fold)
        hidden, probability = layers[fold]
        own = LastLayer(hidden=hidden[rows], probability=probability[rows], label_index=label_index[rows])
        hidden, probability = classifier.last_layer(real[held])
        needed = LastLayer(hidden=hidden, probability=probability, label_index=real_index[held])
        found[fold, rows] = alignment(own, needed)
    counted = np.isfinite(found)
    total = np.where(counted, found, 0.0).sum(axis=0)
    return np.where(counted.any(axis=0), total / np.maximum(1, counted.sum(axis=0)), np.nan)
