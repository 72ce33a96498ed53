"""Writing the built-in model as diffusers writes an inpainting pipeline: a folder for each part, half precision."""

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DDPMScheduler
    from transformers import CLIPTokenizer

    from augment.latent.diffusion import Painter

__all__ = ["save_model"]


def save_model(
    folder: Path,
    autoencoder: "AutoencoderKL",
    painter: "Painter",
    tokenizer: "CLIPTokenizer",
    scheduler: "DDPMScheduler",
) -> None:
    """Writes vae, unet, text_encoder, tokenizer, scheduler and model_index.json; weights as float16 safetensors."""
    import diffusers

    for name, module in (
        ("vae", autoencoder),
        ("unet", painter.unet),
        ("text_encoder", painter.text_encoder),
    ):
        # Of a copy, because the networks go on in single precision here.
        copy.deepcopy(module).to("cpu", torch.float16).save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler.save_pretrained(folder / "scheduler")
    parts = {
        "vae": ["diffusers", "AutoencoderKL"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
    }
    index = {"_class_name": "StableDiffusionInpaintPipeline", "_diffusers_version": diffusers.__version__, **parts}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")
