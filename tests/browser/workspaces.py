"""Workspaces for browser tests: pictures, a map, a generator trained for a moment, and samples to review."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from augment.images import encode_png
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.store import Change, Store, Workspace
from tests.examples import sample_record
from tests.operations.mapped import add_images, add_map, context_of

IMAGES = 36
_BRIEF = TrainDdpmConfig(images_seen=16, batch_size=8, width=8, warmup_steps=1)


def mapped_workspace(
    root: Path,
    *,
    samples: int = 0,
    labels: Sequence[str] = ("free", "spot"),
    generator: bool = False,
    masks: bool = False,
) -> Workspace:
    """A workspace at `root` that a server can open: two classes on a map, a generator and the spots' masks if asked
    for, and `samples` candidates with these labels in turn."""
    workspace = Workspace(root).create()
    with Store(workspace) as store:
        add_images(store, IMAGES, masks=masks)
        projection = add_map(store)
        if generator:
            train_ddpm(_BRIEF, context_of(store, root / "training"))
        _add_samples(store, samples, labels, projection)
    return workspace


def _add_samples(store: Store, count: int, labels: Sequence[str], projection: int) -> None:
    rng = np.random.default_rng(1)
    pictures = [store.files.put(encode_png(rng.integers(60, 190, (32, 32, 1), dtype=np.uint8))) for _ in range(8)]
    images = store.images.list()
    records: list[Change] = [
        sample_record(
            number,
            sha256=pictures[number % len(pictures)],
            label=labels[number % len(labels)],
            nearest_image_id=images[number % len(images)].id,
            nearest_real_distance=0.1 + number % 7,
            landing_error=0.2 * (number % 9),
            projection_id=projection,
        )
        for number in range(count)
    ]
    store.apply(records)
