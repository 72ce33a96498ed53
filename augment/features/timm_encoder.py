"""Any timm model as an encoder: by name, from the Hub, a local folder or a file, with timm's own preprocessing.

It never substitutes: weights that cannot be had, or that fill only part of the network, are an error that names the
built-in encoder.
"""

import copy
import difflib
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from torch import nn

from augment.errors import InvalidInput, NotFound
from augment.features.neighbours import Floats, check_points
from augment.training.precision import Precision, choose_precision

__all__ = ["TimmEncoder", "create_timm"]

_INSTEAD = "the built-in encoder needs no download: choose 'builtin'"
_WEIGHT_ENDINGS = (".safetensors", ".bin", ".pth", ".pt")


class TimmEncoder:
    """A timm model without its head.

    `source` is one of: a timm name ("swinv2_base_window12to16_192to256.ms_in22k_ft_in1k"), "hf-hub:owner/name", a
    folder in the Hub's layout (config.json beside model.safetensors) with or without "local-dir:", or "NAME=FILE":
    weights of a timm architecture in a file.
    """

    def __init__(self, source: str, precision: Precision | None = None, batch_size: int = 32) -> None:
        """Load the weights and timm's preprocessing for them.

        Raises:
            InvalidInput: an unknown name or source, or weights that do not fill the network.
            NotFound: the folder, file or download is not there; says so and names the built-in encoder.
        """
        self.source = source
        self.precision = precision or choose_precision()
        self.batch_size = batch_size
        model = create_timm(source)
        # The whole network was filled, head included, before the head goes: a partial file cannot pass.
        model.reset_classifier(0)  # type: ignore[operator]  # every timm model has it
        self.model = self.precision.place(model).eval()
        self._data = resolve_model_data_config(self.model)
        self._transform = create_transform(**self._data, is_training=False)
        self._dim = int(self.encode_dim())

    @classmethod
    def load(cls, config: Mapping[str, Any], weights: Path | None) -> Self:
        """Rebuild from the folder into which `save` wrote; needs no network.

        Raises:
            NotFound: the files are missing.
            InvalidInput: they do not fit.
        """
        if weights is None or not weights.is_file():
            raise NotFound(
                f"weights of encoder {config.get('source')!r} are missing: build the map again, or {_INSTEAD}"
            )
        encoder = cls(f"local-dir:{weights.parent}")
        encoder.source = str(config.get("source", encoder.source))
        return encoder

    @property
    def name(self) -> str:
        """Such as "timm: resnet18.a1_in1k"."""
        return f"timm: {self.source}"

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        return self._dim

    @property
    def config(self) -> dict[str, Any]:
        """JSON values for `load_encoder`; the preprocessing is recorded for the reader, timm derives it from the
        saved folder."""
        data = {name: list(v) if isinstance(v, tuple) else v for name, v in self._data.items()}
        return {"type": "timm", "source": self.source, "preprocessing": data}

    def encode_dim(self) -> int:
        """Length of the feature vector, measured on one black image."""
        return int(self._forward([np.zeros((32, 32, 3), dtype=np.uint8)]).shape[1])

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """Features (n, dim) float32 of n images (h, w, 1 or 3) uint8 of any size; see `Encoder.encode`."""
        for number, image in enumerate(images):
            if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
                raise InvalidInput(
                    f"image {number} of shape {image.shape} {image.dtype}: (h, w, 1 or 3) uint8 is needed"
                )
        if not len(images):
            return np.empty((0, self._dim), dtype=np.float32)
        size = self.batch_size
        parts = [self._forward(images[start : start + size]) for start in range(0, len(images), size)]
        return check_points(np.concatenate(parts), f"features of {self.source}")

    @property
    def aim_dim(self) -> int:
        """That of the features: nothing finer is known of a model that others made."""
        return self._dim

    def describe(self, images: Sequence[NDArray[np.uint8]]) -> tuple[Floats, Floats]:
        """Features, and as aims their directions."""
        features = self.encode(images)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        return features, np.asarray(features / np.maximum(lengths, 1e-12), dtype=np.float32)

    def save(self, path: Path) -> str:
        """Write weights (.safetensors) and, beside them, the config.json from which timm rebuilds the model.

        Args:
            path: "<folder of its own>/model.safetensors".

        Returns:
            The file's SHA-256 in hex.
        """
        part = path.parent.with_name(path.parent.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        # safetensors takes plainly ordered tensors alone, and the weights here are channels-last.
        plain = copy.deepcopy(self.model).to(device="cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        timm.models.save_for_hf(plain, part, safe_serialization=True)
        if path.parent.exists():
            shutil.rmtree(path.parent)
        part.rename(path.parent)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _forward(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        pictures = [Image.fromarray(image if image.shape[2] == 3 else image.repeat(3, axis=2)) for image in images]
        with torch.inference_mode(), self.precision.autocast():
            x = torch.stack([self._transform(picture) for picture in pictures])
            features = self.model(self.precision.arrange(x))
        return np.asarray(features.float().cpu().numpy(), dtype=np.float32)


def create_timm(source: str) -> nn.Module:
    """The timm model with all its weights, head included."""
    name, arguments = _resolve(source)
    try:
        model: nn.Module = timm.create_model(name, pretrained=True, **arguments)
        return model
    except _loading_errors() as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(error, RuntimeError | KeyError | TypeError) and "state_dict" in reason:
            raise InvalidInput(f"weights of {source!r} do not fit the network ({reason}); {_INSTEAD}") from error
        raise NotFound(
            f"weights of {source!r} cannot be had ({reason}): copy the model's folder here, or {_INSTEAD}"
        ) from error


def _resolve(source: str) -> tuple[str, dict[str, Any]]:
    """timm's model name and further arguments of `create_model`."""
    text = source.strip()
    if not text:
        raise InvalidInput(f"no timm model is named: give a name or a folder; {_INSTEAD}")
    if text.startswith("hf-hub:"):
        return text, {}
    architecture, separator, file = text.partition("=")
    if separator:
        if not Path(file).expanduser().is_file():
            raise NotFound(f"file {file!r} is not there: give the path of the weights, or {_INSTEAD}")
        return _known(architecture), {
            "pretrained_cfg_overlay": {"file": str(Path(file).expanduser()), "source": "file"}
        }
    folder = Path(text.removeprefix("local-dir:")).expanduser()
    if folder.suffix in _WEIGHT_ENDINGS and folder.is_file():
        if not (folder.parent / "config.json").is_file():
            raise InvalidInput(
                f"file {folder.name!r} alone does not say what network it fills: write NAME={folder.name}"
            )
        folder = folder.parent
    if text.startswith("local-dir:") or "/" in text or folder.is_dir():
        if not (folder / "config.json").is_file():
            raise NotFound(
                f"folder {str(folder)!r} holds no config.json of a timm model: check the path, or {_INSTEAD}"
            )
        return f"local-dir:{folder}", {}
    return _known(text), {}


def _known(name: str) -> str:
    if timm.is_model(name):
        return name
    architecture = name.partition(".")[0]
    near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
    hint = f" (near: {', '.join(near)})" if near else ""
    raise InvalidInput(f"timm knows no model {name!r}{hint}: check the name, or {_INSTEAD}")


def _loading_errors() -> tuple[type[Exception], ...]:
    """What timm, the Hub's client and safetensors raise when weights are missing, damaged or out of reach."""
    import httpx2
    from safetensors import SafetensorError

    return (OSError, RuntimeError, ValueError, LookupError, TypeError, EOFError, httpx2.HTTPError, SafetensorError)
