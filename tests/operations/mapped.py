"""A small workspace with a map, made without UMAP: two kinds of surface, dark spots of several sizes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from augment.features.atlas import Atlas
from augment.features.boundary import margins, neighbour_scale, part_spacing
from augment.features.encoders import BuiltinEncoder, BuiltinNetConfig, ResidualNet
from augment.features.projection import Projection, ProjectionConfig
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.views import load_cut
from augment.store import Change, ImageRecord, ModelRecord, ProjectionRecord, Split, Store
from augment.training.precision import choose_precision
from augment.views import View

VIEW = View(kind="whole", side_px=32, colour="grey")
SPLITS: tuple[Split, ...] = ("train", "train", "train", "train", "validation", "test")


def add_images(store: Store, count: int = 36, *, masks: bool = False) -> None:
    """`count` grey pictures of 32 px, labels "free" and "spot" in turn, every sixth a test image; and the view.

    masks: spots come with theirs.
    """
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(32), np.arange(32))
    records: list[Change] = []
    for number in range(count):
        pixels = 140 + 20 * np.sin(across / 3 + number) + rng.normal(0, 5, (32, 32))
        mask_sha256 = None
        if number % 2:
            spot = (across - 16) ** 2 + (down - 16) ** 2 < (3 + number % 7) ** 2
            pixels[spot] = 30
            mask_sha256 = store.files.put(encode_png(spot.astype(np.uint8)[..., None] * np.uint8(255)))
        sha256 = store.files.put(encode_png(np.clip(pixels, 0, 255).astype(np.uint8)))
        records.append(
            ImageRecord(
                sha256=sha256,
                name=f"{number}.png",
                label=("free", "spot")[number % 2],
                group=f"part {number}",
                split=SPLITS[number // 2 % len(SPLITS)],
                width_px=32,
                height_px=32,
                size_bytes=1,
                source="test",
                mask_sha256=mask_sha256 if masks else None,
            )
        )
    store.apply(records)
    store.settings.set("view", VIEW.to_json())


def context_of(store: Store, folder: Path) -> Context:
    """A context as the command line makes one."""
    folder.mkdir(exist_ok=True)

    def commit(changes: Sequence[Change]) -> list[int]:
        return store.apply(changes)

    return Context(store=store, commit=commit, job_folder=folder)


def add_map(store: Store, seed: int = 0, precision: str = "auto") -> int:
    """An untrained encoder with its map (principal components); returns the projection's id.

    precision: "fp32" for the same map on every processor.
    """
    torch.manual_seed(seed)
    net = ResidualNet(BuiltinNetConfig(side_px=32, channels=1, width=8, dim=32))
    encoder = BuiltinEncoder(net, choose_precision(precision))
    images = store.images.list()
    cuts = [load_cut(store, image, VIEW) for image in images]
    encoder.fit_aim(cuts)
    path = store.workspace.checkpoints_dir / f"encoder-{seed}.safetensors"
    model = ModelRecord(
        kind="encoder",
        name="test",
        path=path.relative_to(store.workspace.root).as_posix(),
        sha256=encoder.save(path),
        config=encoder.config,
    )
    (encoder_id,) = store.apply([model])
    labels = store.images.labels()
    features, aim = encoder.describe(cuts)
    fitted = np.array([image.split == "train" for image in images])
    projection = Projection.fit(features[fitted], ProjectionConfig(smallest_umap=10_000), aim=aim[fitted])
    position, xy = projection.place(features)
    position[fitted], xy[fitted] = projection.position, projection.xy
    groups = [image.group for image in images if image.split == "train"]
    boundary = margins(features, [image.label for image in images], [image.group for image in images], fitted)
    folder = store.workspace.projections_dir / str(seed + 1)
    Atlas.write(
        folder,
        image_ids=[image.id or 0 for image in images],
        features=features,
        aim=aim,
        labels=labels,
        label_index=np.array([labels.index(image.label) for image in images]),
        fitted=fitted,
        probability=boundary.probability,
        margin=np.zeros(len(images), np.float32),
        pairs=np.zeros((0, 2)),
        pair_distance=np.zeros(0, np.float32),
        scale=neighbour_scale(position[fitted], [image.label for image in images if image.split == "train"], groups),
        spacing={"position": part_spacing(position[fitted], groups), "xy": part_spacing(xy[fitted], groups)},
        position=position,
        xy=xy,
        projection=projection,
        classifier=boundary.classifier,
    )
    path_of_map = folder.relative_to(store.workspace.root).as_posix()
    return store.apply([ProjectionRecord(encoder_id=encoder_id, path=path_of_map, config={})])[0]
