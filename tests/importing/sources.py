"""Small sources on disk, and files as the world sends them."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from augment.images import encode_png


def picture(seed: int, width: int = 24, height: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 1), dtype=np.uint8)


def png(seed: int, width: int = 24, height: int = 20) -> bytes:
    return encode_png(picture(seed, width, height))


def jpeg(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture(seed)[..., 0]).save(stream, format="JPEG")
    return stream.getvalue()


def mask(width: int = 24, height: int = 20) -> bytes:
    return encode_png(np.eye(height, width, dtype=bool))


def lay(root: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def tiles(per_class: int = 4) -> dict[str, bytes]:
    """Like the magnetic tiles: MT_<Class>/Imgs, a mask of the same stem beside each picture."""
    files = {}
    for c, name in enumerate(("MT_Free", "MT_Crack")):
        for i in range(per_class):
            files[f"{name}/Imgs/exp1_num_{i}.jpg"] = jpeg(100 * c + i)
            files[f"{name}/Imgs/exp1_num_{i}.png"] = mask()
    return files
