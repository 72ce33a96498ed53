"""Pretraining of the built-in inpainting U-Net together with its text encoder, on latents made beforehand.

The U-Net has 9 input channels as Stable Diffusion's inpainting models: noisy latents, mask, latents of the picture with
the mask's inside emptied. It predicts v (Salimans and Ho 2022). Knows no pixels.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.errors import Cancelled
from augment.latent.settings import DiffusionTraining
from augment.latent.trainee import Trainee
from augment.training import Precision, choose_precision, seed_everything

if TYPE_CHECKING:
    from diffusers import DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

__all__ = ["LatentScenes", "Painter", "build_scheduler", "build_unet", "train_painter"]

Report = Callable[[int, int, Mapping[str, float]], None]
"""`report(step, total, metrics)`; raises Cancelled to stop."""

WIDTHS = (32, 64, 160)
_REPORT_STEPS, _SAVE_STEPS = 10, 500


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
        attention_head_dim=8,
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
    """The averaged networks and their last metrics: loss, and held_out_loss at fixed noise.

    Min-SNR weights for v (Hang et al. 2023, equation 9); inside the mask a pixel weighs 1, outside `outside_weight`.
    Continues from `checkpoint` where that is there.
    """
    seed_everything(training.seed)
    precision = choose_precision()
    run = Trainee(
        precision.place(painter),
        steps=training.steps,
        learning_rate=training.learning_rate,
        ema_width=training.ema_width,
        seed=training.seed,
        identity={**asdict(training), "scenes": len(scenes), "weights": sum(p.numel() for p in painter.parameters())},
    )
    if checkpoint.exists():
        run.restore(checkpoint)
    levels = build_scheduler().alphas_cumprod
    tokens, unsaid = _tokens(tokenizer, scenes.captions), _tokens(tokenizer, [""])[0]
    losses: list[float] = []
    began, first = time.perf_counter(), run.step
    try:
        while run.step < run.steps:
            rows = torch.randint(len(scenes), (training.batch_size,), generator=run.generator)
            said = torch.where(
                (torch.rand(len(rows), generator=run.generator) < training.drop_caption)[:, None], unsaid, tokens[rows]
            )
            loss = _loss(run.module, scenes, rows, said, levels, training, run.generator, precision)
            losses = [*losses[-199:], run.update(loss)]
            last = run.step == run.steps
            pace = (run.step - first) * training.batch_size / (time.perf_counter() - began)
            run.metrics |= {"loss": float(np.mean(losses)), "images_per_second": pace}
            if last or run.step % _SAVE_STEPS == 0:
                run.metrics["held_out_loss"] = _held_out_loss(
                    run.ema.module, tokenizer, held_out, levels, training, precision
                )
                run.save(checkpoint)
            if last or run.step % _REPORT_STEPS == 0:
                report(run.step, run.steps, dict(run.metrics))
    except Cancelled:
        run.save(checkpoint)
        raise
    averaged = run.ema.module
    assert isinstance(averaged, Painter)
    return averaged, dict(run.metrics)


def _tokens(tokenizer: "CLIPTokenizer", captions: Sequence[str]) -> Tensor:
    """(n, 32) int64."""
    told = tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt")
    tokens: Tensor = told.input_ids
    return tokens


def _loss(
    painter: nn.Module,
    scenes: LatentScenes,
    rows: Tensor,
    tokens: Tensor,
    levels: Tensor,
    training: DiffusionTraining,
    generator: torch.Generator,
    precision: Precision,
) -> Tensor:
    """Scalar. levels: alphas_cumprod (1000,) float32."""
    latents, emptied = (
        torch.from_numpy(values[rows.numpy()].astype(np.float32)) for values in (scenes.latents, scenes.emptied)
    )
    mask = torch.from_numpy(scenes.mask[rows.numpy()].astype(np.float32))[:, None]
    t = torch.randint(len(levels), (len(rows),), generator=generator)
    noise = torch.randn(latents.shape, generator=generator)
    kept = levels[t][:, None, None, None]
    noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
    v = kept.sqrt() * noise - (1 - kept).sqrt() * latents
    seen = precision.arrange(torch.cat([noisy, mask, emptied], dim=1))
    device = precision.device
    with precision.autocast():
        predicted = painter(seen, t.to(device), tokens.to(device))
    weight = training.outside_weight + (1 - training.outside_weight) * mask
    error = ((predicted.float() - v.to(device)).square() * weight.to(device)).sum((1, 2, 3)) / (
        4 * weight.sum((1, 2, 3))
    ).to(device)
    snr = levels[t] / (1 - levels[t])
    share = snr.clamp_max(training.min_snr) / (snr + 1)
    loss: Tensor = (error * share.to(device)).mean()
    return loss


@torch.no_grad()
def _held_out_loss(
    painter: nn.Module,
    tokenizer: "CLIPTokenizer",
    scenes: LatentScenes,
    levels: Tensor,
    training: DiffusionTraining,
    precision: Precision,
) -> float:
    """Mean loss over all of `scenes` at noise that is always the same."""
    tokens, generator = _tokens(tokenizer, scenes.captions), torch.Generator("cpu").manual_seed(0)
    parts = [torch.arange(start, min(start + 16, len(scenes))) for start in range(0, len(scenes), 16)]
    losses = [
        float(_loss(painter, scenes, rows, tokens[rows], levels, training, generator, precision)) * len(rows)
        for rows in parts
    ]
    return sum(losses) / len(scenes)
