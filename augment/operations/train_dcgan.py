"""Train a DCGAN on the training split's cuts: the generator that others are compared with.

Imports torch only when it runs. Cancelled or killed, it continues from the checkpoint in the job's folder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from augment.baselines.settings import DcganTraining
from augment.errors import NotReady
from augment.operations.context import Context
from augment.operations.views import current_view, load_cut
from augment.store import ModelRecord

__all__ = ["TrainDcganConfig", "TrainDcganResult", "train_dcgan"]


@dataclass(frozen=True, kw_only=True)
class TrainDcganConfig(DcganTraining):
    """How the DCGAN is trained."""


@dataclass(frozen=True, kw_only=True)
class TrainDcganResult:
    """The trained model's id and file, and how many images it was trained on."""

    model_id: int
    sha256: str
    images: int
    metrics: Mapping[str, float]


def train_dcgan(config: TrainDcganConfig, context: Context) -> TrainDcganResult:
    """Trains on the training split alone and commits a ModelRecord of kind "dcgan".

    NotReady if there are no training images; InvalidConfig for a view whose side cannot be doubled to; Cancelled after
    a checkpoint.
    """
    from augment.baselines.dcgan import train_dcgan as train
    from augment.images import encode_png
    from augment.training.files import save_weights
    from augment.training.precision import choose_precision

    store, view = context.store, current_view(context.store)
    records = store.images.list(split="train")
    if len(records) < 2:
        raise NotReady("the training split has fewer than 2 images: import images first")
    labels = store.images.labels()
    cuts = []
    for record in records:
        cuts.append(load_cut(store, record, view))
        context.progress.check()
    label = np.array([labels.index(record.label) for record in records], dtype=np.int64)

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        shown = None
        if previews is not None:
            shown = {f"samples-{step * config.batch_size:07d}.png": encode_png(np.concatenate(list(previews), axis=1))}
        context.progress(step, total, metrics, shown)

    precision = choose_precision(config.precision)
    checkpoint = context.job_folder / "training.pt"
    trained, metrics = train(np.stack(cuts), label, len(labels), config, checkpoint, report, precision)
    fresh = context.job_folder / "dcgan.safetensors"
    sha256 = save_weights(fresh, trained)
    kept = store.workspace.checkpoints_dir / f"dcgan-{sha256[:16]}.safetensors"
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(kept)
    record_of = ModelRecord(
        kind="dcgan",
        name=f"DCGAN, {len(records)} images",
        path=kept.relative_to(store.workspace.root).as_posix(),
        sha256=sha256,
        config={"shape": asdict(trained.shape), "labels": labels, "view": view.to_json(), "training": asdict(config)},
        metrics=metrics,
        job_id=context.job_id,
    )
    (model_id,) = context.commit([record_of])
    return TrainDcganResult(model_id=model_id, sha256=sha256, images=len(records), metrics=metrics)
