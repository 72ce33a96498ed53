"""Evaluations of classifiers: what helps is told, what repeats is not, leaks are refused, a stop costs nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.cli import main
from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotReady
from augment.images import encode_png
from augment.judge.contest import Point, TrainedOn
from augment.operations.arms import Arms
from augment.operations.context import Context, Progress
from augment.operations.evaluate_classifier import EvaluateClassifierConfig, evaluate_classifier
from augment.operations.members import ARMS
from augment.store import GateRecord, ImageRecord, Store, Workspace
from tests.features.conftest import one_thread
from tests.operations.contested import contested, pixels_of, sample
from tests.operations.mapped import VIEW, context_of

__all__ = ["one_thread"]

SHORT = {"images_seen": 32, "seeds": 3, "apart": False}


@pytest.fixture
def context(tmp_path: Path):
    """72 images with masks of spots, and four samples of each label, mirrored training images."""
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        yield contested(store, tmp_path / "job", 72, 8)


def test_every_arm_is_trained_and_the_report_is_written(context: Context):
    store = context.store
    store.apply([GateRecord(sample_id=one.id or 0, numbers={}, basis="b") for one in store.samples.list()])
    folder = store.workspace.cache_dir / "gates"
    folder.mkdir(parents=True)
    (folder / "b.json").write_text("{}")
    result = evaluate_classifier(EvaluateClassifierConfig(**SHORT, pasted=6), context)
    arms = {arm.point.arm: arm for arm in result.report.arms}
    assert set(arms) == set(ARMS) - {"accepted"}
    assert any("Arm accepted is empty" in note.text for note in result.report.notes)
    assert arms["classical"].comparison is None and arms["gated"].comparison is not None
    for arm in arms.values():
        tested = np.sum(arm.confusion)
        assert tested == 3 * len(result.report.test_ids)
        right = np.trace(np.array(arm.confusion)) / tested
        assert arm.accuracy == pytest.approx(right) and set(arm.recall) == {"free", "spot"}
    told = json.loads((Path(result.folder) / "classifier.json").read_text())
    assert told["base"] == "classical" and len(told["arms"]) == len(arms)
    assert (Path(result.folder) / "classifier.md").read_text() == result.markdown
    assert "gated: cannot tell" in result.markdown or "gated: h" in result.markdown
    assert (Path(result.folder) / "classifier.png").read_bytes().startswith(b"\x89PNG")
    assert "plotly" in (Path(result.folder) / "classifier.html").read_text()
    # 6 test images have a spot, and a curve needs 20.
    why = arms["classical"].detected["size"].why
    assert why is not None and why.text == "6 test defects have a mask, and 20 are needed."
    assert arms["gated"].trained_on["spot"] == TrainedOn(real=24, beside=4, looks=pytest.approx(4 * 4 / (4 * 4 + 24)))


def test_stopped_and_resumed_it_trains_what_is_missing(context: Context):
    config = EvaluateClassifierConfig(**SHORT, arms=("real", "classical"))
    whole = evaluate_classifier(config, replace(context, job_folder=context.job_folder.with_name("whole")))

    class Stopped(Progress):
        def __call__(self, step: int, *_: object) -> None:
            if step >= 500:
                raise Cancelled

    with pytest.raises(Cancelled):
        evaluate_classifier(config, replace(context, progress=Stopped()))
    kept = {path: path.stat().st_mtime_ns for path in (context.job_folder / "answers").glob("*.npy")}
    assert len(kept) == 3
    again = evaluate_classifier(config, context)
    assert again.report == whole.report
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())


def test_arms_are_held_against_the_one_that_is_named(context: Context):
    config = EvaluateClassifierConfig(**SHORT, arms=("real", "classical"), against="real")
    real, classical = evaluate_classifier(config, context).report.arms
    assert real.comparison is None
    assert classical.comparison is not None and classical.base == "real"


def test_curves_over_the_number_of_images(context: Context):
    config = EvaluateClassifierConfig(**SHORT, arms=("classical", "generated"), real=(4, 0), beside=(2, 0))
    points = [arm.point for arm in evaluate_classifier(config, context).report.arms]
    assert points == [
        Point(arm=arm, real=real, beside=beside)
        for real in (4, 0)
        for arm, beside in (("classical", 0), ("generated", 2), ("generated", 0))
    ]
    arms = Arms.read(0, 0, VIEW, context)
    few = arms.training("generated", real_each=4, beside_each=2, real_share=0.5, seed=0)
    # Good parts are never few.
    free = len(context.store.images.list(label="free", split="train"))
    assert np.bincount(few.label_index).tolist() == [free + 2, 4 + 2] and free > 4
    # Both labels are looked at as often, and generated images for the same share of them.
    made = np.arange(len(few.odds)) >= free + 4
    assert [few.odds[few.label_index == one].sum() for one in (0, 1)] == pytest.approx([1, 1])
    shares = [few.odds[made & (few.label_index == one)].sum() for one in (0, 1)]
    assert shares[0] == pytest.approx(shares[1]) and 0 < shares[0] <= 0.5


def test_an_evaluation_of_the_same_images_again_says_that_nothing_can_be_told(context: Context):
    """Generated = real images again: what `helps` would be chance."""
    report = evaluate_classifier(EvaluateClassifierConfig(**SHORT, arms=("classical", "generated")), context).report
    assert report.arms[1].verdict == "cannot tell"


def leak_copy(store: Store, test: ImageRecord) -> None:
    turned = np.rot90(pixels_of(store, test)).copy()
    store.apply(
        [
            replace(
                test,
                id=None,
                sha256=store.files.put(encode_png(turned)),
                split="train",
                group="elsewhere",
                name="again.png",
                mask_sha256=None,
            )
        ]
    )


def leak_descendant(store: Store, test: ImageRecord) -> None:
    store.apply([sample(store, pixels_of(store, test), 900, label=test.label, parents=(test.sha256,))])


def leak_sample_of_part(store: Store, test: ImageRecord) -> None:
    store.apply([sample(store, pixels_of(store, test), 901, label=test.label, group=test.group)])


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (leak_copy, "again.png is the same photograph as the test image"),
        (leak_descendant, "descends from the test photograph"),
        (leak_sample_of_part, "descends from the test part"),
    ],
)
def test_planted_leaks_are_refused_by_name(context: Context, plant, told: str):
    plant(context.store, context.store.images.list(split="test")[0])
    with pytest.raises(InvalidInput, match=told):
        evaluate_classifier(EvaluateClassifierConfig(**SHORT, arms=("real",)), context)


def test_an_image_of_a_test_part_is_tested_as_well(context: Context):
    test = context.store.images.list(split="test")[0]
    other = context.store.files.put(encode_png(np.zeros((32, 32, 1), np.uint8)))
    context.store.apply([replace(test, id=None, sha256=other, split="train", name="side.png", mask_sha256=None)])
    assert [one.split for one in context.store.images.list() if one.name == "side.png"] == ["test"]


def test_what_is_missing_is_told(context: Context, tmp_path: Path):
    for arm, told in (("accepted", "accept some samples"), ("gated", "Run them first")):
        with pytest.raises(InvalidInput, match=told):
            evaluate_classifier(EvaluateClassifierConfig(**SHORT, arms=("classical", arm)), context)
    with Store(Workspace(tmp_path / "empty").create()) as store, pytest.raises(NotReady, match="import some first"):
        evaluate_classifier(EvaluateClassifierConfig(**SHORT), context_of(store, tmp_path / "other"))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"arms": ("best",)}, "arms 'best': choose of real, oversampled"),
        ({"arms": ("real", "real")}, "each once"),
        ({"against": "recipe 1"}, "against 'recipe 1'"),
        ({"arms": ("real", "classical"), "against": "copy-paste"}, "against 'copy-paste'"),
        ({"split": "train"}, "split 'train'"),
        ({"seeds": 0}, "seeds 0"),
        ({"real": ()}, r"real \(\)"),
        ({"real_share": 1.0}, "real_share 1.0"),
        ({"images_seen": 0}, "images_seen 0"),
    ],
)
def test_bad_config(fields: dict[str, object], told: str):
    with pytest.raises(InvalidConfig, match=told):
        EvaluateClassifierConfig(**fields)  # type: ignore[arg-type]


def test_the_command_prints_the_table(context: Context, capsys: pytest.CaptureFixture[str]):
    root = str(context.store.workspace.root)
    context.store.close()
    given = ["evaluate", "classifier", "--arms", "real", "classical", "--seeds", "1", "--images-seen", "32"]
    assert main([*given, "--workspace", root]) == 0
    assert "| real |" in capsys.readouterr().out
