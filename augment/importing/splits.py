"""Splits by group: no physical part is ever in two of them. Seeded, balanced by class."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from augment.importing.listing import Entry, SplitName

__all__ = ["assign_splits", "settle_kept_splits"]


def assign_splits(
    entries: Iterable[Entry],
    *,
    validation_share: float,
    test_share: float,
    seed: int,
    existing: Mapping[str, SplitName] | None = None,
    trained_labels: Collection[str] = (),
) -> dict[str, SplitName]:
    """The split of each group.

    Class by class, largest groups first and the seed deciding among equals, each group goes where most images are
    still missing; the first always to train. A group with several labels counts for the rarest of them.

    existing: splits that groups of the workspace have; they stay. The others are drawn as if there were none, so that
    an import that was cut short and continued ends in the splits of one that was not.
    trained_labels: classes that have training images already.
    """
    counts: dict[str, Counter[str]] = {}
    for entry in entries:
        counts.setdefault(entry.group, Counter())[entry.label] += 1
    totals: Counter[str] = Counter()
    for count in counts.values():
        totals += count
    by_class: dict[str, list[str]] = {}
    for group, count in counts.items():
        by_class.setdefault(min(count, key=lambda label: (totals[label], label)), []).append(group)

    splits: dict[str, SplitName] = {}
    shares: dict[SplitName, float] = {
        "train": 1 - validation_share - test_share,
        "test": test_share,
        "validation": validation_share,
    }
    for label in sorted(by_class):
        groups = sorted(by_class[label], key=lambda group: (-counts[group].total(), _draw(seed, label, group)))
        missing = {split: share * sum(counts[group].total() for group in groups) for split, share in shares.items()}
        for group in groups:
            # max takes the first of equals, so train comes before test before validation.
            split = max(missing, key=lambda split: missing[split]) if group != groups[0] else "train"
            missing[split] -= counts[group].total()
            splits[group] = split
    splits.update({group: split for group, split in (existing or {}).items() if group in splits})
    _give_each_class_training(splits, by_class, counts, existing or {}, trained_labels)
    return splits


def settle_kept_splits(entries: Iterable[Entry]) -> list[str]:
    """Make the splits that a source names whole by group, in place; a sentence for each group that was in several.

    Such a group goes to test if any of its images was there, else to validation: what is tested was never trained on.
    """
    by_group: dict[str, list[Entry]] = {}
    for entry in entries:
        by_group.setdefault(entry.group, []).append(entry)
    problems = []
    for group, members in by_group.items():
        found = {entry.split or "train" for entry in members}
        split: SplitName = "test" if "test" in found else "validation" if "validation" in found else "train"
        if len(found) > 1:
            problems.append(f"part {group!r} is in {' and '.join(sorted(found))}: all its images go to {split}")
        for entry in members:
            entry.split = split
    return problems


def _draw(seed: int, label: str, group: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{label}\0{group}".encode("utf-8", "replace")).digest()


def _give_each_class_training(
    splits: dict[str, SplitName],
    by_class: Mapping[str, list[str]],
    counts: Mapping[str, Counter[str]],
    existing: Mapping[str, SplitName],
    trained_labels: Collection[str],
) -> None:
    """Move a group to train for each class that would have none, unless the workspace has fixed all its groups."""
    trained = {
        *trained_labels,
        *(label for group, split in splits.items() if split == "train" for label in counts[group]),
    }
    for label in sorted(by_class):
        if label in trained:
            continue
        free = [group for group in by_class[label] if group not in existing]
        if free:
            splits[free[0]] = "train"
            trained.update(counts[free[0]])
