"""Re-draw a part of a photograph: the operation behind the button on Inpaint, and one step of a batch.

The result is the photograph at its own size with new pixels under the mask; outside the blend's support it is equal in
every bit, which is checked for each sample. Three masks are kept: drawn, support and changed; the last is the label.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from augment.errors import InvalidConfig, InvalidInput, JobFailed, NotFound, NotReady
from augment.images import Native, decode, decode_mask, decode_native, encode_native, encode_png
from augment.latent.settings import LatentSampling, SamplerName
from augment.masked import Box, PasteConfig, Pasted, Patch, crop_box, cut_patch, paste_back, patch_side
from augment.notices import Notice, notice
from augment.operations.context import Context
from augment.operations.loras import lora_notices, read_lora
from augment.operations.places import MappedEncoder, Place, placed
from augment.operations.redraw_engines import FULL_SIGMA, Asked, Engine, OnStep, find_engine
from augment.operations.redraw_models import BUILT_IN, WORKSPACE, model_choice
from augment.operations.views import current_view, load_mask, load_pixels
from augment.store import ImageRecord, SampleRecord, Store

__all__ = ["RedrawConfig", "RedrawResult", "RedrawSettings", "Redrawing", "draw_again", "redraw"]

_SUITED = ("sampler", "steps", "guidance")
"""What each model has a value of its own for."""
CHUNK = 4
"""Samples drawn, pasted and committed together: all that a stop, or the end of the server, can lose."""


@dataclass(frozen=True, kw_only=True)
class RedrawSettings:
    """What is drawn and how, wherever that is."""

    label: str = field(metadata={"help": "label of the samples: what is drawn"})
    model: str = field(
        default=BUILT_IN,
        metadata={"help": "built-in, workspace (its own), a folder, a .safetensors file or a Hub id"},
    )
    prompt: str = field(default="", metadata={"help": 'words for models that listen; "a photo of a LABEL" if empty'})
    negative_prompt: str = field(default="", metadata={"help": "words for what is not wanted; needs guidance above 1"})
    sigma: float = field(
        default=FULL_SIGMA,
        metadata={"help": "strength: noise to start from; 0.57 good part, 1.16 defect, 14.6 all new"},
    )
    sampler: SamplerName | None = field(
        default=None, metadata={"help": "sampler of diffusers; what suits the model if not given"}
    )
    steps: int | None = field(
        default=None, metadata={"help": "noise levels from noise alone, of which a strength skips some; 40 is usual"}
    )
    guidance: float | None = field(
        default=None, metadata={"help": "above 1 exaggerates prompt or label, at twice the time"}
    )
    seed: int = field(default=0, metadata={"help": "seed of the first sample; the next has the next seed"})
    padding: float = field(default=PasteConfig().padding, metadata={"help": "surroundings shown, in sides of the mask"})
    feather_px: int = field(default=PasteConfig().feather_px, metadata={"help": "soft rim outside the mask, in px"})
    reference_id: int | None = field(
        default=None, metadata={"help": "a photograph to take after, around its mask; for models that listen to words"}
    )
    match_colour: bool = field(default=True, metadata={"help": "match the light of the surroundings"})
    loras: tuple[str, ...] = field(
        default=(), metadata={"help": "LoRA files, or lora:ID of trainings, with weights: style.safetensors=0.8"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not self.label.strip():
            raise InvalidConfig("label: the samples need one; choose a class")
        if not 0 <= self.seed < 2**62:
            raise InvalidConfig(f"seed {self.seed}: allowed 0 to {2**62 - 1}")
        told = {name: getattr(self, name) for name in _SUITED if getattr(self, name) is not None}
        LatentSampling(**told, sigma=self.sigma)
        _ = self.paste, [read_lora(one) for one in self.loras]

    @property
    def paste(self) -> PasteConfig:
        """How the answer is laid over the photograph."""
        return PasteConfig(padding=self.padding, feather_px=self.feather_px, match_colour=self.match_colour)

    @property
    def asked(self) -> Asked:
        """What the model is told."""
        told = {one.name: getattr(self, one.name) for one in fields(Asked)}
        return Asked(**{**told, "prompt": self.prompt.strip() or f"a photo of a {self.label}"})


@dataclass(frozen=True, kw_only=True)
class RedrawConfig(RedrawSettings):
    """Where, what and how to re-draw."""

    image_id: int = field(metadata={"help": "the photograph"})
    area: Literal["mask", "whole"] = field(
        default="mask", metadata={"help": "mask: what is drawn on; whole: all of the photograph (image-to-image)"}
    )
    mask_sha256: str = field(default="", metadata={"help": "stored mask; the one being drawn on the image if empty"})
    count: int = field(default=4, metadata={"help": "number of samples, 1 to 1000"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if self.area not in ("mask", "whole"):
            raise InvalidConfig(f"area {self.area!r}: allowed are mask and whole")
        if not 1 <= self.count <= 1000:
            raise InvalidConfig(f"count {self.count}: allowed 1 to 1000")


@dataclass(frozen=True, kw_only=True)
class RedrawResult:
    """Ids of the samples in the order of their seeds, and what the user should know about them."""

    sample_ids: tuple[int, ...]
    warnings: tuple[Notice, ...] = ()


def redraw(config: RedrawConfig, context: Context) -> RedrawResult:
    """Draws, pastes, checks and commits `count` samples; cancelled, what was committed stays.

    NotFound for an unknown image, mask or model; NotReady where nothing is drawn on the image or the model is not
    there; InvalidInput for an empty mask or one of another size; JobFailed if a pixel outside the support changed.
    """
    work = Redrawing.of(config, context)
    ids: list[int] = []
    unseen, cut = 0, ""
    for first in range(0, config.count, CHUNK):
        seeds = range(config.seed + first, config.seed + min(first + CHUNK, config.count))

        def on_step(step: int, total: int, done: int = first, many: int = len(seeds)) -> None:
            # Told in steps of the network: a strength skips some, which only the model knows.
            context.progress(done * total // many + step, config.count * total // many)

        drawn, cut = work.draw(seeds, on_step)
        unseen += sum(one.visible_share == 0.0 for one in drawn)
        ids += context.commit(work.records(drawn, seeds, context))
    warnings = [notice("nothing_changed", unseen=unseen, count=config.count)] if unseen else []
    warnings += [notice("prompt_cut", words=cut)] if cut else []
    warnings += lora_notices(config.loras, config.asked.prompt, work.engine.sha256, context.store)
    warnings += [notice("patch_enlarged", side=max(work.patch.box.size))] if work.enlarged else []
    return RedrawResult(sample_ids=tuple(ids), warnings=tuple(warnings))


@dataclass(frozen=True, eq=False)
class Redrawing:
    """A photograph, its mask and a model, ready to draw."""

    config: RedrawConfig
    image: ImageRecord
    native: Native
    mask: NDArray[np.bool_]
    mask_sha256: str
    engine: Engine
    patch: Patch
    reference: ImageRecord | None
    shown: NDArray[np.uint8] | None

    @classmethod
    def of(
        cls, config: RedrawConfig, context: Context, sha256: str | None = None, native: Native | None = None
    ) -> "Redrawing":
        """Reads photograph, mask and model; raises what `redraw` says.

        sha256: of the workspace's model to take. native: what to draw on instead of the photograph, of its size.
        """
        store = context.store
        config = _suited(config, store)
        image = store.images.get(config.image_id)
        native = decode_native(store.files.path(image.sha256)) if native is None else native
        mask_sha256, mask = _mask(config, image, store)
        engine = find_engine(context, config.model, sha256)
        whole = config.area == "whole"
        box = Box(0, 0, image.width_px, image.height_px) if whole else crop_box(mask, config.paste, engine.side_px)
        side_px = patch_side(mask, box, engine.side_px, engine.most_px)
        patch = cut_patch(native.shown, mask, box, side_px, engine.grid_px)
        reference = None if config.reference_id is None else store.images.get(config.reference_id)
        shown = None if reference is None else _shown(reference, config.paste, patch, engine, store)
        return cls(config, image, native, mask, mask_sha256, engine, patch, reference, shown)

    @property
    def enlarged(self) -> bool:
        """Whether the photograph has fewer pixels than the model sees."""
        return max(self.patch.box.size) < self.engine.side_px

    def draw(self, seeds: Sequence[int], on_step: OnStep) -> tuple[list[Pasted], str]:
        """Finished photographs, and the words of the prompt that were cut."""
        answer = self.engine.draw(self.patch, self.config.asked, seeds, on_step, self.shown)
        pasted = [
            paste_back(self.native, self.mask, self.patch, answer.before, after, self.config.paste)
            for after in answer.after
        ]
        for one in pasted:
            differs = one.values != self.native.values
            if any((differs[..., channel] & ~one.support).any() for channel in range(differs.shape[2])):
                raise JobFailed("a pixel outside the mask's support changed: nothing was stored; please report this")
        return pasted, answer.cut

    def records(self, drawn: Sequence[Pasted], seeds: Sequence[int], context: Context) -> list[SampleRecord]:
        """Files and records; on the map where there is one."""
        files = context.store.files
        with ThreadPoolExecutor() as pool:
            images = files.put_many(list(pool.map(encode_native, (one.values for one in drawn))))
        changed = files.put_many([encode_png(one.changed) for one in drawn])
        support = files.put(encode_png(drawn[0].support))
        stems = Place(parents=(self.image, *((self.reference,) if self.reference else ())))
        records = [
            SampleRecord(
                sha256=sha256,
                label=self.config.label,
                method=self._method,
                seed=seed,
                recipe={**self._recipe, "support_sha256": support, "visible_share": round(one.visible_share, 4)},
                parents=tuple(parent.sha256 for parent in stems.parents),
                group=stems.group,
                split=stems.split,
                checkpoint_sha256=self.engine.sha256,
                mask_sha256=mask,
                strength_sigma=self.config.sigma,
                job_id=context.job_id,
            )
            for sha256, mask, seed, one in zip(images, changed, seeds, drawn, strict=True)
        ]
        return self._on_map(records, drawn, context)

    @property
    def _method(self) -> str:
        if self.config.model == WORKSPACE:
            return "redraw"
        return "image-to-image" if self.config.area == "whole" else "inpaint"

    @property
    def _recipe(self) -> dict[str, Any]:
        told = {one.name: getattr(self.config, one.name) for one in fields(self.config)}
        left = ("image_id", "mask_sha256", "count", "seed", "label")
        kept = {name: value for name, value in told.items() if name not in left}
        box = self.patch.box
        return {
            **kept,
            "method": self._method,
            "label": self.config.label,
            "prompt": self.config.asked.prompt,
            "base_model": self.config.model,
            "loras": list(self.config.loras),
            "drawn_sha256": self.mask_sha256,
            "box": [box.left, box.top, box.right, box.bottom],
        }

    def _on_map(self, records: list[SampleRecord], drawn: Sequence[Pasted], context: Context) -> list[SampleRecord]:
        projection = context.store.projections.latest()
        if projection is None:
            return records
        mapped, view = MappedEncoder.load(context, projection), current_view(context.store)
        cuts = []
        for record, one in zip(records, drawn, strict=True):
            seen = one.changed if one.changed.any() else self.mask
            cuts.append(view.cut(decode(context.store.files.path(record.sha256)).pixels, seen, record.sha256))
        return placed(records, cuts, [Place()] * len(records), mapped)


def _suited(config: RedrawConfig, store: Store) -> RedrawConfig:
    """The config with what suits its model where nothing was asked for, so that a sample's record is complete."""
    missing = [name for name in _SUITED if getattr(config, name) is None]
    if not missing:
        return config
    choice = model_choice(store, config.model)
    return replace(config, **{name: getattr(choice, name) for name in missing})


def _mask(config: RedrawConfig, image: ImageRecord, store: Store) -> tuple[str, NDArray[np.bool_]]:
    """The mask drawn on (H, W), and its file; the whole photograph where that is asked for."""
    size = (image.width_px, image.height_px)
    if config.area == "whole":
        mask = np.ones(size[::-1], dtype=np.bool_)
        return store.files.put(encode_png(mask)), mask
    sha256 = config.mask_sha256
    if not sha256:
        draft = store.drafts.get(config.image_id)
        if draft is None:
            raise NotReady(f"nothing is drawn on image {config.image_id}: draw a mask on Inpaint, or give mask_sha256")
        sha256 = draft.mask_sha256
    mask = decode_mask(store.files.read(sha256), size)
    if not mask.any():
        raise InvalidInput("the mask is empty: draw where the defect should be, then generate")
    return sha256, mask


def _shown(
    reference: ImageRecord, config: PasteConfig, patch: Patch, engine: Engine, store: Store
) -> NDArray[np.uint8]:
    """A photograph at the size of a patch (h, w, C): around its mask where it has one, else its middle."""
    pixels, mask = load_pixels(store, reference), load_mask(store, reference)
    if mask is not None and mask.any():
        pixels = pixels[crop_box(mask, config, engine.side_px).slices]
    height, width = patch.mask.shape
    plain = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    fitted = np.asarray(ImageOps.fit(plain, (width, height), Image.Resampling.LANCZOS))
    return fitted if fitted.ndim == 3 else fitted[..., None]


def draw_again(sample: SampleRecord, context: Context) -> bytes:
    """The PNG of a sample that `redraw` made, from its record alone; nothing is stored.

    NotFound if its photograph, mask or model is not there any more.
    """
    image = context.store.images.by_sha256(sample.parents[0])
    if image is None:
        raise NotFound(f"the photograph {sample.parents[0][:12]} that this was drawn on is no longer in this workspace")
    told = {one.name: sample.recipe[one.name] for one in fields(RedrawConfig) if one.name in sample.recipe}
    told["loras"] = tuple(told["loras"])
    config = RedrawConfig(
        **{
            **told,
            "reference_id": _reference(sample, context.store),
            "image_id": image.id or 0,
            "mask_sha256": sample.recipe["drawn_sha256"],
            "seed": sample.seed,
            "count": 1,
        }
    )
    work = Redrawing.of(config, context, sample.checkpoint_sha256)
    drawn, _ = work.draw([sample.seed], context.progress)
    return encode_native(drawn[0].values)


def _reference(sample: SampleRecord, store: Store) -> int | None:
    if sample.recipe.get("reference_id") is None:
        return None
    reference = store.images.by_sha256(sample.parents[1])
    if reference is None:
        raise NotFound(f"the photograph {sample.parents[1][:12]} that this took after is no longer in this workspace")
    return reference.id
