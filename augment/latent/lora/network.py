"""The networks of a LoRA's training: a frozen U-Net, and text encoders where asked, with adapters that learn.

The file they end in is read by diffusers, Stable Diffusion WebUI and ComfyUI (kohya's names), and carries its settings.
Knows no photograph.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from augment.errors import InvalidConfig
from augment.latent.lora.settings import TARGETS, LoraTraining
from augment.latent.model import LatentModel, added_conditions

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline, UNet2DConditionModel
    from transformers import PreTrainedModel

__all__ = ["LoraNetwork", "adapter_bytes", "save_lora"]

_TEXT_TARGETS = r".*\.(q_proj|k_proj|v_proj|out_proj)"
_TEXTS = ("text_encoder", "text_encoder_2")
_ADAPTER = "default"


class LoraNetwork(nn.Module):
    """A model's U-Net with adapters. With `LoraTraining.text_encoder`, its text encoders with theirs.

    The model's own weights are frozen; copies for averages share them (`copy_learning`).
    """

    def __init__(self, model: LatentModel, training: LoraTraining) -> None:
        """Puts adapters into the networks of `model`, which draws as before until they have learned.

        InvalidConfig for a rank above the width of the narrowest layer.
        """
        super().__init__()
        self.family, self.grid_px = model.checkpoint.family, model.checkpoint.grid_px
        self.unet: UNet2DConditionModel = model.pipeline.unet
        _add(self.unet, TARGETS[training.targets], training)
        if training.gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        self.texts = nn.ModuleDict()
        if training.text_encoder:
            for name in _TEXTS:
                encoder = getattr(model.pipeline, name, None)
                if encoder is not None:
                    _add(encoder, _TEXT_TARGETS, training)
                    self.texts[name] = encoder

    def forward(self, x: Tensor, t: Tensor, text: Tensor, pooled: Tensor | None) -> Tensor:
        """x: (N, 4 or 9, h, w); t: (N,); text (N, tokens, width) and, for XL, pooled (N, p) -> (N, 4, h, w)."""
        added = added_conditions(pooled, x, self.grid_px)
        answer: Tensor = self.unet(x, t, encoder_hidden_states=text.to(x.dtype), **added).sample
        return answer

    def pipeline(self, like: "DiffusionPipeline") -> "DiffusionPipeline":
        """`like` with these networks in place of its own."""
        own = {"unet": self.unet, **dict(self.texts)}
        options = {"requires_safety_checker": False} if self.family == "sd" else {}
        drawn: DiffusionPipeline = type(like)(**{**like.components, **own}, **options)
        drawn.set_progress_bar_config(disable=True)
        return drawn

    def adapters(self) -> dict[str, Tensor]:
        """The adapters by kohya's names, without their alpha."""
        from diffusers.utils import convert_state_dict_to_kohya
        from peft.utils import get_peft_model_state_dict

        found: dict[str, Tensor] = {}
        for name, module in (("unet", self.unet), *self.texts.items()):
            state = get_peft_model_state_dict(module, adapter_name=_ADAPTER)
            found |= {f"{name}.{key}": value.detach().float().cpu().contiguous() for key, value in state.items()}
        named = convert_state_dict_to_kohya(found)
        return {key: value for key, value in named.items() if not key.endswith(".alpha")}


def _add(module: "UNet2DConditionModel | PreTrainedModel", targets: str, training: LoraTraining) -> None:
    from peft import LoraConfig

    config = LoraConfig(
        r=training.rank, lora_alpha=training.lora_alpha, target_modules=targets, init_lora_weights="gaussian"
    )
    pattern = re.compile(targets)
    found = [layer for name, layer in module.named_modules() if pattern.fullmatch(name)]
    narrowest = min(min(layer.weight.shape[:2]) for layer in found)
    if training.rank > narrowest:
        raise InvalidConfig(
            f"rank {training.rank}: the narrowest layer has {narrowest} channels, and no rank above that is of use; "
            "4 to 16 suits one defect"
        )
    module.add_adapter(config, adapter_name=_ADAPTER)
    # Half-precision adapters lose steps that are small beside them.
    for weight in module.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


def adapter_bytes(model: LatentModel, training: LoraTraining) -> int:
    """Size of the U-Net's adapters in float32: a (rank, in, ...) and an (out, rank) for each layer (out, in, ...)."""
    pattern = re.compile(TARGETS[training.targets])
    shapes = [layer.weight.shape for name, layer in model.pipeline.unet.named_modules() if pattern.fullmatch(name)]
    return 4 * training.rank * sum(int(shape[0] + shape[1:].numel()) for shape in shapes)


def save_lora(path: Path, network: LoraNetwork, training: LoraTraining, told: Mapping[str, Any]) -> None:
    """Writes the adapters as safetensors in kohya's names, whole or not at all; the settings and `told` go along."""
    from dataclasses import asdict

    from safetensors.torch import save

    tensors = network.adapters()
    alphas = {name.partition(".")[0] + ".alpha": torch.tensor(training.lora_alpha) for name in tensors}
    metadata = {
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(training.rank),
        "ss_network_alpha": str(training.lora_alpha),
        "ss_learning_rate": str(training.learning_rate),
        "ss_seed": str(training.seed),
        "kizu": json.dumps({**told, "training": asdict(training)}, ensure_ascii=False, sort_keys=True),
    }
    part = path.with_suffix(".part")
    part.write_bytes(_in_order(save({**tensors, **alphas}, metadata=metadata)))
    part.replace(path)


def _in_order(data: bytes) -> bytes:
    """A safetensors file with its header's names sorted: safetensors writes metadata in an order of chance, and the
    same training shall end in the same bytes."""
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]
