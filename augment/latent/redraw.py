"""Re-drawing a patch with a Stable Diffusion model: under a mask, or all of it (image-to-image).

The surroundings are put back at every noise level (blended latents, Avrahami et al. 2022); inpainting U-Nets (9
channels) are told the mask and what lies around it besides: what they make of the surroundings themselves is never as
good, and would draw the inside with it. Every sample draws its noise from its own seed
and is computed by itself, so that a batch never changes an image. Knows no photograph and no paste-back.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from augment.errors import InvalidInput, JobFailed
from augment.images import to_float
from augment.latent.model import LatentModel, Prompt
from augment.latent.reference import Reference
from augment.latent.settings import LatentSampling
from augment.training.precision import half_the_cores

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

__all__ = ["Redrawn", "redraw_patch"]

OnStep = Callable[[int, int], None]
"""`on_step(evaluated, total)` after each evaluation, by one thread at a time; may raise to stop, and then always."""


@dataclass(frozen=True)
class Redrawn:
    """before: (h, w, 3), the patch through the autoencoder alone; after: (n, h, w, 3); float32 in [0, 255]."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]


def redraw_patch(
    model: LatentModel,
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    prompts: tuple[Prompt, Prompt],
    seeds: Sequence[int],
    config: LatentSampling,
    on_step: OnStep | None = None,
    reference: NDArray[np.uint8] | None = None,
) -> Redrawn:
    """One picture for each seed. pixels: (h, w, 1 or 3) uint8 and mask: (h, w), multiples of the model's grid.

    prompts: what to draw, and what not to. reference: (h, w, 1 or 3) uint8 of the same size, a picture to take after,
    at the price of one evaluation more a step. InvalidInput for an empty mask; JobFailed when memory runs out.
    """
    if not mask.any():
        raise InvalidInput("the mask is empty: draw where the defect should be, then generate")
    scene = _Scene.of(model, pixels, mask)
    for attempt in ("as it is", "saving memory"):
        try:
            return _redrawn(_Work(model, scene, prompts, config, on_step, len(seeds)), seeds, reference)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if attempt == "as it is":
                model.save_memory()
    raise JobFailed(
        f"not enough GPU memory for {pixels.shape[1]} x {pixels.shape[0]} px: close other programs, "
        "draw a smaller mask or less padding, or choose a smaller model"
    )


def _redrawn(work: "_Work", seeds: Sequence[int], reference: NDArray[np.uint8] | None) -> Redrawn:
    looking: AbstractContextManager[object] = nullcontext()
    if reference is not None:
        work.reference = Reference(work.model.pipeline.unet)
        work.shown = _Scene.of(work.model, reference, np.zeros(reference.shape[:2], dtype=np.bool_))
        looking = work.reference.installed()
    with looking:
        after = work.draw_all(seeds)
    return Redrawn(_levels(work.model.decode(work.scene.latents)), np.stack([_levels(one) for one in after]))


def _levels(picture: Tensor) -> NDArray[np.float32]:
    """(1, 3, h, w) around [-1, 1] -> (h, w, 3) float32 in [0, 255]."""
    scaled = ((picture[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0)
    levels: NDArray[np.float32] = scaled.cpu().numpy().astype(np.float32)
    return levels


@dataclass(frozen=True)
class _Scene:
    """latents: (1, c, h, w) of the patch; given: (1, 1 + c, h, w), mask and emptied patch; mask: (1, 1, h, w)."""

    latents: Tensor
    given: Tensor
    mask: Tensor

    @classmethod
    def of(cls, model: LatentModel, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> "_Scene":
        colour = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
        clean = torch.from_numpy(to_float(colour[None]))
        drawn = torch.from_numpy(mask.astype(np.float32))[None, None]
        # Wherever any pixel of a latent cell is drawn: a thin mask must not fall between the cells.
        cells = functional.max_pool2d(drawn, model.checkpoint.grid_px).to(model.device)
        latents = model.encode(clean)
        emptied = model.encode(clean * (1 - drawn)) if model.checkpoint.channels == 9 else latents
        return cls(latents, torch.cat([cells, emptied], dim=1), cells)


class _Work:
    """What the samples of one call share. reference, shown: attention to another picture, and that picture."""

    reference: Reference | None = None
    shown: _Scene | None = None

    def __init__(
        self,
        model: LatentModel,
        scene: _Scene,
        prompts: tuple[Prompt, Prompt],
        config: LatentSampling,
        on_step: OnStep | None,
        count: int,
    ) -> None:
        self.model, self.scene, self.prompts, self.config = model, scene, prompts, config
        self._on_step, self._count, self._done = on_step, count, 0
        self._lock = threading.Lock()

    def draw_all(self, seeds: Sequence[int]) -> list[Tensor]:
        """Two at a time on a processor, one after the other on a GPU."""
        if self.model.device.type != "cpu":
            return [self.draw(seed) for seed in seeds]
        with half_the_cores(), ThreadPoolExecutor(2) as pool:
            return list(pool.map(self.draw, seeds))

    def draw(self, seed: int) -> Tensor:
        """The picture (1, 3, h, w) of a seed."""
        scheduler = self.config.scheduler(self.model.pipeline.scheduler.config)
        scheduler.set_timesteps(self.config.steps)
        first = self.config.first_step(scheduler.sigmas.tolist())
        scheduler.set_begin_index(first)
        timesteps = scheduler.timesteps[first:]
        generator = torch.Generator("cpu").manual_seed(seed)
        clean = self.scene.latents
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        with torch.inference_mode():
            x = noise * scheduler.init_noise_sigma if first == 0 else scheduler.add_noise(clean, noise, timesteps[:1])
            for index, t in enumerate(timesteps):
                with self._looking(scheduler, noise, timesteps[index : index + 1]):
                    answer = self._guided(scheduler.scale_model_input(x, t), t)
                x = _step(scheduler, answer, t, x, generator)
                last = index + 1 == len(timesteps)
                around = clean if last else scheduler.add_noise(clean, noise, timesteps[index + 1 : index + 2])
                x = torch.where(self.scene.mask > 0, x, around)
                self._report(len(timesteps))
            return self.model.decode(x)

    def _looking(self, scheduler: "SchedulerMixin", noise: Tensor, t: Tensor) -> AbstractContextManager[None]:
        """Shows the U-Net the reference under the same noise; its answer to that is thrown away."""
        if self.reference is None or self.shown is None:
            return nullcontext()
        x = scheduler.scale_model_input(scheduler.add_noise(self.shown.latents, noise, t), t[0])
        if self.model.checkpoint.channels == 9:
            x = torch.cat([x, self.shown.given], dim=1)
        with self.reference.keeping():
            self.model.predict(x, t[0], self.prompts[0])
        return self.reference.using()

    def _guided(self, x: Tensor, t: Tensor) -> Tensor:
        """Classifier-free guidance (Ho and Salimans 2022); scale 1 costs one evaluation."""
        if self.model.checkpoint.channels == 9:
            x = torch.cat([x, self.scene.given], dim=1)
        wanted, unwanted = self.prompts
        answer = self.model.predict(x, t, wanted)
        if self.config.guidance == 1.0:
            return answer
        other = self.model.predict(x, t, unwanted)
        return other + self.config.guidance * (answer - other)

    def _report(self, steps: int) -> None:
        if self._on_step is not None:
            with self._lock:
                self._done += 1
                self._on_step(self._done, self._count * steps)


def _step(scheduler: "SchedulerMixin", answer: Tensor, t: Tensor, x: Tensor, generator: torch.Generator) -> Tensor:
    """One step of a diffusers scheduler; those that add noise take it from the sample's own generator."""
    drawn: Tensor
    if scheduler.__class__.__name__ == "UniPCMultistepScheduler":
        drawn = scheduler.step(answer, t, x).prev_sample
    else:
        drawn = scheduler.step(answer, t, x, generator=generator).prev_sample
    return drawn
