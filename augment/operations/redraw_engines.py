"""The models behind `redraw` as one: a patch, a mask and seeds in, answers out. Torch comes in with a model."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import MOST_SIDES, SamplerConfig
from augment.errors import InvalidConfig
from augment.latent.settings import LatentSampling, SamplerName
from augment.masked import Patch
from augment.operations.context import Context
from augment.operations.loras import find_lora
from augment.operations.redraw_models import WORKSPACE, find_checkpoint
from augment.operations.redrawers import WorkspaceRedrawer, find_redrawer
from augment.store import Store

if TYPE_CHECKING:
    from augment.latent.model import LatentModel

__all__ = ["FULL_SIGMA", "Answer", "Asked", "Engine", "OnStep", "find_engine", "fingerprint"]

FULL_SIGMA = 14.6
"""Strength from which nothing of what is under the mask is left: Stable Diffusion's highest noise level."""

Pixels = NDArray[np.uint8]
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be drawn and how."""

    label: str
    prompt: str
    negative_prompt: str
    sigma: float
    sampler: SamplerName
    steps: int
    guidance: float
    loras: tuple[str, ...] = ()

    @property
    def start_sigma(self) -> float | None:
        """The noise to start from; None for noise alone."""
        return None if self.sigma >= FULL_SIGMA else self.sigma


@dataclass(frozen=True)
class Answer:
    """before: (h, w, C), what the model makes of the patch when it changes nothing; after: (n, h, w, C).

    Both float32 in [0, 255]. cut: words of the prompt that it did not take.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    cut: str = ""


class Engine(Protocol):
    """A loaded model."""

    @property
    def side_px(self) -> int: ...  # noqa: D102
    @property
    def most_px(self) -> int: ...  # noqa: D102
    @property
    def grid_px(self) -> int: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102

    def draw(
        self, patch: Patch, asked: Asked, seeds: Sequence[int], on_step: OnStep, reference: Pixels | None = None
    ) -> Answer:
        """An answer for each seed; a seed's answer never depends on the others. reference: (h, w, C), to take after."""
        ...


@dataclass(frozen=True)
class _Workspace:
    """The workspace's own model, in pixels."""

    redrawer: WorkspaceRedrawer

    @property
    def side_px(self) -> int:
        return self.redrawer.side_px

    @property
    def most_px(self) -> int:
        return MOST_SIDES * self.redrawer.side_px

    @property
    def grid_px(self) -> int:
        return self.redrawer.grid_px

    @property
    def sha256(self) -> str:
        return self.redrawer.record.sha256

    def draw(
        self, patch: Patch, asked: Asked, seeds: Sequence[int], on_step: OnStep, reference: Pixels | None = None
    ) -> Answer:
        if reference is not None:
            raise InvalidConfig("reference_id: the workspace's own model takes after no picture; choose another model")
        if asked.sampler != "dpmpp_2m_karras":
            raise InvalidConfig(
                f"sampler {asked.sampler}: the workspace's own model draws with dpmpp_2m_karras; choose that"
            )
        after = self.redrawer.redraw(
            patch.pixels,
            patch.mask,
            asked.label,
            seeds,
            # One by one: batches draw a single sample of each photograph.
            SamplerConfig(steps=asked.steps, micro_batch=1),
            guidance=asked.guidance,
            sigma=asked.start_sigma,
            on_step=on_step,
        )
        return Answer(patch.pixels.astype(np.float32), after)


@dataclass(frozen=True)
class _Latent:
    """A Stable Diffusion model."""

    model: "LatentModel"
    sha256: str
    store: Store

    @property
    def side_px(self) -> int:
        return self.model.checkpoint.side_px

    @property
    def most_px(self) -> int:
        return self.model.checkpoint.most_px

    @property
    def grid_px(self) -> int:
        return self.model.checkpoint.patch_grid_px

    def draw(
        self, patch: Patch, asked: Asked, seeds: Sequence[int], on_step: OnStep, reference: Pixels | None = None
    ) -> Answer:
        from augment.latent.model import LoraFile
        from augment.latent.redraw import redraw_patch

        self.model.use_loras([LoraFile(*find_lora(one, self.store)) for one in asked.loras])
        prompts = self.model.prompt(asked.prompt), self.model.prompt(asked.negative_prompt)
        sampling = LatentSampling(
            sampler=asked.sampler, steps=asked.steps, guidance=asked.guidance, sigma=asked.start_sigma
        )
        drawn = redraw_patch(self.model, patch.pixels, patch.mask, prompts, seeds, sampling, on_step, reference)
        return Answer(drawn.before, drawn.after, prompts[0].cut)


def find_engine(context: Context, model: str, sha256: str | None = None) -> Engine:
    """The model of an id as in `ModelChoice`, loaded once in a process. sha256: of the workspace's model to take.

    Raises what `find_checkpoint`, `find_redrawer` and `load_model` do.
    """
    if model == WORKSPACE:
        return _Workspace(find_redrawer(context, sha256=sha256))
    checkpoint = find_checkpoint(model)
    key = f"latent:{checkpoint.path}"
    if key not in context.cache:
        from augment.latent.model import load_model

        context.cache[key] = load_model(checkpoint), fingerprint(checkpoint.path)
    loaded, found = context.cache[key]
    return _Latent(loaded, found, context.store)


def fingerprint(path: Path) -> str:
    """SHA-256 of the U-Net's weights, or of the single file."""
    files = [path] if path.is_file() else sorted((path / "unet").glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
