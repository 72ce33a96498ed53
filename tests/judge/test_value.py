"""Values: what unseen images need scores high, what is learned already scores nothing, what misleads scores below."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from augment.errors import InvalidInput
from augment.judge.value import LastLayer, alignment, weighed

CLASSES, WIDTH = 3, 8


def layer(count: int, seed: int) -> tuple[LastLayer, torch.Tensor]:
    """Images at a last layer, and its output."""
    rng = np.random.default_rng(seed)
    hidden = rng.random((count, WIDTH), dtype=np.float32)
    logits = torch.from_numpy(hidden @ np.random.default_rng(0).normal(size=(WIDTH, CLASSES)).astype(np.float32))
    probability = torch.softmax(logits, dim=1).numpy()
    return LastLayer(hidden=hidden, probability=probability, label_index=rng.integers(0, CLASSES, count)), logits


def loss(
    one: LastLayer, logits: torch.Tensor, weight: np.ndarray, step: torch.Tensor, middle: np.ndarray
) -> torch.Tensor:
    """Cross entropy after a step of the weights that take centred inputs."""
    moved = logits + torch.from_numpy(one.hidden - middle) @ step.T
    each = functional.cross_entropy(moved, torch.from_numpy(one.label_index), reduction="none")
    return (each * torch.from_numpy(weight).float()).sum()


def gradient(one: LastLayer, logits: torch.Tensor, weight: np.ndarray, middle: np.ndarray) -> torch.Tensor:
    step = torch.zeros(CLASSES, WIDTH, requires_grad=True)
    loss(one, logits, weight, step, middle).backward()
    assert step.grad is not None
    return step.grad


def test_it_is_the_product_of_the_gradients_that_backward_passes_give():
    (samples, logits), (unseen, seen_logits) = layer(5, 1), layer(30, 2)
    middle = (unseen.share @ unseen.hidden).astype(np.float32)
    needed = gradient(unseen, seen_logits, unseen.share, middle)
    usual = sum(
        share * gradient(unseen, seen_logits, np.arange(30) == row, middle).norm()
        for row, share in enumerate(unseen.share)
    )
    told = alignment(samples, unseen)
    for row in range(5):
        own = gradient(samples, logits, np.arange(5) == row, middle)
        assert told[row] == pytest.approx(float((own * needed).sum() / (needed.norm() * usual)), rel=1e-3)


def test_a_step_on_what_is_worth_more_takes_more_off_the_loss_of_unseen_images():
    (samples, logits), (unseen, seen_logits) = layer(40, 3), layer(60, 4)
    middle = (unseen.share @ unseen.hidden).astype(np.float32)
    nothing = torch.zeros(CLASSES, WIDTH)
    before = loss(unseen, seen_logits, unseen.share, nothing, middle)
    gains = []
    for row in range(40):
        step = -1e-2 * gradient(samples, logits, np.arange(40) == row, middle)
        gains.append(float(before - loss(unseen, seen_logits, unseen.share, step, middle)))
    # A first-order estimate of a small step: all but the same order.
    assert np.corrcoef(alignment(samples, unseen), gains)[0, 1] > 0.99


def two_labels(rare: int) -> LastLayer:
    """300 images of a label that is named rightly, and some of another one at another place that is not."""
    is_rare = np.arange(300 + rare) >= 300
    return LastLayer(
        hidden=np.where(is_rare[:, None], [[1, 1]], [[1, 0]]).astype(np.float32),
        probability=np.where(is_rare[:, None], [[0.9, 0.1]], [[0.99, 0.01]]).astype(np.float32),
        label_index=is_rare.astype(np.int64),
    )


def test_a_large_label_does_not_drown_a_rare_one():
    samples = LastLayer(
        hidden=np.float32([[1, 1], [1, 0], [1, 1]]),
        probability=np.float32([[0.9, 0.1], [0.99, 0.01], [0.9, 0.1]]),
        label_index=np.array([1, 0, 0]),
    )
    useful, learned, misleading = alignment(samples, two_labels(3))
    assert useful > 0.5 and abs(learned) < 0.05 and misleading < 0
    assert alignment(samples, two_labels(300)) == pytest.approx([useful, learned, misleading], rel=1e-6)


def test_a_label_that_nobody_would_give_is_worth_nothing():
    assert weighed(np.array([0.8, 0.8, -0.5]), np.float32([0.5, 0.0, 0.0])) == pytest.approx([0.4, 0.0, -0.5])


def test_nothing_unseen_gives_no_number():
    samples, _ = layer(3, 1)
    assert np.isnan(alignment(samples, layer(0, 1)[0])).all()
    with pytest.raises(InvalidInput, match="one row of each"):
        LastLayer(hidden=samples.hidden, probability=samples.probability, label_index=np.zeros(2, np.int64))
