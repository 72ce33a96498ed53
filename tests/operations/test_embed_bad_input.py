"""What a map does with images that no map suits: it says so, in an error or in its notes, and keeps nothing half."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from augment.errors import InvalidInput, NotReady
from augment.features.atlas import Atlas
from augment.features.encoders import BuiltinEncoder, BuiltinNetConfig, ResidualNet
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.embed import EmbedConfig, EmbedResult, embed
from augment.operations.train_encoder import TrainEncoderConfig
from augment.store import Change, ImageRecord, ModelRecord, Split, Store
from augment.views import View

# A process loads umap-learn once, for seconds.

VIEW = View(kind="whole", side_px=16, colour="grey")


def put(store: Store, pictures: Sequence[np.ndarray], labels: Sequence[str], splits: Sequence[Split]) -> None:
    """Imports pictures (16, 16, 1) uint8, each a part of its own."""
    store.settings.set("view", VIEW.to_json())
    records: list[Change] = []
    for number, (pixels, label, split) in enumerate(zip(pictures, labels, splits, strict=True)):
        # The same pixels in other bytes, as two exports of one picture have: what follows the end is not read.
        data = encode_png(pixels) + str(number).encode()
        records.append(
            ImageRecord(
                sha256=store.files.put(data),
                name=f"{number}.png",
                label=label,
                group=f"part {number}",
                split=split,
                width_px=16,
                height_px=16,
                size_bytes=len(data),
                source="test",
            )
        )
    store.apply(records)


def add_encoder(store: Store, weight: float | None = None) -> None:
    """An untrained encoder for the view; with `weight` in place of one of its numbers."""
    torch.manual_seed(0)
    net = ResidualNet(BuiltinNetConfig(side_px=16, channels=1, width=8, dim=16))
    if weight is not None:
        with torch.no_grad():
            next(net.parameters()).view(-1)[0] = weight
    encoder = BuiltinEncoder(net)
    path = store.workspace.checkpoints_dir / "encoder.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {**encoder.config, "view": VIEW.to_json()}
    relative = path.relative_to(store.workspace.root).as_posix()
    store.apply([ModelRecord(kind="encoder", name="test", path=relative, sha256=encoder.save(path), config=config)])


def built(store: Store, config: EmbedConfig | None = None) -> tuple[EmbedResult, Atlas]:
    context = Context(
        store=store, commit=lambda changes: store.apply(list(changes)), job_folder=store.workspace.jobs_dir / "1"
    )
    result = embed(config or EmbedConfig(), context)
    return result, Atlas.load(store.workspace.root / store.projections.get(result.projection_id).path)


def noise(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (16, 16, 1), dtype=np.uint8) for _ in range(count)]


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_nan_in_features_is_an_error_and_leaves_no_map(store, weight):
    put(store, noise(12), ["a", "b"] * 6, ["train"] * 12)
    add_encoder(store, weight)
    with pytest.raises(InvalidInput, match=r"12 of 12 rows hold NaN or infinity .* train the encoder again"):
        built(store)
    assert store.projections.list() == []
    folder = store.workspace.projections_dir
    assert not folder.exists() or not list(folder.iterdir())


def test_nan_in_a_map_that_is_there_is_an_error(store):
    put(store, noise(12), ["a", "b"] * 6, ["train"] * 12)
    add_encoder(store)
    result, atlas = built(store)
    features = np.array(atlas.features)
    features[7] = np.nan
    np.save(atlas.folder / "features.npy", features)
    (store.workspace.jobs_dir / "1" / "encoded.json").unlink()
    with pytest.raises(InvalidInput, match=r"1 of 12 rows hold NaN or infinity \(first: 7\)"):
        built(store, EmbedConfig(refit=True))
    assert [record.id for record in store.projections.list()] == [result.projection_id]


def test_fewer_images_than_neighbours_is_noted(store):
    put(store, noise(18), ["a", "b"] * 9, ["train"] * 16 + ["test"] * 2)
    add_encoder(store)
    result, atlas = built(store, EmbedConfig(neighbours=50))
    assert result.method == "umap"
    assert "16 images have fewer than 50 neighbours each: 15 are used" in result.notes
    assert np.isfinite(atlas.position).all() and np.isfinite(atlas.xy).all()


def test_constant_images_are_noted_and_lie_in_one_place(store):
    put(store, [np.full((16, 16, 1), 90, np.uint8)] * 20, ["a", "b"] * 10, ["train"] * 17 + ["test"] * 3)
    add_encoder(store)
    result, atlas = built(store)
    assert result.method == "pca"
    assert any("1 different image is too few for UMAP" in note for note in result.notes)
    assert "16 of 17 images have the same features as another one" in result.notes
    assert np.ptp(np.asarray(atlas.position), axis=0).max() == 0
    # Nothing tells the classes apart, and the unit of the landing error is never 0.
    assert np.abs(atlas.margin).max() < 0.2
    assert min(atlas.scale.values()) > 0
    assert min(atlas.spacing.values()) > 0


def test_an_encoder_is_trained_on_constant_images_without_nan(store, monkeypatch):
    tiny = TrainEncoderConfig(images_seen=128, batch_size=16, width=8, flips="none")
    monkeypatch.setattr("augment.operations.embedding.TrainEncoderConfig", lambda seed: replace(tiny, seed=seed))
    put(store, [np.full((16, 16, 1), 90, np.uint8)] * 20, ["a", "b"] * 10, ["train"] * 17 + ["validation"] * 3)
    result, atlas = built(store)
    assert np.isfinite(atlas.features).all()
    assert any("have the same features" in note for note in result.notes)


def test_a_label_without_training_images_is_noted(store):
    put(store, noise(20), ["a", "b"] * 8 + ["rare"] * 4, ["train"] * 16 + ["test"] * 4)
    add_encoder(store)
    result, atlas = built(store)
    assert "label 'rare' has no training image: nothing is known about its boundary" in result.notes
    rare = atlas.labels.index("rare")
    assert (atlas.probability[:, rare] == 0).all()
    assert (atlas.margin[16:] < 0).all()
    assert atlas.scale["rare"] > 0
    # It is on the map all the same, only never as a place to generate at.
    assert not atlas.fitted[16:].any()
    assert not np.isin(atlas.pairs, np.arange(16, 20)).any()


def test_one_label_has_no_boundary_and_no_classifier(store):
    put(store, noise(6), ["only"] * 6, ["train"] * 6)
    add_encoder(store)
    result, atlas = built(store)
    assert any("one label" in note for note in result.notes)
    assert atlas.classifier is None
    assert len(atlas.pairs) == 0


def test_one_image(store):
    put(store, noise(1), ["a"], ["train"])
    add_encoder(store)
    result, atlas = built(store)
    assert (result.images, result.method) == (1, "pca")
    assert any("1 different image is too few" in note for note in result.notes)
    assert (atlas.position == 0).all() and atlas.scale == {"a": 1.0}


def test_no_training_image_is_an_error(store):
    put(store, noise(3), ["a", "b", "a"], ["test"] * 3)
    with pytest.raises(NotReady, match="none in the training split"):
        built(store)
