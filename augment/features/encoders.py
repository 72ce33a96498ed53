"""Encoders: the cut of an image in, a feature vector and an aim out. The built-in network, and the door to timm's.

The feature says what an image is: the map is made of it. The aim says what it looks like: it is finer, keeps where in
the image things are and the light they are in, and is what generators are told and steered to. Positions and features
of a tight class are nearly all the same.

An encoder does not know the workspace, the view or the labels; it is rebuilt from its config and a safetensors file.
Which of the two is used is always said: when timm's weights cannot be had, nothing takes their place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from augment.errors import InvalidConfig, InvalidInput, NotFound
from augment.features.neighbours import Floats, check_points
from augment.training.files import load_weights, save_weights
from augment.training.precision import Precision, choose_precision

__all__ = ["BuiltinEncoder", "BuiltinNetConfig", "Encoder", "ResidualNet", "load_encoder"]

_GRID = 4  # places a side in which the aim keeps apart what is where


class Encoder(Protocol):
    """What all encoders do."""

    @property
    def name(self) -> str:
        """The encoder in words, for screens and records."""
        ...

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        ...

    @property
    def aim_dim(self) -> int:
        """Length of an aim."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """JSON values from which `load_encoder` makes it again, together with the file that `save` wrote."""
        ...

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """Features of images.

        Args:
            images: n arrays (height, width, channels) uint8 in [0, 255], as the workspace's view cuts them.

        Returns:
            (n, dim) float32, finite.

        Raises:
            InvalidInput: an image of the wrong shape, or features that are not finite.
        """
        ...

    def describe(self, images: Sequence[NDArray[np.uint8]]) -> tuple[Floats, Floats]:
        """Features (n, dim) and aims (n, aim_dim) float32 of images, as `encode` takes them."""
        ...

    def save(self, path: Path) -> str:
        """Write the weights to `path` (.safetensors), whole or not at all; return the file's SHA-256 in hex."""
        ...


@dataclass(frozen=True, kw_only=True)
class BuiltinNetConfig:
    """Shape of the built-in network and the normalisation it was trained with."""

    side_px: int = field(default=64, metadata={"help": "side of the square input, 16 to 256 px"})
    channels: int = field(default=1, metadata={"help": "1 for grey, 3 for RGB"})
    width: int = field(default=16, metadata={"help": "channels of the first level"})
    dim: int = field(default=128, metadata={"help": "length of the feature vector"})
    aim_dim: int = field(default=128, metadata={"help": "length of the aim"})
    mean: float = field(default=0.5, metadata={"help": "mean of the training pixels, 0 to 1"})
    deviation: float = field(default=0.25, metadata={"help": "standard deviation of the training pixels, above 0"})

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidConfig: a field lies outside its range.
        """
        if not 16 <= self.side_px <= 256:
            raise InvalidConfig(f"side_px {self.side_px}: 16 to 256 px; choose another side for the view")
        if self.channels not in (1, 3):
            raise InvalidConfig(f"channels {self.channels}: 1 (grey) or 3 (RGB)")
        if self.width < 8 or self.width % 8:
            raise InvalidConfig(f"width {self.width}: a multiple of 8, 8 or more")
        if not 8 <= self.dim <= 4096:
            raise InvalidConfig(f"dim {self.dim}: 8 to 4096")
        if not 1 <= self.aim_dim <= 512:
            raise InvalidConfig(f"aim_dim {self.aim_dim}: 1 to 512; 128 is usual")
        if not self.deviation > 0:
            raise InvalidConfig(f"deviation {self.deviation}: above 0")


class _Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut (He et al. 2016), normalised by groups: no state that batches would
    share."""

    def __init__(self, incoming: int, outgoing: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(incoming, outgoing, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(8, outgoing)
        self.conv2 = nn.Conv2d(outgoing, outgoing, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(8, outgoing)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or incoming != outgoing:
            # Averaging before the 1 x 1 keeps thin cracks that a strided 1 x 1 would step over.
            pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(incoming, outgoing, 1, bias=False))
        # A block begins as its shortcut, which lets a high learning rate start at once.
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H / stride, W / stride)."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class PrincipalComponents(nn.Module):
    """A linear map fitted once: (N, e) -> (N, c), the directions in which e numbers vary most."""

    mean: Tensor
    basis: Tensor

    def __init__(self, incoming: int, outgoing: int) -> None:
        """Gives 0 until it is fitted or loaded."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(incoming))
        self.register_buffer("basis", torch.zeros(incoming, outgoing))

    def fit(self, values: Tensor, parts: Sequence[int]) -> None:
        """From values (n, e). `parts` are the lengths of blocks that count alike: each is scaled to a variance of 1."""
        exact = values.double()
        mean = exact.mean(0)
        blocks = torch.split(exact - mean, [*parts], dim=1)
        spread = [(block**2).sum(1).mean().sqrt().clamp_min(1e-6) for block in blocks]
        scale = torch.cat([(1.0 / each).expand(count) for each, count in zip(spread, parts, strict=True)])
        centred = (exact - mean) * scale
        if len(centred) < centred.shape[1]:
            # The same directions without the products of all numbers: seconds less where images are few.
            directions = torch.linalg.svd(centred, full_matrices=False).Vh.T
        else:
            directions = torch.linalg.eigh(centred.T @ centred)[1].flip(1)
        directions = directions[:, : self.basis.shape[1]]
        self.mean.copy_(mean)
        self.basis.zero_()[:, : directions.shape[1]] = scale[:, None] * directions

    def forward(self, values: Tensor) -> Tensor:
        """Scores of values."""
        return (values - self.mean) @ self.basis


def _pooled(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 4, 4), means."""
    return functional.adaptive_avg_pool2d(x, _GRID)


class ResidualNet(nn.Module):
    """A residual network of three levels for squares of 28 to 128 px; the feature is read from mean and maximum over
    places."""

    def __init__(self, config: BuiltinNetConfig) -> None:
        """Make the network with fresh weights from torch's global generator."""
        super().__init__()
        self.net_config = config
        width = config.width
        # About 32 x 32 places at the first level, whatever the side.
        stride = 1 if config.side_px < 48 else 2 if config.side_px <= 96 else 4
        size = 3 if stride == 1 else 2 * stride + 1
        self.stem = nn.Sequential(
            nn.Conv2d(config.channels, width, size, stride=stride, padding=size // 2, bias=False),
            nn.GroupNorm(8, width),
            nn.ReLU(),
        )
        self.levels = nn.Sequential(
            _Block(width, width, 1),
            _Block(width, 2 * width, 2),
            _Block(2 * width, 2 * width, 1),
            _Block(2 * width, 4 * width, 2),
            _Block(4 * width, 4 * width, 1),
        )
        # The maximum sees a defect that fills one place of many; the mean sees the surface.
        self.feature = nn.Linear(8 * width, config.dim)
        places = _GRID * _GRID
        pixels = places * config.channels
        self.parts = (config.dim, places * 4 * width, places * 2 * width, pixels, pixels)
        self.aim = PrincipalComponents(sum(self.parts), config.aim_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Features of normalised images: (N, channels, side, side) float -> (N, dim) float."""
        return self._feature(self.levels(self.stem(x)))

    def details(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features, and what the aim is made of: the feature's direction, and in each of 4 x 4 places the means of the
        last level and of the one before (what is there), and mean and deviation of the pixels (light and contrast,
        which features are taught not to see)."""
        middle = self.levels[:3](self.stem(x))
        y = self.levels[3:](middle)
        feature = self._feature(y)
        light = _pooled(x)
        contrast = (_pooled(x * x) - light * light).clamp_min(1e-4).sqrt()
        grids = [each.flatten(1) for each in (_pooled(y), _pooled(middle), light, contrast)]
        return feature, torch.cat([functional.normalize(feature, dim=1), *grids], dim=1)

    def _feature(self, y: Tensor) -> Tensor:
        pooled = torch.cat([y.mean(dim=(2, 3)), y.amax(dim=(2, 3))], dim=1)
        return self.feature(pooled)  # type: ignore[no-any-return]

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 (N, side, side, channels) -> float32 (N, channels, side, side) by the training pixels' mean and
        deviation."""
        x = pixels.permute(0, 3, 1, 2).float().div_(255.0)
        return x.sub_(self.net_config.mean).div_(self.net_config.deviation)


class BuiltinEncoder:
    """The workspace's own network. `train_encoder` makes one; `load` reads one."""

    def __init__(self, net: ResidualNet, precision: Precision | None = None, batch_size: int = 256) -> None:
        """Take a network; it is moved to the precision's device and switched to evaluation."""
        self.precision = precision or choose_precision()
        self.net = self.precision.place(net).eval()
        self.batch_size = batch_size

    @classmethod
    def load(cls, config: Mapping[str, Any], weights: Path | None) -> Self:
        """Rebuild an encoder from its config and file.

        Raises:
            NotFound: the file is not there.
            InvalidInput: the file is damaged or belongs to another shape of network.
        """
        shape = {name: value for name, value in config.items() if name != "type"}
        try:
            net = ResidualNet(BuiltinNetConfig(**shape))
        except TypeError as error:
            raise InvalidInput(
                f"encoder config {dict(config)} is not understood ({error}): train the encoder again"
            ) from error
        if weights is None or not weights.is_file():
            named = "no file" if weights is None else weights.name
            raise NotFound(f"weights of the built-in encoder ({named}) are missing: train the encoder again")
        load_weights(weights, net)
        return cls(net)

    @property
    def name(self) -> str:
        """Such as "built in, 64 px, grey"."""
        config = self.net.net_config
        return f"built in, {config.side_px} px, {'grey' if config.channels == 1 else 'RGB'}"

    @property
    def dim(self) -> int:
        """Length of a feature vector, 128 by default."""
        return self.net.net_config.dim

    @property
    def config(self) -> dict[str, Any]:
        """JSON values for `load_encoder`."""
        return {"type": "builtin", **asdict(self.net.net_config)}

    @property
    def aim_dim(self) -> int:
        """Length of an aim, 128 by default."""
        return self.net.net_config.aim_dim

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """Features (n, dim) float32 of n images (side, side, channels) uint8; see `Encoder.encode`."""
        return self.describe(images)[0]

    def describe(self, images: Sequence[NDArray[np.uint8]]) -> tuple[Floats, Floats]:
        """Features (n, dim) and aims (n, aim_dim); see `Encoder.describe`."""
        parts = list(self._details(images))
        if not parts:
            return np.empty((0, self.dim), dtype=np.float32), np.empty((0, self.aim_dim), dtype=np.float32)
        features = torch.cat([feature for feature, _ in parts]).cpu().numpy()
        aims = torch.cat([self.net.aim(details) for _, details in parts]).cpu().numpy()
        return check_points(features, "features of the built-in encoder"), np.asarray(aims, dtype=np.float32)

    def fit_aim(self, images: Sequence[NDArray[np.uint8]]) -> None:
        """Fits what aims are on images (side, side, channels) uint8, one or more; once, after training."""
        self.net.aim.fit(torch.cat([details for _, details in self._details(images)]), self.net.parts)

    def aim_of(self, images: Tensor) -> Tensor:
        """Aims (N, aim_dim) float32 of images (N, channels, side, side) float32 in [-1, 1], differentiable in them."""
        config = self.net.net_config
        with self.precision.autocast():
            x = ((images + 1.0) / 2.0 - config.mean) / config.deviation
            _, details = self.net.details(self.precision.arrange(x))
        aim: Tensor = self.net.aim(details.float())
        return aim

    def _details(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[tuple[Tensor, Tensor]]:
        config = self.net.net_config
        needed = (config.side_px, config.side_px, config.channels)
        for number, image in enumerate(images):
            if image.shape != needed or image.dtype != np.uint8:
                raise InvalidInput(
                    f"image {number} of shape {image.shape} {image.dtype}: this encoder takes {needed} uint8; "
                    "the view was changed after it was trained, train it again"
                )
        with torch.inference_mode(), self.precision.autocast():
            for start in range(0, len(images), self.batch_size):
                batch = np.stack(images[start : start + self.batch_size])
                x = self.net.normalise(torch.from_numpy(batch))
                feature, details = self.net.details(self.precision.arrange(x))
                yield feature.float(), details.float()

    def save(self, path: Path) -> str:
        """Write the weights; return the file's SHA-256."""
        return save_weights(path, self.net)


def load_encoder(config: Mapping[str, Any], weights: Path | None) -> Encoder:
    """The encoder that a ModelRecord describes.

    Args:
        config: `Encoder.config`, with "type" "builtin" or "timm". Fields about the training under "training" are
            passed over.
        weights: the .safetensors file that `Encoder.save` wrote.

    Raises:
        NotFound: the file is missing.
        InvalidInput: the file does not fit, or the type is unknown.
    """
    known = {name: value for name, value in config.items() if name not in ("training", "view", "labels")}
    if known.get("type") == "builtin":
        return BuiltinEncoder.load(known, weights)
    if known.get("type") == "timm":
        from augment.features.timm_encoder import TimmEncoder

        return TimmEncoder.load(known, weights)
    raise InvalidInput(f"encoder type {known.get('type')!r}: builtin or timm; train the encoder or build the map again")
