"""Small Stable Diffusion models with random weights, saved in the layout of the Hub: plain, inpainting, XL."""

from pathlib import Path
from typing import Any

import torch

from augment.latent.autoencoder import build_autoencoder
from augment.latent.diffusion import build_scheduler
from augment.latent.vocabulary import build_text_encoder, build_tokenizer

WORDS = ("a", "photo", "of", "crack", "good", "metal")
TEXT_WIDTH = 32


def tiny_unet(channels: int, **options: Any) -> Any:
    """A U-Net of two levels for latents of 4 channels."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        **{
            "sample_size": 16,
            "in_channels": channels,
            "out_channels": 4,
            "block_out_channels": (16, 32),
            "layers_per_block": 1,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": TEXT_WIDTH,
            "attention_head_dim": 2,
            "norm_num_groups": 8,
            **options,
        }
    )


def save_tiny(folder: Path, channels: int = 9, family: str = "sd") -> Path:
    """A model that sees 64 x 64 px as latents of 16 x 16; the same weights every time."""
    import diffusers

    torch.manual_seed(0)
    autoencoder = build_autoencoder((8, 16, 16))
    tokenizer = build_tokenizer(WORDS, folder / "tokenizer")
    text = build_text_encoder(tokenizer, TEXT_WIDTH, 1)
    parts = {"vae": autoencoder, "tokenizer": tokenizer, "scheduler": build_scheduler()}
    if family == "xl":
        from transformers import CLIPTextConfig, CLIPTextModelWithProjection

        second = CLIPTextModelWithProjection(CLIPTextConfig(**{**text.config.to_dict(), "projection_dim": 24}))
        # 24 of pooled text and 6 sizes of 8 each.
        unet = tiny_unet(
            channels,
            cross_attention_dim=2 * TEXT_WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=24 + 6 * 8,
        )
        name = "StableDiffusionXLInpaintPipeline" if channels == 9 else "StableDiffusionXLPipeline"
        pipeline = getattr(diffusers, name)(
            **parts, text_encoder=text, text_encoder_2=second, tokenizer_2=tokenizer, unet=unet
        )
    else:
        name = "StableDiffusionInpaintPipeline" if channels == 9 else "StableDiffusionPipeline"
        options = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        pipeline = getattr(diffusers, name)(**parts, text_encoder=text, unet=tiny_unet(channels), **options)
    pipeline.save_pretrained(folder)
    return folder
