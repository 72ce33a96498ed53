"""The score on encoders whose answer is known, and sprites whose factors are."""

import numpy as np
import pytest
import torch

from augment.surfaces.sprites import FACTORS, draw_sprites
from augment.vaegan.disentangle import disentanglement, traversal
from augment.vaegan.model import Factors
from augment.vaegan.settings import FactorShape

SIZES = (3, 6, 40)


def test_a_dimension_for_each_factor_scores_1():
    score = disentanglement(lambda factors: factors[:, [2, 0, 1]].astype(np.float32), SIZES, repeats=20, images=20)
    assert score.score == 1.0 and score.votes.tolist() == [[0, 0, 20], [20, 0, 0], [0, 20, 0]]
    fixed = disentanglement(lambda factors: factors.astype(np.float32), SIZES, fixed=(2,), repeats=5, images=20)
    assert fixed.votes.shape == (3, 1) and fixed.votes[2, 0] == 5


def test_dimensions_that_mix_two_factors_cannot_tell_them_apart():
    scale = np.array([1 / np.std(np.arange(size)) for size in SIZES])

    def encode(factors):
        one, other, third = (factors * scale).T
        return np.stack([one + other, one - other, third], axis=1).astype(np.float32)

    # Two of three factors are guessed: two thirds, give or take what 120 guesses leave to chance.
    assert disentanglement(encode, SIZES, repeats=60, images=50).score == pytest.approx(2 / 3, abs=0.1)


def test_a_dimension_that_says_nothing_has_no_vote():
    def encode(factors):
        return np.concatenate([factors, np.zeros((len(factors), 1))], axis=1).astype(np.float32)

    assert disentanglement(encode, SIZES, repeats=10, images=20).votes[3].sum() == 0


def test_a_traversal_moves_one_dimension_a_row():
    torch.manual_seed(0)
    network = Factors(FactorShape(side_px=32, channels=3, dimensions=2, width=8)).eval()
    sheet = traversal(network, torch.zeros(2), [-1.0, 0.0, 1.0])
    assert sheet.shape == (64, 96, 3)
    # The middle column is the same picture in both rows.
    assert (sheet[:32, 32:64] == sheet[32:, 32:64]).all() and (sheet[:32, :32] != sheet[:32, 64:]).any()


def test_sprites_are_where_and_as_large_as_their_factors_say():
    ends = np.array([[0, 5, 0, 0, 31], [0, 0, 0, 31, 0], [1, 5, 10, 16, 16], [2, 5, 0, 16, 16]])
    drawn = draw_sprites(ends)
    assert drawn.shape == (4, 64, 64, 1) and set(np.unique(drawn)) == {0, 255}
    rows, columns = np.nonzero(drawn[0, ..., 0])
    assert rows.mean() == pytest.approx(47.5, abs=0.6) and columns.mean() == pytest.approx(15.5, abs=0.6)
    # Half the scale is a quarter of the area, but for the pixels' own size.
    assert (drawn[0] > 0).sum() / (drawn[1] > 0).sum() == pytest.approx(4, rel=0.15)
    rows, columns = np.nonzero(drawn[2, ..., 0])
    assert np.ptp(rows) > 1.4 * np.ptp(columns), "an ellipse turned by a quarter stands"
    assert not drawn[:, [0, -1]].any() and not drawn[:, :, [0, -1]].any()


def test_colours_go_from_white_to_red():
    same = np.tile([[0, 5, 0, 16, 16]], (5, 1))
    middle = draw_sprites(same, np.arange(5))[:, 32, 32]
    assert middle.tolist() == [[255, 255, 255], [255, 191, 191], [255, 128, 128], [255, 64, 64], [255, 0, 0]]
    assert np.prod([factor.size for factor in FACTORS]) == 737_280
