"""Studies: what networks learn surfaces from before they see a user's photographs."""

import numpy as np
import pytest

from augment.errors import InvalidConfig
from augment.surfaces.studies import StudyConfig, draw_study, study_labels


def test_a_seed_is_a_study() -> None:
    first, again = draw_study(7, StudyConfig()), draw_study(7, StudyConfig())
    assert np.array_equal(first[0], again[0]) and first[1] == again[1]
    assert first[0].shape == (48, 48, 1) and first[0].dtype == np.uint8
    assert not np.array_equal(first[0], draw_study(8, StudyConfig())[0])


def test_all_labels_come_up_and_good_parts_most_often() -> None:
    counts = np.bincount([draw_study(seed, StudyConfig(side_px=16))[1] for seed in range(120)], minlength=7)
    assert len(study_labels()) == 7 and study_labels()[0] == "free"
    assert counts.min() > 0 and counts.argmax() == 0


def test_sides_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidConfig, match="side_px 8"):
        StudyConfig(side_px=8)
