"""Exports are read back with `datasets` itself: what users do with them."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, InvalidInput, JobFailed, NotReady
from augment.exporting.columns import COLUMNS
from augment.exporting.writers import FORMATS
from augment.images import encode_png
from augment.operations.aside import export_folder
from augment.operations.configs import config_from_json, to_json
from augment.operations.context import Context, Progress
from augment.operations.export import ExportConfig, export_dataset
from augment.store import ImageRecord, SampleRecord, Store, VerdictRecord, Workspace


def _png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 1), dtype=np.uint8)
    return encode_png(pixels)


@pytest.fixture
def context(tmp_path: Path):
    """Two classes in three splits, one with masks; a sample accepted, one rejected, one not decided."""
    with Store(Workspace(tmp_path / "workspace")) as store:
        changes = []
        for i, (label, split) in enumerate(
            [("free", "train"), ("crack <b>", "train"), ("free", "test"), ("crack <b>", "test"), ("free", "validation")]
        ):
            mask = store.files.put(encode_png(np.eye(20, 24, dtype=bool))) if label != "free" else None
            changes.append(
                ImageRecord(
                    sha256=store.files.put(_png(i)),
                    name=f"{label}/{i}.png",
                    label=label,
                    group=f"part-{i}",
                    split=split,
                    width_px=24,
                    height_px=20,
                    size_bytes=1,
                    source="test",
                    mask_sha256=mask,
                )
            )
        store.apply(changes)
        parent = changes[1]
        sample = SampleRecord(
            sha256=store.files.put(_png(100)),
            label="crack <b>",
            method="ddpm",
            seed=7,
            recipe={"method": "ddpm", "steps": 12},
            parents=(parent.sha256,),
            group=parent.group,
            split="train",
            nearest_real_distance=0.5,
            landing_error=0.25,
            probability={"crack <b>": 0.375, "free": 0.625},
        )
        others = [replace(sample, sha256=store.files.put(_png(100 + i)), seed=7 + i) for i in (1, 2)]
        accepted, rejected, _ = store.apply([sample, *others])
        # The first verdict is taken back: the export must tell the one that stands.
        store.verdicts.add(VerdictRecord(sample_id=accepted, decision="rejected", reviewer="ito", reason="blurred"))
        store.verdicts.undo("ito")
        store.verdicts.add(VerdictRecord(sample_id=accepted, decision="accepted", reviewer="mori", reason="sharp"))
        store.verdicts.add(VerdictRecord(sample_id=rejected, decision="rejected", reviewer="mori"))
        yield Context(store=store, commit=store.apply, job_folder=tmp_path)


def _load(folder: Path, format_: str, cache: Path):
    import datasets

    datasets.disable_progress_bars()
    if format_ == "save_to_disk":
        return datasets.load_from_disk(str(folder))
    return datasets.load_dataset(str(folder), cache_dir=str(cache))


@pytest.mark.filterwarnings("ignore:.*")  # what pandas, fsspec and datasets warn about while loading is theirs
@pytest.mark.parametrize("format_", FORMATS)
def test_datasets_loads_what_was_exported(context, tmp_path, format_):
    import datasets

    report = export_dataset(ExportConfig(folder="out", format=format_), context)
    folder = Path(report.folder)
    assert folder == context.store.workspace.exports_dir / "out"
    assert report.rows == 6
    assert not list(folder.parent.glob(".*partial*"))

    loaded = _load(folder, format_, tmp_path / "cache")
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 3, "validation": 1, "test": 2}
    rows = loaded["train"]
    assert set(rows.column_names) == set(COLUMNS)
    assert rows.features["label"] == datasets.ClassLabel(names=["crack <b>", "free"])
    assert isinstance(rows.features["image"], datasets.Image)
    assert isinstance(rows.features["mask"], datasets.Image)
    assert rows[0]["image"].size == (24, 20)

    raw = loaded.cast_column("image", datasets.Image(decode=False)).cast_column("mask", datasets.Image(decode=False))
    for split, part in raw.items():
        for row in part:
            assert hashlib.sha256(_bytes(row["image"])).hexdigest() == row["sha256"]
            assert _bytes(row["image"]) == context.store.files.read(row["sha256"])
            assert row["split"] == split
            assert (row["mask"] is not None) == (row["label"] == 0 and not row["synthetic"])
    sample = raw["train"].filter(lambda row: row["synthetic"])[0]
    assert (sample["verdict"], sample["reviewer"], sample["reason"]) == ("accepted", "mori", "sharp")
    standing = context.store.verdicts.standing()
    assert sample["decided_at"] in {verdict.decided_at for verdict in standing.values()}
    assert json.loads(sample["recipe"]) == {"method": "ddpm", "steps": 12}
    assert (sample["seed"], sample["landing_error"], sample["prompt"]) == (7, 0.25, None)
    assert (sample["label_probability"], sample["taken_for"]) == (0.375, "free")
    assert sample["source_sha256"] == [context.store.images.get(2).sha256]
    assert sample["digital_source_type"] == "trainedAlgorithmicMedia"
    real = raw["train"].filter(lambda row: not row["synthetic"])[0]
    assert (real["digital_source_type"], real["verdict"], real["source_sha256"]) == ("digitalCapture", None, [])
    assert (real["label_probability"], real["taken_for"]) == (None, None)


def _bytes(picture) -> bytes:
    return picture["bytes"] if picture["bytes"] is not None else Path(picture["path"]).read_bytes()


@pytest.mark.filterwarnings("ignore:.*")
def test_parquet_files_load_without_the_card(context, tmp_path):
    import datasets

    datasets.disable_progress_bars()
    folder = Path(export_dataset(ExportConfig(folder="out"), context).folder)
    loaded = datasets.load_dataset("parquet", data_files=str(folder / "data/train-*"), cache_dir=str(tmp_path / "c"))
    assert loaded["train"].features["label"].names == ["crack <b>", "free"]
    assert loaded["train"].column_names == list(COLUMNS)


@pytest.mark.filterwarnings("ignore:.*")
def test_image_folder_loads_without_the_card(context, tmp_path):
    import datasets

    datasets.disable_progress_bars()
    folder = Path(export_dataset(ExportConfig(folder="out", format="imagefolder"), context).folder)
    (folder / "README.md").unlink()
    loaded = datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "c"))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 3, "validation": 1, "test": 2}
    assert loaded["train"].features["label"].names == ["crack <b>", "free"]
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 6
    assert all((folder / line["file_name"]).is_file() for line in lines)


def test_card_is_tagged_and_shows_labels_as_text(context):
    from huggingface_hub import metadata_load

    folder = Path(export_dataset(ExportConfig(folder="out"), context).folder)
    assert "synthetic" in metadata_load(folder / "README.md")["tags"]
    text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]
    assert "<b>" not in text
    assert "crack &lt;b&gt;" in text
    assert "- `ddpm`: 1" in text


def test_a_folder_in_use_is_refused_and_left_alone(context, tmp_path):
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="not empty"):
        export_dataset(ExportConfig(folder=str(used)), context)
    assert [path.name for path in used.iterdir()] == ["mine.txt"]


def test_a_test_parts_descendant_in_training_is_refused_by_name(context):
    store = context.store
    parent = store.images.get(4)
    leak = replace(store.samples.get(1), id=None, sha256=store.files.put(_png(500)), parents=(parent.sha256,), group="")
    (leaked,) = store.apply([replace(leak, status="candidate")])
    store.verdicts.add(VerdictRecord(sample_id=leaked, decision="accepted", reviewer="mori"))
    with pytest.raises(InvalidInput, match=rf"sample {leaked} \(train\) from crack <b>/3.png, part part-3 \(test\)"):
        export_dataset(ExportConfig(folder="out"), context)
    assert not export_folder(store.workspace, "out").exists()


def test_filters_choose_rows(context):
    report = export_dataset(
        ExportConfig(folder="out", include_real=False, statuses=("candidate", "rejected"), methods=("ddpm",)), context
    )
    assert report.rows == 2
    assert [(count.label, count.synthetic) for count in report.counts] == [("crack <b>", True)]
    with pytest.raises(InvalidConfig, match="'crak' is not in this workspace: crack <b>, free"):
        export_dataset(ExportConfig(folder="other", labels=("crak",)), context)
    with pytest.raises(NotReady, match="nothing to export"):
        export_dataset(ExportConfig(folder="other", include_real=False, labels=("free",)), context)


def test_damaged_bytes_are_found_before_the_folder_gets_its_name(context):
    image = context.store.images.get(1)
    context.store.files.path(image.sha256).write_bytes(b"rotten")
    with pytest.raises(InvalidInput, match="damaged"):
        export_dataset(ExportConfig(folder="out"), context)
    assert not any(context.store.workspace.exports_dir.iterdir())


def test_cancelling_leaves_nothing(context):
    class Stop(Progress):
        def __call__(self, step, total, metrics=None, previews=None):
            if step:
                raise Cancelled

    context.progress = Stop()
    with pytest.raises(Cancelled):
        export_dataset(ExportConfig(folder="out"), context)
    assert not any(context.store.workspace.exports_dir.iterdir())


def test_push_needs_a_token_first_and_never_shows_it(context, monkeypatch):
    with pytest.raises(InvalidConfig, match="needs a Hub token"):
        export_dataset(ExportConfig(folder="out", push_to_hub="me/tiles"), context)
    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", _fails_with_token)
    context.secrets = {"hf_token": "hf_secret"}
    with pytest.raises(JobFailed, match="is complete, but was not pushed") as failed:
        export_dataset(ExportConfig(folder="out", push_to_hub="me/tiles"), context)
    assert "hf_secret" not in str(failed.value)
    assert export_folder(context.store.workspace, "out").is_dir()


def _fails_with_token(*args, **kwargs):
    raise OSError("no route with hf_secret")


def test_config_is_checked_and_survives_json():
    config = ExportConfig(folder="a", statuses=("accepted", "candidate"), labels=("x",))
    assert config_from_json(ExportConfig, to_json(config)) == config
    for wrong in (
        {"folder": " "},
        {"folder": "a", "format": "csv"},
        {"folder": "a", "statuses": ("good",)},
        {"folder": "a", "push_to_hub": "x"},
    ):
        with pytest.raises(InvalidConfig):
            ExportConfig(**wrong)


def test_relative_names_stay_in_the_workspace(tmp_path):
    workspace = Workspace(tmp_path)
    with pytest.raises(InvalidConfig, match=r"inside the workspace's exports"):
        export_folder(workspace, "../../etc")
    assert export_folder(workspace, "a/b") == workspace.exports_dir / "a/b"
