"""Arms: the training sets that an evaluation holds against each other, and what may not be in them.

Every arm has the same real images, or none, and is drawn from alike; what differs is what stands beside them. No torch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.judge.contest import TrainedOn
from augment.operations.context import Context
from augment.operations.cuts import image_cuts, sample_cuts
from augment.operations.members import WITH_SAMPLES, Members
from augment.operations.pasted_cuts import PastedCuts, pasted_cuts
from augment.operations.recipes import RECIPES
from augment.store import Split
from augment.views import View

if TYPE_CHECKING:
    from augment.judge.trial import TrialSet

__all__ = ["Arms", "even_odds"]

_MOST_LOOKS = 4
_ALL = 2**31
"""More than there can be."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Chosen:
    """Rows (r,) of real images, what stands beside them (b, side, side, C), and label and odds of all (r + b,)."""

    real: NDArray[np.int64]
    beside: NDArray[np.uint8]
    label_index: NDArray[np.int64]
    odds: NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Arms:
    """Members as pictures. real, generated: (n, side, side, C) uint8, as the members."""

    members: Members
    real: NDArray[np.uint8]
    generated: NDArray[np.uint8]
    pasted: PastedCuts

    @classmethod
    def read(
        cls,
        pasted: int,
        seed: int,
        view: View,
        context: Context,
        *,
        splits: Sequence[Split] = ("train",),
        good: str = "",
    ) -> "Arms":
        """Of a workspace. pasted: how many are pasted of each label that has masks, but of good parts.

        Raises what `Members.of` raises; may raise Cancelled.
        """
        members = Members.of(context.store, splits=splits, good=good)
        return cls(
            members=members,
            real=image_cuts(members.images, view, context),
            generated=sample_cuts(members.samples, view, context),
            pasted=pasted_cuts(members, pasted, seed, view, context),
        )

    def training(
        self,
        arm: str,
        *,
        real_each: int,
        beside_each: int,
        real_share: float,
        seed: int,
        left_out: Collection[str] = (),
    ) -> "TrialSet":
        """The training set of an arm.

        real_each, beside_each: at most so many real images of each defect (good parts are never few), and samples of
        each label, drawn by `seed`; 0 for all; recipes have their own numbers. real_share: of the looks at a label that
        has both. left_out: parts that nothing here may show or descend from. Raises InvalidInput for an arm that cannot
        be trained, with the words of `Members.missing`.
        """
        from augment.judge.trial import TrialSet

        if told := self.members.missing(arm):
            raise InvalidInput(told.text)
        chosen = self._chosen(arm, real_each, beside_each, real_share, seed, left_out)
        return TrialSet(
            images=np.concatenate([self.real[chosen.real], chosen.beside]),
            label_index=chosen.label_index,
            odds=chosen.odds.astype(np.float32),
            varied=arm not in ("real", "oversampled"),
        )

    def trained_on(self, arm: str, *, real_each: int, beside_each: int, real_share: float) -> dict[str, TrainedOn]:
        """What `training` gives an arm of each label, where no part is left out."""
        chosen = self._chosen(arm, real_each, beside_each, real_share, 0, ())
        is_real = np.arange(len(chosen.label_index)) < len(chosen.real)
        found = {}
        for number, label in enumerate(self.members.labels):
            own = chosen.label_index == number
            looks = chosen.odds[own].sum()
            share = float(chosen.odds[own & ~is_real].sum() / looks) if looks else 0.0
            found[label] = TrainedOn(real=int((own & is_real).sum()), beside=int((own & ~is_real).sum()), looks=share)
        return found

    def beside(self, arm: str, left_out: Collection[str] = ()) -> NDArray[np.bool_]:
        """(samples,) bool, of copy-paste (composites,): what an arm has beside real images, or draws from, that shows
        nothing of these parts and descends from none."""
        if arm == "copy-paste":
            return self.pasted.without(left_out)
        return self.members.chosen(arm) & self.members.without(left_out)

    def _chosen(
        self, arm: str, real_each: int, beside_each: int, real_share: float, seed: int, left_out: Collection[str]
    ) -> _Chosen:
        members = self.members
        real_most, beside_most = _most(members, arm, real_each, beside_each)
        real_index = members.index([one.label for one in members.images])
        free = np.array([one.group not in left_out for one in members.images], dtype=np.bool_)
        real = _some_of_each(real_index, real_most, free, seed)
        if arm == "copy-paste":
            images, index = self.pasted.images, self.pasted.label_index
        else:
            images, index = self.generated, members.index([one.label for one in members.samples])
        beside = _some_of_each(index, beside_most, self.beside(arm, left_out), seed + 1)
        label_index = np.concatenate([real_index[real], index[beside]])
        if arm == "real" or arm in RECIPES:
            odds = np.ones(len(label_index))
        else:
            odds = even_odds(label_index, np.arange(len(label_index)) < len(real), real_share)
        return _Chosen(real=real, beside=images[beside], label_index=label_index, odds=odds)


def even_odds(label_index: NDArray[np.int64], is_real: NDArray[np.bool_], real_share: float) -> NDArray[np.float64]:
    """(n,): each label as often, and of labels that have both, samples for the same share of the looks in all of them:
    1 - real_share, or less where a label has so few that each would be looked at more than _MOST_LOOKS times as often
    as a real image of that label."""
    labels = [label_index == label for label in np.unique(label_index)]
    made = 1 - real_share
    for own in labels:
        weight = _MOST_LOOKS * (own & ~is_real).sum()
        if weight and (own & is_real).any():
            made = min(made, float(weight / (weight + (own & is_real).sum())))
    odds = np.zeros(len(label_index))
    for own in labels:
        kinds = [rows for rows in (own & is_real, own & ~is_real) if rows.any()]
        shares = (1 - made, made) if len(kinds) == 2 else (1.0,)
        for rows, share in zip(kinds, shares, strict=True):
            odds[rows] = share / rows.sum()
    return odds


def _most(members: Members, arm: str, real_each: int, beside_each: int) -> tuple[Sequence[int], Sequence[int]]:
    """How many real images and samples of each label an arm may have."""
    if arm in RECIPES:
        goods = [label == members.good for label in members.labels]
        return [RECIPES[arm].real(good) for good in goods], [RECIPES[arm].generated(good) for good in goods]
    each = 0 if arm == "generated only" else real_each or _ALL
    real = [_ALL if each and label == members.good else each for label in members.labels]
    beside = (beside_each or _ALL) if arm in WITH_SAMPLES else 0
    return real, [beside] * len(real)


def _some_of_each(
    index: NDArray[np.int64], most: Sequence[int], own: NDArray[np.bool_], seed: int
) -> NDArray[np.int64]:
    """Rows of `own`, ascending: at most most[label] of each label. Rows of fewer are among those of more."""
    order = np.random.default_rng(seed).permutation(len(index))
    order = order[own[order]]
    kept = [order[index[order] == label][:count] for label, count in enumerate(most)]
    return np.sort(np.concatenate([*kept, order[:0]]))
