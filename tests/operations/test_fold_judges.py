"""Who judges a sample, and how much a rare label counts."""

import numpy as np
import pytest

from augment.operations.fold_judges import FoldJudges, own_share
from augment.store import ImageRecord


def image(group: str) -> ImageRecord:
    return ImageRecord(
        sha256=group * 64,
        name=f"{group}.png",
        label="good",
        group=group,
        split="train",
        width_px=8,
        height_px=8,
        size_bytes=1,
        source="here",
    )


@pytest.fixture
def folds() -> FoldJudges:
    """Three classifiers; those of parts a, b and c have not seen them. Good parts are four times as frequent."""
    return FoldJudges(
        labels=("good", "crack"),
        images=(image("a"), image("b"), image("c")),
        fold=np.arange(3),
        classifiers=(),
        probability=np.full((3, 2), np.nan, dtype=np.float32),
        prior=np.array([2.0, 1.0], dtype=np.float32),
    )


def layers(*good: float):
    """What three classifiers say of one sample: how probably it is good."""
    return [(np.zeros((1, 4), np.float32), np.array([[one, 1 - one]], np.float32)) for one in good]


def test_the_classifier_that_has_not_seen_its_part_judges_alone(folds):
    judged = folds.judge(layers(0.2, 0.9, 0.9), [{"a"}])
    # The odds of 0.2 to 0.8, twice for good parts.
    assert judged[0] == pytest.approx([0.4 / 1.2, 0.8 / 1.2])


@pytest.mark.parametrize("groups", [set(), {"a", "b"}, {"another"}])
def test_of_no_part_or_of_several_all_judge(folds, groups):
    judged = folds.judge(layers(0.2, 0.5, 0.8), [groups])
    assert judged[0] == pytest.approx([2 / 3, 1 / 3])


def test_a_doubtful_sample_of_a_rare_label_is_refused_first(folds):
    judged = folds.judge(layers(0.5, 0.5, 0.5), [set()])
    good, crack = own_share(judged, np.array([0])), own_share(judged, np.array([1]))
    assert crack[0] < 0.5 < good[0]
