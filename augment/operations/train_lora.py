"""Teach a Stable Diffusion model a defect from few photographs: `kizu train lora`.

A file is kept at every preview, with its held-out loss and how near its drawn defects come to the photographs; the one
to use is named with the reason. Cancelled or killed, it goes on from the checkpoint in the job's folder.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.judge.copying import RealDefects, look_of
from augment.latent.lora.settings import LoraTraining
from augment.operations.context import Context
from augment.operations.lora_photographs import Chosen, TrainLoraConfig, choose_photographs, cut_lessons
from augment.operations.lora_watch import Kept, LoraWatch, advise, preview_patches
from augment.operations.redraw_engines import fingerprint
from augment.operations.redraw_models import find_checkpoint
from augment.operations.views import load_mask, load_pixels
from augment.store import ModelRecord

if TYPE_CHECKING:
    from augment.latent.lora.photographs import LoraPhotographs
    from augment.latent.model import LatentModel

__all__ = ["TrainLoraConfig", "TrainLoraResult", "train_lora"]


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
    notes: tuple[str, ...] = ()


def train_lora(config: TrainLoraConfig, context: Context) -> TrainLoraResult:
    """Trains on the training split alone and commits a ModelRecord of kind "lora" for the file that is recommended.

    Raises what `choose_photographs`, `find_checkpoint` and `load_model` do; Cancelled after a checkpoint.
    """
    from augment.images import encode_png
    from augment.latent.lora.learning import train_lora as train
    from augment.latent.model import load_model
    from augment.training.precision import choose_precision

    checkpoint = find_checkpoint(config.base)
    chosen = choose_photographs(config, context.store, checkpoint.side_px)
    model = load_model(checkpoint, choose_precision(config.precision))
    training = LoraTraining(**{one.name: getattr(config, one.name) for one in fields(LoraTraining)})
    lessons, held_out = _encoded(config, chosen, model, context)
    watch = LoraWatch(
        model=model,
        patches=preview_patches(chosen, checkpoint, context.store),
        real=RealDefects([_look(one.id or 0, context) for one in chosen.defect]),
        prompt=config.prompt,
        training=training,
        told=_told(config, chosen),
        folder=context.job_folder,
    )

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        seen, shown = step * config.batch_size, None
        if previews is not None:
            kept = watch.keep(seen, metrics)
            metrics = {**metrics, **kept.figures}
            shown = {f"samples-{seen:06d}.png": encode_png(np.hstack(list(previews)))}
        context.progress(step, total, metrics, shown)

    _, metrics = train(model, lessons, held_out, training, context.job_folder / "training.pt", report, watch.look)
    return _keep(config, chosen, watch.kept, metrics, context)


def _encoded(
    config: TrainLoraConfig, chosen: Chosen, model: "LatentModel", context: Context
) -> tuple["LoraPhotographs", "LoraPhotographs | None"]:
    from augment.latent.lora.photographs import LoraCrop, encode_crops

    side_px = model.checkpoint.side_px
    per_good = max(1, config.crops * len(chosen.defect) // max(1, 2 * len(chosen.good)))
    lessons = cut_lessons(config, chosen.defect, side_px, config.crops, context, good=False)
    lessons += cut_lessons(config, chosen.good, side_px, min(per_good, config.crops), context, good=True)
    aside = cut_lessons(config, chosen.held_out, side_px, 2, context, good=False)
    names = [one.name for one in fields(LoraCrop)]
    sets = [[LoraCrop(**{name: getattr(one, name) for name in names}) for one in some] for some in (lessons, aside)]
    return encode_crops(model, sets[0], config), encode_crops(model, sets[1], config) if aside else None


def _look(image_id: int, context: Context) -> NDArray[np.uint8]:
    """The defect of a photograph, as copies are told by."""
    record = context.store.images.get(image_id)
    pixels, mask = load_pixels(context.store, record), load_mask(context.store, record)
    return look_of(pixels, np.zeros(pixels.shape[:2], np.bool_) if mask is None else mask)


def _told(config: TrainLoraConfig, chosen: Chosen) -> dict[str, Any]:
    """What goes with the file."""
    return {
        "label": chosen.label,
        "base": config.base,
        "base_sha256": fingerprint(find_checkpoint(config.base).path),
        "token": config.token,
        "instance_prompt": config.prompt,
        "class_prompt": config.class_prompt,
        "images": len(chosen.defect),
        "good_images": len(chosen.good),
    }


def _keep(
    config: TrainLoraConfig, chosen: Chosen, kept: list[Kept], metrics: dict[str, float], context: Context
) -> TrainLoraResult:
    """Moves the recommended file under its hash and commits the record."""
    workspace = context.store.workspace
    best, reason = advise(kept)
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
            **_told(config, chosen),
            "kept": [asdict(one) for one in kept],
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
