"""A loaded Stable Diffusion model: its networks, its text, its place in memory. Knows no mask and no sampler."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from augment.errors import InvalidInput, NotReady
from augment.latent.checkpoint import Checkpoint
from augment.training.precision import Precision, choose_precision

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

__all__ = ["LatentModel", "LoraFile", "Prompt", "added_conditions", "load_model"]

_ROOM_BYTES = 3 << 30
"""GPU memory that activations of one picture need beside the weights, with some to spare."""


@dataclass(frozen=True)
class LoraFile:
    """A LoRA in a safetensors file, and how strongly it counts."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """What the U-Net is told: text (1, tokens, width), for XL also the pooled text (1, p). cut: words left out."""

    text: Tensor
    pooled: Tensor | None = None
    cut: str = ""


@dataclass(eq=False)
class LatentModel:
    """A diffusers pipeline, used for its parts."""

    checkpoint: Checkpoint
    pipeline: Any
    precision: Precision
    loras: tuple[LoraFile, ...] = field(default=())
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.precision.device

    def prompt(self, text: str) -> Prompt:
        """The prompt as the networks see it; `cut` names the words beyond what the tokenizer takes."""
        with torch.inference_mode():
            told = self.pipeline.encode_prompt(
                text, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
            )
        return Prompt(told[0], told[2] if self.checkpoint.family == "xl" else None, self._cut(text))

    def _cut(self, text: str) -> str:
        tokenizer = self.pipeline.tokenizer
        tokens = tokenizer(text, truncation=False, verbose=False).input_ids
        beyond = tokens[tokenizer.model_max_length - 1 : -1]
        return str(tokenizer.decode(beyond)).strip() if beyond else ""

    def encode(self, pictures: Tensor) -> Tensor:
        """(N, 3, H, W) in [-1, 1] -> scaled latents (N, c, H / grid, W / grid) float32; means, so nothing is random."""
        vae = self.pipeline.vae
        with torch.inference_mode(), self._full_precision():
            mean = vae.encode(self.precision.arrange(pictures).to(vae.dtype)).latent_dist.mean
        shift = getattr(vae.config, "shift_factor", None) or 0.0
        latents: Tensor = (mean.float() - shift) * vae.config.scaling_factor
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents -> (N, 3, H, W) float32 around [-1, 1]."""
        vae = self.pipeline.vae
        shift = getattr(vae.config, "shift_factor", None) or 0.0
        with torch.inference_mode(), self._full_precision():
            picture: Tensor = vae.decode((latents / vae.config.scaling_factor + shift).to(vae.dtype)).sample
        return picture.float()

    def predict(self, x: Tensor, t: Tensor, prompt: Prompt) -> Tensor:
        """The U-Net's answer (N, c, h, w) float32 to scaled input (N, 4 or 9, h, w) at step t."""
        unet, pooled = self.pipeline.unet, prompt.pooled
        added = added_conditions(None if pooled is None else pooled.expand(len(x), -1), x, self.checkpoint.grid_px)
        text = prompt.text.expand(len(x), -1, -1)
        # A processor that computes bf16 does so from float32 weights; the autoencoder stays exact.
        with self.precision.autocast():
            answer: Tensor = unet(x.to(unet.dtype), t, encoder_hidden_states=text, **added).sample
        return answer.float()

    @contextlib.contextmanager
    def _full_precision(self) -> Iterator[None]:
        """XL's autoencoder overflows in fp16 (diffusers' `force_upcast`)."""
        vae = self.pipeline.vae
        raised = vae.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
        if raised:
            vae.to(torch.float32)
        try:
            yield
        finally:
            if raised:
                vae.to(torch.float16)

    def save_memory(self) -> None:
        """Slower and smaller: attention in slices, the autoencoder in tiles."""
        _slice(self.pipeline)

    def use_loras(self, loras: Sequence[LoraFile]) -> None:
        """Loads these LoRAs, each with its weight, in place of those before. InvalidInput for one that does not fit.

        Two threads that draw with one model may call it at once.
        """
        with self._loading:
            if tuple(loras) != self.loras:
                self._load_loras(loras)

    def _load_loras(self, loras: Sequence[LoraFile]) -> None:
        self.pipeline.unload_lora_weights()
        self.loras = ()
        for number, lora in enumerate(loras):
            _check_lora(lora.path)
            try:
                self.pipeline.load_lora_weights(
                    lora.path.parent, weight_name=lora.path.name, adapter_name=f"lora{number}"
                )
            except (RuntimeError, ValueError, KeyError, OSError) as error:
                self.pipeline.unload_lora_weights()
                # torch names the sizes that differ in its second line.
                reason = " ".join(str(error).split())
                raise InvalidInput(
                    f"LoRA {lora.path.name} does not fit {self.checkpoint.path.name} ({reason:.160}): "
                    "choose the model it was trained on"
                ) from error
        if loras:
            self.pipeline.set_adapters([f"lora{n}" for n in range(len(loras))], [lora.weight for lora in loras])
        self.loras = tuple(loras)


def added_conditions(pooled: Tensor | None, x: Tensor, grid_px: int) -> dict[str, Any]:
    """What XL's U-Net is told beside the text (N, p): the picture's size, uncut. Empty for the others."""
    if pooled is None:
        return {}
    side = x.shape[-2] * grid_px, x.shape[-1] * grid_px
    sizes = torch.tensor([[*side, 0, 0, *side]], device=x.device, dtype=pooled.dtype)
    return {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": sizes.repeat(len(x), 1)}}


def _check_lora(path: Path) -> None:
    if path.suffix != ".safetensors":
        raise InvalidInput(f"LoRA {path.name}: only .safetensors files are opened; others can run code")
    if not path.is_file():
        raise InvalidInput(f"LoRA {path}: no such file")


def load_model(checkpoint: Checkpoint, precision: Precision | None = None) -> LatentModel:
    """Loads weights from the disk alone, never from a network, into the precision and memory there is.

    On a GPU all of it where free memory holds it, else part by part as it is needed. NotReady for a single file whose
    tokenizer and configs were never fetched; InvalidInput for damaged weights.
    """
    import diffusers
    import transformers

    # The page and the terminal show their own progress.
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    # It warns of every LoRA that leaves the text encoder alone, as most do.
    diffusers.utils.logging.get_logger("diffusers.loaders").setLevel(diffusers.utils.logging.ERROR)
    precision = precision or choose_precision()
    dtype = torch.float32 if precision.device.type == "cpu" else precision.dtype
    options = {"dtype": dtype, "local_files_only": True, "safety_checker": None, "requires_safety_checker": False}
    if checkpoint.family == "xl":
        options = {name: options[name] for name in ("dtype", "local_files_only")}
    kind = (
        "StableDiffusion"
        + ("XL" if checkpoint.family == "xl" else "")
        + ("Inpaint" if checkpoint.channels == 9 else "")
        + "Pipeline"
    )
    pipeline_class = getattr(diffusers, kind)
    try:
        if checkpoint.single_file:
            pipeline = pipeline_class.from_single_file(str(checkpoint.path), **options)
        else:
            pipeline = pipeline_class.from_pretrained(checkpoint.path, use_safetensors=True, **options)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        if checkpoint.single_file:
            raise NotReady(
                f"{checkpoint.path.name} brings no tokenizer and configs, and they are not on this machine "
                f"({reason:.120}): give the model as a folder in diffusers' layout, or load it once with the internet"
            ) from error
        raise InvalidInput(f"{checkpoint.path.name} cannot be loaded ({reason:.200})") from error
    pipeline.set_progress_bar_config(disable=True)
    _place(pipeline, precision)
    return LatentModel(checkpoint, pipeline, precision)


def _place(pipeline: "DiffusionPipeline", precision: Precision) -> None:
    """On the device as a whole, or in turns where a GPU's free memory is too small for that."""
    parts = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    for part in parts:
        part.eval().requires_grad_(False)
    if precision.device.type != "cuda":
        pipeline.unet.to(memory_format=precision.memory_format)
        pipeline.vae.to(memory_format=precision.memory_format)
        return
    free, _ = torch.cuda.mem_get_info(precision.device)
    sizes = [sum(weight.numel() * weight.element_size() for weight in part.parameters()) for part in parts]
    if sum(sizes) + _ROOM_BYTES <= free:
        pipeline.to(precision.device)
        return
    _slice(pipeline)
    if max(sizes) + _ROOM_BYTES <= free:
        pipeline.enable_model_cpu_offload(device=precision.device)
    else:
        pipeline.enable_sequential_cpu_offload(device=precision.device)


def _slice(pipeline: "DiffusionPipeline") -> None:
    pipeline.enable_attention_slicing()
    pipeline.vae.enable_tiling()
