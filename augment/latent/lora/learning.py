"""Training a LoRA on finished latents: what a step is drawn from, how it is judged, and on what it is judged.

Ruiz et al. 2023 (DreamBooth): crops of the defect under a prompt of their own, good parts under the class's prompt
beside them, so that the class keeps its meaning. Knows no file and no photograph.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.latent.lora.network import LoraNetwork
from augment.latent.lora.photographs import LoraPhotographs
from augment.latent.lora.settings import LoraTraining
from augment.latent.lora.words import Words
from augment.latent.model import LatentModel
from augment.training.loop import Draw, Report, train_network
from augment.training.precision import Precision

__all__ = ["Look", "train_lora"]

Look = Callable[[LoraNetwork], NDArray[np.uint8] | None]
"""`look(averaged)`: previews (n, h, w, 3) uint8 of the networks as they are, or None; called every `preview_every`."""

_HELD_OUT_LEVELS = 8
"""Noise levels at which each crop set aside is judged, evenly over all."""


def train_lora(
    model: LatentModel,
    photographs: LoraPhotographs,
    held_out: LoraPhotographs | None,
    training: LoraTraining,
    checkpoint: Path,
    report: Report,
    look: Look,
) -> tuple[LoraNetwork, dict[str, float]]:
    """The averaged adapters in a network like `model`'s, and the last metrics; see `train_network`.

    Metrics: held_out_loss where crops are set aside. InvalidConfig for a rank above the narrowest layer's width.
    """
    torch.manual_seed(training.seed)
    network = LoraNetwork(model, training)
    scheduler = model.pipeline.scheduler
    task = _Lesson(
        photographs=photographs,
        others=held_out,
        words=Words.of(model, [*photographs.prompts, *(held_out.prompts if held_out else ())]),
        channels=model.checkpoint.channels,
        levels=scheduler.alphas_cumprod.float(),
        predicts=str(scheduler.config.prediction_type),
        training=training,
        look=look,
    )
    return train_network(network, task, training, checkpoint, report, model.precision)


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    """levels: alphas_cumprod (T,); predicts: "epsilon", "v_prediction" or "sample", what the U-Net answers."""

    photographs: LoraPhotographs
    others: LoraPhotographs | None
    words: Words
    channels: int
    levels: Tensor
    predicts: str
    training: LoraTraining
    look: Look

    def losses(self, network: LoraNetwork, draw: Draw) -> Tensor:
        """As `Task`."""
        generator, training = draw.generator, self.training
        rows = self._rows(draw.count, generator)
        silent = torch.rand(draw.count, generator=generator) < training.drop_caption
        prompts = ["" if quiet else self.photographs.prompts[row] for row, quiet in zip(rows, silent, strict=True)]
        t = torch.randint(len(self.levels), (draw.count,), generator=generator)
        return self._losses(network, self.photographs, rows, prompts, t, generator, draw.precision)

    def _rows(self, count: int, generator: torch.Generator) -> list[int]:
        """Crops, those of good parts in the share that they are to have, where there are any."""
        good, bad = np.flatnonzero(self.photographs.good), np.flatnonzero(~self.photographs.good)
        share = self.training.regularisation_share if len(good) and len(bad) else float(len(bad) == 0)
        chances = torch.rand(count, 2, generator=generator).tolist()
        pools = [good if which < share else bad for which, _ in chances]
        return [int(pool[int(place * len(pool))]) for pool, (_, place) in zip(pools, chances, strict=True)]

    def previews(self, averaged: LoraNetwork, precision: Precision) -> NDArray[np.uint8] | None:
        """What `look` shows."""
        return self.look(averaged)

    @torch.no_grad()
    def held_out(self, averaged: LoraNetwork, precision: Precision) -> Mapping[str, float]:
        """Mean loss of the crops set aside, always at the same noise and the same levels."""
        if self.others is None:
            return {}
        generator = torch.Generator("cpu").manual_seed(0)
        rows = [row for row in range(len(self.others)) for _ in range(_HELD_OUT_LEVELS)]
        spread = (torch.arange(_HELD_OUT_LEVELS) + 0.5) * (len(self.levels) / _HELD_OUT_LEVELS)
        t = spread.long().repeat(len(self.others))
        losses = []
        for part in torch.split(torch.arange(len(rows)), 8):
            some = [rows[index] for index in part]
            prompts = [self.others.prompts[row] for row in some]
            losses.append(self._losses(averaged, self.others, some, prompts, t[part], generator, precision))
        return {"held_out_loss": float(torch.cat(losses).mean())}

    def _losses(
        self,
        network: LoraNetwork,
        source: LoraPhotographs,
        rows: list[int],
        prompts: list[str],
        t: Tensor,
        generator: torch.Generator,
        precision: Precision,
    ) -> Tensor:
        """(N,) losses, weighted by place, and by level as min-SNR does (Hang et al. 2023)."""
        latents, emptied = torch.from_numpy(source.latents[rows]), torch.from_numpy(source.emptied[rows])
        mask, weight = torch.from_numpy(source.mask[rows])[:, None], torch.from_numpy(source.weight[rows])[:, None]
        noise = torch.randn(latents.shape, generator=generator)
        noise += self.training.noise_offset * torch.randn(*latents.shape[:2], 1, 1, generator=generator)
        kept = self.levels[t][:, None, None, None]
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
        wanted = {
            "epsilon": noise,
            "v_prediction": kept.sqrt() * noise - (1 - kept).sqrt() * latents,
            "sample": latents,
        }[self.predicts]
        seen = torch.cat([noisy, mask, emptied], dim=1) if self.channels == 9 else noisy
        device = precision.device
        with precision.autocast():
            text, pooled = self.words.told(network, prompts, self.training.prompt_noise, generator)
            predicted = network(precision.arrange(seen), t.to(device), text, pooled)
        error = (predicted.float() - wanted.to(device)).square() * weight.to(device)
        by_place = error.sum((1, 2, 3)) / (latents.shape[1] * weight.to(device).sum((1, 2, 3)).clamp_min(1e-6))
        losses: Tensor = by_place * self._level_weight(t).to(device)
        return losses

    def _level_weight(self, t: Tensor) -> Tensor:
        """(N,): min(SNR, gamma) as a weight of the loss in what is predicted."""
        gamma = self.training.min_snr_gamma
        if gamma == 0:
            return torch.ones(len(t))
        signal = self.levels[t] / (1 - self.levels[t])
        counted = signal.clamp_max(gamma)
        return {"epsilon": counted / signal, "v_prediction": counted / (signal + 1), "sample": counted}[self.predicts]
