"""Re-draw many photographs in one job: which ones, whose masks, how many; into the review, resumable.

Sample n depends on the settings and on n alone: its photograph, its mask and its seed. What a stopped or killed job has
committed stays, and the resumed one makes the rest.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Literal

from augment.errors import InvalidConfig, NotFound
from augment.images import encode_png
from augment.masked import Pasted
from augment.operations.context import Context
from augment.operations.mask_library import estimate_part, library_mask
from augment.operations.redraw import RedrawConfig, Redrawing, RedrawSettings
from augment.operations.redraw_engines import find_engine
from augment.store import ImageRecord, Store

__all__ = ["RedrawBatchConfig", "RedrawBatchResult", "redraw_batch"]


@dataclass(frozen=True, kw_only=True)
class RedrawBatchConfig(RedrawSettings):
    """What to draw, on which photographs, under which masks, how often."""

    count: int = field(metadata={"help": "number of samples, 1 to 100000; photographs are taken in turn"})
    on: str = field(default="", metadata={"help": "label of the photographs to draw on, the good ones; any if empty"})
    image_ids: tuple[int, ...] = field(default=(), metadata={"help": "photographs to draw on, instead of a label"})
    masks: Literal["library", "drawn"] = field(
        default="library",
        metadata={"help": "library: real masks, moved and turned; drawn: what is drawn on each photograph"},
    )
    mask_label: str = field(
        default="", metadata={"help": "whose masks of the library; the samples' own label if empty"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 1 <= self.count <= 100_000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 100000")
        if self.masks not in ("library", "drawn"):
            raise InvalidConfig(f"masks {self.masks!r}: allowed are library and drawn")


@dataclass(frozen=True, kw_only=True)
class RedrawBatchResult:
    """How many samples the job has made, and how many of them changed nothing that can be seen."""

    samples: int
    nothing_changed: int


def redraw_batch(config: RedrawBatchConfig, context: Context) -> RedrawBatchResult:
    """Draws two photographs at a time and commits each sample as it is there.

    NotFound where no photograph or mask fits, and what `redraw` raises. Only the training split is drawn on unless
    photographs are named.
    """
    from augment.training.precision import half_the_cores

    store = context.store
    images = _images(config, store)
    made = set() if context.job_id is None else {row.seed for row in store.samples.rows(job_id=context.job_id)}
    left = [number for number in range(config.count) if config.seed + number not in made]
    unseen = 0
    if left:
        # Loaded once, before two threads ask for it.
        find_engine(context, config.model)
        began = time.monotonic()

    def draw(one: Redrawing) -> list[Pasted]:
        return one.draw([one.config.seed], lambda step, total: context.progress.check())[0]

    with half_the_cores(), ThreadPoolExecutor(2) as pool:
        for first in range(0, len(left), 2):
            rate = {"images_per_second": first / (time.monotonic() - began)} if first else None
            context.progress(config.count - len(left) + first, config.count, rate)
            work = [Redrawing.of(one, context) for one in _plan(config, images, left[first : first + 2], store)]
            for one, pasted in zip(work, pool.map(draw, work), strict=True):
                unseen += sum(each.visible_share == 0.0 for each in pasted)
                context.commit(one.records(pasted, [one.config.seed], context))
    context.progress(config.count, config.count)
    return RedrawBatchResult(samples=config.count, nothing_changed=unseen)


def _images(config: RedrawBatchConfig, store: Store) -> list[ImageRecord]:
    """The photographs, in an order that hangs on the seed."""
    if config.image_ids:
        images = [store.images.get(number) for number in config.image_ids]
    else:
        images = store.images.list(split="train", label=config.on or None)
    if config.masks == "drawn":
        images = [image for image in images if store.drafts.get(image.id or 0) is not None]
    if not images:
        what = "with a mask drawn on it" if config.masks == "drawn" else f"of label {config.on!r}"
        raise NotFound(f"no training photograph {what}: {', '.join(store.images.labels())} are there")
    random.Random(config.seed).shuffle(images)
    return images


def _plan(
    config: RedrawBatchConfig, images: list[ImageRecord], numbers: list[int], store: Store
) -> Iterator[RedrawConfig]:
    settings = {one.name: getattr(config, one.name) for one in fields(RedrawSettings)}
    for number in numbers:
        image, sha256 = images[number % len(images)], ""
        if config.masks == "library":
            part = estimate_part(store, image)
            mask = library_mask(store, config.mask_label or config.label, image, config.seed + number, part)
            sha256 = store.files.put(encode_png(mask))
        told = {**settings, "seed": config.seed + number, "image_id": image.id, "mask_sha256": sha256, "count": 1}
        yield RedrawConfig(**told)
