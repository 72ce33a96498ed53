"""The networks that ship with Kizu, made by `kizu train base` and `kizu train latent`. Imports no torch."""

from pathlib import Path
from typing import Literal

__all__ = ["BASE_ASSETS", "BASE_SIDE_PX", "LATENT_ASSETS", "base_weights"]

BASE_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "base"
LATENT_ASSETS = BASE_ASSETS.with_name("latent")
BASE_SIDE_PX = 48
"""Side of the drawings: the networks are convolutional, and 48 px train twice as fast as 64."""


def base_weights(kind: Literal["encoder", "ddpm"]) -> Path | None:
    """The file to start a training from; None where this installation was stripped of it."""
    path = BASE_ASSETS / f"{kind}.safetensors"
    return path if path.is_file() else None
