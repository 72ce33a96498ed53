"""Groups from CSVs as spreadsheets save them, and from patterns."""

import pytest

from augment.errors import InvalidConfig, InvalidInput
from augment.importing.groups import apply_annotations, apply_pattern, read_annotations
from augment.importing.listing import Entry, Listing


def listing(*names: str) -> Listing:
    entries = [Entry(name=name, label=name.split("/")[0], file=name) for name in names]
    return Listing(layout="class_folders", entries=entries)


def test_csv_gives_groups_and_labels_and_names_what_is_missing():
    found = listing("a/1.jpg", "a/2.jpg", "b/2.jpg", "b/3.jpg")
    rows = read_annotations(
        b"file,label,group\na/1.jpg,A,p1\nb/2.jpg,,p2\n3.jpg,c,p1\na/7.jpg,a,p9\n2.jpg,,p3\n", "g.csv"
    )
    apply_annotations(found, rows, "g.csv")
    assert [(entry.label, entry.group) for entry in found.entries] == [("a", "p1"), ("a", ""), ("b", "p2"), ("c", "p1")]
    # "2.jpg" is two files, so the row names neither of them
    assert [name for name, _ in found.skipped] == ["a/7.jpg", "2.jpg"]
    assert "gives 1 images another label, such as b/3.jpg: 'b', now 'c'" in found.problems[1]
    assert "1 of 4 images are not in g.csv" in found.problems[2]


@pytest.mark.parametrize(
    ("data", "group"),
    [
        (b"\xef\xbb\xbffile;group\r\na/1.jpg;p1\r\n", "p1"),
        (b"File\tPart\na\\1.jpg\tp1\n", "p1"),
        ("file,group\na/1.jpg,部品1\n".encode("cp932"), "部品1"),
        (b'file_name,lot\n"a/1.jpg","p,1"\n', "p,1"),
    ],
)
def test_csv_as_spreadsheets_save_it(data, group):
    found = listing("a/1.jpg")
    apply_annotations(found, read_annotations(data, "g.csv"), "g.csv")
    assert found.entries[0].group == group


def test_a_csv_in_a_subfolder_names_files_from_there():
    found = listing("set/a/1.jpg", "set/b/1.jpg")
    apply_annotations(found, read_annotations(b"file,group\nb/1.jpg,p\n", "groups.csv"), "groups.csv", folder="set")
    assert [entry.group for entry in found.entries] == ["", "p"]


def test_unusable_csv():
    with pytest.raises(InvalidInput, match="one called file is needed"):
        read_annotations(b"picture_path;grp\na;b\n", "g.csv")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_annotations(b'{"file": 1}\n[1]\n', "g.jsonl")
    assert read_annotations(b"", "g.csv") == []


def test_pattern_by_name_or_first_group():
    found = listing("a/part12_x.jpg", "b/part12_y.jpg", "b/other.jpg", "p3/z.jpg")
    apply_pattern(found, r"(?P<group>part\d+)|(?:^)(?P<folder>p\d+)/")
    assert [entry.group for entry in found.entries] == ["part12", "part12", "", ""]
    assert "2 of 4 names do not match the group pattern, such as b/other.jpg" in found.problems[0]
    again = listing("p3/z.jpg")
    apply_pattern(again, r"^p(\d+)/")
    assert again.entries[0].group == "3"
    for wrong, reason in (
        ("part", "no group in parentheses"),
        ("(", "no regular expression"),
        ("(" * 300, "at most 200"),
    ):
        with pytest.raises(InvalidConfig, match=reason):
            apply_pattern(again, wrong)


def test_a_pattern_that_never_ends_is_ended(monkeypatch):
    # Twice as long for each further letter: 40 letters take hours.
    monkeypatch.setattr("augment.importing.groups.PATTERN_SECONDS", 1.0)
    found = listing(f"a/{'a' * 40}!.jpg")
    with pytest.raises(InvalidConfig, match="takes longer than 1 s on 1 names"):
        apply_pattern(found, r"((a+)+)$")
    assert found.entries[0].group == ""
