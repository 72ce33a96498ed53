"""Batches of photographs: shares, kinds, mirrors, and light that tells nothing of the kind."""

import numpy as np
import torch

from augment.vaegan.photographs import Photographs


def pool(grey: int, count: int = 20) -> np.ndarray:
    """Flat images (count, 8, 8, 1), each with one dark corner on the left."""
    images = np.full((count, 8, 8, 1), grey, np.uint8)
    images[:, :3, :3] = grey // 2
    return images


def batch(source: Photographs, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return source(64, torch.Generator().manual_seed(seed))


def test_shares_and_kinds_are_as_asked():
    x, y = batch(Photographs(pool(200), pool(50), 0.25, mirror=False, relight=False))
    assert x.shape == (64, 1, 8, 8) and y.tolist() == [0] * 16 + [1] * 48
    assert torch.allclose(x[y == 0, 0, 7, 7], torch.tensor(50 / 255)) and (x[y == 1, 0, 7, 7] == 200 / 255).all()
    x, y = batch(Photographs(pool(200), pool(50)[:0], 0.5, mirror=False, relight=False))
    assert y.all() and (x[:, 0, 7, 7] == 200 / 255).all()


def test_light_is_dealt_out_among_kinds_and_what_is_drawn_stays():
    x, y = batch(Photographs(pool(160), pool(80), 0.5, mirror=False, relight=True))
    ground, corner = x[:, 0, 7, 7], x[:, 0, 0, 0]
    for kind in (0, 1):
        # 32 of two lights, each as likely: fewer than 6 of one has a chance of 1 in 10,000.
        assert 6 <= int((ground[y == kind] > 120 / 255).sum()) <= 26
    assert torch.allclose(corner, ground / 2, atol=0.01)


def test_black_ground_keeps_its_light():
    strokes = np.zeros((20, 8, 8, 1), np.uint8)
    strokes[:, 2:4] = 250
    x, y = batch(Photographs(strokes, pool(80), 0.5, mirror=False, relight=True))
    assert (x[y == 1, 0, 2, 2] == 250 / 255).all() and torch.allclose(x[y == 0, 0, 7, 7], torch.tensor(80 / 255))


def test_images_are_mirrored_one_by_one():
    x, _ = batch(Photographs(pool(200), pool(50)[:0], 0.5, mirror=True, relight=False))
    left, right = x[:, 0, 0, 0], x[:, 0, 0, 7]
    # As above.
    assert 12 <= int((left < right).sum()) <= 52 and (left != right).all()
