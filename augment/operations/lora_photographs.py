"""Which photographs a LoRA learns from, and their crops: the defect's, those set aside, and good ones beside them.

Knows the store and pixels; no torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, NotFound, Refused
from augment.latent.lora.settings import LoraTraining
from augment.latent.training_masks import training_mask
from augment.operations.context import Context
from augment.operations.mask_library import estimate_part
from augment.operations.redraw_models import BUILT_IN
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord, Store
from augment.views import recoloured

__all__ = ["Chosen", "LessonCrop", "TrainLoraConfig", "choose_photographs", "cut_lessons"]

_MOST_HELD_OUT = 8


@dataclass(frozen=True, kw_only=True)
class TrainLoraConfig(LoraTraining):
    """Which defect is taught to which model, under which words, and how it is trained."""

    label: str = field(default="", metadata={"help": "the defect's class; its training images with masks are learned"})
    image_ids: tuple[int, ...] = field(default=(), metadata={"help": "photographs to learn from, instead of all"})
    base: str = field(default=BUILT_IN, metadata={"help": "model to teach: built-in, a folder, a file or a Hub id"})
    token: str = field(default="kzu", metadata={"help": "a word without a meaning, which will stand for the defect"})
    instance_prompt: str = field(default="", metadata={"help": 'what its crops are called; "a TOKEN LABEL" if empty'})
    class_prompt: str = field(default="a good part", metadata={"help": "what crops of good parts are called"})
    regularisation_images: int = field(
        default=100, metadata={"help": "good parts trained beside it; 0 for none, more than there are for all"}
    )
    crops: int = field(default=8, metadata={"help": "crops cut around each mask, each with other surroundings"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not self.token.strip() or len(self.token.split()) != 1:
            raise InvalidConfig(f"token {self.token!r}: one word that means nothing yet is needed, such as kzu")
        if self.token.lower() not in self.prompt.lower().split():
            raise InvalidConfig(
                f"instance_prompt {self.instance_prompt!r}: the token {self.token!r} must be a word of it, "
                "for that is what the defect will be called by"
            )
        if not 1 <= self.crops <= 100 or self.regularisation_images < 0:
            raise InvalidConfig(
                f"crops {self.crops}, regularisation_images {self.regularisation_images}: 1 to 100, and 0 or more"
            )

    @property
    def prompt(self) -> str:
        """What crops of the defect are called."""
        return self.instance_prompt.strip() or f"a {self.token} {self.label}".strip()


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Photographs with the defect, those of them set aside to judge by, good ones; and what to know of them."""

    label: str
    defect: tuple[ImageRecord, ...]
    held_out: tuple[ImageRecord, ...]
    good: tuple[ImageRecord, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class LessonCrop:
    """A crop as `LoraCrop` has it. image: the photograph."""

    pixels: NDArray[np.uint8]
    defect: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    part: NDArray[np.bool_]
    prompt: str
    image: ImageRecord


def choose_photographs(config: TrainLoraConfig, store: Store, side_px: int) -> Chosen:
    """The photographs of a config. InvalidConfig where neither class nor images are given; NotFound where none is
    there; Refused for images outside the training split."""
    if config.image_ids:
        records = store.images.get_many(list(config.image_ids))
        missing = set(config.image_ids) - {record.id for record in records}
        if missing:
            raise NotFound(f"images {sorted(missing)} are not in this workspace")
        outside = [record for record in records if record.split != "train"]
        if outside:
            raise Refused(
                f"image {outside[0].id} is in the {outside[0].split} split: a model taught with it could not be judged "
                "by it any more; choose training images"
            )
        label = config.label or records[0].label
    elif config.label:
        label, records = config.label, store.images.list(split="train", label=config.label)
    else:
        raise InvalidConfig("label: the class to teach is needed, or image_ids")
    if not records:
        raise NotFound(f"no training image of {label!r}: {', '.join(store.images.labels())} are there")
    masked = [record for record in records if _has_mask(store, record)]
    learned = masked or records
    held = [one for one in store.images.list(split="validation", label=label) if bool(masked) == _has_mask(store, one)]
    if not held and len(learned) >= 6:
        # Every sixth is set aside: without any, nobody sees when learning turns into learning by heart.
        held, learned = learned[::6], [one for row, one in enumerate(learned) if row % 6]
    with_masks = {one.label for one in store.images.list(split="train") if _has_mask(store, one)}
    good = [one for one in store.images.list(split="train") if one.label not in with_masks | {label}]
    order = np.random.default_rng(config.seed).permutation(len(good))[: config.regularisation_images]
    return Chosen(
        label=label,
        defect=tuple(learned),
        held_out=tuple(held[:_MOST_HELD_OUT]),
        good=tuple(good[row] for row in np.sort(order)),
        notes=tuple(_notes(config, records, masked, learned, held, good, side_px)),
    )


def _has_mask(store: Store, record: ImageRecord) -> bool:
    mask = load_mask(store, record)
    return mask is not None and bool(mask.any())


def _notes(
    config: TrainLoraConfig,
    records: Sequence[ImageRecord],
    masked: Sequence[ImageRecord],
    learned: Sequence[ImageRecord],
    held: Sequence[ImageRecord],
    good: Sequence[ImageRecord],
    side_px: int,
) -> Iterator[str]:
    if len(learned) == 1:
        yield "one image: it will be learned by heart; ten photographs are enough, one is not"
    if not masked:
        yield "no image has a mask: all of each picture is learned as the defect; draw masks for a defect in its place"
    elif len(masked) < len(records):
        yield f"{len(records) - len(masked)} images have no mask and are left out"
    if len(learned) > 1 and len({one.group for one in learned}) == 1:
        yield f"all images show one part ({learned[0].group}): its look will be learned with the defect"
    if len({one.label for one in records}) > 1:
        yield f"labels are mixed: {', '.join(sorted({one.label for one in records}))}; one word will stand for all"
    small = sum(min(one.width_px, one.height_px) < side_px for one in learned)
    if small:
        yield f"{small} images are narrower than {side_px} px, what the model sees, and will be enlarged: soft"
    if not held:
        yield "too few images to set any aside: there will be no held-out loss, and the advice rests on copies alone"
    if not good and config.regularisation_images:
        yield "no good parts are there: surroundings may take on the defect's look; import good parts"


def cut_lessons(
    config: TrainLoraConfig, records: Sequence[ImageRecord], side_px: int, count: int, context: Context, *, good: bool
) -> list[LessonCrop]:
    """`count` crops (side_px square) of each photograph. Asks now and then whether to stop."""
    from augment.ddpm.crops import cut_crop, cut_good

    lessons = []
    for number, record in enumerate(records):
        if number % 10 == 0:
            context.progress.check()
        pixels, mask = recoloured(load_pixels(context.store, record), "rgb"), load_mask(context.store, record)
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
                if good or mask is None or not mask.any():
                    native = max(side_px, round(min(pixels.shape[:2]) * float(rng.uniform(0.3, 1.0))))
                    twice.append(cut_good(levels, native, side_px, rng))
                else:
                    twice.append(cut_crop(levels, mask, side_px, rng))
            crop, object_crop = twice
            defect = crop.distance == 0
            drawn = training_mask(rng, defect)
            if not good and not defect.any():
                defect = drawn = np.ones_like(defect)
            lessons.append(
                LessonCrop(
                    pixels=crop.pixels,
                    defect=defect,
                    drawn=drawn,
                    part=object_crop.pixels[..., 0] > 127,
                    prompt=config.class_prompt if good else config.prompt,
                    image=record,
                )
            )
    return lessons
