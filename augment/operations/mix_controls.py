"""Real images among the samples, unmarked: how many of them are rejected tells what a rejection means.

They are taken from photographs kept aside, so that the real image beside them is another one. They are never trained
on and never exported. Imports torch only when there is a map.
"""

from dataclasses import dataclass, field

import numpy as np

from augment.errors import InvalidConfig, NotReady
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.places import MappedEncoder, Place, placed
from augment.operations.views import current_view, load_cut
from augment.store import CONTROL, SampleRecord, Split

__all__ = ["MixControlsConfig", "MixControlsResult", "mix_controls"]

_ASIDE: tuple[Split, ...] = ("validation", "test")


@dataclass(frozen=True, kw_only=True)
class MixControlsConfig:
    """How many real images are mixed in."""

    count: int = field(default=10, metadata={"help": "real images to mix in, 1 to 1000"})
    seed: int = field(default=0, metadata={"help": "chooses them; those that are there already are passed over"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 1 <= self.count <= 1000:
            raise InvalidConfig(f"count {self.count}: 1 to 1000")
        if not 0 <= self.seed < 2**32:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**32 - 1}")


@dataclass(frozen=True, kw_only=True)
class MixControlsResult:
    """How many were mixed in; fewer where no more are kept aside."""

    mixed: int


def mix_controls(config: MixControlsConfig, context: Context) -> MixControlsResult:
    """Adds cuts of photographs of labels that have samples. NotReady without samples, or without photographs aside."""
    store = context.store
    labels = {row.label for row in store.samples.rows() if row.method != CONTROL}
    if not labels:
        raise NotReady("there are no samples to mix real images into: generate some first")
    there = {record.parents[0] for record in store.samples.list(method=CONTROL)}
    aside = [image for split in _ASIDE for image in store.images.list(split=split) if image.label in labels]
    if not aside:
        raise NotReady("no photographs of these labels are kept aside (validation or test): none can be mixed in")
    left = [image for image in aside if image.sha256 not in there]
    chosen = [left[row] for row in np.random.default_rng(config.seed).permutation(len(left))[: config.count]]
    view, projection = current_view(store), store.projections.latest()
    cuts = [load_cut(store, image, view) for image in chosen]
    records = [
        SampleRecord(
            sha256=store.files.put(encode_png(cut)),
            label=image.label,
            method=CONTROL,
            seed=config.seed + number,
            recipe={"method": CONTROL, "image_sha256": image.sha256},
            parents=(image.sha256,),
            group=image.group,
            split=image.split,
            job_id=context.job_id,
        )
        for number, (image, cut) in enumerate(zip(chosen, cuts, strict=True))
    ]
    if records and projection is not None:
        mapped = MappedEncoder.load(context, projection)
        records = placed(records, cuts, [Place()] * len(records), mapped)
    context.commit(records)
    return MixControlsResult(mixed=len(records))
