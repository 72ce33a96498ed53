"""Settings that suit a number of photographs, and a kind of model; for forms and the command line."""

from collections.abc import Mapping
from typing import Any

__all__ = ["PRESETS"]

_LARGE = {"learning_rate": 1e-4, "targets": "attention", "rank": 8, "lora_alpha": 8.0}
"""A large model knows much that must not be unlearned, and its attention is enough to say where a defect goes."""

PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "photographs": {
        "10": {"images_seen": 800, "crops": 24},
        "20": {"images_seen": 1200, "crops": 16},
        "50": {"images_seen": 2400, "crops": 8},
    },
    "model": {
        "built-in": {
            "base": "built-in",
            "learning_rate": 3e-3,
            "targets": "all",
            "rank": 16,
            "lora_alpha": 16.0,
            "batch_size": 4,
            "accumulation": 1,
            "gradient_checkpointing": False,
        },
        "sd15": {
            **_LARGE,
            "base": "stable-diffusion-v1-5/stable-diffusion-inpainting",
            "batch_size": 2,
            "accumulation": 1,
            "gradient_checkpointing": False,
        },
        "sd2": {
            **_LARGE,
            "base": "stabilityai/stable-diffusion-2-inpainting",
            "batch_size": 2,
            "accumulation": 1,
            "gradient_checkpointing": True,
        },
        "xl": {
            **_LARGE,
            "base": "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
            "batch_size": 2,
            "accumulation": 2,
            "gradient_checkpointing": True,
        },
    },
}
"""By what they suit, by name: fields of `TrainLoraConfig`."""
