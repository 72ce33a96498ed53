"""The published figures of variations as a command: numbers that follow from what was drawn, and sheets of it."""

import json
from pathlib import Path

import pytest

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotReady
from augment.images import decode
from augment.judge.metrics import FEWEST
from augment.operations.context import Context, Progress
from augment.operations.evaluate_variations import EvaluateVariationsConfig, evaluate_variations
from augment.operations.train_dcgan import TrainDcganConfig, train_dcgan
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.store import Store, Workspace
from tests.operations.mapped import VIEW, add_images, context_of

FIGURES = ("noised.png", "several.png", "cutmix.png", "sets.png")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("variations")
    with Store(Workspace(root / "workspace").create()) as store:
        # Two thirds of them are training images: as many as a distance between sets needs.
        add_images(store, 3 * FEWEST // 2 + 9)
        context = context_of(store, root / "job")
        train_ddpm(TrainDdpmConfig(images_seen=2000, width=8, warmup_steps=2, condition="label"), context)
        yield context


def test_little_noise_keeps_a_photograph_and_a_dcgan_stands_beside(context: Context, tmp_path):
    asked = EvaluateVariationsConfig(images=3, results=2, table_samples=FEWEST, judge_images=64)
    alone = evaluate_variations(asked, context)
    assert "No DCGAN" in alone.markdown and "| DCGAN |" not in alone.markdown
    train_dcgan(TrainDcganConfig(images_seen=64, width=8), context_of(context.store, tmp_path / "dcgan"))
    found = evaluate_variations(asked, context)
    folder = Path(found.folder)
    assert folder.name == "evaluate-variations-2" and (folder / "variations.md").read_text() == found.markdown
    near, far, other = found.report.likeness
    assert near.to_source > far.to_source and near.to_source > other.to_source
    assert near.among is not None and far.among is not None and near.among > far.among
    assert found.report.photographs == 3 and found.report.cutmix.pairs == 3
    assert {one.name for one in found.report.sets} == {"real, held out", "generator", "DCGAN"}
    for one in found.report.sets:
        # Held out are a third of all, too few for a distance between sets; samples are as many as asked for.
        assert (one.kernel is None) == (one.manifold is None) == (one.images < FEWEST)
    assert "too few" in found.markdown
    for name in FIGURES:
        assert decode((folder / name).read_bytes()).pixels.shape[1] >= 2 * 56
    assert json.loads((folder / "variations.json").read_text())["cutmix"]["pairs"] == 3


def test_the_published_sampler_and_no_sets(context: Context):
    asked = EvaluateVariationsConfig(images=2, results=2, table_samples=0, sampler="ddpm", steps=50, folder="told")
    found = evaluate_variations(asked, context)
    assert found.report.sets == [] and not (Path(found.folder) / "sets.png").exists()
    assert "ddpm, 50 steps" in found.markdown
    assert "KID" not in found.markdown and "too few" not in found.markdown
    with pytest.raises(InvalidInput, match="in use"):
        evaluate_variations(asked, context)


class Stop(Progress):
    def __call__(self, step, total, metrics=None, previews=None):
        if step:
            raise Cancelled("stopped")


def test_stopped_it_leaves_no_report(context: Context, tmp_path):
    stopped = context_of(context.store, tmp_path / "job")
    stopped.progress = Stop()
    with pytest.raises(Cancelled):
        evaluate_variations(EvaluateVariationsConfig(folder="stopped", table_samples=0), stopped)
    assert not (context.store.workspace.exports_dir / "stopped").exists()


def test_what_it_cannot_do_without(store: Store, tmp_path, context: Context):
    add_images(store, 2)
    with pytest.raises(NotReady, match="no generator"):
        evaluate_variations(EvaluateVariationsConfig(), context_of(store, tmp_path / "job"))
    context.store.settings.set("view", {**VIEW.to_json(), "side_px": 64})
    try:
        with pytest.raises(InvalidInput, match="another view"):
            evaluate_variations(EvaluateVariationsConfig(), context)
    finally:
        context.store.settings.set("view", VIEW.to_json())
    for wrong in ({"images": 1}, {"results": 1}, {"table_samples": -1}, {"encoder": "timm:"}, {"steps": 0}):
        with pytest.raises(InvalidConfig):
            EvaluateVariationsConfig(**wrong)
