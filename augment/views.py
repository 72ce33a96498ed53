"""Views: how a photograph is cut for a network, the same way for encoder, generators and classifiers of a workspace.

Knows pixels, masks and a hash to seed places with; no store and no torch. Pixels are uint8 (H, W, C) as in
`augment.images`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.errors import InvalidConfig, InvalidInput

__all__ = ["Colour", "Enlarged", "View", "ViewKind", "mask_side", "recoloured"]

ViewKind = Literal["whole", "centre", "mask"]
Colour = Literal["grey", "rgb"]

_LEAST_SIDE_PX, _MOST_SIDE_PX = 28, 64  # sides that are suggested
_MOST_SIDES = 64
"""Sides kept to draw places for images without a mask; quantiles of as many as there are."""


@dataclass(frozen=True, kw_only=True)
class Enlarged:
    """`count` of `total` images hold fewer pixels than a view's `side_px` and are enlarged, which makes them soft.

    choose_px: the largest side that enlarges none of them; None where only a few would decide on a side below 28 px.
    """

    count: int
    total: int
    side_px: int
    choose_px: int | None

    @property
    def text(self) -> str:
        """The same as a sentence."""
        told = f"{self.count} of {self.total} images are smaller than {self.side_px} px and are enlarged"
        if self.choose_px is None:
            return f"{told}: they look softer than the others; leave them out where that matters"
        return f"{told}; choose {self.choose_px} px to avoid it"


@dataclass(frozen=True, kw_only=True)
class View:
    """How an image becomes a square of `side_px`; its aspect is always kept.

    whole: all of it, reflected at its shorter sides to a square. centre: the largest centred square.
    mask: a square around the mask's box times `margin`, at least `side_px` native pixels wide where the image allows,
    moved into the image. An image without a mask gives a square of like size (drawn from `mask_sides_px`) at a place
    that its own hash decides, so that neither size nor place tells a network whether a mask was there.
    """

    kind: ViewKind = field(default="whole", metadata={"help": "whole, centre, or mask (a square around the mask)"})
    side_px: int = field(default=64, metadata={"help": "side of the cut in px: 16 to 256, a multiple of 4"})
    colour: Colour = field(default="rgb", metadata={"help": "grey or rgb"})
    margin: float = field(
        default=1.5, metadata={"help": "mask: side of the square over the mask's longer side, 1 to 8"}
    )
    mask_sides_px: tuple[int, ...] = field(
        default=(), metadata={"help": "mask: native sides of the training masks' squares, for images without a mask"}
    )

    def __post_init__(self) -> None:
        """Raise InvalidConfig if a field is outside its range."""
        if self.kind not in get_args(ViewKind):
            raise InvalidConfig(f"kind {self.kind!r}: choose one of {', '.join(get_args(ViewKind))}")
        if self.colour not in get_args(Colour):
            raise InvalidConfig(f"colour {self.colour!r}: choose one of {', '.join(get_args(Colour))}")
        if not 16 <= self.side_px <= 256 or self.side_px % 4:
            raise InvalidConfig(f"side_px {self.side_px}: a multiple of 4 from 16 to 256; 64 suits a CPU")
        if not 1 <= self.margin <= 8:
            raise InvalidConfig(f"margin {self.margin}: from 1 (the mask's box itself) to 8; 1.5 is usual")
        if any(side < 1 for side in self.mask_sides_px):
            raise InvalidConfig(f"mask_sides_px {min(self.mask_sides_px)}: every side is 1 px or more")

    @property
    def channels(self) -> int:
        """1 for grey, 3 for rgb."""
        return 1 if self.colour == "grey" else 3

    def cut(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_] | None, sha256: str) -> NDArray[np.uint8]:
        """Cut one image.

        pixels: uint8 (H, W, 1 or 3). mask: bool (H, W) or None; only kind "mask" looks at it, and an empty one is none.
        sha256: names the image, and decides the place where there is no mask.
        Returns uint8 (side_px, side_px, channels). Raises InvalidInput if the mask has another size than the image.
        """
        if mask is not None and mask.shape != pixels.shape[:2]:
            sizes = f"{mask.shape[1]} x {mask.shape[0]} px but its image {pixels.shape[1]} x {pixels.shape[0]} px"
            raise InvalidInput(f"mask is {sizes}: both must be equal")
        coloured = recoloured(pixels, self.colour)
        if self.kind == "whole":
            return _padded(coloured, self.side_px)
        left, top, side = self.square(pixels.shape[1], pixels.shape[0], mask, sha256)
        return _resized(coloured[top : top + side, left : left + side], self.side_px, self.side_px)

    def square(
        self, width_px: int, height_px: int, mask: NDArray[np.bool_] | None, sha256: str
    ) -> tuple[int, int, int]:
        """The native square that is cut, as (left, top, side) in px; for "whole" the longer side at (0, 0)."""
        shorter = min(width_px, height_px)
        if self.kind == "whole":
            return 0, 0, max(width_px, height_px)
        if self.kind == "centre":
            return (width_px - shorter) // 2, (height_px - shorter) // 2, shorter
        box_side = None if mask is None else mask_side(mask, self.margin)
        if mask is None or box_side is None:
            return self._seeded_square(width_px, height_px, sha256)
        side = min(max(box_side, self.side_px), shorter)
        return _best_start(mask.sum(axis=0), side), _best_start(mask.sum(axis=1), side), side

    def _seeded_square(self, width_px: int, height_px: int, sha256: str) -> tuple[int, int, int]:
        # Plain arithmetic on a digest, because numpy does not promise its random streams across versions.
        digest = hashlib.sha256(f"view:{sha256}".encode()).digest()
        pick, across, down = (int.from_bytes(digest[i : i + 8], "big") for i in (0, 8, 16))
        wanted = self.mask_sides_px[pick % len(self.mask_sides_px)] if self.mask_sides_px else self.side_px
        side = min(max(wanted, self.side_px), width_px, height_px)
        return across % (width_px - side + 1), down % (height_px - side + 1), side

    def enlarged(self, sizes: Mapping[tuple[int, int], int]) -> Enlarged | None:
        """What this view enlarges among images of these (width_px, height_px), by how many there are of each.

        None where every image has the pixels for its cut.
        """
        # "whole" fits the longer side into the cut; the others cut a square out of the shorter one.
        native = {size: max(size) if self.kind == "whole" else min(size) for size in sizes}
        count = sum(number for size, number in sizes.items() if native[size] < self.side_px)
        if not count:
            return None
        total = sum(sizes.values())
        fitting = min(native.values()) // 4 * 4
        usual = fitting >= _LEAST_SIDE_PX or count == total
        return Enlarged(
            count=count, total=total, side_px=self.side_px, choose_px=fitting if usual and fitting >= 16 else None
        )

    def to_json(self) -> dict[str, Any]:
        """The view as JSON values; `from_json` inverts it."""
        return {**asdict(self), "mask_sides_px": list(self.mask_sides_px)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "View":
        """A view from `to_json`; missing fields take their defaults. Raises InvalidConfig for unknown fields."""
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InvalidConfig(f"view field {unknown[0]!r} is unknown: {', '.join(known)}")
        try:
            sides = tuple(int(side) for side in values.get("mask_sides_px", ()))
            return cls(**{**values, "mask_sides_px": sides})
        except (TypeError, ValueError) as error:
            raise InvalidConfig(f"view {dict(values)!r} is unusable: {error}") from error

    @classmethod
    def fit(
        cls, sizes: Sequence[tuple[int, int]], *, grey: bool, mask_sides_px: Sequence[int] = (), margin: float = 1.5
    ) -> "View":
        """Suggest a view for a training split.

        sizes: (width_px, height_px) of some training images. grey: whether none of them carries colour.
        mask_sides_px: `mask_side(mask, margin)` of the training images that have a mask that is not empty.
        The side is what the pictures hold natively, from 28 to 64 px: each doubling costs four times the training, and
        64 px trains on a CPU in minutes. Raises InvalidInput without any size.
        """
        if not sizes:
            raise InvalidInput("no training images to suggest a view for: import some first")
        colour: Colour = "grey" if grey else "rgb"
        if mask_sides_px:
            side = _suggested_side(float(np.median(mask_sides_px)))
            return cls(kind="mask", side_px=side, colour=colour, margin=margin, mask_sides_px=_quantiles(mask_sides_px))
        longer = float(np.median([max(size) for size in sizes]))
        return cls(kind="whole", side_px=_suggested_side(longer), colour=colour, margin=margin)


def mask_side(mask: NDArray[np.bool_], margin: float) -> int | None:
    """The longer side, in px, of the box around the True pixels of bool (H, W), times `margin`; None without any."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    longer = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
    return max(1, round(float(longer) * margin))


def _suggested_side(native_px: float) -> int:
    return int(np.clip(round(native_px / 4) * 4, _LEAST_SIDE_PX, _MOST_SIDE_PX))


def _quantiles(sides: Sequence[int]) -> tuple[int, ...]:
    ordered = sorted(int(side) for side in sides)
    if len(ordered) <= _MOST_SIDES:
        return tuple(ordered)
    at = np.linspace(0, len(ordered) - 1, _MOST_SIDES).round().astype(int)
    return tuple(ordered[i] for i in at)


def _best_start(profile: NDArray[np.int_], side: int) -> int:
    """Where a window of `side` px starts along one axis to hold most mask pixels; of several, the most central.

    profile: int (n,), mask pixels per column or row, n >= side. A window wider than the mask is centred on it.
    """
    inside = np.concatenate(([0], np.cumsum(profile)))
    held = inside[side:] - inside[:-side]
    marked = np.flatnonzero(profile)
    centred = (marked[0] + marked[-1] + 1 - side) / 2
    best = np.flatnonzero(held == held.max())
    return int(best[np.argmin(np.abs(best - centred))])


def recoloured(pixels: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """(H, W, 1 or 3) uint8 in the channels of a view's colour; the same array where it has them."""
    if colour == "grey" and pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))[..., None]
    if colour == "rgb" and pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return pixels


def _padded(pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Shrunk so that its longer side is `side_px`, then reflected at both ends of the shorter one."""
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    # Shrinking first keeps memory at the picture's own size: a 20,000 x 10 strip would be padded to 400 megapixels.
    small = _resized(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    across, down = side_px - small.shape[1], side_px - small.shape[0]
    margins = ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
    return np.pad(small, margins, mode="reflect")


def _resized(pixels: NDArray[np.uint8], width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Antialiased Lanczos; the same pixels where the size is right already."""
    if pixels.shape[:2] == (height_px, width_px):
        return np.ascontiguousarray(pixels)
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    image = Image.fromarray(np.ascontiguousarray(squeezed)).resize((width_px, height_px), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(height_px, width_px, pixels.shape[2])
