"""Composites for the arm copy-paste: pasted for an evaluation and not stored. No torch."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from augment.operations.context import Context
from augment.operations.mask_library import marked_labels
from augment.operations.members import Members
from augment.operations.paste_batch import PasteBatchConfig, paste_recipes
from augment.operations.pasting import composite_of
from augment.views import View

__all__ = ["PastedCuts", "pasted_cuts"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PastedCuts:
    """images: (n, side, side, C) uint8. label_index: (n,) int64. parts: of both photographs of each."""

    images: NDArray[np.uint8]
    label_index: NDArray[np.int64]
    parts: tuple[frozenset[str], ...]

    def without(self, parts: Collection[str]) -> NDArray[np.bool_]:
        """(n,) bool: those that show nothing of these parts."""
        return np.array([own.isdisjoint(parts) for own in self.parts], dtype=np.bool_)


def pasted_cuts(members: Members, each: int, seed: int, view: View, context: Context) -> PastedCuts:
    """`each` composites of every label that has masks, but of good parts, on good parts; of the training split."""
    masked = marked_labels([one for one in members.images if one.split == "train"], context.store)
    cuts, index, parts = [], [], []
    for number, label in enumerate(members.labels):
        if not each or label not in masked or label == members.good:
            continue
        # To any side: it looks worse than along the grain, and classifiers learned rather more from it.
        config = PasteBatchConfig(label=label, on=members.good, count=each, seed=seed, along_grain=False)
        for recipe_seed, recipe in paste_recipes(config, context):
            context.progress.check()
            composite, photographs = composite_of(recipe(), recipe_seed, context.store)
            shown = replace(composite.native, values=composite.values).shown
            cuts.append(view.cut(shown, composite.label, f"{label}:{recipe_seed}"))
            index.append(number)
            parts.append(frozenset(one.group for one in photographs))
    shape = (len(cuts), view.side_px, view.side_px, view.channels)
    return PastedCuts(
        images=np.array(cuts, dtype=np.uint8).reshape(shape),
        label_index=np.array(index, dtype=np.int64),
        parts=tuple(parts),
    )
