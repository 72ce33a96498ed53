"""The demo workspace: complete, quick, without torch, and completed when it was cut short."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from augment.errors import NotReady, WorkspaceError
from augment.operations.demo import DEMO_ASSETS, build_demo
from augment.operations.demo_assets import pack_demo, unpack_demo
from augment.operations.views import current_view, load_cut, load_mask
from augment.store import ModelRecord, ProjectionRecord, SampleRecord, Store, Workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo workspace without models."""
    root = tmp_path_factory.mktemp("demo") / "workspace"
    build_demo(root, root.parent / "nothing")
    return root


@pytest.fixture
def demo(drawn: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "workspace"))


def test_the_workspace_holds_the_set(drawn: Path) -> None:
    with Store(Workspace(drawn), read_only=True) as store:
        images = store.images.list()
        assert len(images) == 320
        assert Counter(image.label for image in images)["crack"] == 46
        assert {image.split for image in images} == {"train", "validation", "test"}
        view = current_view(store)
        assert (view.kind, view.side_px, view.colour) == ("mask", 48, "grey")
        assert view.mask_sides_px
        for image in images[::40]:
            mask = load_mask(store, image)
            assert (mask is None) == (image.label == "free")
            assert load_cut(store, image, view).shape == (48, 48, 1)
        assert store.check() == []


def test_it_is_built_in_a_process_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from augment.operations.demo import build_demo; "
        "build_demo(Path(sys.argv[1])); "
        "print([name for name in ('torch', 'umap', 'sklearn', 'gradio', 'diffusers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_building_again_changes_nothing_and_another_workspace_is_left_alone(demo: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (demo / "files").rglob("*") if path.is_file()}
    build_demo(demo)
    assert before == {path: path.stat().st_mtime_ns for path in (demo / "files").rglob("*") if path.is_file()}
    with Store(Workspace(demo)) as store:
        store.settings.set("name", "bolts")
        store.settings.set("demo_ready", False)
    with pytest.raises(WorkspaceError, match="another workspace"):
        build_demo(demo)


def test_a_build_that_was_cut_short_is_completed(demo: Path) -> None:
    with Store(Workspace(demo)) as store:
        store.settings.set("demo_ready", False)
        lost = store.images.list()[7]
    (Workspace(demo).files_dir / lost.sha256[:2] / lost.sha256).unlink()
    build_demo(demo, demo.parent / "nothing")
    with Store(Workspace(demo), read_only=True) as store:
        assert store.images.count() == 320
        assert store.check() == []
        assert store.settings.get("demo_ready") is True


def _trained(store: Store) -> None:
    """Stands in for what `kizu train demo` leaves: an encoder, a map, a generator that names both, and a sample."""
    root = store.workspace.root
    images = store.images.list()
    ids = {}
    for kind, config in (("encoder", {"width": 32}), ("ddpm", {"encoder_id": 41, "projection_id": 7})):
        path = root / "checkpoints" / f"{kind}.safetensors"
        path.write_bytes(kind.encode())
        record = ModelRecord(
            kind=kind, name=kind, path=f"checkpoints/{kind}.safetensors", sha256=kind * 9, config=config
        )
        ids[kind] = store.apply([record])[0]
    folder = root / "projections" / "7"
    folder.mkdir()
    np.save(folder / "image_ids.npy", np.array([image.id for image in images], dtype=np.int64))
    np.save(folder / "xy.npy", np.zeros((len(images), 2), dtype=np.float32))
    store.apply([ProjectionRecord(encoder_id=ids["encoder"], path="projections/7", config={"neighbours": 15})])
    sha256 = store.files.put(b"a picture")
    sample = SampleRecord(
        sha256=sha256,
        label="crack",
        method="ddpm",
        seed=3,
        recipe={"method": "ddpm"},
        parents=(images[5].sha256,),
        nearest_image_id=images[9].id,
        position=(0.5,) * 20,
        xy=(1.0, 2.0),
    )
    store.apply([sample])


def test_what_is_packed_comes_out_again_in_another_workspace(demo: Path, tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    with Store(Workspace(demo)) as store:
        with pytest.raises(NotReady, match="kizu train demo"):
            pack_demo(store, assets)
        _trained(store)
        assert pack_demo(store, assets) > 0
    other = tmp_path / "other"
    build_demo(other, assets)
    with Store(Workspace(other)) as store:
        unpack_demo(store, assets)  # Again: nothing doubles.
        assert [model.kind for model in store.models.list()] == ["ddpm", "encoder"]
        encoder, generator = store.models.latest("encoder"), store.models.latest("ddpm")
        projection = store.projections.latest()
        assert encoder is not None and generator is not None and projection is not None
        assert (other / generator.path).read_bytes() == b"ddpm"
        # The numbers of another workspace must not survive.
        assert generator.config == {"encoder_id": encoder.id, "projection_id": projection.id}
        assert projection.encoder_id == encoder.id
        ids = np.load(other / projection.path / "image_ids.npy")
        assert ids.tolist() == store.images.ids()
        (sample,) = store.samples.list()
        assert store.files.read(sample.sha256) == b"a picture"
        assert sample.projection_id == projection.id and sample.status == "candidate"
        assert sample.nearest_image_id is not None
        assert store.images.get(sample.nearest_image_id).name == _name_of(demo, 9)
        assert sample.parents == (store.images.list()[5].sha256,)


def _name_of(root: Path, row: int) -> str:
    with Store(Workspace(root), read_only=True) as store:
        return store.images.list()[row].name


@pytest.mark.skipif(not (DEMO_ASSETS / "ddpm.json").is_file(), reason="the demo's models have not been trained yet")
def test_the_shipped_models_fit_the_drawn_set(tmp_path: Path) -> None:
    from augment.features.atlas import Atlas

    build_demo(tmp_path / "w")
    with Store(Workspace(tmp_path / "w"), read_only=True) as store:
        projection = store.projections.latest()
        generator = store.models.latest("ddpm")
        assert projection is not None and generator is not None
        atlas = Atlas.load(store.workspace.root / projection.path)
        assert atlas.image_ids.tolist() == store.images.ids()
        assert list(atlas.labels) == store.images.labels() == generator.config["labels"]
        labels = [atlas.label_of(row) for row in range(len(atlas))]
        assert labels == [image.label for image in store.images.list()]
        assert len(atlas.pairs) > 0
        assert generator.config["view"] == current_view(store).to_json()
        assert 20 <= store.samples.count() <= 100
        assert store.check() == []
    shipped = sum(path.stat().st_size for path in DEMO_ASSETS.rglob("*") if path.is_file())
    assert shipped < 25e6
    assert json.loads((DEMO_ASSETS / "training.json").read_text(encoding="utf-8"))["seconds"]
