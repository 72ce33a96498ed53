"""Each layout is recognised as its users lay it out, wrapped or not."""

import json
from pathlib import Path

import pytest

from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.importing.labels import clean_label, clean_labels
from augment.importing.layouts import list_source, recognise
from augment.importing.trees import FolderTree, open_tree
from tests.importing.sources import jpeg, lay, mask, png, tiles


def listed(root: Path):
    listing = list_source(FolderTree(root))
    return listing, {entry.name: (entry.label, entry.split, entry.mask_file) for entry in listing.entries}


@pytest.mark.parametrize("wrapper", ["", "data/", "a/b/"])
def test_pairs_of_picture_and_mask(tmp_path, wrapper):
    lay(tmp_path, {wrapper + name: data for name, data in tiles().items()})
    listing, found = listed(tmp_path)
    assert (listing.layout, len(found), listing.skipped) == ("pairs", 8, [])
    expected = ("free", None, f"{wrapper}MT_Free/Imgs/exp1_num_0.png")
    assert found[f"{wrapper}MT_Free/Imgs/exp1_num_0.jpg"] == expected
    assert {label for label, _, _ in found.values()} == {"free", "crack"}


def test_a_photograph_saved_twice_is_no_mask(tmp_path):
    lay(
        tmp_path,
        {f"{c}/{i}.{e}": (png if e == "png" else jpeg)(i) for c in "ab" for i in range(3) for e in ("png", "jpg")},
    )
    listing, found = listed(tmp_path)
    assert (listing.layout, len(found)) == ("class_folders", 12)


def test_masks_named_stem_mask(tmp_path):
    lay(tmp_path, {"a/1.png": png(1), "a/1_mask.png": mask(), "b/2.png": png(2)})
    listing, found = listed(tmp_path)
    assert listing.layout == "pairs"
    assert found == {"a/1.png": ("a", None, "a/1_mask.png"), "b/2.png": ("b", None, None)}


def test_class_folders_with_splits_and_strays(tmp_path):
    lay(
        tmp_path,
        {
            "set/train/Good/1.png": png(1),
            "set/train/Bad/2.png": png(2),
            "set/test/Good/deep/er/3.png": png(3),
            "set/val/Bad/4.png": png(4),
            "set/train/stray.png": png(5),
            "set/train/Good/notes.docx": "x",
            "set/.DS_Store": "x",
            "set/train/Good/Thumbs.db": "x",
        },
    )
    listing, found = listed(tmp_path)
    assert listing.layout == "class_folders"
    assert found["set/test/Good/deep/er/3.png"] == ("good", "test", None)
    assert found["set/val/Bad/4.png"] == ("bad", "validation", None)
    assert dict(listing.skipped) == {
        "set/train/stray.png": "lies outside the class folders: move it into one",
        "set/train/Good/notes.docx": "no picture by its ending (.docx)",
    }


@pytest.mark.parametrize("category", ["", "bottle/", "mvtec/bottle/"])
def test_mvtec(tmp_path, category):
    lay(
        tmp_path,
        {
            f"{category}train/good/000.png": png(1),
            f"{category}test/good/000.png": png(2),
            f"{category}test/broken_large/000.png": png(3),
            f"{category}test/contamination/000.png": png(4),
            f"{category}ground_truth/broken_large/000_mask.png": mask(),
            f"{category}license.txt": "",
        },
    )
    listing, found = listed(tmp_path)
    assert listing.layout == "mvtec"
    assert found[f"{category}train/good/000.png"] == ("good", "train", None)
    truth = f"{category}ground_truth/broken_large/000_mask.png"
    assert found[f"{category}test/broken_large/000.png"] == ("broken_large", "test", truth)
    assert len(found) == 4
    assert "1 defect images have no mask" in listing.problems[0]


def test_mvtec_of_several_categories_keeps_their_good_parts_apart(tmp_path):
    lay(
        tmp_path,
        {f"{c}/{s}/good/0.png": png(i) for i, (c, s) in enumerate([(c, s) for c in "xy" for s in ("train", "test")])},
    )
    _, found = listed(tmp_path)
    assert {label for label, _, _ in found.values()} == {"x good", "y good"}


def test_a_single_class_folder_and_a_flat_folder(tmp_path):
    lay(tmp_path / "one", {"crack/Imgs/1.jpg": jpeg(1)})
    assert listed(tmp_path / "one")[1] == {"crack/Imgs/1.jpg": ("crack", None, None)}
    lay(tmp_path / "Scratch", {"1.jpg": jpeg(1), "2.jpg": jpeg(2)})
    listing, found = listed(tmp_path / "Scratch")
    assert listing.layout == "flat"
    assert found["1.jpg"] == ("scratch", None, None)


def test_metadata_jsonl(tmp_path):
    rows = [
        {"file_name": "images/1.png", "label": "Crack", "mask_file_name": "masks/1.png", "group": "p1"},
        {"file_name": "images/2.png", "label": "free", "mask_file_name": None, "synthetic": False},
        {"file_name": "images/3.png", "label": "free", "synthetic": True},
        {"file_name": "images/9.png", "label": "free"},
        {"file_name": "../secret.png", "label": "free"},
    ]
    lay(tmp_path, {f"images/{i}.png": png(i) for i in (1, 2, 3, 4)} | {"masks/1.png": mask()})
    lay(tmp_path, {"metadata.jsonl": "\n".join(map(json.dumps, rows))})
    listing, found = listed(tmp_path)
    assert listing.layout == "metadata"
    assert found == {"images/1.png": ("crack", None, "masks/1.png"), "images/2.png": ("free", None, None)}
    assert listing.entries[0].group == "p1"
    reasons = dict(listing.skipped)
    assert "generated" in reasons["images/3.png"]
    assert "not in the source" in reasons["images/9.png"]
    assert "not in the source" in reasons["../secret.png"]
    assert "not named" in reasons["images/4.png"]


def test_links_are_followed_once(tmp_path):
    lay(tmp_path / "real", {"a/1.png": png(1), "b/2.png": png(2)})
    (tmp_path / "real/loop").symlink_to(tmp_path / "real")
    (tmp_path / "real/a/gone.png").symlink_to(tmp_path / "nowhere.png")
    tree = FolderTree(tmp_path / "real")
    assert tree.files() == ["a/1.png", "a/gone.png", "b/2.png"]
    with pytest.raises(InvalidInput, match="broken link"):
        tree.read("a/gone.png")


def test_nothing_to_import_says_what_was_found(tmp_path):
    lay(tmp_path, {"a.txt": "x", "b.txt": "x"})
    with pytest.raises(InvalidInput, match=r"found: 2 x \.txt"):
        recognise(FolderTree(tmp_path))
    with pytest.raises(InvalidConfig, match="choose auto"):
        list_source(FolderTree(tmp_path), "guess")
    for source, error, reason in (
        ("", InvalidInput, "no source"),
        (str(tmp_path / "missing"), NotFound, "check the path"),
        (str(tmp_path / "a.txt"), InvalidInput, "no folder, zip or parquet"),
        ("a" * 5000, Exception, "source"),
        ("nul\0", Exception, "source"),
    ):
        with pytest.raises(error, match=reason):
            open_tree(source)


def test_labels_are_cleaned_and_stay_apart():
    labels, problems = clean_labels(["MT_Free", "MT_Crack"], drop_prefix=True)
    assert labels == {"MT_Free": "free", "MT_Crack": "crack"}
    assert not problems
    assert clean_labels(["crack", "craze"], drop_prefix=True)[0] == {"crack": "crack", "craze": "craze"}
    assert clean_labels(["a_", "a_b"], drop_prefix=True)[0] == {"a_": "a_", "a_b": "a_b"}
    labels, problems = clean_labels(["Crack", " crack\n", "<b>x"], drop_prefix=False)
    assert set(labels.values()) == {"crack", "<b>x"}
    assert any("one class" in problem for problem in problems)
    assert any("plain text" in problem for problem in problems)
    assert clean_label("ひび\u0301/割れ\0") == "ひび\u0301 割れ"
    long = [clean_label("x" * 500 + end) for end in "ab"]
    assert long[0] != long[1]
    assert all(len(label) <= 100 for label in long)
    assert clean_label(" \t/") == ""
