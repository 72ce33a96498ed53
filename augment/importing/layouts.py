"""Recognise how a source is laid out, and list its pictures with label, split and mask.

Works on paths alone, except that a few would-be masks are opened to see whether they are. Tables are in `tables.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

import numpy as np

from augment.errors import InvalidConfig, InvalidInput
from augment.images import decode
from augment.importing.groups import read_annotations
from augment.importing.labels import clean_labels
from augment.importing.listing import LAYOUTS, Entry, Layout, Listing, SplitName, shown
from augment.importing.tables import ARROW, PARQUET, SPLIT_WORDS, list_tables
from augment.importing.trees import Tree

__all__ = ["IMAGE_SUFFIXES", "list_source", "recognise"]

_PHOTOS = {".jpg", ".jpeg", ".jfif", ".mpo", ".webp", ".jp2", ".j2k", ".avif"}
IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm"} | _PHOTOS)
_MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff"})
_IMAGE_FOLDERS = frozenset({"imgs", "img", "images", "image", "pictures", "photos", "jpegimages", "data"})
_METADATA = ("metadata.jsonl", "metadata.csv")
_TEXTS = frozenset({".csv", ".jsonl", ".json", ".md", ".txt", ".yaml", ".yml", ".parquet", ".arrow"})

_MASKS_LOOKED_AT = 8
_MASK_SHARE = 0.9
"""Of a mask, its two commonest values hold nearly all pixels; soft edges take the others. Of a photograph, never."""


def recognise(tree: Tree) -> Layout:
    """The layout of a source, by its paths. Raises InvalidInput if it holds no picture."""
    files = tree.files()
    paths = [PurePosixPath(file) for file in files]
    if any(path.suffix.lower() == PARQUET for path in paths):
        return "parquet"
    if any(path.suffix.lower() == ARROW for path in paths):
        return "save_to_disk"
    pictures = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
    if not pictures:
        endings = Counter(path.suffix.lower() or "none" for path in paths).most_common(3)
        found = ", ".join(f"{count} x {ending}" for ending, count in endings) or "nothing"
        raise InvalidInput(f"no pictures in {tree.name!r} (found: {found}): give a folder of class folders, or a table")
    tails = {path.parts[-3:-1] for path in pictures}
    if ("train", "good") in tails and any(tail[:1] == ("test",) for tail in tails):
        return "mvtec"
    if any(path.name in _METADATA for path in paths):
        return "metadata"
    classes, _ = _class_folders(pictures)
    if not any(classes.values()):
        return "flat"
    return "pairs" if _pairs(tree, pictures) else "class_folders"


def list_source(tree: Tree, layout: str = "auto", image_column: str = "", label_column: str = "") -> Listing:
    """List a source by the layout named, or by the one recognised.

    Groups are left empty; splits are those that the source names, if any. Raises InvalidInput if nothing can be listed,
    InvalidConfig for an unknown layout.
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise InvalidConfig(f"layout {layout!r}: choose auto or one of {', '.join(LAYOUTS)}")
    chosen: Layout = recognise(tree) if layout == "auto" else next(name for name in LAYOUTS if name == layout)
    if chosen in ("parquet", "save_to_disk"):
        listing = list_tables(tree, image_column, label_column)
    else:
        listing = _LISTERS[chosen](tree)
        known = {entry.file for entry in listing.entries} | {entry.mask_file for entry in listing.entries}
        known |= {name for name, _ in listing.skipped}
        for file in tree.files():
            ending = PurePosixPath(file).suffix.lower()
            if file not in known and ending not in IMAGE_SUFFIXES | _TEXTS:
                listing.skipped.append((shown(file), f"no picture by its ending ({ending or 'none'})"))
    listing.skipped = [*tree.skipped, *listing.skipped]
    if not listing.entries and not listing.skipped:
        raise InvalidInput(f"no pictures in {tree.name!r} that fit the layout {chosen}: {LAYOUTS[chosen]}")
    return listing


def _pictures(tree: Tree) -> list[PurePosixPath]:
    return [path for path in map(PurePosixPath, tree.files()) if path.suffix.lower() in IMAGE_SUFFIXES]


def _class_folders(
    pictures: Iterable[PurePosixPath],
) -> tuple[dict[PurePosixPath, str], dict[PurePosixPath, SplitName | None]]:
    """Class folder (empty: none) and split folder of each picture, by path.

    Folders that all share at the top are wrappers, "Imgs" and the like at the end are no classes, and train, test and
    so on at the top are splits.
    """
    folders: dict[PurePosixPath, list[str]] = {}
    for path in pictures:
        parts = list(path.parts[:-1])
        while parts and parts[-1].lower() in _IMAGE_FOLDERS:
            parts.pop()
        folders[path] = parts
    inner = [parts for parts in folders.values() if parts]
    while inner and all(len(parts) > 1 and parts[0] == inner[0][0] for parts in inner):
        for parts in inner:
            del parts[0]
    tops = {parts[0].lower() for parts in inner}
    splits: dict[PurePosixPath, SplitName | None] = dict.fromkeys(folders)
    if tops and tops <= set(SPLIT_WORDS) and any(len(parts) > 1 for parts in inner):
        splits = {path: SPLIT_WORDS[parts[0].lower()] if parts else None for path, parts in folders.items()}
        for parts in inner:
            del parts[0]
    return {path: parts[0] if parts else "" for path, parts in folders.items()}, splits


def _pairs(tree: Tree, pictures: Iterable[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    """Masks by picture: the .png beside a .jpg of the same stem, or stem_mask beside stem; empty if none are masks."""
    by_stem: dict[tuple[PurePosixPath, str], list[PurePosixPath]] = defaultdict(list)
    for path in pictures:
        by_stem[path.parent, path.stem].append(path)
    pairs: dict[PurePosixPath, PurePosixPath] = {}
    for (parent, stem), members in by_stem.items():
        if stem.endswith("_mask") and len(members) == 1:
            owner = by_stem.get((parent, stem.removesuffix("_mask")), [])
            if len(owner) == 1:
                pairs[owner[0]] = members[0]
        elif len(members) == 2:
            masks = [path for path in members if path.suffix.lower() in _MASK_SUFFIXES]
            masks = [path for path in masks if path.suffix.lower() == ".png"] or masks
            if len(masks) == 1:
                pairs[next(path for path in members if path != masks[0])] = masks[0]
    return pairs if _are_masks(tree, list(pairs.values())) else {}


def _are_masks(tree: Tree, files: list[PurePosixPath]) -> bool:
    """Whether most of a few files look like masks, and not like a photograph saved a second time."""
    step = max(1, len(files) // _MASKS_LOOKED_AT)
    votes = []
    for file in files[::step]:
        try:
            values = np.bincount(decode(tree.read(str(file))).pixels.ravel())
        except InvalidInput:
            continue
        votes.append(int(np.sort(values)[-2:].sum()) >= _MASK_SHARE * int(values.sum()))
    return bool(files) and sum(votes) * 2 >= len(votes)


def _list_class_folders(tree: Tree, *, with_masks: bool) -> Listing:
    pictures = _pictures(tree)
    pairs = _pairs(tree, pictures) if with_masks else {}
    masks = set(pairs.values())
    pictures = [path for path in pictures if path not in masks]
    classes, splits = _class_folders(pictures)
    labels, problems = clean_labels((name for name in classes.values() if name), drop_prefix=True)
    listing = Listing(layout="pairs" if with_masks else "class_folders", entries=[], problems=problems)
    for path in pictures:
        label = labels.get(classes[path], "")
        if not label:
            listing.skipped.append((shown(str(path)), "lies outside the class folders: move it into one"))
            continue
        mask = str(pairs[path]) if path in pairs else None
        listing.entries.append(_entry(path, label, splits[path], mask))
    return listing


def _list_mvtec(tree: Tree) -> Listing:
    """bottle/train/good/000.png; the mask of bottle/test/crack/000.png is bottle/ground_truth/crack/000_mask.png."""
    pictures = _pictures(tree)
    truths = {(path.parent, path.stem): path for path in pictures if "ground_truth" in path.parts}
    found: list[tuple[PurePosixPath, str]] = []
    listing = Listing(layout="mvtec", entries=[])
    for path in pictures:
        if "ground_truth" in path.parts:
            continue
        if len(path.parts) < 3 or path.parts[-3].lower() not in ("train", "test", "validation"):
            listing.skipped.append((shown(str(path)), "lies outside train/<class> and test/<class>"))
            continue
        found.append((path, "/".join(path.parts[:-3])))
    several = len({category for _, category in found}) > 1
    raw = {path: f"{category} {path.parts[-2]}" if several else path.parts[-2] for path, category in found}
    labels, listing.problems = clean_labels(raw.values(), drop_prefix=False)
    bare: list[str] = []
    for path, _ in found:
        base = path.parents[2] / "ground_truth" / path.parts[-2]
        mask = truths.get((base, f"{path.stem}_mask")) or truths.get((base, path.stem))
        split = SPLIT_WORDS[path.parts[-3].lower()]
        if mask is None and split == "test" and path.parts[-2] != "good":
            bare.append(shown(str(path)))
        listing.entries.append(_entry(path, labels[raw[path]], split, None if mask is None else str(mask)))
    if bare:
        listing.problems.append(f"{len(bare)} defect images have no mask in ground_truth, such as {bare[0]}")
    return listing


def _list_flat(tree: Tree) -> Listing:
    """All pictures in one class, named like the source; a CSV may give them other labels later."""
    pictures = _pictures(tree)
    pairs = _pairs(tree, pictures)
    masks = set(pairs.values())
    labels, problems = clean_labels([tree.name], drop_prefix=False)
    label = labels[tree.name] or "unlabelled"
    entries = [
        _entry(path, label, None, str(pairs[path]) if path in pairs else None) for path in pictures if path not in masks
    ]
    return Listing(layout="flat", entries=entries, problems=problems)


def _list_metadata(tree: Tree) -> Listing:
    """Pictures named in a metadata file beside or above them; the label is a column, or the folder."""
    pictures = {str(path): path for path in _pictures(tree)}
    listing = Listing(layout="metadata", entries=[])
    raw: list[Entry] = []
    masks: set[str] = set()
    for file in (file for file in tree.files() if PurePosixPath(file).name in _METADATA):
        folder = PurePosixPath(file).parent
        for row in read_annotations(tree.read(file), file):
            path = str(folder / row.file)
            mask = str(folder / row.mask_file) if row.mask_file else None
            label = row.label or PurePosixPath(path).parent.name
            if path not in pictures:
                listing.skipped.append((shown(path), f"named in {file}, but not in the source"))
            elif row.synthetic:
                listing.skipped.append((shown(path), "a generated picture: only photographs are imported"))
            elif mask is not None and mask not in pictures:
                listing.skipped.append((shown(path), f"its mask {shown(mask)} is not in the source"))
            else:
                split = row.split or _split_folder(path)
                raw.append(
                    Entry(name=shown(path), label=label, file=path, mask_file=mask, group=row.group, split=split)
                )
            masks |= {mask} if mask else set()
            pictures.pop(path, None) if path not in masks else None
    labels, listing.problems = clean_labels((entry.label for entry in raw), drop_prefix=False)
    for entry in raw:
        entry.label = labels[entry.label]
        if entry.label:
            listing.entries.append(entry)
        else:
            listing.skipped.append((entry.name, "no label in the metadata and no class folder: give it one"))
    listing.skipped += [
        (shown(path), "not named in the metadata file: add it there") for path in pictures if path not in masks
    ]
    return listing


def _split_folder(path: str) -> SplitName | None:
    return next((SPLIT_WORDS[p.lower()] for p in PurePosixPath(path).parts[:-1] if p.lower() in SPLIT_WORDS), None)


def _entry(path: PurePosixPath, label: str, split: SplitName | None, mask_file: str | None) -> Entry:
    return Entry(name=shown(str(path)), label=label, file=str(path), mask_file=mask_file, split=split)


_LISTERS: Mapping[Layout, Callable[[Tree], Listing]] = {
    "class_folders": lambda tree: _list_class_folders(tree, with_masks=False),
    "pairs": lambda tree: _list_class_folders(tree, with_masks=True),
    "mvtec": _list_mvtec,
    "flat": _list_flat,
    "metadata": _list_metadata,
}
