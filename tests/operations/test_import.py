"""Importing: nothing lost, nothing twice, a reason for everything that stays outside."""

import io
import shutil
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound, WorkspaceError
from augment.images import encode_png
from augment.operations import import_images as module
from augment.operations.configs import config_from_json, to_json
from augment.operations.context import Context, Progress
from augment.operations.import_images import ImportConfig, import_images, plan_import
from augment.operations.views import current_view, enlarged_by, load_cut, suggest_view
from augment.store import Store
from augment.views import View
from tests.importing.sources import jpeg, lay, mask, png, tiles
from tests.test_images import png_header, saved

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def context(store: Store, tmp_path: Path) -> Context:
    return Context(store=store, commit=store.apply, job_folder=tmp_path)


class Steps(Progress):
    """Records progress; stops at a step if told to."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.stop_at = stop_at

    def __call__(self, step, total, metrics=None, previews=None):
        self.seen.append((step, total))
        if self.stop_at is not None and step >= self.stop_at:
            raise Cancelled


def test_plan_and_import_agree_and_bytes_stay(context, tmp_path):
    source = lay(tmp_path / "src", tiles(6))
    config = ImportConfig(source=str(source))
    plan = plan_import(config, context.store)
    assert (plan.layout, plan.images, plan.masks, plan.groups) == ("pairs", 12, 12, 12)
    report = import_images(config, context)
    assert (report.imported, report.already_there, report.skipped) == (12, 0, ())
    counts = {(count.label, count.split): count.images for count in plan.counts}
    assert counts == context.store.images.counts()
    for image in context.store.images.list():
        assert context.store.files.read(image.sha256) == (source / image.name).read_bytes()
        assert image.mask_sha256 is not None
        assert (image.width_px, image.height_px) == (24, 20)
    again = import_images(config, context)
    assert (again.imported, again.already_there, again.skipped) == (0, 12, ())
    assert config_from_json(ImportConfig, to_json(config)) == config
    assert to_json(report)["imported"] == 12


def test_a_plan_tells_what_would_be_enlarged(context, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for number in range(40):
        side = 28 if number % 4 == 0 else 300
        file = tmp_path / "src" / ("a", "b")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_png(rng.integers(0, 256, (side, side, 1), dtype=np.uint8)))
    config = ImportConfig(source=str(tmp_path / "src"))
    plan = plan_import(config, context.store)
    (told,) = [problem for problem in plan.problems if "enlarged" in problem]
    assert told.startswith("pictures of 28 to 300 px (of 20 looked at, spread over all): ")
    assert told.endswith("of 20 images are smaller than 64 px and are enlarged; choose 28 px to avoid it")
    monkeypatch.setattr(module, "_MOST_SIZED", 40)
    assert any("pictures of 28 to 300 px: 10 of 40" in problem for problem in plan_import(config).problems)
    import_images(config, context)
    assert context.store.images.sizes() == {(28, 28): 10, (300, 300): 30}
    view = suggest_view(context.store)
    assert enlarged_by(view, context.store).count == 10
    context.store.settings.set("view", replace(view, side_px=28).to_json())
    assert not any("enlarged" in problem for problem in plan_import(config, context.store).problems)


def test_a_zip_of_an_imported_folder_adds_nothing(context, tmp_path):
    source = lay(tmp_path / "src", tiles())
    import_images(ImportConfig(source=str(source)), context)
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", source)
    report = import_images(ImportConfig(source=archive), context)
    assert (report.imported, report.already_there, report.skipped) == (0, 8, ())


def test_cancelled_import_continues_to_the_same_end(context, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 8)
    files = {f"{label}/{i}.png": png(1000 * c + i) for c, label in enumerate("ab") for i in range(30)}
    config = ImportConfig(source=str(lay(tmp_path / "src", files)))
    context.progress = Steps(stop_at=16)
    with pytest.raises(Cancelled):
        import_images(config, context)
    assert context.store.images.count() == 16
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("import")]
    context.progress = steps = Steps()
    report = import_images(config, context)
    assert (report.imported, report.already_there) == (44, 16)
    assert [step for step, _ in steps.seen] == [0, 8, 16, 24, 32, 40, 48, 56, 60]
    plan = plan_import(config)
    assert {(c.label, c.split): c.images for c in plan.counts} == context.store.images.counts()


def test_every_bad_file_is_named_with_its_reason(context, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.arange(480, dtype=np.uint16).reshape(20, 24) * 50)
    long = "割れ_" + "x" * 200
    files = {
        "crack/good.png": png(1),
        "crack/empty.jpg": b"",
        "crack/text.jpg": b"this is text",
        "crack/cut.jpg": jpeg(2)[:200],
        "crack/bomb.png": png_header(30_000, 30_000),
        "crack/16bit.png": saved(grey, "PNG"),
        "crack/cmyk.jpg": saved(Image.fromarray(np.zeros((9, 9, 4), np.uint8), "CMYK"), "JPEG"),
        "crack/palette.png": saved(Image.fromarray(np.eye(9, dtype=np.uint8) * 9).convert("P"), "PNG"),
        "crack/moving.gif": saved(grey.convert("L"), "GIF", save_all=True, append_images=[grey.convert("1")]),
        "crack/turned.jpg": saved(grey.convert("L"), "JPEG", exif=exif),
        "crack/pair.jpg": jpeg(3),
        "crack/pair.png": mask(9, 9),
        "crack/other.jpg": jpeg(4),
        "crack/other.png": b"no mask",
        "crack/whole.jpg": jpeg(5),
        "crack/whole.png": mask(),
        f"crack/{long}.png": png(6),
        "free/same.png": png(1),
        "free/twin.png": png(7),
        "free/twin2.png": png(7),
        "<img src=x onerror=alert(1)>/1.png": png(8),
        "notes.docx": b"x",
    }
    config = ImportConfig(source=str(lay(tmp_path / "src", files)))
    report = import_images(config, context)
    reasons = dict(report.skipped)
    for name, reason in {
        "crack/empty.jpg": "empty",
        "crack/text.jpg": "no PNG, JPEG",
        "crack/cut.jpg": "damaged or cut short",
        "crack/bomb.png": "megapixels",
        "crack/pair.jpg": "mask is 9 x 9 px but its image is 24 x 20 px",
        "crack/other.jpg": "its mask cannot be used",
        "notes.docx": r"no picture by its ending",
    }.items():
        assert reason in reasons.pop(name)
    # Which of two equal pictures came first decides the order of names in the source: crack before free.
    assert "the same picture as crack/good.png, which is 'crack', not 'free'" in reasons.pop("free/same.png")
    assert "the same picture as free/twin.png" in reasons.pop("free/twin2.png")
    assert reasons == {}
    names = {image.name: image for image in context.store.images.list()}
    assert len(names) == report.imported == 10
    assert (names["crack/turned.jpg"].width_px, names["crack/turned.jpg"].height_px) == (20, 24)
    assert f"crack/{long}.png" in names
    assert "<img src=x onerror=alert(1)>" in context.store.images.labels()
    assert any("plain text" in problem for problem in report.problems)
    assert context.store.check() == []
    again = import_images(config, context)
    assert (again.imported, again.already_there) == (0, 10)
    assert dict(again.skipped).keys() == dict(report.skipped).keys()


def test_mending_a_mask_brings_its_image_in(context, tmp_path):
    source = lay(tmp_path / "src", tiles(2) | {"MT_Crack/Imgs/exp1_num_0.png": mask(9, 9)})
    assert import_images(ImportConfig(source=str(source)), context).imported == 3
    lay(source, {"MT_Crack/Imgs/exp1_num_0.png": mask()})
    assert import_images(ImportConfig(source=str(source)), context).imported == 1
    lay(source, {"MT_Crack/Imgs/exp1_num_0.png": encode_png(np.ones((20, 24), dtype=bool))})
    report = import_images(ImportConfig(source=str(source)), context)
    assert "the first import's mask is kept" in report.skipped[0][1]


def test_groups_csv_in_the_source_is_used(context, tmp_path):
    rows = ["file,label,group"] + [f"MT_Crack/Imgs/exp1_num_{i}.jpg,crack,part{i // 2}" for i in range(4)]
    rows.append("MT_Crack/Imgs/missing.jpg,crack,part9")
    source = lay(tmp_path / "src", tiles() | {"groups.csv": "\n".join(rows)})
    report = import_images(ImportConfig(source=str(source)), context)
    assert report.skipped == (("MT_Crack/Imgs/missing.jpg", "named in groups.csv, but not in the source"),)
    images = context.store.images.list(label="crack")
    assert sorted(image.group for image in images) == ["part0", "part0", "part1", "part1"]
    assert len({(image.group, image.split) for image in images}) == 2
    with pytest.raises(InvalidInput, match="cannot be read"):
        plan_import(ImportConfig(source=str(source), groups_csv=str(tmp_path / "no.csv")))


def test_pattern_groups_and_later_images_follow_their_part(context, tmp_path):
    first = lay(tmp_path / "one", {f"a/part{i}_0.png": png(i) for i in range(10)})
    config = ImportConfig(source=str(first), group_pattern=r"(part\d+)", test_share=0.4)
    import_images(config, context)
    second = lay(tmp_path / "two", {f"a/part{i}_1.png": png(50 + i) for i in range(10)})
    import_images(ImportConfig(source=str(second), group_pattern=r"(part\d+)", seed=9), context)
    by_group: dict[str, set[str]] = {}
    for image in context.store.images.list():
        by_group.setdefault(image.group, set()).add(image.split)
    assert len(by_group) == 10
    assert all(len(splits) == 1 for splits in by_group.values())


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a/1.png": png(1)}, "only one class"),
        ({f"a/{i}.png": png(i) for i in range(5)}, "only one class ('a')"),
        ({"a/1.png": png(1), "b/2.png": png(2)}, "class 'a' has no test image (1 image of 1 part)"),
        (
            {"train/good/1.png": png(1), "test/good/2.png": png(2), "test/bad/3.png": png(3)},
            "'bad' has no training image",
        ),
    ],
)
def test_small_datasets_are_imported_and_explained(context, tmp_path, files, problem):
    report = import_images(ImportConfig(source=str(lay(tmp_path / "src", files))), context)
    assert report.imported == len(files)
    assert any(problem in text for text in report.problems)


def test_keep_splits_off_draws_new_ones(context, tmp_path):
    files = {f"train/good/{i}.png": png(i) for i in range(6)} | {f"test/bad/{i}.png": png(90 + i) for i in range(6)}
    files["test/good/9.png"] = png(999)
    source = str(lay(tmp_path / "src", files))
    kept = plan_import(ImportConfig(source=source))
    assert {(c.label, c.split): c.images for c in kept.counts} == {
        ("bad", "test"): 6,
        ("good", "train"): 6,
        ("good", "test"): 1,
    }
    drawn = plan_import(ImportConfig(source=source, keep_splits=False))
    assert {c.label for c in drawn.counts if c.split == "train"} == {"good", "bad"}


def test_config_refuses_what_cannot_work(context):
    for wrong, reason in (
        ({"layout": "guess"}, "choose auto"),
        ({"test_share": 0.9}, "from 0 to 0.5"),
        ({"seed": -1}, "0 or more"),
        ({"group_pattern": "x"}, "no group in parentheses"),
    ):
        with pytest.raises(InvalidConfig, match=reason):
            ImportConfig(source="a", **wrong)
    with pytest.raises(NotFound, match="check the path"):
        import_images(ImportConfig(source="/no/such/folder"), context)


def test_a_full_disk_stops_with_what_was_committed(context, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 4)
    source = lay(tmp_path / "src", {f"{c}/{i}.png": png(100 * ord(c) + i) for c in "ab" for i in range(20)})
    put, calls = context.store.files.put, []

    def full(data: bytes) -> str:
        calls.append(data)
        if len(calls) > 24:
            raise WorkspaceError("the disk is full")
        return put(data)

    monkeypatch.setattr(context.store.files, "put", full)
    with pytest.raises(WorkspaceError, match="full"):
        import_images(ImportConfig(source=str(source)), context)
    assert 0 < context.store.images.count() <= 24
    assert context.store.check() == []
    monkeypatch.undo()
    assert import_images(ImportConfig(source=str(source)), context).imported > 0
    assert context.store.images.count() == 40


def test_a_source_that_vanishes_while_it_is_read(context, tmp_path):
    source = lay(tmp_path / "src", {"a/1.png": png(1), "b/2.png": png(2)})
    (source / "b/2.png").unlink()
    (source / "b/2.png").symlink_to(tmp_path / "gone.png")
    report = import_images(ImportConfig(source=str(source)), context)
    assert (report.imported, dict(report.skipped).keys()) == (1, {"b/2.png"})


def test_names_that_are_no_utf8(context, tmp_path):
    (tmp_path / "src/a").mkdir(parents=True)
    raw = bytes(tmp_path / "src/a") + b"/\xff\xfe.png"
    with open(raw, "wb") as out:  # noqa: PTH123 - pathlib has no paths of bytes
        out.write(png(1))
    lay(tmp_path / "src", {"b/😀 名.png": png(2)})
    import_images(ImportConfig(source=str(tmp_path / "src")), context)
    assert {image.name for image in context.store.images.list()} == {"a/\ufffd\ufffd.png", "b/😀 名.png"}


def test_views_of_imported_images(context, tmp_path):
    import_images(ImportConfig(source=str(lay(tmp_path / "src", tiles(3)))), context)
    view = suggest_view(context.store)
    assert (view.kind, view.colour, view.side_px) == (
        "mask",
        "grey",
        32,
    )  # masks of 20 x 20 px times 1.5, to a multiple of 4
    assert current_view(context.store) == view
    image = context.store.images.list()[0]
    assert load_cut(context.store, image, view).shape == (32, 32, 1)
    stored = View(kind="whole", side_px=32, colour="rgb")
    context.store.settings.set("view", stored.to_json())
    assert current_view(context.store) == stored


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real photographs are not beside this checkout")
def test_real_tiles_and_digits(context, tmp_path):
    plan = plan_import(ImportConfig(source=str(SHARED / "magnetic-tile")))
    assert (plan.layout, plan.images, plan.masks, plan.groups) == ("pairs", 788, 788, 123)
    assert {count.label for count in plan.counts} == {"blowhole", "break", "crack", "fray", "free", "uneven"}
    assert (plan.problems, plan.skipped) == ((), ())
    digits = plan_import(ImportConfig(source=str(SHARED / "mnist")))
    assert (digits.layout, digits.images, digits.skipped) == ("parquet", 8000, ())
    subset = {}
    for path in sorted((SHARED / "magnetic-tile" / "MT_Crack" / "Imgs").iterdir())[:20]:
        subset[f"MT_Crack/Imgs/{path.name}"] = path.read_bytes()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        for name, data in subset.items():
            out.writestr(name, data)
    lay(tmp_path, {"crack.zip": stream.getvalue()})
    report = import_images(ImportConfig(source=str(tmp_path / "crack.zip")), context)
    assert (report.imported, report.skipped) == (10, ())
