"""Repeats: planted copies are found however they were disguised, and pictures of other parts are left alone."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from augment.judge.control import TURNS, turned
from augment.judge.repeats import Pictures
from augment.surfaces.draw import draw

SIDE, REAL, UNSEEN = 64, 60, 60


def surface(number: int) -> NDArray[np.uint8]:
    """(80, 80, 1): every third has a scratch, a hole or a stain, so that likeness is more than grain."""
    kind = ("scratch", "hole", "stain")[number % 3]
    return draw("cast_metal", kind, number, 80).pixels.mean(axis=2).astype(np.uint8)[..., None]


def middle(image: NDArray[np.uint8], down: int = 0, across: int = 0) -> NDArray[np.uint8]:
    return image[8 + down : 72 + down, 8 + across : 72 + across]


def packed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(image[..., 0]).save(stream, "JPEG", quality=75)
    return np.asarray(Image.open(stream))[..., None]


@pytest.fixture(scope="module")
def real() -> NDArray[np.uint8]:
    return np.stack([surface(number) for number in range(REAL)])


@pytest.fixture(scope="module")
def pictures(real) -> Pictures:
    return Pictures(np.stack([middle(one) for one in real]), np.arange(REAL))


def test_planted_copies_are_found_and_others_are_not(real, pictures):
    cuts = np.stack([middle(one) for one in real])
    own = np.eye(REAL, dtype=bool)
    # As the gate has it: three times nearer to one photograph than to those of all other parts.
    limit = 1 / 3
    assert (pictures.nearest(cuts, own).ratio > limit).mean() >= 0.98
    disguised = [
        cuts,
        np.concatenate([turned(cuts[k : k + 1], k % TURNS) for k in range(REAL)]),
        np.stack([packed(one) for one in cuts]),
        np.stack([middle(one, 2, -2) for one in real]),
        np.stack([packed(turned(middle(one, -2, 2)[None], 5)[0]) for one in real]),
    ]
    found = np.concatenate([pictures.nearest(one).ratio < limit for one in disguised])
    unseen = np.stack([middle(surface(1000 + number)) for number in range(UNSEEN)])
    wrongly = pictures.nearest(unseen).ratio < limit
    # The figures, 99 % and 1 %, are those of 1,000 samples; of 300 and 60 one and one may differ.
    assert found.mean() >= 0.99 and wrongly.sum() <= 1


def test_the_copied_picture_is_named(real, pictures):
    cuts = np.stack([middle(one, 1, 1) for one in real])
    assert (pictures.nearest(turned(cuts, 3)).like == np.arange(REAL)).all()


def test_light_and_contrast_make_no_other_picture(real, pictures):
    darker = (np.stack([middle(one) for one in real]) * 0.7).astype(np.uint8)
    assert pictures.nearest(darker).distance.max() < 0.1


def test_a_part_is_no_second_of_its_own(real):
    twice = Pictures(np.stack([middle(one) for one in (*real[:4], *real[:4])]), np.tile(np.arange(4), 2))
    found = twice.nearest(np.stack([middle(one) for one in real[:4]]))
    # Each lies on two photographs of its part; the nearest other part is another thing.
    assert (found.distance < 0.01).all() and (found.second > 0.3).all()


def test_nothing_to_be_held_against():
    empty = Pictures(np.empty((0, SIDE, SIDE, 1), np.uint8), np.empty(0, int))
    found = empty.nearest(np.stack([middle(surface(0))]))
    assert np.isinf(found.distance).all() and found.ratio.tolist() == [1.0]
    flat = Pictures(np.full((3, SIDE, SIDE, 1), 90, np.uint8), np.arange(3))
    assert np.isfinite(flat.nearest(np.full((1, SIDE, SIDE, 1), 90, np.uint8)).distance).all()
