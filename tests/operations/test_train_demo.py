"""`kizu train demo` from end to end, far too short to make good pictures: what it ships must work elsewhere."""

import json
from functools import partial
from pathlib import Path

import pytest

from augment.errors import InvalidConfig
from augment.operations import demo as demo_module
from augment.operations import train_demo as train_demo_module
from augment.operations.context import Context
from augment.operations.demo import build_demo
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.operations.train_demo import TrainDemoConfig, train_demo
from augment.store import Store, Workspace
from augment.surfaces.demo_set import DemoSetConfig


def _context(store: Store, folder: Path) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    return Context(store=store, commit=store.apply, job_folder=folder)


@pytest.fixture
def small_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the drawings: drawing and describing all of them again and again is most of what this would take."""
    small = partial(DemoSetConfig, free=28, defective=10)
    for module in (demo_module, train_demo_module):
        monkeypatch.setattr(module, "DemoSetConfig", small)


@pytest.mark.usefixtures("small_set")
@pytest.mark.timeout(900)  # Compiles umap-learn: half a minute of one idle core, minutes of a busy one.
def test_what_is_trained_is_shipped_and_works_in_a_fresh_workspace(store: Store, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    config = TrainDemoConfig(encoder_images_seen=64, images_seen=32, samples_each=1, folder=str(shipped))
    result = train_demo(config, _context(store, tmp_path / "job"))
    assert set(result.seconds) == {"train_encoder", "embed", "train_ddpm", "generate"}
    assert store.images.count() == 0, "the user's workspace is not touched"
    figures = json.loads((shipped / "training.json").read_text(encoding="utf-8"))
    assert figures["train_ddpm"][-1]["loss"] > 0 and figures["machine"]["versions"]["torch"]
    # The same job again keeps what is finished.
    again = train_demo(config, _context(store, tmp_path / "job"))
    assert set(again.seconds) == {"generate"} and again.samples == result.samples
    root = tmp_path / "visitor"
    build_demo(root, shipped)
    with Store(Workspace(root)) as visitor:
        assert visitor.samples.count() == result.samples
        first = visitor.samples.list()[0]
        assert first.id is not None
        # Made again by the unpacked generator at the unpacked map: ids and fingerprints must have survived.
        assert regenerate(RegenerateConfig(sample_id=first.id), _context(visitor, root / "jobs" / "1")).same_bytes


def test_wrong_settings_are_refused() -> None:
    for wrong in ({"seed": -1}, {"images_seen": 1}, {"encoder_images_seen": 0}, {"samples_each": 100}):
        with pytest.raises(InvalidConfig, match=next(iter(wrong))):
            TrainDemoConfig(**wrong)
