"""Evaluations in folds: each image is judged by classifiers that saw neither its part nor what descends from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import InvalidConfig, InvalidInput
from augment.images import encode_png
from augment.operations.arms import Arms
from augment.operations.evaluate_classifier import EvaluateClassifierConfig, evaluate_classifier
from augment.operations.test_set import FOLDED, folded_set
from augment.store import Store, Workspace
from tests.features.conftest import one_thread
from tests.operations.contested import contested, copied, decided, pixels_of
from tests.operations.mapped import VIEW, context_of

__all__ = ["one_thread"]
SHORT = {"images_seen": 32, "apart": False}


@pytest.fixture
def context(tmp_path: Path):
    """40 of 48 images are in training and validation; each of 8 samples descends from one of them."""
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        yield contested(store, tmp_path / "job", 48, 8, parents=True)


def test_every_image_is_judged_once_with_each_seed(context):
    config = EvaluateClassifierConfig(**SHORT, arms=("classical", "generated"), seeds=2, folds=2)
    report = evaluate_classifier(config, context).report
    images = context.store.images
    assert set(report.test_ids) == {one.id for split in FOLDED for one in images.list(split=split)}
    assert report.folds == 2 and report.test_parts == 40
    assert all(np.sum(arm.confusion) == 2 * 40 for arm in report.arms)
    assert any("flatters arms with generated images" in note.text for note in report.notes)
    assert any(
        "Of 8 samples, " in note.text and "are left out of a fold's training" in note.text for note in report.notes
    )
    assert len(list((context.job_folder / "answers").glob("*.npy"))) == 2 * 2 * 2


def test_no_training_set_holds_a_part_that_it_is_judged_on(context):
    arms = Arms.read(3, 0, VIEW, context, splits=FOLDED)
    test = folded_set(arms)
    for fold in test.folds(3, seed=1):
        judged = {test.images[row].sha256 for row in fold.rows}
        own = {row for row, image in enumerate(arms.members.images) if image.sha256 in judged}
        for arm in ("classical", "generated", "copy-paste"):
            training = arms.training(
                arm, real_each=0, beside_each=0, real_share=0.5, seed=0, left_out=fold.left_out
            ).images
            # Pictures are their own: none of those that are judged is among those that are trained on, nor mirrored.
            seen = {image.tobytes() for image in training}
            assert seen.isdisjoint(arms.real[row].tobytes() for row in own)
            assert seen.isdisjoint(arms.real[row][:, ::-1].tobytes() for row in own)
        assert fold.left_out.isdisjoint(
            part for parts, kept in zip(arms.pasted.parts, arms.pasted.without(fold.left_out), strict=True) if kept
            for part in parts
        )  # fmt: skip


def test_seeds_have_other_partitions(context):
    test = folded_set(Arms.read(0, 0, VIEW, context, splits=FOLDED))
    first, again, other = (test.folds(2, seed)[0].left_out for seed in (0, 0, 1))
    assert first == again and first != other


def judged_elsewhere(context, tmp_path: Path, change, **fields: object) -> None:
    """An evaluation of the same images as `change` has them, in a workspace of their own."""
    with Store(Workspace(tmp_path / "elsewhere").create()) as store:
        copied(context.store, store, change)
        config = EvaluateClassifierConfig(**SHORT, arms=("real",), **fields)
        evaluate_classifier(config, context_of(store, tmp_path / "elsewhere-job"))


@pytest.mark.parametrize(
    ("change", "folds", "told"),
    [
        (
            lambda one: replace(one, group=f"part {one.label}{one.id % 3}", split="train"),
            9,
            "folds 9: there are images of 6 parts",
        ),
        (
            lambda one: replace(one, group="the only part" if one.label == "spot" else one.group, split="train"),
            2,
            "label 'spot' has one part: no fold can test it and train on it",
        ),
        (lambda one: one if one.label == "free" else None, 2, "are of one label: a classifier needs two"),
        (lambda one: one if one.label == "free" else None, 0, "are of one label: a classifier needs two"),
    ],
)
def test_images_that_do_not_suffice_are_told(context, tmp_path: Path, change, folds: int, told: str):
    with pytest.raises(InvalidInput, match=told):
        judged_elsewhere(context, tmp_path, change, folds=folds)


def test_a_label_that_lies_in_one_fold_is_told(context):
    """Two parts hold all spots; the partition that puts both into one fold is refused, not trained on."""
    test = folded_set(Arms.read(0, 0, VIEW, context, splits=FOLDED))
    part = np.where(test.label_index == 1, test.part % 2, test.part)
    images = tuple(replace(one, group=f"part {own}") for one, own in zip(test.images, part, strict=True))
    with pytest.raises(InvalidInput, match=r"all parts of label 'spot' fall into one of 2 folds"):
        for seed in range(200):
            replace(test, images=images, part=part).folds(2, seed)


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"folds": 1}, "folds 1: 0 for the split, or 2 to 20"), ({"folds": 2, "mirrored": True}, "mirrored with folds")],
)
def test_bad_config(fields: dict[str, object], told: str):
    with pytest.raises(InvalidConfig, match=told):
        EvaluateClassifierConfig(**fields)  # type: ignore[arg-type]


def test_an_arm_that_a_fold_leaves_nothing_is_refused(context):
    store = context.store
    # What is accepted stems from one part, so that the fold that judges it has none to train on.
    decided(store, [store.samples.list()[0].id or 0], "accepted")
    config = EvaluateClassifierConfig(**SHORT, arms=("classical", "accepted"), seeds=1, folds=2)
    with pytest.raises(InvalidInput, match=r"accepted: without what descends from the parts of fold [12] too little"):
        evaluate_classifier(config, context)


def test_a_photograph_that_is_there_as_two_parts_is_refused(context):
    store = context.store
    first = store.images.list(split="train")[0]
    turned = store.files.put(encode_png(np.rot90(pixels_of(store, first)).copy()))
    again = replace(first, id=None, sha256=turned, group="another", name="again.png", mask_sha256=None)
    store.apply([again])
    with pytest.raises(InvalidInput, match=r"the same photograph as of two parts.*again\.png"):
        evaluate_classifier(EvaluateClassifierConfig(**SHORT, arms=("real",), folds=2), context)
