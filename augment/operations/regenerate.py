"""Make a sample again from its record alone, and say whether the bytes are the same."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.factors import factor_again
from augment.operations.generate_dcgan import dcgan_again
from augment.operations.generators import draw_series, find_generator
from augment.operations.pasted import paste_again
from augment.operations.places import MappedEncoder
from augment.operations.redraw import draw_again
from augment.operations.views import current_view, load_cut
from augment.store import SampleRecord, Store

__all__ = ["RegenerateConfig", "RegenerateResult", "regenerate"]


@dataclass(frozen=True, kw_only=True)
class RegenerateConfig:
    """Which sample to make again."""

    sample_id: int = field(metadata={"help": "id of the sample"})

    def __post_init__(self) -> None:
        """InvalidConfig for an id that no sample has."""
        if self.sample_id < 1:
            raise InvalidConfig(f"sample_id {self.sample_id}: ids begin at 1")


@dataclass(frozen=True, kw_only=True)
class RegenerateResult:
    """Whether the bytes are those of the sample, and the SHA-256 of what was made now."""

    same_bytes: bool
    sha256: str


def regenerate(config: RegenerateConfig, context: Context) -> RegenerateResult:
    """Draws the sample from its recipe and seed; nothing is stored.

    The bytes are the same on the same machine and versions. NotFound if the sample, its generator or map is not there;
    InvalidInput if it was made by a method that this operation does not know.
    """
    sample = context.store.samples.get(config.sample_id)
    if sample.method in ("redraw", "inpaint", "image-to-image"):
        made = hashlib.sha256(draw_again(sample, context)).hexdigest()
        return RegenerateResult(same_bytes=made == sample.sha256, sha256=made)
    if sample.method in ("dcgan", "factors"):
        again = dcgan_again if sample.method == "dcgan" else factor_again
        made = hashlib.sha256(again(sample, context)).hexdigest()
        return RegenerateResult(same_bytes=made == sample.sha256, sha256=made)
    if sample.method in ("copy_paste", "perlin", "cutmix"):
        made = hashlib.sha256(paste_again(sample, context)).hexdigest()
        return RegenerateResult(same_bytes=made == sample.sha256, sha256=made)
    if sample.method not in ("ddpm", "vary"):
        raise InvalidInput(f"sample {config.sample_id} was made by {sample.method}, which cannot be made again")
    generator = find_generator(context, sha256=sample.checkpoint_sha256)
    features = None
    if sample.recipe.get("steering") and sample.projection_id is not None:
        features = MappedEncoder.load(context, context.store.projections.get(sample.projection_id)).steering
    start = _source(sample, context.store) if sample.method == "vary" else None
    images = draw_series(generator, [sample.recipe], [sample.seed], context.progress, features, start)
    made = hashlib.sha256(encode_png(images[0])).hexdigest()
    return RegenerateResult(same_bytes=made == sample.sha256, sha256=made)


def _source(sample: SampleRecord, store: Store) -> NDArray[np.uint8]:
    """The cut of the photograph that a variation started from. NotFound if it is gone."""
    image = store.images.by_sha256(sample.parents[0])
    if image is None:
        raise NotFound(f"the photograph {sample.parents[0][:12]} that this varies is no longer in this workspace")
    return load_cut(store, image, current_view(store))
