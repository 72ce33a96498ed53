"""One look over a source: layout, labels, groups, splits, and what a user should know, before any picture is stored."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from augment.errors import InvalidInput
from augment.importing.groups import GROUPS_CSV, apply_annotations, apply_pattern, read_annotations
from augment.importing.layouts import list_source
from augment.importing.listing import Entry, Listing, SplitName
from augment.importing.splits import assign_splits, settle_kept_splits
from augment.importing.trees import Tree

__all__ = ["SurveyOptions", "survey"]


@dataclass(frozen=True, kw_only=True)
class SurveyOptions:
    """What the user chose; the meaning and range of each is told in `ImportConfig`."""

    layout: str
    groups_csv: str
    group_pattern: str
    keep_splits: bool
    validation_share: float
    test_share: float
    seed: int
    image_column: str
    label_column: str


def survey(
    tree: Tree,
    options: SurveyOptions,
    existing: Mapping[str, SplitName] | None = None,
    trained_labels: Collection[str] = (),
) -> Listing:
    """List a source with the group and split of every entry.

    existing, trained_labels: of the workspace that it goes into, as for `assign_splits`.
    Raises InvalidInput or InvalidConfig if nothing can be listed.
    """
    listing = list_source(tree, options.layout, options.image_column, options.label_column)
    _apply_groups_csv(tree, listing, options.groups_csv)
    if options.group_pattern:
        apply_pattern(listing, options.group_pattern)
    for entry in listing.entries:
        # With the source's name before it, for 001.png of one camera is not the part of 001.png of another.
        entry.group = entry.group or f"{tree.name}/{entry.name}"
    _apply_splits(listing, options, existing or {}, trained_labels)
    listing.problems += _balance_problems(listing.entries, trained_labels)
    return listing


def _apply_groups_csv(tree: Tree, listing: Listing, named: str) -> None:
    if named:
        path = Path(named).expanduser()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidInput(f"groups_csv {named!r} cannot be read ({error.strerror}): check its path") from error
        apply_annotations(listing, read_annotations(data, path.name), path.name)
        return
    found = sorted((file for file in tree.files() if PurePosixPath(file).name == GROUPS_CSV), key=len)
    if found:
        rows = read_annotations(tree.read(found[0]), GROUPS_CSV)
        apply_annotations(listing, rows, GROUPS_CSV, folder=str(PurePosixPath(found[0]).parent))


def _apply_splits(
    listing: Listing, options: SurveyOptions, existing: Mapping[str, SplitName], trained_labels: Collection[str]
) -> None:
    named = {entry.split for entry in listing.entries if entry.split is not None}
    if options.keep_splits and len(named) > 1:
        listing.problems += settle_kept_splits(listing.entries)
        for entry in listing.entries:
            entry.split = existing.get(entry.group, entry.split)
        return
    splits = assign_splits(
        listing.entries,
        validation_share=options.validation_share,
        test_share=options.test_share,
        seed=options.seed,
        existing=existing,
        trained_labels=trained_labels,
    )
    for entry in listing.entries:
        entry.split = splits[entry.group]


def _balance_problems(entries: Iterable[Entry], trained_labels: Collection[str]) -> list[str]:
    """Sentences on what this set of images cannot do."""
    images: Counter[str] = Counter()
    groups: dict[str, set[str]] = {}
    splits: dict[str, set[SplitName | None]] = {}
    for entry in entries:
        images[entry.label] += 1
        groups.setdefault(entry.label, set()).add(entry.group)
        splits.setdefault(entry.label, set()).add(entry.split)
    problems = []
    if len(images.keys() | set(trained_labels)) == 1:
        problems.append(f"only one class ({next(iter(images))!r}): a map and a classifier need two or more")
    for label in sorted(images):
        size = f"{images[label]} {'image' if images[label] == 1 else 'images'} of {len(groups[label])} "
        size += "part" if len(groups[label]) == 1 else "parts"
        if "train" not in splits[label] and label not in trained_labels:
            problems.append(f"class {label!r} has no training image ({size}): turn keep_splits off to draw new splits")
        elif "test" not in splits[label]:
            problems.append(f"class {label!r} has no test image ({size}): nothing can be proved about it yet")
    return problems
