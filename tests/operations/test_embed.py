"""The map from end to end on real digits: train the encoder, encode, fit, place, write, read."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound, NotReady
from augment.features.atlas import Atlas
from augment.images import encode_png
from augment.operations.context import Context, Progress
from augment.operations.embed import EmbedConfig, embed
from augment.operations.train_encoder import TrainEncoderConfig, train_encoder
from augment.store import Change, ImageRecord, Store
from augment.views import View

# A process loads umap-learn once, for seconds.

TINY = TrainEncoderConfig(images_seen=640, batch_size=32, width=8, learning_rate=4e-3, flips="none")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures():
    """Digits 0, 1 and 2 that scikit-learn ships, 16 x 16 px, as (png bytes, label)."""
    from sklearn.datasets import load_digits

    loaded = load_digits(n_class=3)
    pixels = (loaded.images * 15.9).astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)[..., None]
    return [
        (encode_png(image), f"digit {label}") for image, label in zip(pixels[:170], loaded.target[:170], strict=True)
    ]


def put(store: Store, pictures: Sequence[tuple[bytes, str]], first: int = 0) -> list[int]:
    """Imports pictures: of each ten, seven train, one validates, two test."""
    store.settings.set("view", View(kind="whole", side_px=16, colour="grey").to_json())
    splits = ("train",) * 7 + ("validation",) + ("test",) * 2
    return store.apply(
        [
            ImageRecord(
                sha256=store.files.put(data),
                name=f"{number}.png",
                label=label,
                group=f"part {number}",
                split=splits[number % 10],
                width_px=16,
                height_px=16,
                size_bytes=len(data),
                source="digits",
            )
            for number, (data, label) in enumerate(pictures, start=first)
        ]
    )


def context_of(store: Store, folder: str, progress: Progress | None = None) -> Context:
    return Context(
        store=store,
        commit=lambda changes: store.apply(list[Change](changes)),
        job_folder=store.workspace.jobs_dir / folder,
        progress=progress or Progress(),
    )


class Watch(Progress):
    """Remembers the steps and stops at one."""

    def __init__(self, stop_at: int = 2000) -> None:
        self.steps: list[int] = []
        self.stop_at = stop_at

    def __call__(self, step, total, metrics=None, previews=None):
        self.steps.append(step)
        if step >= self.stop_at:
            raise Cancelled


def atlas_of(store: Store, projection_id: int) -> Atlas:
    return Atlas.load(store.workspace.root / store.projections.get(projection_id).path)


def test_a_map_is_made_grows_and_is_made_anew(store, pictures):
    ids = put(store, pictures[:150])
    trained = train_encoder(TINY, context_of(store, "1"))
    assert store.models.get(trained.model_id).config["view"]["side_px"] == 16
    # 105 training digits of three kinds, chance is 0.33; raw pixels give 1.0 here.
    assert trained.metrics["validation_accuracy"] > 0.8

    watch = Watch()
    made = embed(EmbedConfig(), context_of(store, "2", watch))
    assert watch.steps == sorted(watch.steps)
    assert watch.steps[-1] == 1000
    assert made.encoder_id == trained.model_id
    assert (made.images, made.fitted, made.method) == (150, 105, "umap")
    assert made.metrics["trustworthiness"] >= 0.8
    atlas = atlas_of(store, made.projection_id)
    assert list(atlas.image_ids) == sorted(ids)
    assert atlas.position.shape == (150, 20)
    assert [atlas.label_of(row) for row in range(150)] == [label for _, label in pictures[:150]]
    splits = np.array([store.images.get(int(image_id)).split for image_id in atlas.image_ids])
    assert (atlas.fitted == (splits == "train")).all()
    # What the generators rely on: fitted rows are the projection's rows, in order.
    assert np.array_equal(atlas.position[atlas.fitted], atlas.projection.position)
    # A pair shows where to generate: only training images may be parents.
    assert atlas.fitted[atlas.pairs].all()
    assert set(atlas.scale) == set(atlas.labels)
    assert min(atlas.scale.values()) > 0
    # All test images are judged by it; the training images' own probabilities are out of fold.
    assert np.allclose(atlas.classifier.probability(atlas.features)[~atlas.fitted], atlas.probability[~atlas.fitted])

    new = put(store, pictures[150:], first=150)
    grown = embed(EmbedConfig(), context_of(store, "3"))
    bigger = atlas_of(store, grown.projection_id)
    assert (grown.images, grown.fitted) == (170, 105)
    assert any("20 new images were placed" in note for note in grown.notes)
    assert np.array_equal(bigger.position[:150], atlas.position)
    assert np.array_equal(bigger.features[:150], atlas.features)
    near = [bigger.label_of(bigger.neighbours_of(bigger.row_of(image_id), 1)[0][0]) for image_id in new]
    assert np.mean([a == b for a, (_, b) in zip(near, pictures[150:], strict=True)]) > 0.7

    anew = embed(EmbedConfig(refit=True, seed=1), context_of(store, "4"))
    assert anew.fitted == 119
    assert anew.encoder_id == trained.model_id
    assert [record.id for record in store.projections.list()] == [
        anew.projection_id,
        grown.projection_id,
        made.projection_id,
    ]
    assert not [folder for folder in store.workspace.projections_dir.iterdir() if folder.name.startswith(".")]


def test_a_map_is_fitted_on_a_share_of_many_images(store, pictures):
    put(store, pictures[:150])
    train_encoder(TINY, context_of(store, "1"))
    made = embed(EmbedConfig(fit_on=100), context_of(store, "2"))
    atlas = atlas_of(store, made.projection_id)
    assert (made.images, made.fitted) == (150, 100)
    assert any("fitted on 100 of 105 training images" in note for note in made.notes)
    assert np.array_equal(atlas.position[atlas.fitted], atlas.projection.position)
    splits = np.array([store.images.get(int(image_id)).split for image_id in atlas.image_ids])
    assert (splits[atlas.fitted] == "train").all()
    # Each label alike: one has 30 images, the others share the rest.
    assert sorted(np.bincount(atlas.label_index[atlas.fitted])) == [30, 35, 35]
    # What was left out lies among its like all the same.
    left_out = np.flatnonzero((splits == "train") & ~atlas.fitted)
    near = [atlas.label_of(atlas.neighbours_of(int(row), 1)[0][0]) == atlas.label_of(int(row)) for row in left_out]
    assert np.mean(near) >= 0.6
    # The same share is kept, another one is a new fit.
    assert embed(EmbedConfig(fit_on=100), context_of(store, "3")).fitted == 100
    assert embed(EmbedConfig(fit_on=101), context_of(store, "4")).fitted == 101


def test_without_an_encoder_one_is_trained_and_a_stopped_job_goes_on(store, pictures, monkeypatch):
    put(store, pictures[:12])
    monkeypatch.setattr("augment.operations.embedding.TrainEncoderConfig", lambda seed: replace(TINY, seed=seed))
    with pytest.raises(Cancelled):
        embed(EmbedConfig(), context_of(store, "1", Watch(stop_at=300)))
    assert store.models.list() == []
    assert store.projections.list() == []
    watch = Watch()
    made = embed(EmbedConfig(), context_of(store, "1", watch))
    assert min(step for step in watch.steps if step) >= 300
    assert [record.id for record in store.models.list("encoder")] == [made.encoder_id]
    # 9 training images: too few for UMAP, and said so.
    assert made.method == "pca"
    assert any("too few for UMAP" in note for note in made.notes)


def test_features_of_a_stopped_job_are_not_encoded_again(store, pictures, monkeypatch):
    monkeypatch.setattr("augment.operations.embedding._BATCH", 4)
    monkeypatch.setattr("augment.operations.embedding._PAGE", 5)
    put(store, pictures[:12])
    train_encoder(TINY, context_of(store, "1"))
    with pytest.raises(Cancelled):
        embed(EmbedConfig(), context_of(store, "2", Watch(stop_at=600)))
    told = json.loads((store.workspace.jobs_dir / "2" / "encoded.json").read_text())
    assert told["done"] == 8
    watch = Watch()
    embed(EmbedConfig(), context_of(store, "2", watch))
    assert min(step for step in watch.steps if step) == 600


def test_a_view_changed_since_needs_another_encoder(store, pictures):
    put(store, pictures[:12])
    first = train_encoder(TINY, context_of(store, "1"))
    store.settings.set("view", View(kind="whole", side_px=20, colour="grey").to_json())
    with pytest.raises(InvalidInput, match="another view"):
        embed(EmbedConfig(encoder=f"model:{first.model_id}"), context_of(store, "2"))
    second = train_encoder(TINY, context_of(store, "3"))
    assert embed(EmbedConfig(), context_of(store, "4")).encoder_id == second.model_id


def test_a_timm_model_is_copied_into_the_workspace(store, pictures, tmp_path: Path):
    put(store, pictures[:12])
    torch.manual_seed(0)
    folder = tmp_path / "tiny"
    timm.models.save_for_hf(timm.create_model("test_resnet", num_classes=7), folder, safe_serialization=True)
    first = embed(EmbedConfig(encoder=f"timm:{folder}"), context_of(store, "1"))
    again = embed(EmbedConfig(encoder=f"timm:{folder}"), context_of(store, "2"))
    assert first.encoder_id == again.encoder_id
    (folder / "model.safetensors").unlink()
    (folder / "config.json").unlink()
    folder.rmdir()
    later = embed(EmbedConfig(encoder=f"timm:{folder}"), context_of(store, "3"))
    assert later.encoder_id == first.encoder_id
    assert atlas_of(store, later.projection_id).features.shape == (12, 96)
    with pytest.raises(NotFound, match="built-in encoder"):
        embed(EmbedConfig(encoder="timm:/nowhere/else"), context_of(store, "4"))


def test_one_image_on_the_map(store, pictures, tmp_path: Path):
    put(store, pictures[:1])
    with pytest.raises(InvalidInput, match="2 or more"):
        embed(EmbedConfig(), context_of(store, "1"))
    folder = tmp_path / "tiny"
    timm.models.save_for_hf(timm.create_model("test_resnet", num_classes=7), folder, safe_serialization=True)
    made = embed(EmbedConfig(encoder=f"timm:{folder}"), context_of(store, "2"))
    assert (made.images, made.method) == (1, "pca")
    assert atlas_of(store, made.projection_id).margin[0] == 1


def test_what_is_missing_is_said(store, pictures):
    with pytest.raises(NotReady, match="import images"):
        embed(EmbedConfig(), context_of(store, "1"))
    with pytest.raises(NotReady, match="import"):
        train_encoder(TINY, context_of(store, "2"))
    put(store, pictures[:3])
    with pytest.raises(NotFound, match="model 99"):
        embed(EmbedConfig(encoder="model:99"), context_of(store, "3"))


@pytest.mark.parametrize(
    "config", [{"encoder": "clip"}, {"encoder": "timm:"}, {"neighbours": 1}, {"min_dist": 2.0}, {"fit_on": 5}]
)
def test_config_names_the_field(config):
    with pytest.raises(InvalidConfig, match=next(iter(config))):
        EmbedConfig(**config)
