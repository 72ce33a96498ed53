"""Train the built-in encoder on the workspace's training split, cut by its view.

Imports torch only when it runs. Cancelled or killed, it continues from the checkpoint in the job's folder.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.errors import NotReady
from augment.features.encoder_config import TrainEncoderConfig
from augment.operations.base_models import base_weights
from augment.operations.context import Context
from augment.operations.views import current_view, load_cut
from augment.store import ImageRecord, ModelRecord, Split
from augment.views import View

if TYPE_CHECKING:
    from augment.features.encoder_training import LabelledImages

__all__ = ["TrainEncoderConfig", "TrainEncoderResult", "read_labelled", "train_encoder"]


@dataclass(frozen=True, kw_only=True)
class TrainEncoderResult:
    """The trained encoder's id and file.

    images: training images. metrics: the last losses, and "validation_accuracy" and "validation_balanced_accuracy"
    (0 to 1) of the 5 nearest training images on the validation split, where it has images. notes: what a user should
    know.
    """

    model_id: int
    sha256: str
    images: int
    metrics: Mapping[str, float]
    notes: tuple[str, ...]
    seconds: float


def train_encoder(config: TrainEncoderConfig, context: Context) -> TrainEncoderResult:
    """Train on the training split alone and commit a ModelRecord of kind "encoder".

    Raises:
        NotReady: no image is in the training split.
        InvalidInput: a single training image.
        Cancelled: told to stop; the checkpoint is written.
    """
    from augment.features.encoder_training import train_builtin

    began = time.monotonic()
    store = context.store
    view, labels = current_view(store), store.images.labels()
    training = read_labelled("train", labels, view, context)
    if not len(training.images):
        raise NotReady("the training split has no images: import images, or give the training split a larger share")
    trained = train_builtin(
        training,
        len(labels),
        config,
        checkpoint=context.job_folder / "encoder.pt",
        report=lambda step, total, metrics: context.progress(step, total, metrics),
        validation=read_labelled("validation", labels, view, context),
        base=base_weights("encoder") if config.start == "base" else None,
    )
    fresh = context.job_folder / "encoder.safetensors"
    sha256 = trained.encoder.save(fresh)
    kept = store.workspace.checkpoints_dir / f"encoder-{sha256[:16]}.safetensors"
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(kept)
    record = ModelRecord(
        kind="encoder",
        name=trained.encoder.name,
        path=kept.relative_to(store.workspace.root).as_posix(),
        sha256=sha256,
        config={**trained.encoder.config, "view": view.to_json(), "labels": labels, "training": asdict(config)},
        metrics=dict(trained.metrics),
        job_id=context.job_id,
    )
    (model_id,) = context.commit([record])
    return TrainEncoderResult(
        model_id=model_id,
        sha256=sha256,
        images=len(training.images),
        metrics=trained.metrics,
        notes=trained.notes,
        seconds=time.monotonic() - began,
    )


def read_labelled(split: Split, labels: list[str], view: View, context: Context) -> "LabelledImages":
    """The cuts of a split with their label indices, in the order of `store.images.list(split=split)`."""
    from augment.features.encoder_training import LabelledImages

    records = context.store.images.list(split=split)
    index = {label: number for number, label in enumerate(labels)}
    return LabelledImages(
        _cuts(records, split, view, context), np.array([index[record.label] for record in records], dtype=np.int64)
    )


def _cuts(records: list[ImageRecord], split: Split, view: View, context: Context) -> NDArray[np.uint8]:
    """(n, side, side, channels) uint8, mapped from a file in the job's folder so that memory does not grow with n."""
    shape = (len(records), view.side_px, view.side_px, view.channels)
    if not records:
        return np.empty(shape, dtype=np.uint8)
    context.job_folder.mkdir(parents=True, exist_ok=True)
    cuts = np.lib.format.open_memmap(context.job_folder / f"cuts-{split}.npy", mode="w+", dtype=np.uint8, shape=shape)
    for row, record in enumerate(records):
        if row % 100 == 0:
            context.progress.check()
        cuts[row] = load_cut(context.store, record, view)
    return np.asarray(cuts)
