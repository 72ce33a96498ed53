"""What a Stable Diffusion checkpoint is, read from its small files and headers before any weight is loaded.

Refused, with the reason, is what cannot be used or could run code: pickled weights, parts of other libraries, other
model families. Imports no torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from augment.errors import InvalidInput, NotFound

__all__ = ["Checkpoint", "inspect_checkpoint"]

_FAMILIES: dict[str, Literal["sd", "xl"]] = {
    "StableDiffusionPipeline": "sd",
    "StableDiffusionImg2ImgPipeline": "sd",
    "StableDiffusionInpaintPipeline": "sd",
    "StableDiffusionXLPipeline": "xl",
    "StableDiffusionXLImg2ImgPipeline": "xl",
    "StableDiffusionXLInpaintPipeline": "xl",
}
_LIBRARIES = ("diffusers", "transformers")
_UNUSED = (
    "safety_checker",
    "feature_extractor",
    "image_encoder",
    "requires_safety_checker",
    "force_zeros_for_empty_prompt",
    "add_watermarker",
)
_WEIGHTS = ("unet", "vae", "text_encoder", "text_encoder_2")
_PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_INPUT = "model.diffusion_model.input_blocks.0.0.weight"
_XL_TEXT = "conditioner.embedders.1."


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """path: a folder in diffusers' layout or a single safetensors file. family: Stable Diffusion 1 and 2, or XL.

    channels: 9 for an inpainting U-Net, 4 for a plain one. side_px: of the pictures it was trained on; grid_px: of
    those that one latent pixel stands for. levels: of the U-Net.
    """

    path: Path
    family: Literal["sd", "xl"]
    channels: int
    side_px: int
    grid_px: int
    levels: int

    @property
    def patch_grid_px(self) -> int:
        """Both sides of a picture are to be multiples of this: the U-Net halves latents as often as it has levels."""
        return int(self.grid_px * 2 ** (self.levels - 1))

    @property
    def most_px(self) -> int:
        """Longer side of the largest picture: far above what they were trained on, these models repeat themselves."""
        return self.side_px * 3 // 2

    @property
    def single_file(self) -> bool:
        """Whether all weights lie in one file, without tokenizer and configs."""
        return self.path.is_file()


def inspect_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at a path. NotFound where nothing is; InvalidInput, with the reason, for what is refused."""
    if not path.exists():
        raise NotFound(
            f"model {path}: no such folder or file; give a folder in diffusers' layout or a .safetensors file"
        )
    return _file(path) if path.is_file() else _folder(path)


def _folder(path: Path) -> Checkpoint:
    index = _json(path / "model_index.json", f"{path.name} is no model folder: model_index.json is not in it")
    name = index.get("_class_name")
    if name not in _FAMILIES:
        raise InvalidInput(f"{path.name} is a {name}: Stable Diffusion 1, 2 or XL is needed ({', '.join(_FAMILIES)})")
    for part, source in index.items():
        told = not part.startswith("_") and isinstance(source, list) and part not in _UNUSED and source[0] is not None
        if told and source[0] not in _LIBRARIES:
            raise InvalidInput(
                f"{path.name}: its {part} comes from {source[0]!r}, code that Kizu does not run; only parts of "
                f"{' and '.join(_LIBRARIES)} are loaded"
            )
    for part in (part for part in _WEIGHTS if part in index):
        _check_weights(path, part)
    unet = _json(path / "unet" / "config.json", f"{path.name}: unet/config.json is missing")
    vae = _json(path / "vae" / "config.json", f"{path.name}: vae/config.json is missing")
    grid_px = 2 ** (len(vae["block_out_channels"]) - 1)
    return Checkpoint(
        path=path,
        family=_FAMILIES[name],
        channels=_channels(path, int(unet["in_channels"]), int(vae["latent_channels"])),
        side_px=int(unet["sample_size"]) * grid_px,
        grid_px=grid_px,
        levels=len(unet["block_out_channels"]),
    )


def _check_weights(path: Path, part: str) -> None:
    files = list((path / part).glob("*"))
    if any(file.suffix == ".safetensors" for file in files):
        return
    if pickled := next((file for file in files if file.suffix in _PICKLED), None):
        raise InvalidInput(
            f"{path.name}: {part}/{pickled.name} is a pickle, which can run any code when it is opened; "
            "convert the model to safetensors"
        )
    raise InvalidInput(f"{path.name}: {part} has no weights (*.safetensors): download the model again")


def _file(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    if path.suffix in _PICKLED:
        raise InvalidInput(
            f"{path.name} is a pickle, which can run any code when it is opened; convert it to .safetensors"
        )
    try:
        with safe_open(path, "numpy") as weights:
            names = set(weights.keys())
            if _INPUT not in names:
                raise InvalidInput(_not_a_model(path, names))
            channels = int(weights.get_slice(_INPUT).get_shape()[1])
    except (SafetensorError, OSError) as error:
        raise InvalidInput(f"{path.name} is no safetensors file ({error}): download it again") from error
    family: Literal["sd", "xl"] = "xl" if any(name.startswith(_XL_TEXT) for name in names) else "sd"
    side_px, levels = (1024, 3) if family == "xl" else (512, 4)
    return Checkpoint(
        path=path, family=family, channels=_channels(path, channels, 4), side_px=side_px, grid_px=8, levels=levels
    )


def _not_a_model(path: Path, names: set[str]) -> str:
    if any("lora" in name for name in names):
        return f"{path.name} is a LoRA, which changes a model and is none: give it as a LoRA beside a model"
    return f"{path.name} is no Stable Diffusion checkpoint: it has no {_INPUT}"


def _channels(path: Path, channels: int, latent: int) -> int:
    """9 or 4, whatever the number of latent channels."""
    if channels not in (latent, 2 * latent + 1):
        raise InvalidInput(
            f"{path.name}: its U-Net takes {channels} channels; {latent} (plain) or {2 * latent + 1} (inpainting) "
            "are needed"
        )
    return 9 if channels == 2 * latent + 1 else 4


def _json(path: Path, missing: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput(f"{missing}: a folder in diffusers' layout is needed") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}): download the model again") from error
    return found
