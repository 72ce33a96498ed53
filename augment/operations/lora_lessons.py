"""Crops of the chosen photographs as a LoRA's training sees them, and the watch over it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.judge.copying import RealDefects, look_of
from augment.latent.settings import LatentSampling
from augment.latent.training_masks import training_mask
from augment.masked import separate
from augment.operations.context import Context
from augment.operations.lora_photographs import Chosen, TrainLoraConfig
from augment.operations.lora_watch import LoraWatch, defect_picture, preview_patches
from augment.operations.mask_library import estimate_part
from augment.operations.redraw_engines import fingerprint
from augment.operations.redraw_models import model_choice
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord
from augment.views import recoloured

if TYPE_CHECKING:
    from augment.latent.lora.photographs import LoraCrop, LoraPhotographs
    from augment.latent.model import LatentModel

_STEPS = 12
"""Of a preview: fewer than a sample has, for there are eight at each look."""

__all__ = ["cut_lessons", "encoded", "watch_of"]


def encoded(
    config: TrainLoraConfig, chosen: Chosen, model: "LatentModel", context: Context
) -> tuple["LoraPhotographs", "LoraPhotographs | None"]:
    """What is learned from, and what is set aside: latents, computed once."""
    from augment.latent.lora.photographs import encode_crops

    side_px = model.checkpoint.side_px
    per_good = max(1, config.crops * len(chosen.defect) // max(1, 2 * len(chosen.good)))
    lessons = cut_lessons(config, chosen.defect, side_px, config.crops, context, good=False)
    lessons += cut_lessons(config, chosen.good, side_px, min(per_good, config.crops), context, good=True)
    aside = cut_lessons(config, chosen.held_out, side_px, 2, context, good=False)
    return encode_crops(model, lessons, config), encode_crops(model, aside, config) if aside else None


def watch_of(
    config: TrainLoraConfig, chosen: Chosen, model: "LatentModel", context: Context, places: Chosen | None = None
) -> LoraWatch:
    """Eight places to draw at, and the photographs' defects to hold what is drawn against.

    places: whose good parts are drawn on; those of `chosen` if not given.
    """
    choice = model_choice(context.store, config.base)
    return LoraWatch(
        model=model,
        patches=preview_patches(places or chosen, model.checkpoint, context.store),
        real=RealDefects([_look(one, context) for one in chosen.defect]),
        real_picture=lambda row: defect_picture(chosen.defect[row], model.checkpoint, context.store),
        prompt=config.prompt,
        negative_prompt=config.class_prompt,
        sampling=LatentSampling(steps=_STEPS, guidance=choice.guidance, sampler=choice.sampler),
        training=config.training,
        told={
            "label": chosen.label,
            "base": config.base,
            "base_sha256": fingerprint(model.checkpoint.path),
            "token": config.token,
            "instance_prompt": config.prompt,
            "class_prompt": config.class_prompt,
            "images": len(chosen.defect),
            "good_images": len(chosen.good),
        },
        folder=context.job_folder,
    )


def _look(record: ImageRecord, context: Context) -> NDArray[np.uint8]:
    """The defect of a photograph, as copies are told by."""
    pixels, mask = load_pixels(context.store, record), load_mask(context.store, record)
    return look_of(pixels, np.zeros(pixels.shape[:2], np.bool_) if mask is None else mask)


def cut_lessons(
    config: TrainLoraConfig, records: Sequence[ImageRecord], side_px: int, count: int, context: Context, *, good: bool
) -> list["LoraCrop"]:
    """`count` crops (side_px square) of each photograph. Asks now and then whether to stop."""
    from augment.ddpm.crops import cut_crop, cut_good
    from augment.latent.lora.photographs import LoraCrop

    lessons = []
    for number, record in enumerate(records):
        if number % 10 == 0:
            context.progress.check()
        pixels, mask = recoloured(load_pixels(context.store, record), "rgb"), load_mask(context.store, record)
        defects = [] if mask is None else separate(mask)
        part = estimate_part(context.store, record)
        shown = (
            np.full((*pixels.shape[:2], 1), 255, np.uint8) if part is None else part[..., None].astype(np.uint8) * 255
        )
        for index in range(count):
            key = [config.seed, int(record.sha256[:8], 16), index]
            # The same chance twice: the part is cut where the picture is.
            twice = []
            for levels in (pixels, shown):
                rng = np.random.default_rng(key)
                if good or not defects:
                    native = max(side_px, round(min(pixels.shape[:2]) * float(rng.uniform(0.3, 1.0))))
                    twice.append(cut_good(levels, native, side_px, rng))
                else:
                    twice.append(cut_crop(levels, defects[index % len(defects)], side_px, rng))
            crop, object_crop = twice
            defect = crop.distance == 0
            drawn = training_mask(rng, defect)
            if not good and not defect.any():
                defect = drawn = np.ones_like(defect)
            # The four ways in turn.
            flips = np.s_[:: 1 - 2 * (index & 1), :: 1 - (index & 2)] if config.mirror else np.s_[:, :]
            lessons.append(
                LoraCrop(
                    pixels=crop.pixels[flips],
                    defect=defect[flips],
                    drawn=drawn[flips],
                    part=object_crop.pixels[flips][..., 0] > 127,
                    prompt=config.class_prompt if good else config.prompt,
                )
            )
    return lessons
