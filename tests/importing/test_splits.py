"""Splits never cut a group, keep the shares, and give every class something to learn from."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from augment.importing.listing import Entry
from augment.importing.splits import assign_splits, settle_kept_splits

SHARES = {"validation_share": 0.15, "test_share": 0.2}


def entries(sizes: dict[str, list[int]]) -> list[Entry]:
    """One entry for each image: label -> images in each of its groups."""
    return [
        Entry(name=f"{label}{g}-{i}", label=label, file="", group=f"{label}{g}")
        for label, groups in sizes.items()
        for g, size in enumerate(groups)
        for i in range(size)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_shares_hold_in_every_class(seed):
    generator = np.random.default_rng(seed)
    found = entries({label: generator.integers(1, 7, 60).tolist() for label in "abc"})
    splits = assign_splits(found, **SHARES, seed=seed)
    counts = defaultdict(Counter)
    for entry in found:
        counts[entry.label][splits[entry.group]] += 1
    for count in counts.values():
        # Groups hold at most 6 images, so a share can be off by about one group of the class's 200 images.
        assert abs(count["test"] / count.total() - 0.2) < 0.04
        assert abs(count["validation"] / count.total() - 0.15) < 0.04


def test_small_classes():
    splits = assign_splits(entries({"one": [1], "two": [1, 1], "three": [1, 1, 1], "big": [50]}), **SHARES, seed=3)
    assert splits["one0"] == splits["big0"] == "train"
    assert sorted(splits[f"two{i}"] for i in range(2)) == ["test", "train"]
    assert sorted(splits[f"three{i}"] for i in range(3)) == ["test", "train", "train"]


def test_seed_decides_and_is_all_that_does():
    found = entries({"a": [1] * 30, "b": [2] * 30})
    first = assign_splits(found, **SHARES, seed=1)
    assert assign_splits(found[::-1], **SHARES, seed=1) == first
    assert assign_splits(found, **SHARES, seed=2) != first


def test_an_interrupted_import_ends_as_an_uninterrupted_one():
    found = entries({"a": [1] * 30, "b": [2] * 30})
    first = assign_splits(found, **SHARES, seed=1)
    there = dict(list(first.items())[:17])
    assert assign_splits(found, **SHARES, seed=1, existing=there) == first


def test_existing_groups_stay_and_a_class_still_gets_training():
    found = entries({"a": [3, 1]})
    assert assign_splits(found, **SHARES, seed=0, existing={"a0": "test"}) == {"a0": "test", "a1": "train"}
    assert assign_splits(found, **SHARES, seed=0, existing={"a0": "test", "a1": "test"})["a1"] == "test"
    assert assign_splits(found[:3], **SHARES, seed=0, existing={}, trained_labels={"a"}) == {"a0": "train"}


def test_a_part_with_good_and_bad_places_counts_for_the_rarer_class():
    found = entries({"free": [5] * 40})
    for g in range(4):
        found += [Entry(name=f"c{g}", label="crack", file="", group=f"free{g}")]
    splits = assign_splits(found, **SHARES, seed=0)
    assert Counter(splits[f"free{g}"] for g in range(4)) == {"train": 2, "test": 1, "validation": 1}


def test_no_shares_means_all_train():
    splits = assign_splits(entries({"a": [1] * 9}), validation_share=0, test_share=0, seed=0)
    assert set(splits.values()) == {"train"}


def test_named_splits_are_made_whole_by_group():
    found = entries({"a": [2, 1]})
    found[0].split, found[1].split, found[2].split = "train", "test", "validation"
    problems = settle_kept_splits(found)
    assert [entry.split for entry in found] == ["test", "test", "validation"]
    assert problems == ["part 'a0' is in test and train: all its images go to test"]
