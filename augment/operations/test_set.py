"""The images that decide: kept aside, and refused where training has seen their parts in any shape. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotReady
from augment.features.boundary import coded, folds_by_group
from augment.judge.repeats import Pictures
from augment.operations.arms import Arms
from augment.operations.context import Context
from augment.operations.cuts import image_cuts
from augment.store import ImageRecord, Split, Store
from augment.views import View

__all__ = ["FOLDED", "Fold", "TestSet", "folded_set", "read_test_set", "refuse_leaks", "refuse_repeats"]

FOLDED: tuple[Split, ...] = ("train", "validation")
"""Splits whose images are judged in folds: test photographs stay locked for the last word."""
_MOST_NAMED = 5
_SAME_PHOTOGRAPH = 0.03
"""Distance below which two photographs are the same one, turned or saved again; a part at two moments lies beyond."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Fold:
    """Judged together: rows (m,) int64 of the test set, by classifiers that saw nothing of the parts left out."""

    rows: NDArray[np.int64]
    left_out: frozenset[str]


@dataclass(frozen=True, eq=False, kw_only=True)
class TestSet:
    """Images that are judged and never trained on. label_index, part: (n,) int64."""

    images: tuple[ImageRecord, ...]
    cuts: NDArray[np.uint8]
    label_index: NDArray[np.int64]
    part: NDArray[np.int64]

    def folds(self, count: int, seed: int) -> list[Fold]:
        """All images in one fold that leaves nothing out for 0, since nothing of them is in training; else `count`
        folds that cut through no part, another partition for each seed.

        InvalidInput where parts do not suffice, with the label and what is there.
        """
        if not count:
            return [Fold(rows=np.arange(len(self.images)), left_out=frozenset())]
        groups = [image.group for image in self.images]
        if len(set(groups)) < count:
            raise InvalidInput(f"folds {count}: there are images of {len(set(groups))} parts; choose fewer folds")
        for label in np.unique(self.label_index):
            named = [image for image, own in zip(self.images, self.label_index == label, strict=True) if own]
            if len({image.group for image in named}) < 2:
                raise InvalidInput(
                    f"label {named[0].label!r} has one part: no fold can test it and train on it; photograph another "
                    "part, or judge on a split"
                )
        fold, _ = folds_by_group(self.label_index, self.part, count, seed)
        for number in range(count):
            seen = np.unique(self.label_index[fold != number])
            lost = np.setdiff1d(self.label_index[fold == number], seen)
            if len(lost):
                label = self.images[int(np.flatnonzero(self.label_index == lost[0])[0])].label
                raise InvalidInput(
                    f"all parts of label {label!r} fall into one of {count} folds (seed {seed}): choose more folds or "
                    "another seed"
                )
        rows = [np.flatnonzero(fold == number) for number in range(count)]
        return [Fold(rows=own, left_out=frozenset(groups[row] for row in own)) for own in rows]


def read_test_set(split: Split, labels: Sequence[str], view: View, context: Context) -> TestSet:
    """The images of a split. NotReady where there is none; may raise Cancelled."""
    images = tuple(context.store.images.list(split=split))
    if not images:
        raise NotReady(f"the {split} split has no images: nothing can be proved without photographs kept aside")
    return _judged(images, image_cuts(images, view, context), labels)


def folded_set(arms: Arms) -> TestSet:
    """The real images of the arms themselves, to be judged in folds."""
    return _judged(arms.members.images, arms.real, arms.members.labels)


def _judged(images: tuple[ImageRecord, ...], cuts: NDArray[np.uint8], labels: Sequence[str]) -> TestSet:
    return TestSet(
        images=images,
        cuts=cuts,
        label_index=np.array([labels.index(one.label) for one in images], dtype=np.int64),
        part=coded([one.group for one in images])[1],
    )


def refuse_repeats(test: TestSet) -> None:
    """InvalidInput if a photograph is there twice as of two parts, turned or saved again, naming both: folds would
    train on the one and test the other."""
    own = test.part[:, None] == test.part[None, :]
    near = Pictures(test.cuts, test.part).nearest(test.cuts, own)
    twice = [
        f"{image.name} and {test.images[int(like)].name}"
        for image, like, distance in zip(test.images, near.like, near.distance, strict=True)
        if distance < _SAME_PHOTOGRAPH
    ]
    if twice:
        more = f" and {len(twice) - _MOST_NAMED} more" if len(twice) > _MOST_NAMED else ""
        raise InvalidInput(
            f"the same photograph as of two parts, so that a fold would train on what it tests: "
            f"{'; '.join(twice[:_MOST_NAMED])}{more}. Remove one, or import them as one part"
        )


def refuse_leaks(test: TestSet, arms: Arms, store: Store) -> None:
    """InvalidInput if training has seen a test part, naming what: a photograph that is in both, turned or saved again,
    or a sample that descends from it. An image of a test part the store never lets into another split."""
    parts = {image.group for image in test.images}
    known = {image.sha256: image for image in test.images}
    training = arms.members.images
    leaks = []
    for sample in store.samples.list():
        of = next((known[one] for one in sample.parents if one in known), None)
        if sample.split == "train" and (of is not None or sample.group in parts):
            told = f"photograph {of.name}" if of is not None else f"part {sample.group}"
            leaks.append(f"sample {sample.id} descends from the test {told}")
    near = Pictures(arms.real, np.arange(len(arms.real))).nearest(test.cuts)
    leaks += [
        f"image {training[int(like)].name} is the same photograph as the test image {image.name}"
        for image, like, distance in zip(test.images, near.like, near.distance, strict=True)
        if distance < _SAME_PHOTOGRAPH
    ]
    if leaks:
        more = f" and {len(leaks) - _MOST_NAMED} more" if len(leaks) > _MOST_NAMED else ""
        raise InvalidInput(
            f"training would see what is tested: {'; '.join(leaks[:_MOST_NAMED])}{more}. "
            "Import them into one split, or reject the samples"
        )
