"""A small U-Net that is quick on a processor: few channels where pixels are many, attention only at the coarsest level.

It maps a noisy image and an embedding vector to an image. It does not know what the embedding means, nor noise levels.
After Dhariwal and Nichol 2021 (ADM) and Karras et al. 2024 (EDM2), with added instead of concatenated skips: at full
resolution each convolution costs what the whole coarsest level costs.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional

from augment.errors import InvalidConfig

__all__ = ["Design", "Padding", "UNet", "UNetConfig"]

Design = Literal["kizu", "published_group", "published_batch"]
"""This network, or the published one with GroupNorm or BatchNorm (see `published_unet.py`)."""


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Shape of the network. `widths[i]` channels and `blocks[i]` residual blocks each way at 1 / 2**i resolution."""

    channels: int = field(default=1, metadata={"help": "colour channels of the images: 1 or 3"})
    beside: int = field(default=0, metadata={"help": "input channels that are no image, a mask for one"})
    widths: tuple[int, ...] = field(
        default=(16, 48, 96, 128), metadata={"help": "channels at each level, finest first"}
    )
    blocks: tuple[int, ...] = field(default=(1, 1, 1, 2), metadata={"help": "residual blocks each way at each level"})
    embedding: int = field(default=128, metadata={"help": "length of the condition embedding"})
    heads: int = field(default=4, metadata={"help": "attention heads at the coarsest level, 0 for none"})
    dropout: float = field(default=0.0, metadata={"help": "dropout inside residual blocks, 0 to 0.5"})
    design: Design = field(default="kizu", metadata={"help": "kizu, published_group or published_batch"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field that cannot be built."""
        if self.channels not in (1, 3):
            raise InvalidConfig(f"channels {self.channels}: images are grey (1) or RGB (3)")
        if self.beside < 0:
            raise InvalidConfig(f"beside {self.beside}: input channels are counted from 0")
        if not 1 <= len(self.widths) <= 6 or len(self.blocks) != len(self.widths):
            raise InvalidConfig(f"widths {self.widths} and blocks {self.blocks}: give 1 to 6 levels, one number each")
        if any(width < 8 or width % 8 for width in self.widths):
            raise InvalidConfig(
                f"widths {self.widths}: each must be a positive multiple of 8 (groups of the normalisation)"
            )
        if any(count < 1 for count in self.blocks):
            raise InvalidConfig(f"blocks {self.blocks}: each level needs at least 1")
        if self.heads < 0 or (self.heads and self.widths[-1] % self.heads):
            raise InvalidConfig(f"heads {self.heads}: must divide the coarsest width {self.widths[-1]}, or be 0")
        if not 0 <= self.dropout <= 0.5:
            raise InvalidConfig(f"dropout {self.dropout}: allowed 0 to 0.5")
        if self.design not in get_args(Design):
            raise InvalidConfig(f"design {self.design!r}: allowed are {', '.join(get_args(Design))}")
        if self.design != "kizu" and self.beside:
            raise InvalidConfig(f"design {self.design}: the published network sees nothing beside the image")

    @classmethod
    def published(cls, side_px: int, channels: int, width: int, design: Design) -> "UNetConfig":
        """Three levels for images of up to 40 px, one more for each doubling: `width` channels, twice, then 4 times."""
        if not 8 <= width <= 256 or width % 8:
            raise InvalidConfig(f"width {width}: give a multiple of 8 from 8 to 256; 48 suits a processor, 128 a GPU")
        levels = 3 if side_px <= 40 else 4 if side_px <= 80 else 5
        widths = tuple(width * min(4, 2**level) for level in range(levels))
        return cls(channels=channels, widths=widths, blocks=(1,) * levels, heads=0, design=design)

    @classmethod
    def for_side(cls, side_px: int, channels: int, width: int = 48, dropout: float = 0.0) -> "UNetConfig":
        """A network whose coarsest level is 7 to 8 px wide for images of 28 to 128 px; `width` is its 32 px level's.

        Levels finer than 32 px get a third of it: a convolution there costs most and only has to draw edges and grain.
        """
        if not 8 <= width <= 256 or width % 8:
            raise InvalidConfig(f"width {width}: give a multiple of 8 from 8 to 256; 48 suits a processor, 128 a GPU")
        fine = max(8, width // 24 * 8)
        coarse = (width, 2 * width, max(8, width // 3 * 8))
        levels_above = 0 if side_px <= 40 else 1 if side_px <= 80 else 2
        widths = (fine,) * levels_above + coarse
        blocks = (1,) * levels_above + (1, 1, 2)
        return cls(channels=channels, widths=widths, blocks=blocks, embedding=128, dropout=dropout)


class Block(nn.Module):
    """Residual block: norm, SiLU, conv, norm scaled and shifted by the embedding, SiLU, conv. ADM, appendix A."""

    def __init__(self, width_in: int, width: int, embedding: int, dropout: float) -> None:
        """A block from `width_in` to `width` channels; the last convolution starts at 0: an identity at first."""
        super().__init__()
        self.norm_in = nn.GroupNorm(_groups(width_in), width_in)
        self.conv_in = nn.Conv2d(width_in, width, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * width)
        self.norm_out = nn.GroupNorm(_groups(width), width)
        self.dropout = nn.Dropout(dropout)
        self.conv_out = nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(N, width_in, H, W) and (N, embedding) -> (N, width, H, W)."""
        hidden = self.conv_in(functional.silu(self.norm_in(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = functional.silu(self.norm_out(hidden) * (scale + 1) + shift)
        out: Tensor = self.shortcut(x) + self.conv_out(self.dropout(hidden))
        return out


class Attention(nn.Module):
    """Self-attention over all places of the coarsest level, added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        """`heads` must divide `width`; the last layer starts at 0."""
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(_groups(width), width)
        self.query_key_value = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same shape."""
        count, width, height, breadth = x.shape
        packed = self.query_key_value(self.norm(x)).reshape(count, 3, self.heads, width // self.heads, height * breadth)
        query, key, value = packed.transpose(3, 4).unbind(1)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = x + self.out(mixed.transpose(2, 3).reshape(count, width, height, breadth))
        return out


class UNet(nn.Module):
    """The network: down through the levels, attention at the coarsest, up again adding what the way down left."""

    def __init__(self, config: UNetConfig) -> None:
        """Builds the layers `config` describes; the output layer starts at 0."""
        super().__init__()
        self.config = config
        widths, dropout = config.widths, config.dropout
        self.stem = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        if config.beside:
            # Starts at 0, so that a network that knows images sees them first as it always did.
            self.beside = nn.Conv2d(config.beside, widths[0], 3, padding=1, bias=False)
            nn.init.zeros_(self.beside.weight)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        self.rise = nn.ModuleList()
        for level, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            width_above = widths[max(level - 1, 0)]
            entries = [width_above] + [width] * (count - 1)
            self.down.append(nn.ModuleList(Block(entry, width, config.embedding, dropout) for entry in entries))
            self.up.append(nn.ModuleList(Block(width, width, config.embedding, dropout) for _ in range(count)))
            self.rise.append(nn.Conv2d(width, width_above, 1) if level else nn.Identity())
        self.attention = nn.ModuleList(Attention(widths[-1], config.heads) for _ in range(2 if config.heads else 0))
        self.norm = nn.GroupNorm(_groups(widths[0]), widths[0])
        self.head = nn.Conv2d(widths[0], config.channels, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, embedding: Tensor, beside: Tensor | None = None) -> Tensor:
        """(N, channels, H, W) and (N, embedding) -> (N, channels, H, W). Any H and W: padded, then cropped.

        beside: (N, config.beside, H, W) where the network was built to see more than the image.
        """
        padding = Padding(x, 2 ** (len(self.config.widths) - 1))
        x = self.stem(padding.lay(x))
        if beside is not None:
            x = x + self.beside(padding.lay(beside))
        kept: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            if level:
                x = functional.avg_pool2d(x, 2)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, embedding)
                kept.append(x)
        for attention in self.attention[:1]:
            x = attention(x)
        for level in reversed(range(len(self.up))):
            for block in self.up[level]:  # type: ignore[attr-defined]
                x = block(x + kept.pop(), embedding)
            if level == len(self.up) - 1:
                for attention in self.attention[1:]:
                    x = attention(x)
            if level:
                x = functional.interpolate(self.rise[level](x), scale_factor=2.0, mode="nearest")
        return padding.take(self.head(functional.silu(self.norm(x))))


class Padding:
    """Edges repeated around images whose sides a network cannot halve often enough, and taken off again."""

    def __init__(self, x: Tensor, multiple: int) -> None:
        """For images of the size of x (N, C, H, W)."""
        self.height, self.width = x.shape[2:]
        below, right = -self.height % multiple, -self.width % multiple
        self.sides = (right // 2, right - right // 2, below // 2, below - below // 2)

    def lay(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> with sides that are multiples."""
        return functional.pad(x, self.sides, mode="replicate") if any(self.sides) else x

    def take(self, x: Tensor) -> Tensor:
        """What lies inside the edges, (N, C, H, W)."""
        left, top = self.sides[0], self.sides[2]
        return x[:, :, top : top + self.height, left : left + self.width]


def _groups(width: int) -> int:
    """Groups of a normalisation over `width` channels: 8 channels each, so that narrow levels keep several groups."""
    return max(1, width // 8)
