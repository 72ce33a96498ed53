"""Pretraining of the built-in inpainting U-Net together with its text encoder, on latents made beforehand.

The U-Net has 9 input channels as Stable Diffusion's inpainting models: noisy latents, mask, latents of the picture with
the mask's inside emptied. It predicts v (Salimans and Ho 2022). Knows no pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.latent.settings import DiffusionTraining
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision, choose_precision
from augment.training.randomness import seed_everything

if TYPE_CHECKING:
    from diffusers import DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

__all__ = ["LatentScenes", "Painter", "build_scheduler", "build_unet", "train_painter"]

WIDTHS = (32, 64, 160)


def build_unet(text_width: int = 128, widths: tuple[int, ...] = WIDTHS) -> "UNet2DConditionModel":
    """Random weights: (N, 9, h, w) latents, t and text (N, 32, text_width) -> (N, 4, h, w).

    Attention to the text at all levels but the first, where most of the arithmetic is.
    """
    from diffusers import UNet2DConditionModel

    levels = len(widths)
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=9,
        out_channels=4,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * (levels - 1)),
        up_block_types=(*("CrossAttnUpBlock2D",) * (levels - 1), "UpBlock2D"),
        cross_attention_dim=text_width,
        attention_head_dim=tuple(max(1, width // 32) for width in widths),  # diffusers' name for the number of heads
        norm_num_groups=16,
    )


def build_scheduler() -> "DDPMScheduler":
    """Stable Diffusion's noise levels, with v as what is predicted."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        steps_offset=1,
        clip_sample=False,
    )


@dataclass(frozen=True)
class LatentScenes:
    """Scenes as the networks see them, scaled to unit variance.

    latents, emptied: (n, 4, h, w) float16, of the picture and of the picture with the mask's inside grey.
    mask: (n, h, w) bool. captions: n texts.
    """

    latents: NDArray[np.float16]
    emptied: NDArray[np.float16]
    mask: NDArray[np.bool_]
    captions: Sequence[str]

    def __len__(self) -> int:
        """n."""
        return len(self.latents)

    def cut(self, rows: Tensor, corners: Tensor | None, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, emptied (N, 4, side, side) and mask (N, 1, side, side) float32 of some rows, from their corners
        (N, 2), row and column; all of them whole without corners."""
        picked = [values[rows.numpy()] for values in (self.latents, self.emptied, self.mask[:, None])]
        if corners is not None:
            places = [(slice(top, top + side), slice(left, left + side)) for top, left in corners.tolist()]
            picked = [np.stack([one[:, *place] for one, place in zip(of, places, strict=True)]) for of in picked]
        latents, emptied, mask = (torch.from_numpy(values.astype(np.float32)) for values in picked)
        return latents, emptied, mask

    def corners(self, rows: Tensor, side: int, generator: torch.Generator) -> Tensor:
        """Of windows of `side` that hold the mask of each row, or lie on it where it is larger: (N, 2) int64."""
        chance = torch.rand(len(rows), 2, generator=generator)
        found = torch.empty(len(rows), 2, dtype=torch.int64)
        for index, mask in enumerate(self.mask[rows.numpy()]):
            for axis, length in enumerate(mask.shape):
                marked = np.flatnonzero(mask.any(axis=1 - axis))
                low, high = sorted((int(marked[-1]) + 1 - side, int(marked[0])))
                low, high = max(low, 0), min(high, length - side)
                found[index, axis] = low + int(chance[index, axis] * (high - low + 1))
        return found


class Painter(nn.Module):
    """U-Net and text encoder, trained as one."""

    def __init__(self, unet: "UNet2DConditionModel", text_encoder: "CLIPTextModel") -> None:
        """Takes both over."""
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder

    def forward(self, noisy: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        """noisy: (N, 9, h, w); t: (N,) int64; tokens: (N, 32) int64 -> v (N, 4, h, w)."""
        text = self.text_encoder(tokens).last_hidden_state
        v: Tensor = self.unet(noisy, t, encoder_hidden_states=text).sample
        return v


def train_painter(
    painter: Painter,
    tokenizer: "CLIPTokenizer",
    scenes: LatentScenes,
    held_out: LatentScenes,
    training: DiffusionTraining,
    checkpoint: Path,
    report: Report,
) -> tuple[Painter, dict[str, float]]:
    """The averaged networks and their last metrics; see `train_network`.

    Every noise level weighs the same in v; inside the mask a latent pixel weighs 1, outside `outside_weight`.
    """
    seed_everything(training.seed)
    task = _Scenes(
        scenes=scenes,
        tokens=_tokens(tokenizer, scenes.captions),
        unsaid=_tokens(tokenizer, [""])[0],
        others=held_out,
        other_tokens=_tokens(tokenizer, held_out.captions),
        levels=build_scheduler().alphas_cumprod,
        training=training,
    )
    return train_network(painter, task, training, checkpoint, report, choose_precision())


def _tokens(tokenizer: "CLIPTokenizer", captions: Sequence[str]) -> Tensor:
    """(n, 32) int64."""
    told = tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt")
    tokens: Tensor = told.input_ids
    return tokens


@dataclass(frozen=True)
class _Scenes:
    """Scenes with the tokens of their captions, as a task. unsaid: tokens (32,) of an empty caption; others: held out;
    levels: alphas_cumprod (1000,) float32."""

    scenes: LatentScenes
    tokens: Tensor
    unsaid: Tensor
    others: LatentScenes
    other_tokens: Tensor
    levels: Tensor
    training: DiffusionTraining

    def losses(self, network: Painter, draw: Draw) -> Tensor:
        """As `Task`."""
        whole = draw.done >= 1.0 - self.training.whole_share
        count = max(1, draw.count // 4) if whole else draw.count
        rows, side = torch.randint(len(self.scenes), (count,), generator=draw.generator), self.training.window
        corners = None if whole else self.scenes.corners(rows, side, draw.generator)
        silent = torch.rand(len(rows), generator=draw.generator) < self.training.drop_caption
        tokens = torch.where(silent[:, None], self.unsaid, self.tokens[rows])
        return self._losses(network, self.scenes.cut(rows, corners, side), tokens, draw.generator, draw.precision)

    def previews(self, averaged: Painter, precision: Precision) -> None:
        """None: latents are not to be looked at."""

    @torch.no_grad()
    def held_out(self, averaged: Painter, precision: Precision) -> dict[str, float]:
        """Mean loss over all held-out scenes."""
        generator = torch.Generator("cpu").manual_seed(0)
        losses = [
            self._losses(averaged, self.others.cut(rows, None, 0), self.other_tokens[rows], generator, precision)
            for rows in torch.split(torch.arange(len(self.others)), 16)
        ]
        return {"held_out_loss": float(torch.cat(losses).mean())}

    def _losses(
        self,
        painter: Painter,
        cuts: tuple[Tensor, Tensor, Tensor],
        tokens: Tensor,
        generator: torch.Generator,
        precision: Precision,
    ) -> Tensor:
        """(N,) losses at noise levels and noise from `generator`."""
        latents, emptied, mask = cuts
        t = torch.randint(len(self.levels), (len(latents),), generator=generator)
        noise = torch.randn(latents.shape, generator=generator)
        kept = self.levels[t][:, None, None, None]
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
        v = kept.sqrt() * noise - (1 - kept).sqrt() * latents
        device = precision.device
        with precision.autocast():
            seen = precision.arrange(torch.cat([noisy, mask, emptied], dim=1))
            predicted = painter(seen, t.to(device), tokens.to(device))
        weight = self.training.outside_weight + (1 - self.training.outside_weight) * mask
        weight = (weight / (4 * weight.sum((1, 2, 3), keepdim=True))).to(device)
        losses: Tensor = ((predicted.float() - v.to(device)).square() * weight).sum((1, 2, 3))
        return losses
