"""Hugging Face tables, as the library and the Hub write them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augment.errors import InvalidInput
from augment.importing.layouts import list_source
from augment.importing.reading import stream
from augment.importing.tables import split_of_path
from augment.importing.trees import FolderTree, open_tree
from tests.importing.sources import mask, png

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


def dataset(count: int = 130, labels: tuple[str, ...] = ("Good", "Bad")):
    import datasets

    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(labels)), "mask": datasets.Image()}
    )
    rows = {
        "image": [{"bytes": png(i), "path": f"{i}.png"} for i in range(count)],
        "label": [i % len(labels) for i in range(count)],
        "mask": [{"bytes": mask(), "path": None} if i % 2 else None for i in range(count)],
    }
    return datasets.Dataset.from_dict(rows, features=features)


def read(root: Path):
    with open_tree(str(root)) as tree:
        listing = list_source(tree)
        return listing, [(item.entry, *item.load()) for item in stream(tree, listing)]


def test_parquet_keeps_the_bytes_in_it(tmp_path):
    dataset().to_parquet(tmp_path / "train-00000-of-00001.parquet")
    listing, items = read(tmp_path)
    assert (listing.layout, len(items), listing.problems) == ("parquet", 130, [])
    for i, (entry, image, mask_bytes) in enumerate(items):
        assert entry.name == f"train-00000-of-00001.parquet/{i}.png"
        assert entry.label == ("good", "bad")[i % 2]
        assert image == png(i)
        assert mask_bytes == (mask() if i % 2 else None)
    assert len(read(tmp_path / "train-00000-of-00001.parquet")[1]) == 130


def test_save_to_disk_of_one_and_of_several_splits(tmp_path):
    import datasets

    datasets.disable_progress_bars()
    rows = dataset(20)
    rows.save_to_disk(tmp_path / "one", num_shards=2)
    listing, items = read(tmp_path / "one")
    assert (listing.layout, [image for _, image, _ in items]) == ("save_to_disk", [png(i) for i in range(20)])
    datasets.DatasetDict({"train": rows, "test": rows.select(range(5))}).save_to_disk(tmp_path / "two")
    listing, items = read(tmp_path / "two")
    assert [entry.split for entry in listing.entries].count("test") == 5
    assert len(items) == 25


def test_text_labels_groups_splits_and_rows_without_use(tmp_path):
    image = {"bytes": png(1), "path": None}
    table = pa.table(
        {
            "img": [image, image, {"bytes": None, "path": "x.png"}, image, image],
            "class": ["A", "", "A", "<b>", "B"],
            "part": [7, 7, 8, 9, 9],
            "split": ["train", "train", "test", "validation", "train"],
            "synthetic": [False, False, False, False, True],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    with open_tree(str(tmp_path)) as tree:
        listing = list_source(tree)
        found = [(entry.label, entry.group, entry.split, entry.row) for entry in listing.entries]
        assert found == [("a", "7", "train", 0), ("a", "8", "test", 2), ("<b>", "9", "validation", 3)]
        assert [reason.split(":")[0] for _, reason in listing.skipped] == [
            "no label in this row",
            "a generated picture",
        ]
        items = list(stream(tree, listing))
        assert items[0].load()[0] == png(1)
        with pytest.raises(InvalidInput, match="only a path"):
            items[1].load()


def test_unknown_labels_and_columns(tmp_path):
    table = dataset(3).data.table
    column = table.schema.get_field_index("label")
    pq.write_table(table.set_column(column, table.schema.field(column), [[0, 9, -1]]), tmp_path / "a.parquet")
    listing = list_source(FolderTree(tmp_path))
    assert len(listing.entries) == 1
    assert "label 9 is unknown: the table names 2 classes" in listing.skipped[0][1]
    with pytest.raises(InvalidInput, match="column 'kind'; its columns are image, label, mask"):
        list_source(FolderTree(tmp_path), label_column="kind")
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInput, match="no image column found; its columns are text"):
        list_source(FolderTree(tmp_path))


def test_a_table_cut_short_is_reported_and_the_others_are_read(tmp_path):
    dataset(10).to_parquet(tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "c.parquet").write_bytes(b"")
    listing, items = read(tmp_path)
    assert len(items) == 10
    assert [name for name, reason in listing.skipped if "damaged table" in reason] == ["b.parquet", "c.parquet"]


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train-00000-of-00001.parquet", "train"),
        ("data/test-00000-of-00001.parquet", "test"),
        ("default/validation/0000.parquet", "validation"),
        ("Val/x.arrow", "validation"),
        ("trainset.parquet", None),
    ],
)
def test_split_of_path(path, split):
    assert split_of_path(path) == split
