"""What the review can foretell and compare: the reviewer's next verdicts, two reviewers, and real images called fake.

Reads the store; writes nothing. No torch.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from augment.judge.gates import GATES
from augment.judge.metrics import Share, wilson
from augment.judge.reviewer import Disagreement, Prediction, agreement, predict_verdicts
from augment.store import CONTROL, SampleRecord, Store

__all__ = ["GATES_REASON", "Foretold", "Pair", "controls_called_fake", "foretell", "pairs_of_reviewers"]

GATES_REASON = "gates: "
"""How the reason of a rejection begins that the gates proposed: nothing is learned from these."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Foretold:
    """Samples by id, and what a reviewer would say of them."""

    ids: tuple[int, ...]
    prediction: Prediction


def foretell(store: Store, reviewer: str) -> Foretold | None:
    """Learned from one reviewer's verdicts that stand, on samples; told of controls as well. None where there are too
    few."""
    samples = store.samples.list()
    decided = {
        verdict.sample_id: float(verdict.decision == "accepted")
        for verdict in store.verdicts.standing(reviewer=reviewer).values()
        if not verdict.reason.startswith(GATES_REASON)
    }
    accepted = np.array([np.nan if one.method == CONTROL else decided.get(one.id or 0, np.nan) for one in samples])
    prediction = predict_verdicts(_numbers(samples, store), accepted)
    return None if prediction is None else Foretold(ids=tuple(one.id or 0 for one in samples), prediction=prediction)


def _numbers(samples: Sequence[SampleRecord], store: Store) -> NDArray[np.float64]:
    """(n, d): what gates and map say of each, its place, and which label and method it has; NaN where unknown. Of a
    control no method."""
    records = store.gates.of()
    places = next((len(one.position) for one in samples if one.position is not None), 0)
    kinds = sorted({one.label for one in samples}), sorted({one.method for one in samples} - {CONTROL})
    rows = []
    for one in samples:
        measured = records[one.id or 0].numbers if (one.id or 0) in records else {}
        known = [measured.get(name, np.nan) for name in GATES]
        known += [np.nan if value is None else value for value in (one.landing_error, one.nearest_real_distance)]
        known.append((one.probability or {}).get(one.label, np.nan))
        known += list(one.position or [np.nan] * places)
        known += [float(one.label == name) for name in kinds[0]] + [float(one.method == name) for name in kinds[1]]
        rows.append(known)
    return np.array(rows, dtype=np.float64).reshape(len(samples), -1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """Two reviewers who decided on the same samples. samples: ids of those on which they differ."""

    reviewers: tuple[str, str]
    found: Disagreement
    samples: tuple[int, ...]


def pairs_of_reviewers(store: Store) -> list[Pair]:
    """Every two reviewers with samples in common, those with the most of them first."""
    decided = {
        name: {row: one.decision == "accepted" for row, one in store.verdicts.standing(reviewer=name).items()}
        for name in store.verdicts.reviewers()
    }
    pairs = []
    for first, second in combinations(sorted(decided), 2):
        both = sorted(decided[first].keys() & decided[second].keys())
        said = [np.array([decided[name][one] for one in both], dtype=np.bool_) for name in (first, second)]
        found = agreement(*said)
        if found is not None:
            differ = tuple(both[row] for row in found.differ)
            pairs.append(Pair(reviewers=(first, second), found=found, samples=differ))
    return sorted(pairs, key=lambda pair: -pair.found.same.count)


def controls_called_fake(store: Store) -> Mapping[str, Share]:
    """By reviewer, the share of the real images in the queue that were rejected, of those the reviewer decided on: what
    gates proposed says nothing of a reviewer."""
    controls = {one.id for one in store.samples.rows(method=CONTROL)}
    flags: dict[str, list[bool]] = defaultdict(list)
    for name in store.verdicts.reviewers() if controls else []:
        own = store.verdicts.standing(reviewer=name)
        flags[name] = [
            one.decision == "rejected"
            for sample, one in own.items()
            if sample in controls and not one.reason.startswith(GATES_REASON)
        ]
    shares = {name: wilson(np.array(own, dtype=np.bool_)) for name, own in flags.items()}
    return {name: share for name, share in shares.items() if share is not None}
