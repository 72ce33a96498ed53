"""Which photographs a LoRA learns from: the defect's, those set aside, and good ones beside them.

Knows the store; no torch.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from augment.errors import InvalidConfig, NotFound, Refused
from augment.latent.checkpoint import Checkpoint
from augment.latent.lora.presets import PRESETS
from augment.latent.lora.settings import LoraTraining
from augment.notices import Notice, notice
from augment.operations.redraw_models import BUILT_IN
from augment.operations.views import load_mask
from augment.store import ImageRecord, Store

__all__ = ["Chosen", "TrainLoraConfig", "choose_photographs"]

_MOST_HELD_OUT = 8
_RARE = 40_000
"""Number of a token in CLIP's vocabulary from which on words are rare: it is in the order of how often they occur."""


@dataclass(frozen=True, kw_only=True)
class TrainLoraConfig(LoraTraining):
    """Which defect is taught to which model, under which words, and how it is trained."""

    presets: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = PRESETS
    label: str = field(default="", metadata={"help": "the defect's class; its training images with masks are learned"})
    image_ids: tuple[int, ...] = field(default=(), metadata={"help": "photographs to learn from, instead of all"})
    base: str = field(default=BUILT_IN, metadata={"help": "model to teach: built-in, a folder, a file or a Hub id"})
    token: str = field(default="kzu", metadata={"help": "a word without a meaning, which will stand for the defect"})
    instance_prompt: str = field(default="", metadata={"help": 'what its crops are called; "a TOKEN LABEL" if empty'})
    class_prompt: str = field(default="a good part", metadata={"help": "what crops of good parts are called"})
    regularisation_images: int = field(
        default=100, metadata={"help": "good parts trained beside it; 0 for none, more than there are for all"}
    )
    crops: int = field(default=16, metadata={"help": "crops cut around each mask, each with other surroundings"})
    mirror: bool = field(default=True, metadata={"help": "mirror crops as well; not for letters and the like"})

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

    @property
    def training(self) -> LoraTraining:
        """How it is trained, without what."""
        return LoraTraining(**{one.name: getattr(self, one.name) for one in fields(LoraTraining)})


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Photographs with the defect, those of them set aside to judge by, good ones; and what to know of them."""

    label: str
    defect: tuple[ImageRecord, ...]
    held_out: tuple[ImageRecord, ...]
    good: tuple[ImageRecord, ...]
    notes: tuple[Notice, ...]


def choose_photographs(config: TrainLoraConfig, store: Store, checkpoint: Checkpoint | None) -> Chosen:
    """The photographs of a config. checkpoint: of its base; None where that is not on this machine yet.

    InvalidConfig where neither class nor images are given; NotFound where none is there; Refused for images outside the
    training split.
    """
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
        notes=tuple(_notes(config, records, masked, learned, held, good, checkpoint)),
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
    checkpoint: Checkpoint | None,
) -> Iterator[Notice]:
    if len(learned) == 1:
        yield notice("lora_one_image")
    if not masked:
        yield notice("lora_no_masks")
    elif len(masked) < len(records):
        yield notice("lora_some_unmasked", count=len(records) - len(masked))
    if len(learned) > 1 and len({one.group for one in learned}) == 1:
        yield notice("lora_one_part", part=learned[0].group)
    if len({one.label for one in records}) > 1:
        yield notice("lora_mixed", labels=", ".join(sorted({one.label for one in records})))
    if not held:
        yield notice("lora_none_aside")
    if not good and config.regularisation_images:
        yield notice("lora_no_good")
    if checkpoint is None:
        yield notice("lora_fetched", model=config.base)
        return
    small = sum(min(one.width_px, one.height_px) < checkpoint.side_px for one in learned)
    if small:
        yield notice("lora_small", count=small, side=checkpoint.side_px)
    if _is_word(config.token, checkpoint):
        yield notice("lora_word", token=config.token)


def _is_word(token: str, checkpoint: Checkpoint) -> bool:
    """Whether a model's tokenizer has a token as one piece that is not among the rarest. False where it has no file."""
    for name in ("tokenizer.json", "vocab.json"):
        path = checkpoint.path / "tokenizer" / name
        if path.is_file():
            told = json.loads(path.read_text(encoding="utf-8"))
            number = told.get("model", {}).get("vocab", told).get(f"{token.lower()}</w>")
            return number is not None and int(number) < _RARE
    return False
