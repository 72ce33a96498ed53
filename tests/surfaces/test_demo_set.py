"""The demo data set: labels, parts, splits, masks and names."""

from collections import Counter

import numpy as np
import pytest

from augment.errors import InvalidConfig
from augment.surfaces.demo_set import DemoImage, DemoSetConfig, demo_parts, draw_demo_set


@pytest.fixture(scope="module")
def images() -> list[DemoImage]:
    return list(draw_demo_set(DemoSetConfig()))


def test_counts_names_and_sizes(images: list[DemoImage]) -> None:
    assert len(images) == 320
    assert Counter(image.label for image in images) == {
        "blowhole": 46,
        "crack": 46,
        "free": 136,
        "scratch": 46,
        "stain": 46,
    }
    assert len({image.name for image in images}) == 320
    for image in images:
        assert image.name.startswith(f"{image.label}/{image.group}-light-") and image.name.endswith(".png")
        assert image.pixels.shape == (128, 128, 1)


def test_a_part_is_photographed_under_two_to_four_lights_and_is_in_one_split(images: list[DemoImage]) -> None:
    lights = Counter(image.group for image in images)
    assert set(lights.values()) <= {2, 3, 4}
    for group in lights:
        assert len({(image.label, image.split) for image in images if image.group == group}) == 1


def test_every_class_is_in_every_split(images: list[DemoImage]) -> None:
    counts = Counter((image.label, image.split) for image in images)
    for label in {image.label for image in images}:
        assert counts[label, "train"] >= 25
        assert min(counts[label, "validation"], counts[label, "test"]) >= 4


def test_defects_have_masks_and_good_parts_none(images: list[DemoImage]) -> None:
    for image in images:
        assert image.mask.any() == (image.label != "free")
        assert image.mask.mean() < 0.2


def test_pictures_of_a_part_differ_by_light_alone(images: list[DemoImage]) -> None:
    first, second = [image for image in images if image.group == "part-001"][:2]
    overlap = (first.mask & second.mask).sum() / (first.mask | second.mask).sum()
    # The same defect; shadows and glints move with the lamp.
    assert overlap > 0.4
    assert not np.array_equal(first.pixels, second.pixels)


def test_the_plan_follows_from_the_seed() -> None:
    assert demo_parts(DemoSetConfig()) == demo_parts(DemoSetConfig())
    assert demo_parts(DemoSetConfig(seed=1)) != demo_parts(DemoSetConfig())
    severities = [part.severity for part in demo_parts(DemoSetConfig()) if part.label == "scratch"]
    # Both plain and faint ones, so that classes touch.
    assert min(severities) < 0.3 and max(severities) > 0.8


def test_the_same_pixels_again() -> None:
    small = DemoSetConfig(free=8, defective=8, side_px=48)
    for first, again in zip(draw_demo_set(small), draw_demo_set(small), strict=True):
        assert np.array_equal(first.pixels, again.pixels) and np.array_equal(first.mask, again.mask)


def test_sizes_that_cannot_be_split_are_refused() -> None:
    for wrong in ({"free": 2}, {"defective": 0}, {"seed": -1}, {"side_px": 8}):
        with pytest.raises(InvalidConfig):
            DemoSetConfig(**wrong)
