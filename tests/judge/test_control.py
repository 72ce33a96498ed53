import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.judge.control import TURNS, copies, least_distances, nearer_to_own, turned


def test_a_sample_is_right_when_it_is_nearer_to_its_own_reference_than_to_others_of_the_class():
    reference = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    label = np.array([0, 0, 1, 1])
    # The second sample is nearest to a reference of the other class, which does not count.
    sample = np.array([[3.0, 0.1], [1.0, 0.9], [0.2, 1.0], [5.0, -4.0]])
    found = nearer_to_own(sample, np.array([0, 0, 0, 3]), reference, label).tolist()
    assert found == [True, True, False, True]
    # Length says nothing.
    assert nearer_to_own(sample * 100, np.array([0, 0, 0, 3]), reference, label).tolist() == found


def test_a_class_with_one_reference_is_refused():
    with pytest.raises(InvalidInput, match="two or more"):
        nearer_to_own(np.ones((1, 2)), np.array([0]), np.ones((2, 2)), np.array([0, 1]))


def test_the_turns_are_the_eight_of_a_square():
    image = np.arange(2 * 9, dtype=np.uint8).reshape(2, 3, 3, 1)
    assert (turned(image, 0) == image).all()
    assert len({turned(image, turn).tobytes() for turn in range(TURNS)}) == TURNS


def test_a_copy_lies_three_times_nearer_to_one_image_than_to_any_other():
    training = np.eye(5)
    near, far = np.array([1.0, 0.1, 0, 0, 0]), np.array([1.0, 0.9, 0.8, 0.8, 0.8])
    distances = least_distances([np.stack([far, far]), np.stack([near, far])], training)
    assert distances.shape == (2, 5)
    assert copies(distances).tolist() == [True, False]
    assert copies(distances[:, :1]).tolist() == [False, False]
