"""Prompts of a LoRA's training as the U-Net hears them: computed once, or by text encoders that learn themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from augment.latent.model import LatentModel, Prompt

if TYPE_CHECKING:
    from augment.latent.lora.network import LoraNetwork

__all__ = ["Words"]


@dataclass(frozen=True)
class Words:
    """prompts: of each text, as the model itself hears it. tokenizers: those of the model's text encoders, by name."""

    prompts: dict[str, Prompt]
    tokenizers: dict[str, Any]

    @classmethod
    def of(cls, model: LatentModel, texts: Sequence[str]) -> "Words":
        """Each text once, and the empty one."""
        names = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
        found = {encoder: getattr(model.pipeline, name, None) for encoder, name in names.items()}
        return cls(
            {text: model.prompt(text) for text in sorted({"", *texts})},
            {name: tokenizer for name, tokenizer in found.items() if tokenizer is not None},
        )

    def told(
        self, network: "LoraNetwork", prompts: Sequence[str], noise: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Text (N, tokens, width) and pooled text (N, p) or None. noise: added to the text, in its own spread."""
        if network.texts:
            text, pooled = self._learned(network, prompts)
        else:
            told = [self.prompts[prompt] for prompt in prompts]
            text = torch.cat([one.text for one in told]).clone()
            pooled = (
                None if told[0].pooled is None else torch.cat([one.pooled for one in told if one.pooled is not None])
            )
        if noise:
            text = text + noise * text.detach().std() * torch.randn(text.shape, generator=generator).to(text)
        return text, pooled

    def _learned(self, network: "LoraNetwork", prompts: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        """As the pipelines of diffusers encode: the last layer for Stable Diffusion 1 and 2, the one before for XL."""
        parts, pooled = [], None
        for name, encoder in network.texts.items():
            tokenizer = self.tokenizers[name]
            tokens = tokenizer(
                list(prompts),
                padding="max_length",
                max_length=tokenizer.model_max_length,
                truncation=True,
                return_tensors="pt",
            ).input_ids
            answer = encoder(tokens.to(encoder.device), output_hidden_states=network.family == "xl")
            parts.append(answer.hidden_states[-2] if network.family == "xl" else answer[0])
            if network.family == "xl":
                pooled = answer[0]
        return torch.cat(parts, dim=-1), pooled
