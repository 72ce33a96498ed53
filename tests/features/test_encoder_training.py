import dataclasses

import numpy as np
import pytest
import torch

from augment.errors import Cancelled, InvalidConfig, InvalidInput, JobFailed
from augment.features.augmentation import mirrors_that_look_real, vary
from augment.features.encoder_config import TrainEncoderConfig
from augment.features.encoder_training import LabelledImages, label_share, likeness_loss, train_builtin

TINY = TrainEncoderConfig(images_seen=320, batch_size=32, width=8, learning_rate=4e-3, flips="none")


def nothing(step, total, metrics):
    """Listens to no progress."""


def train(digits, config, tmp_path, rows=slice(0, 200), report=nothing, index=None, classes=10, validation=None):
    index = digits.index if index is None else index
    return train_builtin(
        LabelledImages(digits.images[rows], index[rows]),
        classes,
        config,
        checkpoint=tmp_path / "encoder.pt",
        report=report,
        validation=validation,
    )


def bits(trained):
    return [value.numpy().tobytes() for value in trained.encoder.net.state_dict().values()]


def test_it_learns_labels_and_keeps_what_differs_within_them(digits, tmp_path):
    held = LabelledImages(digits.images[200:], digits.index[200:])
    config = dataclasses.replace(TINY, images_seen=4800, label_weight=1 / 0.3, likeness_weight=0.2, precision="fp32")
    trained = train(digits, config, tmp_path, validation=held)
    # 4,800 looks of a tiny network at 200 digits; chance is 0.1, and untrained features reach about 0.6.
    assert trained.metrics["validation_accuracy"] > 0.75
    features = trained.encoder.encode(list(digits.images[200:]))
    zeros = features[digits.index[200:] == 0]
    spread = np.linalg.svd(zeros - zeros.mean(axis=0), compute_uv=False) ** 2
    # Labels alone would leave one direction or none within a label.
    assert spread[0] / spread.sum() < 0.8


def test_stopped_and_resumed_ends_in_the_same_bytes(digits, tmp_path):
    whole = train(digits, TINY, tmp_path / "a")

    def stop(step, total, metrics):
        if step == 128:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(digits, TINY, tmp_path / "b", report=stop)
    steps = []
    resumed = train(digits, TINY, tmp_path / "b", report=lambda step, total, metrics: steps.append(step))
    assert steps[0] == 128
    assert steps[-1] == 320
    assert bits(resumed) == bits(whole)


def test_one_label_is_learned_from_the_images_alone(digits, tmp_path):
    trained = train(digits, TINY, tmp_path, index=np.zeros(400, np.int64), classes=1)
    assert any("one label" in note for note in trained.notes)
    assert "label_loss" not in trained.metrics
    assert np.isfinite(trained.encoder.encode(list(digits.images[:5]))).all()


def test_three_images_in_a_label_are_enough_and_are_said(digits, tmp_path):
    rows = np.concatenate([np.flatnonzero(digits.index == 0)[:30], np.flatnonzero(digits.index == 1)[:3]])
    trained = train(digits, TINY, tmp_path, rows=rows, classes=2)
    assert any("only 3 training images" in note for note in trained.notes)
    assert np.isfinite(trained.encoder.encode(list(digits.images[:5]))).all()


def test_images_of_one_grey_train_without_numbers_breaking(tmp_path):
    grey = LabelledImages(np.full((6, 16, 16, 1), 90, np.uint8), np.array([0, 1] * 3))
    trained = train_builtin(grey, 2, TINY, checkpoint=tmp_path / "encoder.pt", report=nothing)
    features = trained.encoder.encode(list(grey.images))
    assert np.isfinite(features).all()
    assert (features == features[0]).all()


def test_one_image_cannot_be_told_apart(digits, tmp_path):
    with pytest.raises(InvalidInput, match=r"1 training images.*2 or more"):
        train(digits, TINY, tmp_path, rows=slice(0, 1))


def test_a_loss_that_is_no_number_ends_the_training(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "augment.features.encoder_training.likeness_loss", lambda first, second, who: first.sum() * torch.nan
    )
    with pytest.raises(JobFailed, match="the loss became nan at step 0"):
        train(digits, TINY, tmp_path)


def test_a_checkpoint_of_another_training_is_refused(digits, tmp_path):
    train(digits, dataclasses.replace(TINY, images_seen=32), tmp_path)
    with pytest.raises(InvalidInput, match="start a new training"):
        train(digits, TINY, tmp_path)


def test_likeness_passes_over_other_variants_of_the_same_image():
    points = torch.nn.functional.one_hot(torch.tensor([0, 1, 2])).float()
    apart = likeness_loss(points, points, torch.tensor([0, 1, 2]))
    assert apart < 0.1
    # The third image is the first one again: without passing over it, it would count as confusion.
    again = points[[0, 1, 0]]
    assert likeness_loss(again, again, torch.tensor([0, 1, 0])) <= apart
    assert likeness_loss(again, again, torch.tensor([0, 1, 2])) > 0.4
    assert likeness_loss(again[:1], again[:1], torch.tensor([0])) == 0


def test_digits_are_not_mirrored_and_noise_may_be(digits):
    assert mirrors_that_look_real(digits.images)[0] is False
    noise = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 1), dtype=np.uint8)
    assert mirrors_that_look_real(noise) == (True, True)


def test_variants_are_decided_by_the_generator_and_stay_near():
    x = torch.randn(6, 1, 32, 32, generator=torch.Generator().manual_seed(3)).cumsum(2).cumsum(3) / 30
    first = vary(x, (False, False), torch.Generator().manual_seed(5))
    assert torch.equal(first, vary(x, (False, False), torch.Generator().manual_seed(5)))
    assert first.shape == x.shape
    likeness = [float(np.corrcoef(a.flatten(), b.flatten())[0, 1]) for a, b in zip(first, x, strict=True)]
    assert min(likeness) > 0.3
    flipped = vary(x, (True, True), torch.Generator().manual_seed(5))
    assert not torch.equal(first, flipped)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("images_seen", -1),
        ("batch_size", 1),
        ("learning_rate", -1.0),
        ("width", 12),
        ("flips", "up"),
        ("precision", "x"),
    ],
)
def test_config_names_the_field(field, value):
    with pytest.raises(InvalidConfig, match=field):
        TrainEncoderConfig(**{field: value})
    with pytest.raises(InvalidConfig, match="nothing to learn"):
        TrainEncoderConfig(label_weight=0.0, likeness_weight=0.0)


def test_looks_grow_with_the_images_unless_they_are_named():
    assert TrainEncoderConfig().looks(500) == 16_000
    assert TrainEncoderConfig().looks(5_000) == 60_000
    assert TrainEncoderConfig(images_seen=320).looks(5_000) == 320


def test_labels_weigh_less_where_classes_are_small():
    assert label_share(np.array([2000, 500, 300])) == 1.0
    assert label_share(np.array([359, 44, 35, 24, 12, 37])) == 0.3
    # Labels without training images do not count, and no class is too small for a share.
    assert label_share(np.array([0, 100, 100])) == 0.5 and label_share(np.array([1])) == 0.3
