from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound
from augment.features.encoder_training import LabelledImages
from augment.judge.classifier import Classifier, JudgeConfig, train_classifier, train_judge_encoder
from augment.judge.control import nearer_to_own

SHORT = JudgeConfig(images_seen=4800, width=8).classifier()


def nothing(step, total, metrics):
    """Listens to no progress."""


@pytest.fixture(scope="module")
def classifier(digits, tmp_path_factory):
    training = LabelledImages(digits.images[:250], digits.index[:250])
    return train_classifier(training, 11, SHORT, nothing, tmp_path_factory.mktemp("classifier") / "checkpoint")


def test_it_names_labels_of_images_it_has_not_seen(digits, classifier):
    probability = classifier.probability(digits.images[250:])
    assert probability.shape == (150, 11)
    assert probability.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    # A network of 8 channels that looks 4,800 times at 250 digits; chance is 0.1.
    assert (probability.argmax(axis=1) == digits.index[250:]).mean() > 0.75
    # The eleventh label has no training image, and is never named.
    assert not (probability.argmax(axis=1) == 10).any()
    assert classifier.probability(digits.images[:0]).shape == (0, 11)


def test_it_is_the_same_when_it_is_loaded(digits, classifier, tmp_path):
    path = tmp_path / "classifier.safetensors"
    assert classifier.save(path) == classifier.save(path)
    again = Classifier.load(classifier.config, path)
    assert (again.probability(digits.images[:9]) == classifier.probability(digits.images[:9])).all()
    with pytest.raises(NotFound, match="missing"):
        Classifier.load(classifier.config, Path("nowhere.safetensors"))


def test_stopped_and_resumed_it_is_the_same(digits, tmp_path):
    training = LabelledImages(digits.images[:60], digits.index[:60])
    config = JudgeConfig(images_seen=160, width=8).classifier()

    def stop(step, total, metrics):
        if step == 96:
            raise Cancelled

    whole = train_classifier(training, 10, config, nothing, tmp_path / "a")
    with pytest.raises(Cancelled):
        train_classifier(training, 10, config, stop, tmp_path / "b")
    resumed = train_classifier(training, 10, config, nothing, tmp_path / "b")
    assert resumed.save(tmp_path / "b.safetensors") == whole.save(tmp_path / "a.safetensors")


def test_the_encoder_uses_no_labels_and_knows_an_image_again(digits, tmp_path):
    images = digits.images[:120]
    config = JudgeConfig(images_seen=1600, width=8)
    first = train_judge_encoder(LabelledImages(images, digits.index[:120]), config, nothing, tmp_path / "a")
    shuffled = digits.index[:120][::-1].copy()
    second = train_judge_encoder(LabelledImages(images, shuffled), config, nothing, tmp_path / "b")
    assert (first.encode(list(images)) == second.encode(list(images))).all()
    # Each image a little darker, among the others of its digit: a camera's change must not hide which one it is.
    darker = (images * 0.85).astype(np.uint8)
    sample_of = np.arange(120)
    found = nearer_to_own(first.encode(list(darker)), sample_of, first.encode(list(images)), digits.index[:120])
    # Among about twelve of a digit chance is 0.08.
    assert found.mean() > 0.9


def test_bad_input_is_told(digits, classifier, tmp_path):
    with pytest.raises(InvalidInput, match="train it again for this view"):
        classifier.probability(np.zeros((1, 32, 32, 1), np.uint8))
    with pytest.raises(InvalidInput, match="two or more"):
        train_classifier(LabelledImages(digits.images[:9], np.zeros(9, np.int64)), 3, SHORT, nothing, tmp_path / "c")
    with pytest.raises(InvalidConfig, match="multiple of 8"):
        JudgeConfig(width=9)
