"""Controls: real images from aside, each once, among the samples and nowhere else."""

from pathlib import Path

import pytest

from augment.errors import InvalidConfig, NotReady
from augment.images import encode_png
from augment.operations.members import Members
from augment.operations.mix_controls import MixControlsConfig, mix_controls
from augment.operations.reviewing import controls_called_fake
from augment.operations.views import current_view, load_cut
from augment.store import CONTROL, Store, VerdictRecord, Workspace
from tests.examples import sample_record
from tests.operations.mapped import add_images, add_map, context_of


@pytest.fixture
def store(tmp_path: Path):
    """72 images, of which 24 are kept aside, and one sample of a spot."""
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        add_images(store, 72)
        store.apply([sample_record(0, label="spot", nearest_image_id=None, parents=())])
        yield store


def test_they_are_cuts_of_photographs_aside_of_labels_that_have_samples(store: Store, tmp_path: Path):
    assert mix_controls(MixControlsConfig(count=5), context_of(store, tmp_path / "job")).mixed == 5
    view = current_view(store)
    for one in store.samples.list(method=CONTROL):
        image = store.images.by_sha256(one.parents[0])
        assert image is not None and image.split in ("validation", "test") and image.label == "spot" == one.label
        assert store.files.read(one.sha256) == encode_png(load_cut(store, image, view))
        assert one.split == image.split and one.group == image.group


def test_none_is_mixed_in_twice_and_there_is_an_end(store: Store, tmp_path: Path):
    context = context_of(store, tmp_path / "job")
    aside = [one for split in ("validation", "test") for one in store.images.list(split=split) if one.label == "spot"]
    assert mix_controls(MixControlsConfig(count=8), context).mixed == 8
    assert mix_controls(MixControlsConfig(count=8), context).mixed == len(aside) - 8
    assert mix_controls(MixControlsConfig(count=8, seed=3), context).mixed == 0
    parents = [one.parents[0] for one in store.samples.list(method=CONTROL)]
    assert sorted(parents) == sorted(image.sha256 for image in aside)


def test_on_a_map_they_have_a_place_like_any_sample(store: Store, tmp_path: Path):
    add_map(store)
    mix_controls(MixControlsConfig(count=3), context_of(store, tmp_path / "job"))
    for one in store.samples.list(method=CONTROL):
        assert one.position is not None and one.nearest_image_id is not None
        # The real image beside it is a training image, so that it cannot be known by standing beside itself.
        assert store.images.get(one.nearest_image_id).split == "train"


def test_they_are_counted_apart_and_never_learned_from(store: Store, tmp_path: Path):
    mix_controls(MixControlsConfig(count=4), context_of(store, tmp_path / "job"))
    assert sum(store.samples.counts().values()) == 1
    assert [one.method for one in Members.of(store).samples] == ["ddpm"]
    ids = [one.id or 0 for one in store.samples.list(method=CONTROL)]
    for number, sample in enumerate(ids):
        decision = "rejected" if number == 0 else "accepted"
        store.verdicts.add(VerdictRecord(sample_id=sample, decision=decision, reviewer="mori", client_key=str(sample)))
    share = controls_called_fake(store)["mori"]
    assert (share.value, share.count) == (0.25, 4)


def test_what_is_missing_is_told(tmp_path: Path):
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        context = context_of(store, tmp_path / "job")
        with pytest.raises(NotReady, match="generate some first"):
            mix_controls(MixControlsConfig(), context)
        store.apply([sample_record(0, nearest_image_id=None, parents=())])
        with pytest.raises(NotReady, match="kept aside"):
            mix_controls(MixControlsConfig(), context)
    for fields, told in (({"count": 0}, "count 0"), ({"seed": -1}, "seed -1")):
        with pytest.raises(InvalidConfig, match=told):
            MixControlsConfig(**fields)
