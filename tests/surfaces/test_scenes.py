"""Scenes: the same seed gives the same example, masks are exact and on the part, captions say what is there."""

import re

import numpy as np
import pytest

from augment.errors import InvalidConfig, NotFound
from augment.surfaces.blemishes import KINDS, blemish
from augment.surfaces.bodies import OBJECTS
from augment.surfaces.captions import DEFECT_WORDS, MATERIAL_WORDS, Seen, caption, captions, vocabulary
from augment.surfaces.defects import DEFECTS, FlawConfig
from augment.surfaces.materials import MATERIALS, material
from augment.surfaces.scenes import Scene, SceneConfig, draw_scene, scene_kinds, scene_materials

SMALL = SceneConfig(side_px=64)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(seed, SMALL) for seed in range(150)]


def test_a_seed_determines_the_scene_and_another_gives_another():
    first, again, other = (draw_scene(seed, SMALL) for seed in (7, 7, 8))
    for name in ("pixels", "clean", "mask", "part"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert (first.caption, first.kind, first.material) == (again.caption, again.kind, again.material)
    assert not np.array_equal(first.pixels, other.pixels)


def test_shapes_and_what_lies_outside_the_mask(scenes):
    for scene in scenes:
        assert scene.pixels.shape == scene.clean.shape == (64, 64, 3)
        assert scene.pixels.dtype == scene.clean.dtype == np.uint8
        assert scene.mask.shape == scene.part.shape == (64, 64) and scene.mask.dtype == np.bool_
        assert np.array_equal(scene.pixels[~scene.mask], scene.clean[~scene.mask])


def test_a_defect_has_a_mask_that_shows_and_lies_on_the_part(scenes):
    for scene in scenes:
        if scene.kind == "good":
            assert not scene.mask.any() and scene.severity == 0.0
        else:
            assert scene.mask.sum() >= 5 and 0.15 <= scene.severity <= 1.0
            assert not (scene.mask & ~scene.part).any()
            change = np.abs(scene.pixels.astype(int) - scene.clean).max(axis=2)
            assert change[scene.mask].mean() >= 4.0


def test_everything_occurs_in_its_share(scenes):
    assert {scene.material for scene in scenes} == set(scene_materials()) == {*MATERIALS, *OBJECTS}
    assert {scene.kind for scene in scenes} == set(scene_kinds()) == {"good", *KINDS} and set(KINDS) > set(DEFECTS)
    grey = np.array([(scene.pixels == scene.pixels[..., :1]).all() for scene in scenes])
    good = np.array([scene.kind == "good" for scene in scenes])
    # 150 draws: three standard deviations are 0.12 for a half and 0.11 for a quarter.
    assert abs(grey.mean() - 0.5) < 0.13 and abs(good.mean() - 0.25) < 0.12


def test_a_grey_camera_gives_equal_channels_and_a_colour_camera_does_not():
    for share, equal in ((1.0, True), (0.0, False)):
        scene = draw_scene(3, SceneConfig(side_px=48, grey_share=share))
        assert np.array_equal(scene.pixels[..., 0], scene.pixels[..., 2]) == equal


def test_what_is_asked_for_is_drawn():
    config = SceneConfig(side_px=48, good_share=0.0, materials=("pill",), kinds=("print", "crack"))
    drawn = [draw_scene(seed, config) for seed in range(8)]
    assert {scene.material for scene in drawn} == {"pill"} and {scene.kind for scene in drawn} == {"print", "crack"}
    # An object leaves some of the frame to the background.
    assert all(0.05 < scene.part.mean() < 0.98 for scene in drawn)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(DEFECTS)))
def test_blemishes_change_the_surface_more_the_worse_they_are(kind):
    def change(severity: float) -> float:
        total = 0.0
        for seed in range(4):
            finish = material("leather", np.random.default_rng(seed), 64)
            flaw = blemish(kind, np.random.default_rng(seed), finish, FlawConfig(severity=severity))
            assert flaw.core.any() and flaw.core.mean() < 0.9
            total += float(np.abs(flaw.relief.height - finish.relief.height).mean())
            total += float(np.abs(flaw.relief.albedo - finish.relief.albedo).mean())
        return total

    assert 0.0 < change(0.15) < change(1.0)


def test_captions_name_the_defect_in_words_of_the_vocabulary():
    rng, words = np.random.default_rng(0), set(vocabulary())
    assert list(vocabulary()) == sorted(words)
    names = {name for group in DEFECT_WORDS.values() for name in group}
    for kind in scene_kinds():
        for surface in scene_materials():
            for text in captions(surface, kind, Seen(severity=float(rng.uniform())), rng, 12):
                assert set(re.findall(r"\w+|,", text)) <= words, text
                named = {name for name in names if re.search(rf"\b{name}\b", text)}
                assert bool(named) == (kind != "good") and named <= set(DEFECT_WORDS.get(kind, ())), text


@pytest.mark.parametrize(
    ("surface", "kind", "wanted"),
    [
        ("ground_metal", "crack", "a photo of a crack on ground metal"),
        ("ground_metal", "crack", "crack"),
        ("ground_metal", "hole", "a magnetic tile with a blowhole"),
        ("ground_metal", "good", "good ground metal surface"),
        ("painted", "scratch", "colour photo of painted metal with a deep scratch"),
    ],
)
def test_what_users_type_is_among_the_captions(surface, kind, wanted):
    rng, seen = np.random.default_rng(1), Seen(severity=0.9, grey=False)
    assert wanted in captions(surface, kind, seen, rng, 3000)


def test_what_cannot_be_drawn_or_named_is_said():
    with pytest.raises(NotFound, match=r"'rust'.*wrinkle"):
        blemish("rust", np.random.default_rng(0), material("wood", np.random.default_rng(0), 32), FlawConfig())
    with pytest.raises(NotFound, match=r"'velvet'.*wood"):
        caption("velvet", "good", Seen(), np.random.default_rng(0))
    with pytest.raises(NotFound, match=r"'rust'.*good"):
        caption("wood", "rust", Seen(), np.random.default_rng(0))
    assert set(MATERIAL_WORDS) == set(scene_materials()) and set(DEFECT_WORDS) == set(KINDS)
    for make in (
        lambda: SceneConfig(side_px=8),
        lambda: SceneConfig(good_share=1.5),
        lambda: SceneConfig(materials=("velvet",)),
        lambda: SceneConfig(kinds=("rust",)),
        lambda: Seen(share=2.0),
    ):
        with pytest.raises(InvalidConfig):
            make()
