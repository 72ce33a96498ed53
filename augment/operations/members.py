"""What the arms of an evaluation have to choose from, and which of it each has. No torch.

Knows records alone; pictures are made of them in `arms`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotReady
from augment.judge.gates import outcomes
from augment.notices import Notice, NoticeKey, notice
from augment.operations.gate_limits import limits_in_force
from augment.operations.mask_library import marked_labels
from augment.operations.recipes import RECIPES
from augment.store import CONTROL, ImageRecord, SampleRecord, Split, Store

__all__ = ["ARMS", "WITH_SAMPLES", "Members"]

ARMS: Mapping[str, str] = {
    "real": "real images as they are",
    "oversampled": "real images, each label drawn as often",
    "classical": "the same, mirrored, shifted, scaled and lit anew at each look",
    "copy-paste": "classical, and real defects pasted onto other photographs",
    "generated": "classical, and all generated samples",
    "gated": "classical, and the generated samples that pass every gate",
    "accepted": "classical, and the generated samples that were accepted",
    "generated only": "generated samples without any real image",
}
"""By name, what each is made of. Those with samples are drawn and varied as classical is, so that what they add to is
that one. Beside them stand the recipes of `recipes`: all samples, each image drawn as often."""
WITH_SAMPLES = ("copy-paste", "generated", "gated", "accepted", "generated only")
_NEXT_STEPS: Mapping[str, NoticeKey] = {"accepted": "arm_none_accepted", "gated": "arm_none_passes"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Members:
    """Real images, and samples of their labels made from training images; controls are none.

    marked: labels whose masks show something. good: the label of parts without a defect; "" where none is known.
    parts: what each sample descends from.
    passed: (samples,) bool by the gates; None where not all are measured.
    """

    labels: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    samples: tuple[SampleRecord, ...]
    marked: tuple[str, ...]
    good: str
    parts: tuple[frozenset[str], ...]
    passed: NDArray[np.bool_] | None

    @classmethod
    def of(cls, store: Store, *, splits: Sequence[Split] = ("train",), good: str = "") -> "Members":
        """Of a workspace as it is now, with the real images of these splits.

        good: the label of good parts; the one with the most images among those without masks if "".

        Raises:
            NotReady: no such images. InvalidInput: images of one label, or a good label that is not there.
        """
        labels = tuple(store.images.labels())
        images = tuple(one for split in splits for one in store.images.list(split=split))
        if not images:
            raise NotReady(f"the {' and '.join(splits)} split has no images: import images first")
        if good and good not in labels:
            raise InvalidInput(f"good {good!r}: no image has this label; choose of {', '.join(labels)}")
        samples = tuple(
            one
            for one in store.samples.list()
            if one.method != CONTROL and one.label in labels and one.split == "train"
        )
        group_of = {image.sha256: image.group for image in store.images.list()}
        marked = marked_labels(images, store)
        free = [one.label for one in images if marked and one.label not in marked]
        return cls(
            labels=labels,
            images=images,
            samples=samples,
            marked=marked,
            good=good or max(sorted(set(free)), key=free.count, default=""),
            parts=tuple(_descent(sample, group_of) for sample in samples),
            passed=_passed(samples, store),
        )

    def index(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """(n,): number of each label."""
        number = {label: index for index, label in enumerate(self.labels)}
        return np.array([number[label] for label in labels], dtype=np.int64)

    def chosen(self, arm: str) -> NDArray[np.bool_]:
        """(samples,) bool: which of them an arm has, or draws from."""
        if arm in ("generated", "generated only") or arm in RECIPES:
            return np.ones(len(self.samples), dtype=np.bool_)
        if arm == "gated" and self.passed is not None:
            return self.passed
        accepted = arm == "accepted"
        return np.array([accepted and one.status == "accepted" for one in self.samples], dtype=np.bool_)

    def without(self, parts: Collection[str]) -> NDArray[np.bool_]:
        """(samples,) bool: those that descend from none of these parts."""
        return np.array([own.isdisjoint(parts) for own in self.parts], dtype=np.bool_)

    def missing(self, arm: str) -> Notice | None:
        """Why an arm cannot be trained, with the next step; None where it can."""
        if len({image.label for image in self.images}) < 2:
            return notice("arm_one_label", count=len(self.images))
        if arm in RECIPES:
            return self._missing_of_recipe(arm)
        if arm == "copy-paste":
            return None if self.marked else notice("arm_no_masks", arm=arm)
        if arm not in WITH_SAMPLES:
            return None
        if arm == "gated" and self.samples and self.passed is None:
            return notice("arm_ungated", arm=arm)
        chosen = [one.label for one, own in zip(self.samples, self.chosen(arm), strict=True) if own]
        if not chosen:
            return notice(_NEXT_STEPS.get(arm, "arm_no_samples") if self.samples else "arm_no_samples", arm=arm)
        if arm == "generated only" and len(set(chosen)) < 2:
            return notice("arm_one_generated", arm=arm)
        return None

    def _missing_of_recipe(self, arm: str) -> Notice | None:
        if not self.good:
            return notice("recipe_no_good", arm=arm)
        real, made = ({one.label for one in given} for given in (self.images, self.samples))
        recipe = RECIPES[arm]
        for label in self.labels:
            if recipe.real(label == self.good) and label not in real:
                return notice("recipe_no_real", arm=arm, label=label)
            if recipe.generated(label == self.good) and label not in made:
                return notice("recipe_no_generated", arm=arm, label=label)
        return None


def _descent(sample: SampleRecord, group_of: Mapping[str, str]) -> frozenset[str]:
    """The parts that a sample stems from: those of its parents, and its own."""
    known = {group_of[one] for one in sample.parents if one in group_of}
    return frozenset(known | ({sample.group} if sample.group else set()))


def _passed(samples: Sequence[SampleRecord], store: Store) -> NDArray[np.bool_] | None:
    """Whether each sample passes every gate; None where one of them was not measured, or not with the others."""
    records = store.gates.of([sample.id or 0 for sample in samples])
    bases = {record.basis for record in records.values()}
    if len(records) < len(samples) or len(bases) != 1:
        return None
    try:
        limits = limits_in_force(store, bases.pop())
    except NotReady:
        return None
    numbers = [records[sample.id or 0].numbers for sample in samples]
    return np.array([all(one.passed for one in outcomes(own, limits)) for own in numbers], dtype=np.bool_)
