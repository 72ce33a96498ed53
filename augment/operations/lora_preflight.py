"""What a LoRA's training would come to: photographs, steps, disk, and, once measured here, seconds and memory.

`look_ahead` reads the store alone and imports no torch; `preflight_lora` trains a few steps, keeps nothing of them, and
leaves what they cost in its job, where `look_ahead` finds it.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.notices import Notice
from augment.operations.context import Context
from augment.operations.lora_photographs import Chosen, TrainLoraConfig, choose_photographs
from augment.operations.redraw_models import find_checkpoint, local_checkpoint
from augment.store import JobRecord, Store

__all__ = ["LoraPreflight", "look_ahead", "preflight_lora"]

_STEPS = 6
_PACE = (
    "base",
    "batch_size",
    "accumulation",
    "rank",
    "targets",
    "text_encoder",
    "precision",
    "gradient_checkpointing",
)
"""What seconds and memory of a step hang on."""


@dataclass(frozen=True, kw_only=True)
class LoraPreflight:
    """What a training would learn from and how long it would take.

    images: with the defect, learned; held_out: set aside to judge by; good_images: really used beside them.
    steps_per_image: how often each defect is in a step. seconds_per_step, preview_seconds, memory_bytes (at its peak)
    and seconds (of all) are None until such a training, or `preflight_lora`, has run on this machine.
    """

    label: str
    images: int
    held_out: int
    good_images: int
    steps: int
    steps_per_image: float
    seconds_per_step: float | None = None
    preview_seconds: float | None = None
    memory_bytes: float | None = None
    seconds: float | None = None
    notes: tuple[Notice, ...] = ()


def look_ahead(config: TrainLoraConfig, store: Store) -> LoraPreflight:
    """Fetches nothing. Raises what `choose_photographs` and `local_checkpoint` do."""
    chosen = choose_photographs(config, store, local_checkpoint(config.base))
    return _ahead(config, chosen, _measured(config, store.jobs.list(limit=200)))


def _ahead(config: TrainLoraConfig, chosen: Chosen, measured: Mapping[str, float]) -> LoraPreflight:
    share = config.regularisation_share if chosen.good else 0.0
    step, look = measured.get("seconds_per_step"), measured.get("preview_seconds")
    looks = -(-config.images_seen // config.preview_every)
    return LoraPreflight(
        label=chosen.label,
        images=len(chosen.defect),
        held_out=len(chosen.held_out),
        good_images=len(chosen.good),
        steps=config.steps,
        steps_per_image=round(config.images_seen * (1 - share) / len(chosen.defect), 1),
        seconds_per_step=step,
        preview_seconds=look,
        memory_bytes=measured.get("memory_bytes"),
        seconds=None if step is None else config.steps * step + looks * (look or 0.0),
        notes=chosen.notes,
    )


def _measured(config: TrainLoraConfig, jobs: Sequence[JobRecord]) -> Mapping[str, float]:
    """What the newest training or preflight of the same pace has left, newest first."""
    found: dict[str, float] = {}
    defaults = {one.name: one.default for one in fields(TrainLoraConfig)}
    for job in jobs:
        same = all(job.config.get(name, defaults[name]) == getattr(config, name) for name in _PACE)
        if job.operation in ("preflight_lora", "train_lora") and same:
            told = dict(job.metrics)
            if "images_per_second" in told:
                told["seconds_per_step"] = config.batch_size / told["images_per_second"]
            found = {**told, **found}
    return found


def preflight_lora(config: TrainLoraConfig, context: Context) -> LoraPreflight:
    """Trains six steps on two photographs and draws the previews once; commits nothing.

    Raises what `train_lora` does before its first step.
    """
    from augment.latent.lora.learning import train_lora
    from augment.latent.model import load_model
    from augment.operations.lora_lessons import encoded, watch_of
    from augment.training.precision import choose_precision

    checkpoint = find_checkpoint(config.base)
    chosen = choose_photographs(config, context.store, checkpoint)
    model = load_model(checkpoint, choose_precision(config.precision))
    few = replace(chosen, defect=chosen.defect[:2], good=chosen.good[:2], held_out=())
    lessons, _ = encoded(config, few, model, context)
    watch = watch_of(config, chosen, model, context)
    length = _STEPS * config.batch_size
    training = replace(config.training, images_seen=length, preview_every=length, checkpoint_every=length)
    ends: list[float] = []
    looked: list[float] = []

    def look(network: Any) -> NDArray[np.uint8]:  # noqa: ANN401  # torch is not imported for a name
        began = time.perf_counter()
        pictures = watch.look(network)
        looked.append(time.perf_counter() - began)
        return pictures

    def report(step: int, total: int, metrics: Mapping[str, float], previews: Any) -> None:  # noqa: ANN401
        ends.append(time.perf_counter())
        context.progress(step, total)

    train_lora(model, lessons, None, training, context.job_folder / "preflight.pt", report, look)
    # The first step compiles and the last one draws: neither is like the rest.
    step = statistics.median(np.diff(ends[:-1]).tolist())
    measured = {"seconds_per_step": step, "preview_seconds": looked[0], "memory_bytes": _peak_bytes()}
    context.progress(_STEPS, _STEPS, measured)
    return _ahead(config, chosen, measured)


def _peak_bytes() -> float:
    """Of the GPU where there is one, else of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
