"""The published recipes and protocol, generated or real, and severities, of a small workspace."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import InvalidInput
from augment.judge.metrics import Interval
from augment.judge.separability import Apart
from augment.judge.trial import TrialConfig
from augment.operations.arms import Arms
from augment.operations.evaluate_classifier import EvaluateClassifierConfig, evaluate_classifier
from augment.operations.members import Members
from augment.operations.recipes import RECIPES
from augment.operations.separability import generated_or_real, warnings_of
from augment.operations.severity import contrast, severities
from augment.store import Store, Workspace
from tests.features.conftest import one_thread
from tests.operations.contested import contested, sample
from tests.operations.mapped import VIEW

__all__ = ["one_thread"]
SHORT = {"images_seen": 32, "apart": False, "seeds": 1}


@pytest.fixture
def context(tmp_path: Path):
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        yield contested(store, tmp_path / "job", 96)


def test_recipes_have_what_they_are_published_with_as_far_as_it_is_there(context):
    arms = Arms.read(0, 0, VIEW, context)
    assert arms.members.good == "free"
    found = {
        name: [
            (one.real, one.beside) for one in arms.trained_on(name, real_each=0, beside_each=0, real_share=0.5).values()
        ]
        for name in RECIPES
    }
    # Of 32 good and 32 defect images, and 8 samples of each.
    assert found == {
        "recipe 1": [(24, 0), (10, 0)],
        "recipe 2": [(0, 8), (0, 8)],
        "recipe 3": [(24, 8), (10, 8)],
        "recipe 4": [(32, 0), (0, 8)],
        "recipe 5": [(32, 0), (10, 8)],
    }
    # Each image is drawn as often: of recipe 4's defects every look is at a generated one.
    told = arms.trained_on("recipe 4", real_each=0, beside_each=0, real_share=0.5)
    assert (told["free"].looks, told["spot"].looks) == (0.0, 1.0)


def test_recipes_are_held_against_the_first(context):
    config = EvaluateClassifierConfig(**SHORT, arms=("classical", "recipe 1", "recipe 4"))
    arms = {arm.point.arm: arm for arm in evaluate_classifier(config, context).report.arms}
    assert arms["recipe 4"].base == "recipe 1" and arms["recipe 4"].comparison is not None
    assert arms["recipe 1"].comparison is None and arms["classical"].comparison is None


def test_a_recipe_without_its_images_is_refused(context, tmp_path: Path):
    with Store(Workspace(tmp_path / "other").create()) as store:
        other = contested(store, tmp_path / "other-job", 24, 0)
        with pytest.raises(InvalidInput, match=r"recipe 2 needs generated samples of free: generate some"):
            evaluate_classifier(EvaluateClassifierConfig(**SHORT, arms=("recipe 1", "recipe 2")), other)
    with pytest.raises(InvalidInput, match=r"good 'fine': no image has this label; choose of free, spot"):
        evaluate_classifier(EvaluateClassifierConfig(**SHORT, good="fine"), context)
    members = replace(Members.of(context.store), good="")
    assert members.missing("recipe 1").key == "recipe_no_good"


def test_the_published_protocol_leaks_and_gives_no_verdict(context):
    """All training images are judged, and the accuracy on other parts stands beside."""
    store = context.store
    config = EvaluateClassifierConfig(**SHORT, arms=("real", "generated"), mirrored=True)
    result = evaluate_classifier(config, context)
    assert [one.arm for one in result.report.mirrored] == ["real", "generated"]
    for one, arm in zip(result.report.mirrored, result.report.arms, strict=True):
        assert one.mean == pytest.approx(np.mean(one.trainings)) and one.leak_free == pytest.approx(arm.accuracy)
        assert np.sum(one.best) == len(store.images.list(split="train"))
    assert "It leaks" in result.markdown.replace("It\nleaks", "It leaks") and "trial 1" in result.markdown


def test_generated_and_real_are_told_apart_where_they_differ(context):
    """Samples of one label bear a mark in the corner, those of the other are real images again."""
    store = context.store
    marked = []
    rng = np.random.default_rng(1)
    for number in range(12):
        pixels = (140 + 20 * rng.normal(0, 1, (32, 32, 1))).clip(0, 255).astype(np.uint8)
        marked.append(sample(store, pixels, 500 + number, label="spot"))
    store.apply(marked)
    arms = Arms.read(0, 0, VIEW, context)
    chosen = np.array([one.label == "free" or one.seed >= 500 for one in arms.members.samples])
    apart = generated_or_real(arms, chosen, TrialConfig(images_seen=960, seed=0), context)
    assert apart["spot"].area is not None and apart["spot"].area.low > 0.5
    assert apart["free"].area is not None and apart["free"].area.value < apart["spot"].area.value
    assert (apart["spot"].real, apart["spot"].generated) == (32, 12)


def test_a_label_that_is_given_away_is_told(context):
    report = evaluate_classifier(EvaluateClassifierConfig(**SHORT, arms=("recipe 1", "recipe 4", "recipe 3")), context)
    easily = {"spot": Apart(area=Interval(value=0.99, low=0.95, high=1.0), real=32, generated=8)}
    [told] = warnings_of(easily, [arm for arm in report.report.arms if arm.point.arm != "recipe 3"])
    assert told.text.startswith("recipe 4: generated images are easily told") and "free 0%, spot 100%" in told.text
    hardly = {"spot": Apart(area=Interval(value=0.6, low=0.5, high=0.7), real=32, generated=8)}
    assert warnings_of(hardly, report.report.arms) == []


@pytest.mark.parametrize("stored", [False, True])
def test_networks_of_timm_are_judged_as_well(context, tmp_path: Path, stored: bool):
    """One of timm's smallest, from nothing and from a folder with weights."""
    import timm
    from timm.models import save_for_hf

    classifier = "untrained:test_efficientnet"
    if stored:
        save_for_hf(
            timm.create_model("test_efficientnet"), tmp_path / "weights", model_config={}, safe_serialization=True
        )
        classifier = f"timm:{tmp_path / 'weights'}"
    config = EvaluateClassifierConfig(**SHORT, arms=("real", "classical"), classifier=classifier)
    assert len(evaluate_classifier(config, context).report.arms) == 2


def test_severities_of_known_defects(context):
    """Spots of grey 30 on a surface around 140: their areas and contrasts are known."""
    images = context.store.images.list(split="test")
    found = severities(images, context)
    for image, size, difference in zip(images, found["size"], found["contrast"], strict=True):
        if image.label == "free":
            assert np.isnan(size) and np.isnan(difference)
            continue
        radius = 3 + int(image.name.removesuffix(".png")) % 7
        assert size == pytest.approx(np.pi * radius**2, rel=0.25)
        # The waves of the surface, 20 high, leave the ring's mean within 20 of 140.
        assert abs(difference - 110) < 20
    assert np.isnan(contrast(np.zeros((8, 8, 1), np.uint8), np.ones((8, 8), np.bool_)))
