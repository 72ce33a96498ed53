import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound, NotReady
from augment.images import decode
from augment.operations import to_json
from augment.operations.context import Context, Progress
from augment.operations.generate import GenerateConfig, generate
from augment.operations.propose import ProposeConfig, boundary_places
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.store import Store, Workspace
from tests.operations.mapped import add_images, add_map, context_of

TINY = TrainDdpmConfig(images_seen=32, batch_size=8, width=8, warmup_steps=2)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A workspace with images, a map and a briefly trained generator; tests only add samples to it."""
    root: Path = tmp_path_factory.mktemp("generate")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store)
        add_map(store)
        context = context_of(store, root / "job")
        train_ddpm(TINY, context)
        yield context


def config(**fields) -> GenerateConfig:
    return GenerateConfig(**({"label": "spot", "count": 3, "steps": 2} | fields))


def test_samples_at_an_image_know_where_they_were_asked_for_and_landed(context: Context):
    store = context.store
    image = store.images.list(split="train", label="spot")[0]
    result = generate(config(image_id=image.id, seed=5), context)
    samples = [store.samples.get(sample_id) for sample_id in result.sample_ids]
    assert [sample.seed for sample in samples] == [5, 6, 7]
    assert len({sample.sha256 for sample in samples}) == 3
    for sample in samples:
        assert decode(store.files.read(sample.sha256)).pixels.shape == (32, 32, 1)
        assert sample.status == "candidate" and sample.label == "spot" and sample.method == "ddpm"
        assert sample.parents == (image.sha256,) and sample.group == image.group and sample.split == "train"
        assert sample.position is not None and sample.requested is not None and sample.landing_error is not None
        gap = np.linalg.norm(np.subtract(sample.position, sample.requested))
        atlas = context.cache[f"atlas:{store.workspace.root}:1"]
        assert sample.landing_error == pytest.approx(gap / atlas.scale["spot"], rel=1e-4)
        assert store.images.get(sample.nearest_image_id or 0).split == "train"
        assert sample.nearest_real_distance is not None and sample.nearest_real_distance >= 0
        assert sample.probability is not None and sum(sample.probability.values()) == pytest.approx(1, abs=1e-4)
        assert set(sample.probability) == {"free", "spot"}
    assert result.warnings == ()
    assert to_json(result) == {"sample_ids": list(result.sample_ids), "warnings": []}


def test_steering_brings_samples_nearer_to_what_was_asked_for(context: Context):
    store = context.store
    image = store.images.list(split="train", label="spot")[0]
    gaps = {}
    for steering in (0.0, 1.0):
        ids = generate(config(image_id=image.id, seed=900, count=4, steps=8, steering=steering), context).sample_ids
        samples = [store.samples.get(sample_id) for sample_id in ids]
        assert {sample.recipe["steering"] for sample in samples} == {steering}
        encoder = next(value for key, value in context.cache.items() if key.startswith("encoder:"))
        _, aims = encoder.describe([decode(store.files.read(sample.sha256)).pixels for sample in samples])
        wanted = atlas_of(context).aim[atlas_of(context).row_of(image.id or 0)]
        gaps[steering] = float(np.linalg.norm(aims - wanted, axis=1).mean())
    # Generator and encoder are all but untrained, and `reach` bounds what 8 levels can move: here to 0.78.
    assert gaps[1.0] < 0.87 * gaps[0.0]
    assert regenerate(RegenerateConfig(sample_id=ids[0]), context).same_bytes


def test_the_same_request_keeps_its_samples(context: Context):
    first = generate(config(seed=100), context)
    assert generate(config(seed=100), context).sample_ids == first.sample_ids


def test_without_a_place_the_labels_own_images_are_asked_for_in_turn(context: Context):
    store = context.store
    samples = [store.samples.get(i) for i in generate(config(count=10, seed=700), context).sample_ids]
    assert [sample.seed for sample in samples] == list(range(700, 710))
    asked = [sample.requested for sample in samples]
    assert asked[0] == asked[3] and asked[4] == asked[7] and len({asked[0], asked[4], asked[8]}) == 3
    for sample in samples:
        (parent,) = [image for image in store.images.list() if image.sha256 == sample.parents[0]]
        assert parent.label == "spot" and parent.split == "train" and sample.landing_error is not None
    alone = [store.samples.get(i) for i in generate(config(unplaced="label", seed=800), context).sample_ids]
    assert all(sample.requested is None and sample.landing_error is None and not sample.parents for sample in alone)


def test_a_seed_gives_one_image_in_any_batch(context: Context):
    together = generate(config(seed=200, count=6), context).sample_ids
    alone = generate(config(seed=203, count=1), context).sample_ids
    assert alone[0] == together[3]


def test_what_stems_from_a_test_image_stays_out_of_training(context: Context):
    store = context.store
    test, train = store.images.list(split="test")[0], store.images.list(split="train")[0]
    (sample_id,) = generate(config(image_id=test.id, count=1), context).sample_ids
    assert store.samples.get(sample_id).split == "test"
    (sample_id,) = generate(config(between=(train.id, test.id, 0.5), count=1), context).sample_ids
    sample = store.samples.get(sample_id)
    assert sample.split == "test" and set(sample.parents) == {train.sha256, test.sha256}
    assert sample.group == " + ".join(sorted([train.group, test.group]))


def test_between_is_the_way_from_one_to_the_other(context: Context):
    atlas = context.cache[f"atlas:{context.store.workspace.root}:1"]
    first, second = int(atlas.image_ids[0]), int(atlas.image_ids[1])
    for share in (0.0, 0.25, 1.0):
        (sample_id,) = generate(config(between=(first, second, share), count=1), context).sample_ids
        expected = (1 - share) * atlas.position[0] + share * atlas.position[1]
        assert np.allclose(context.store.samples.get(sample_id).requested, expected, atol=1e-5)


def test_a_click_on_a_point_is_its_position(context: Context):
    atlas = context.cache[f"atlas:{context.store.workspace.root}:1"]
    row = int(np.flatnonzero(atlas.fitted)[3])
    x, y = (float(value) for value in atlas.xy[row])
    result = generate(config(xy=(x, y), count=1), context)
    sample = context.store.samples.get(result.sample_ids[0])
    assert np.allclose(sample.requested, atlas.position[row], atol=1e-4)
    assert sample.requested_xy == pytest.approx((x, y)) and sample.parents == () and result.warnings == ()


def test_far_from_all_data_there_is_a_warning(context: Context):
    for fields in ({"xy": (1e4, -1e4)}, {"position": (1e4,) * 20}):
        result = generate(config(count=1, **fields), context)
        assert result.warnings[0].key == "no_image_near" and result.sample_ids


def atlas_of(context: Context):
    return context.cache[f"atlas:{context.store.workspace.root}:1"]


def at(atlas, row: int) -> tuple[float, float]:
    return float(atlas.xy[row, 0]), float(atlas.xy[row, 1])


def way_of(atlas) -> tuple[float, float, float, float]:
    """From a training image of the first label to one of the second that are far from each other's class."""
    rows = np.flatnonzero(atlas.fitted)
    free, spot = (rows[atlas.probability[rows, column].argmax()] for column in (0, 1))
    return (*at(atlas, free), *at(atlas, spot))


def test_a_path_goes_from_end_to_end_in_equal_steps_with_one_seed(context: Context):
    atlas = atlas_of(context)
    path = way_of(atlas)
    result = generate(config(path=path, count=6, seed=40), context)
    samples = [context.store.samples.get(sample_id) for sample_id in result.sample_ids]
    assert {sample.seed for sample in samples} == {40} and len({sample.sha256 for sample in samples}) == 6
    steps = np.array([sample.requested for sample in samples])
    ends = atlas.projection.at(np.reshape(path, (2, 2)))[0]
    assert np.allclose(steps, np.linspace(*ends, 6), atol=1e-4)
    assert np.allclose([sample.requested_xy for sample in samples], np.linspace(path[:2], path[2:], 6), atol=1e-4)
    assert all(sample.split == "train" and sample.probability for sample in samples)
    own = generate(config(path=path, count=2, seed=40, same_seed=False), context).sample_ids
    assert [context.store.samples.get(sample_id).seed for sample_id in own] == [40, 41]


def test_along_a_path_the_label_can_be_left_to_the_place(context: Context):
    samples = [
        context.store.samples.get(sample_id)
        for sample_id in generate(config(label="auto", path=way_of(atlas_of(context)), count=7), context).sample_ids
    ]
    labels = [sample.label for sample in samples]
    assert labels[0] == "free" and labels[-1] == "spot"
    assert [sample.recipe["label"] for sample in samples] == labels
    with pytest.raises(InvalidInput, match="choose a place, or name a label"):
        generate(config(label="auto"), context)


def test_a_path_through_the_void_says_at_how_many_steps(context: Context):
    x, y = at(atlas_of(context), 0)
    result = generate(config(path=(x, y, 1e4, 1e4), count=4), context)
    assert [one.key for one in result.warnings] == ["path_empty"]
    assert "of the 4 steps" in result.warnings[0].text and result.warnings[0].values["empty"] >= 1


def test_boundary_mode_spreads_samples_over_the_places_with_their_parents(context: Context):
    atlas, store = atlas_of(context), context.store
    places = boundary_places(atlas, ProposeConfig(labels=("free", "spot"), count=2)).places
    assert len(places) == 2
    result = generate(config(label="auto", boundary=("free", "spot", 2), count=6, seed=60), context)
    samples = [store.samples.get(sample_id) for sample_id in result.sample_ids]
    assert [sample.label for sample in samples] == ["free", "spot"] * 3
    assert [sample.seed for sample in samples] == list(range(60, 66))
    for number, sample in enumerate(samples):
        place = places[number // 3]
        assert np.allclose(sample.requested, place.position, atol=1e-5)
        parents = [store.images.get(one) for one in dict.fromkeys(place.between[:2])]
        assert sample.parents == tuple(parent.sha256 for parent in parents)
        assert sample.group == " + ".join(sorted({parent.group for parent in parents})) and sample.split == "train"
    asked = generate(config(label="spot", boundary=("free", "spot", 2), count=1), context)
    assert store.samples.get(asked.sample_ids[0]).label == "spot"


def test_a_map_without_a_classifier_says_so_where_it_is_needed(context: Context):
    atlas = atlas_of(context)
    bare = replace(context, cache={**context.cache})
    key = f"atlas:{context.store.workspace.root}:1"
    bare.cache[key] = replace(atlas)
    bare.cache[key].__dict__["classifier"] = None
    result = generate(config(path=way_of(atlas), count=2, seed=50), bare)
    assert [one.key for one in result.warnings] == ["no_classifier"]
    assert context.store.samples.get(result.sample_ids[0]).probability is None
    assert generate(config(image_id=1, count=1, seed=51), bare).warnings == ()


def test_position_changes_the_image(context: Context):
    atlas = context.cache[f"atlas:{context.store.workspace.root}:1"]
    places = [tuple(float(v) for v in atlas.position[row]) for row in (0, 1)]
    made = [generate(config(position=place, count=1, position_guidance=3.0), context).sample_ids[0] for place in places]
    assert context.store.samples.get(made[0]).sha256 != context.store.samples.get(made[1]).sha256


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"image_id": 1, "label_guidance": 2.0},
        {"sampler": "ancestral", "xy": (0.0, 0.0)},
        {"label": "auto", "path": (0.0, 0.0, 1.0, 1.0)},
        {"label": "auto", "boundary": ("free", "spot", 2)},
    ],
)
def test_regenerate_gives_the_same_bytes_with_nothing_loaded(context: Context, tmp_path: Path, fields):
    (_, sample_id) = generate(config(count=2, seed=7, **fields), context).sample_ids
    cold = replace(context, cache={}, job_folder=tmp_path)
    result = regenerate(RegenerateConfig(sample_id=sample_id), cold)
    assert result.same_bytes and result.sha256 == context.store.samples.get(sample_id).sha256


def test_models_stay_loaded(context: Context):
    generate(config(count=1), context)
    loaded = {key: id(value) for key, value in context.cache.items()}
    generate(config(count=1, seed=1), context)
    assert {key: id(value) for key, value in context.cache.items()} == loaded


def test_unknown_names_are_told_with_what_there_is(context: Context):
    with pytest.raises(NotFound, match="label 'crak' is not in this workspace: free, spot"):
        generate(config(label="crak"), context)
    with pytest.raises(NotFound, match="image 999"):
        generate(config(image_id=999), context)
    with pytest.raises(NotFound, match="model 999"):
        generate(config(model_id=999), context)
    with pytest.raises(NotFound, match="kind encoder"):
        generate(config(model_id=1), context)
    with pytest.raises(InvalidInput, match="position of 2 numbers"):
        generate(config(position=(0.0, 1.0)), context)
    with pytest.raises(NotFound, match="sample 99999"):
        regenerate(RegenerateConfig(sample_id=99999), context)


def test_cancel_stops_between_noise_levels(context: Context):
    class Stop(Progress):
        def __call__(self, step, total, metrics=None, previews=None):
            raise Cancelled

    before = context.store.samples.count()
    with pytest.raises(Cancelled):
        generate(config(seed=300), replace(context, progress=Stop()))
    assert context.store.samples.count() == before


def test_another_map_and_a_generator_of_labels(store: Store, tmp_path: Path):
    add_images(store)
    context = context_of(store, tmp_path / "job")
    with pytest.raises(NotReady, match="no generator"):
        generate(config(), context)
    by_label = train_ddpm(replace(TINY, condition="label"), context)
    (sample_id,) = generate(config(count=1), context).sample_ids
    assert store.samples.get(sample_id).position is None  # no map, no place
    add_map(store)
    with pytest.raises(InvalidInput, match="trained on labels only"):
        generate(config(xy=(0.0, 0.0), model_id=by_label.model_id), context)
    trained = train_ddpm(replace(TINY, condition="position"), context_of(store, tmp_path / "job2"))
    with pytest.raises(InvalidInput, match="choose a place"):
        generate(config(model_id=trained.model_id), context)
    result = generate(config(image_id=1, count=1, model_id=trained.model_id), context)
    assert "knows no labels" in result.warnings[0].text
    both = train_ddpm(TINY, context_of(store, tmp_path / "job3"))
    add_map(store, seed=1)
    with pytest.raises(InvalidInput, match="trained on another map"):
        generate(config(image_id=1, model_id=trained.model_id), context)
    result = generate(config(count=1, model_id=both.model_id), context)
    assert "was trained on another map: these samples were asked for by label alone" in result.warnings[0].text


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"count": 0}, "count 0"),
        ({"steps": 0}, "steps 0"),
        ({"seed": -1}, "seed -1"),
        ({"label_guidance": -1.0}, "label_guidance -1"),
        ({"xy": (0.0, 0.0), "image_id": 3}, "image_id and xy"),
        ({"between": (1, 2, 1.5)}, "between"),
        ({"xy": (float("nan"), 0.0)}, "finite"),
        ({"path": (0.0, 0.0, 0.0, 0.0)}, "two different ends"),
        ({"path": (0.0, 0.0, 1.0, 1.0), "count": 1}, "count 1"),
        ({"path": (0.0, 0.0, 1.0, 1.0), "xy": (0.0, 0.0)}, "xy and path"),
        ({"boundary": ("spot", "spot", 2)}, "'spot' twice"),
        ({"boundary": ("free", "spot", 0)}, "count 0"),
        ({"unplaced": "nowhere"}, "unplaced 'nowhere'"),
    ],
)
def test_requests_out_of_range_are_refused(fields, named):
    with pytest.raises(InvalidConfig, match=named):
        config(**fields)


def test_configs_are_read_without_torch():
    modules = "augment.operations.generate, augment.operations.train_ddpm, augment.operations.regenerate"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
