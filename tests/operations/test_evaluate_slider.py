"""The slider of an added dimension on unseen photographs: figures and a sheet, and what cannot be measured."""

import json
from pathlib import Path

import pytest

from augment.errors import InvalidConfig, InvalidInput, NotReady
from augment.images import decode
from augment.operations.context import Context
from augment.operations.evaluate_slider import EvaluateSliderConfig, evaluate_slider
from augment.operations.factors import find_factors
from augment.operations.train_factors import TrainFactorsConfig, train_factors
from augment.store import Store, Workspace
from tests.operations.mapped import add_images, context_of

TINY = {"images_seen": 128, "batch_size": 16, "width": 8, "dimensions": 4, "warmup_steps": 2, "precision": "fp32"}


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A teacher of flawless images, model 1, and a student that learned spots, model 2."""
    root: Path = tmp_path_factory.mktemp("slider")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store, masks=True)
        context = context_of(store, root / "job")
        teacher = train_factors(TrainFactorsConfig(label="free", **TINY), context_of(store, root / "teacher"))
        # An added dimension begins as nothing: fast enough that it draws something after 40 steps.
        longer = {**TINY, "images_seen": 640, "learning_rate": 0.01}
        student = TrainFactorsConfig(label="spot", teacher_id=teacher.model_id, **longer)
        train_factors(student, context_of(store, root / "student"))
        yield context


def test_unseen_photographs_with_masks_are_measured_and_shown(context: Context):
    found = evaluate_slider(EvaluateSliderConfig(), context)
    unseen = [one for split in ("validation", "test") for one in context.store.images.list(split=split, label="spot")]
    assert found.figures.photographs == len(unseen) > 1
    # A student of 40 steps hardly tells spots from the rest: what is usual of them lies close together.
    wide = evaluate_slider(EvaluateSliderConfig(low=-5.0, high=5.0), context).figures
    assert wide.inside > found.figures.inside >= 0 and wide.outside > found.figures.outside >= 0
    folder = Path(found.folder)
    assert folder.name == "evaluate-slider-1"
    assert json.loads((folder / "slider.json").read_text())["photographs"] == len(unseen)
    assert decode((folder / "slider.png").read_bytes()).pixels.shape[1] > 56 * len(unseen)
    ((known, new),) = find_factors(context).usual
    back = evaluate_slider(EvaluateSliderConfig(low=new, high=known), context).figures
    # The same two pictures the other way round.
    assert (back.inside, back.outside) == (found.figures.inside, found.figures.outside)


def test_what_cannot_be_measured_is_said(context: Context):
    with pytest.raises(InvalidInput, match="is a teacher"):
        evaluate_slider(EvaluateSliderConfig(model_id=1), context)
    with pytest.raises(NotReady, match="no photograph of 'free'"):
        evaluate_slider(EvaluateSliderConfig(label="free"), context)
    with pytest.raises(InvalidConfig, match="both 1"):
        EvaluateSliderConfig(low=1.0, high=1.0)
    with pytest.raises(InvalidConfig, match="low -6"):
        EvaluateSliderConfig(low=-6.0)
