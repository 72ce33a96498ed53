"""What is looked at while a LoRA learns: defects drawn at fixed places and seeds, and how near they come to copies.

The first eight places, never picked. What was kept is written down as it comes, so that a resumed training knows it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.judge.copying import CopyFigures, RealDefects, look_of
from augment.latent.checkpoint import Checkpoint
from augment.latent.lora.settings import LoraTraining
from augment.latent.settings import LatentSampling
from augment.masked import PasteConfig, Patch, crop_box, cut_patch, patch_side
from augment.operations.lora_photographs import Chosen
from augment.operations.mask_library import estimate_part, library_mask
from augment.operations.views import load_mask, load_pixels
from augment.store import ImageRecord, Store
from augment.views import recoloured

if TYPE_CHECKING:
    from augment.latent.lora.network import LoraNetwork
    from augment.latent.model import LatentModel

__all__ = ["Kept", "LoraWatch", "advise", "defect_picture", "preview_patches"]

PREVIEWS = 8


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file that was kept at a preview. figures: held_out_loss, copied (share of previews),
    copy_distance (median) and copy_limit, below which a preview is a copy."""

    images_seen: int
    file: str
    sha256: str
    figures: dict[str, float]
    alarm: bool


def preview_patches(chosen: Chosen, checkpoint: Checkpoint, store: Store) -> list[Patch]:
    """Eight places to draw at: real masks on the good parts, or on the learned photographs where there are none."""
    places = []
    for number in range(PREVIEWS):
        if chosen.good:
            image = chosen.good[number % len(chosen.good)]
            mask = library_mask(store, chosen.label, image, number, estimate_part(store, image))
        else:
            image = chosen.defect[number % len(chosen.defect)]
            mask = _own_mask(image, store)
        places.append(_patch(image, mask, checkpoint, store))
    return places


def _patch(image: ImageRecord, mask: NDArray[np.bool_], checkpoint: Checkpoint, store: Store) -> Patch:
    box = crop_box(mask, PasteConfig(), checkpoint.side_px)
    side_px = patch_side(mask, box, checkpoint.side_px, checkpoint.side_px)
    return cut_patch(recoloured(load_pixels(store, image), "rgb"), mask, box, side_px, checkpoint.patch_grid_px)


def defect_picture(image: ImageRecord, checkpoint: Checkpoint, store: Store) -> NDArray[np.uint8]:
    """(side, side, 3): the defect of a photograph at the size at which one is drawn."""
    return _square(_patch(image, _own_mask(image, store), checkpoint, store).pixels, checkpoint.side_px)


def _own_mask(image: ImageRecord, store: Store) -> NDArray[np.bool_]:
    """Of all of the photograph where none is there."""
    own = load_mask(store, image)
    return np.ones((image.height_px, image.width_px), np.bool_) if own is None or not own.any() else own


@dataclass
class LoraWatch:
    """Draws, keeps and remembers.

    real: the photographs' defects, and `real_picture(row)` one of them as a picture; sampling and prompts: as a user
    would draw; folder: the job's; told: what goes with the files. pair: after `look`, the nearest of what was drawn
    beside its photograph, (side, 2 side, 3) uint8.
    """

    model: "LatentModel"
    patches: Sequence[Patch]
    real: RealDefects
    real_picture: Callable[[int], NDArray[np.uint8]]
    prompt: str
    negative_prompt: str
    sampling: LatentSampling
    training: LoraTraining
    told: Mapping[str, Any]
    folder: Path
    kept: list[Kept] = field(default_factory=list)
    pair: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        """Takes up what was kept before."""
        log = self.folder / "kept.json"
        if log.is_file():
            self.kept = [Kept(**one) for one in json.loads(log.read_text(encoding="utf-8"))]

    def look(self, network: "LoraNetwork") -> NDArray[np.uint8]:
        """(8, side, side, 3) uint8: what is drawn now, each place with its own seed; remembered for `keep`."""
        from augment.latent.model import LatentModel
        from augment.latent.redraw import redraw_patch

        now = LatentModel(self.model.checkpoint, network.pipeline(self.model.pipeline), self.model.precision)
        prompts = now.prompt(self.prompt), now.prompt(self.negative_prompt)
        drawn = []
        for seed, patch in enumerate(self.patches):
            levels = redraw_patch(now, patch.pixels, patch.mask, prompts, [seed], self.sampling).after[0]
            drawn.append(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
        self._found = self.real.compare(
            [look_of(pixels, patch.mask) for pixels, patch in zip(drawn, self.patches, strict=True)]
        )
        self._network = network
        shown = [_square(pixels, self.model.checkpoint.side_px) for pixels in drawn]
        if len(self._found.nearest):
            row = int(self._found.nearest.argmin())
            self.pair = np.hstack([shown[row], self.real_picture(int(self._found.like[row]))])
        return np.stack(shown)

    def keep(self, images_seen: int, metrics: Mapping[str, float]) -> Kept:
        """Writes the file of what `look` was last shown, and its figures."""
        from augment.latent.lora.network import save_lora

        found: CopyFigures = self._found
        path = self.folder / f"lora-{images_seen:06d}.safetensors"
        save_lora(path, self._network, self.training, {**self.told, "images_seen": images_seen})
        figures = {"copied": float(found.copied.mean()), "copy_distance": float(np.median(found.nearest))}
        if found.limit is not None:
            figures["copy_limit"] = found.limit
        if "held_out_loss" in metrics:
            figures["held_out_loss"] = metrics["held_out_loss"]
        kept = Kept(
            images_seen=images_seen,
            file=path.name,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            figures=figures,
            alarm=found.alarm,
        )
        self.kept = [one for one in self.kept if one.images_seen < images_seen] + [kept]
        part = self.folder / "kept.json.part"
        part.write_text(json.dumps([asdict(one) for one in self.kept]), encoding="utf-8")
        part.replace(self.folder / "kept.json")
        return kept


def _square(pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """(side_px, side_px, 3): a smaller picture with black beside it."""
    right, below = (max(0, side_px - length) for length in (pixels.shape[1], pixels.shape[0]))
    return np.pad(pixels, ((0, below), (0, right), (0, 0)))[:side_px, :side_px]


def advise(kept: Sequence[Kept]) -> tuple[Kept, str]:
    """The file to use, and why: the least held-out loss before the copy alarm; the last before it without such a loss.

    kept: one or more, in order.
    """
    alarmed = next((index for index, one in enumerate(kept) if one.alarm), len(kept))
    usable = kept[:alarmed]
    after = "" if alarmed == len(kept) else f"; from {kept[alarmed].images_seen} on it copies its photographs"
    if not usable:
        return kept[0], "every file copies its photographs: train shorter, or on more photographs"
    judged = [one for one in usable if "held_out_loss" in one.figures]
    if not judged:
        return usable[-1], f"the last of those that copy nothing{after}"
    best = min(judged, key=lambda one: one.figures["held_out_loss"])
    loss = best.figures["held_out_loss"]
    if best is kept[-1]:
        return best, f"held-out loss {loss:.4f} is the least, and it still falls: longer may be better"
    return best, f"held-out loss {loss:.4f} is the least{after}"
