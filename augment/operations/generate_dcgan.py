"""Samples of a trained DCGAN, label by label: the baseline beside `generate`. It knows no place on the map."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.baselines.settings import DcganShape
from augment.errors import InvalidConfig, NotFound
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.generators import find_model, loaded
from augment.operations.places import MappedEncoder, Place, placed
from augment.store import ModelRecord, SampleRecord

__all__ = ["GenerateDcganConfig", "GenerateDcganResult", "dcgan_again", "dcgan_images", "generate_dcgan"]

_CHUNK = 16
"""Samples made and committed together."""


@dataclass(frozen=True, kw_only=True)
class GenerateDcganConfig:
    """What to draw and how often."""

    label: str = field(metadata={"help": "label of the samples"})
    count: int = field(default=8, metadata={"help": "number of samples, 1 to 10000"})
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})
    model_id: int | None = field(default=None, metadata={"help": "DCGAN to use; the newest if not given"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 1 <= self.count <= 10_000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 10000")
        if not 0 <= self.seed < 2**62:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**62 - 1}")


@dataclass(frozen=True, kw_only=True)
class GenerateDcganResult:
    """Ids of the samples in the order of their seeds."""

    sample_ids: tuple[int, ...]


def generate_dcgan(config: GenerateDcganConfig, context: Context) -> GenerateDcganResult:
    """Draws and commits `count` samples, 16 at a time; cancelled, what was committed stays.

    NotFound for a label or model that is not there; NotReady where no DCGAN is trained.
    """
    store = context.store
    record = find_model(context, "dcgan", config.model_id, None)
    projection = store.projections.latest()
    mapped = None if projection is None else MappedEncoder.load(context, projection)
    ids: list[int] = []
    for first in range(0, config.count, _CHUNK):
        context.progress(first, config.count)
        seeds = range(config.seed + first, config.seed + min(first + _CHUNK, config.count))
        images = dcgan_images(record, [config.label] * len(seeds), seeds, context)
        hashes = store.files.put_many([encode_png(image) for image in images])
        recipe: dict[str, Any] = {"method": "dcgan", "label": config.label, "checkpoint_sha256": record.sha256}
        records = [
            SampleRecord(
                sha256=sha256,
                label=config.label,
                method="dcgan",
                seed=seed,
                recipe=recipe,
                parents=(),
                group=Place().group,
                split=Place().split,
                checkpoint_sha256=record.sha256,
                job_id=context.job_id,
            )
            for sha256, seed in zip(hashes, seeds, strict=True)
        ]
        if mapped is not None:
            records = placed(records, list(images), [Place()] * len(records), mapped)
        ids += context.commit(records)
    context.progress(config.count, config.count)
    return GenerateDcganResult(sample_ids=tuple(ids))


def dcgan_again(sample: SampleRecord, context: Context) -> bytes:
    """The PNG of a sample that `generate_dcgan` made. NotFound if its model is not there any more."""
    record = find_model(context, "dcgan", None, sample.checkpoint_sha256)
    return encode_png(dcgan_images(record, [sample.recipe["label"]], [sample.seed], context)[0])


def dcgan_images(
    record: ModelRecord, labels: Sequence[str], seeds: Sequence[int], context: Context
) -> NDArray[np.uint8]:
    """Images (n, side, side, C) uint8, one for each label and seed. NotFound for a label that it was not taught."""
    from augment.baselines.dcgan import Dcgan, draw_dcgan

    known = list(record.config["labels"])
    for label in labels:
        if label not in known:
            raise NotFound(f"label {label!r} is not known to DCGAN {record.id}: {', '.join(known)}; train it again")
    network, precision = loaded(context, record, lambda: Dcgan(DcganShape(**record.config["shape"])))
    return draw_dcgan(network, precision, [known.index(label) for label in labels], list(seeds))
