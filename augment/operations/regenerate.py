"""Make a sample again from its record alone, and say whether the bytes are the same."""

import hashlib
from dataclasses import dataclass, field

from augment.errors import InvalidConfig, InvalidInput
from augment.images import encode_png
from augment.operations.context import Context
from augment.operations.generators import draw_images, find_generator
from augment.operations.places import MappedEncoder
from augment.operations.redraw import draw_again

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
    if sample.method != "ddpm":
        raise InvalidInput(f"sample {config.sample_id} was made by {sample.method}, which cannot be made again")
    generator = find_generator(context, sha256=sample.checkpoint_sha256)
    features = None
    if sample.recipe.get("steering") and sample.projection_id is not None:
        features = MappedEncoder.load(context, context.store.projections.get(sample.projection_id)).steering
    images = draw_images(generator, sample.recipe, [sample.seed], context.progress, features)
    made = hashlib.sha256(encode_png(images[0])).hexdigest()
    return RegenerateResult(same_bytes=made == sample.sha256, sha256=made)
