"""Crops of photographs as the training of a LoRA sees them: latents, made once, and what may be re-drawn in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.images import to_float
from augment.latent.lora.settings import LoraTraining
from augment.latent.model import LatentModel

__all__ = ["LoraCrop", "LoraPhotographs", "encode_crops"]

_BATCH = 4


@dataclass(frozen=True, kw_only=True)
class LoraCrop:
    """A square of a photograph at the model's side.

    pixels: (side, side, 3) uint8. defect: its own pixels, empty on a good part; drawn: what a user would have marked,
    around it; part: where the part lies; (side, side) bool. prompt: what it shows, in words.
    """

    pixels: NDArray[np.uint8]
    defect: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    part: NDArray[np.bool_]
    prompt: str


@dataclass(frozen=True, kw_only=True)
class LoraPhotographs:
    """n crops on the latent grid.

    latents, emptied: (n, c, h, w) float32, of the crop and of the crop with what is drawn on left grey. mask: (n, h, w)
    float32, 1 where it may be re-drawn; weight: (n, h, w) float32, of the loss; good: (n,) bool. prompts: n texts.
    """

    latents: NDArray[np.float32]
    emptied: NDArray[np.float32]
    mask: NDArray[np.float32]
    weight: NDArray[np.float32]
    good: NDArray[np.bool_]
    prompts: tuple[str, ...]

    def __len__(self) -> int:
        """n."""
        return len(self.latents)


def encode_crops(model: LatentModel, crops: Sequence[LoraCrop], training: LoraTraining) -> LoraPhotographs:
    """Encodes crops of one side, a few at a time. InvalidInput where there are none."""
    if not crops:
        raise InvalidInput("no crop to learn from: choose a class or images with the defect")
    latents, emptied = [], []
    for start in range(0, len(crops), _BATCH):
        some = crops[start : start + _BATCH]
        clean = torch.from_numpy(to_float(np.stack([crop.pixels for crop in some])))
        drawn = torch.from_numpy(np.stack([crop.drawn for crop in some]))[:, None]
        latents.append(model.encode(clean).cpu().numpy())
        emptied.append(model.encode(clean * ~drawn).cpu().numpy())
    return LoraPhotographs(
        latents=np.concatenate(latents),
        emptied=np.concatenate(emptied),
        mask=np.stack([_cells(crop.drawn, model.checkpoint.grid_px) for crop in crops]),
        weight=np.stack([_weight(crop, model.checkpoint.grid_px, training) for crop in crops]),
        good=np.array([not crop.defect.any() for crop in crops]),
        prompts=tuple(crop.prompt for crop in crops),
    )


def _weight(crop: LoraCrop, grid_px: int, training: LoraTraining) -> NDArray[np.float32]:
    """(h, w): the defect's weight wherever any pixel of it is, so that a thin crack does not fall between the cells."""
    weight = np.full_like(_cells(crop.drawn, grid_px), training.background_weight)
    weight[_cells(crop.part, grid_px) > 0] = training.object_weight
    weight[_cells(crop.drawn, grid_px) > 0] = training.mask_weight
    # On a good part all that is re-drawn is what is to be learned.
    weight[_cells(crop.defect if crop.defect.any() else crop.drawn, grid_px) > 0] = training.defect_weight
    return weight


def _cells(mask: NDArray[np.bool_], grid_px: int) -> NDArray[np.float32]:
    height, width = (length // grid_px for length in mask.shape)
    cells = mask.reshape(height, grid_px, width, grid_px).any((1, 3))
    return np.asarray(cells, dtype=np.float32)
