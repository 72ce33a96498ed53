"""Teach a Stable Diffusion model a defect from few photographs: `kizu train lora`.

A file is kept at every preview, with its held-out loss and how near its drawn defects come to the photographs; the one
to use is named with the reason. Cancelled or killed, it goes on from the checkpoint in the job's folder.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from augment.errors import Refused
from augment.notices import Notice
from augment.operations.context import Context
from augment.operations.lora_photographs import Chosen, TrainLoraConfig, choose_photographs
from augment.operations.lora_watch import LoraWatch, advise
from augment.operations.redraw_models import find_checkpoint
from augment.store import ModelRecord

__all__ = ["TrainLoraConfig", "TrainLoraResult", "taught", "train_lora"]


@dataclass(frozen=True, kw_only=True)
class TrainLoraResult:
    """The file to use, what it was trained on, why it is this one, and what to know of it."""

    model_id: int
    path: str
    sha256: str
    images: int
    held_out: int
    good_images: int
    images_seen: int
    advice: str
    metrics: Mapping[str, float]
    notes: tuple[Notice, ...] = ()


def train_lora(config: TrainLoraConfig, context: Context) -> TrainLoraResult:
    """Trains on the training split alone and commits a ModelRecord of kind "lora" for the file that is recommended.

    Raises what `choose_photographs`, `find_checkpoint` and `load_model` do; Refused where the disk is too full for what
    is kept; Cancelled after a checkpoint.
    """
    chosen = choose_photographs(config, context.store, find_checkpoint(config.base))
    watch, metrics = taught(config, chosen, context)
    return _keep(config, chosen, watch, metrics, context)


def taught(
    config: TrainLoraConfig, chosen: Chosen, context: Context, places: Chosen | None = None
) -> tuple[LoraWatch, dict[str, float]]:
    """A training in the context's folder: what was kept there, and the last metrics. places: as `watch_of` has it."""
    from augment.images import encode_png
    from augment.latent.lora.learning import train_lora as train
    from augment.latent.lora.network import adapter_bytes
    from augment.latent.model import load_model
    from augment.operations.lora_lessons import encoded, watch_of
    from augment.training.precision import choose_precision

    model = load_model(find_checkpoint(config.base), choose_precision(config.precision))
    _check_disk(config, adapter_bytes(model, config), context)
    lessons, held_out = encoded(config, chosen, model, context)
    watch = watch_of(config, chosen, model, context, places)

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        seen, shown = step * config.batch_size, None
        if previews is not None:
            kept = watch.keep(seen, metrics)
            metrics = {**metrics, **kept.figures}
            shown = {f"samples-{seen:06d}.png": encode_png(np.hstack(list(previews)))}
            if watch.pair is not None:
                shown[f"nearest-{seen:06d}.png"] = encode_png(watch.pair)
        context.progress(step, total, metrics, shown)

    training, checkpoint = config.training, context.job_folder / "training.pt"
    _, metrics = train(model, lessons, held_out, training, checkpoint, report, watch.look)
    return watch, metrics


def _check_disk(config: TrainLoraConfig, file_bytes: int, context: Context) -> None:
    """Refused where kept files, and a checkpoint with its successor, would not fit: it would fail in the middle."""
    kept = -(-config.images_seen // config.preview_every)
    # A checkpoint holds the adapters, their averages and two moments of the optimiser.
    needed, free = (kept + 8) * file_bytes, shutil.disk_usage(context.job_folder).free
    if free < needed:
        raise Refused(
            f"the disk has {free / 1e6:.0f} MB left and this training keeps up to {needed / 1e6:.0f} MB: free some, "
            f"or take a rank below {config.rank} or a preview_every above {config.preview_every}"
        )


def _keep(
    config: TrainLoraConfig, chosen: Chosen, watch: LoraWatch, metrics: dict[str, float], context: Context
) -> TrainLoraResult:
    """Moves the recommended file under its hash and commits the record."""
    workspace = context.store.workspace
    best, reason = advise(watch.kept)
    target = workspace.checkpoints_dir / f"lora-{best.sha256[:16]}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes((context.job_folder / best.file).read_bytes())
    part.replace(target)
    record = ModelRecord(
        kind="lora",
        name=f"{config.prompt}, {len(chosen.defect)} images, {best.images_seen} crops seen",
        path=target.relative_to(workspace.root).as_posix(),
        sha256=best.sha256,
        config={
            **watch.told,
            "kept": [asdict(one) for one in watch.kept],
            "advice": reason,
            "training": json.loads(json.dumps(asdict(config))),
        },
        metrics={**metrics, **best.figures},
        job_id=context.job_id,
    )
    (model_id,) = context.commit([record])
    return TrainLoraResult(
        model_id=model_id,
        path=record.path,
        sha256=best.sha256,
        images=len(chosen.defect),
        held_out=len(chosen.held_out),
        good_images=len(chosen.good),
        images_seen=best.images_seen,
        advice=reason,
        metrics=record.metrics,
        notes=chosen.notes,
    )
