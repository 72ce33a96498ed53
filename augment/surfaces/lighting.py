"""Light, lens and sensor: from a relief to a photograph.

A relief is height, albedo and gloss at every pixel. The light is one lamp of given direction near the part and an even
surrounding; the camera has a lens (blur, vignetting) and a sensor (shot and read noise, gamma). Knows nothing of
materials or defects.
"""

from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from augment.errors import InvalidConfig
from augment.surfaces.noise import Field

__all__ = ["Camera", "Light", "Relief", "develop", "expose", "jpeg_traces", "shade"]


@dataclass(frozen=True, kw_only=True)
class Relief:
    """A surface before it is lit.

    height: (side, side) float32, in pixels, up is towards the camera. albedo: (side, side, C) float32 in [0, 1],
    linear; C is 1 for grey surfaces, else 3.
    gloss: (side, side) float32, strength of the mirror-like part. shininess: its sharpness, 5 (satin) to 200 (mirror).
    bend: slope of the whole part at the left and upper border, for parts that are not flat (a cylinder bends in x).
    """

    height: Field
    albedo: Field
    gloss: Field
    shininess: float
    bend: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Light:
    """One lamp beside the part, and what the room adds."""

    azimuth_deg: float = field(default=135.0, metadata={"help": "where the lamp stands: 0 right, 90 above the picture"})
    elevation_deg: float = field(default=45.0, metadata={"help": "height of the lamp: 90 is overhead"})
    ambient: float = field(default=0.35, metadata={"help": "share of light that comes from everywhere"})
    falloff: float = field(default=0.3, metadata={"help": "how much darker the far side is than the near one"})
    exposure: float = field(default=0.42, metadata={"help": "mean brightness of the good surface on the picture"})

    def __post_init__(self) -> None:
        if not 5.0 <= self.elevation_deg <= 90.0:
            raise InvalidConfig(f"elevation_deg {self.elevation_deg}: 5 to 90; a lamp below 5 degrees lights nothing")
        for name, value, low, high in (
            ("ambient", self.ambient, 0.0, 1.0),
            ("falloff", self.falloff, 0.0, 0.95),
            ("exposure", self.exposure, 0.02, 0.98),
        ):
            if not low <= value <= high:
                raise InvalidConfig(f"{name} {value}: {low} to {high}; choose a value in that range")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Lens and sensor of an ordinary inspection camera."""

    blur_px: float = field(default=0.42, metadata={"help": "standard deviation of the lens blur, in pixels"})
    shot_noise: float = field(default=0.016, metadata={"help": "noise of full white, grows with the root of light"})
    read_noise: float = field(default=0.004, metadata={"help": "noise of black"})
    vignette: float = field(default=0.12, metadata={"help": "how much darker the corners are"})
    jpeg_quality: int = field(default=0, metadata={"help": "1 to 95 adds the traces of JPEG; 0 adds none"})

    def __post_init__(self) -> None:
        for name in ("blur_px", "shot_noise", "read_noise", "vignette"):
            if not 0.0 <= getattr(self, name) <= 3.0:
                raise InvalidConfig(f"{name} {getattr(self, name)}: 0 to 3; try the default")
        if not 0 <= self.jpeg_quality <= 95:
            raise InvalidConfig(f"jpeg_quality {self.jpeg_quality}: 0 to 95; 0 leaves the picture uncompressed")


def shade(relief: Relief, light: Light) -> Field:
    """Light that leaves the surface towards the camera. Returns (side, side, C) float32, linear, 1 is a white sheet.

    Lambert's cosine law, a Blinn-Phong highlight (Blinn 1977), cavities darkened by how far they lie below their
    surroundings, and shadows that heights cast away from the lamp.
    """
    height = relief.height
    side = height.shape[0]
    azimuth, elevation = np.deg2rad(light.azimuth_deg), np.deg2rad(light.elevation_deg)
    lx, ly, lz = np.cos(azimuth) * np.cos(elevation), -np.sin(azimuth) * np.cos(elevation), np.sin(elevation)
    ramp = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    nx, ny = _slopes(height)
    nx += np.float32(relief.bend[0]) * ramp[None, :]
    ny += np.float32(relief.bend[1]) * ramp[:, None]
    scale = 1.0 / np.sqrt(nx * nx + ny * ny + 1.0)
    diffuse = np.maximum((nx * np.float32(lx) + ny * np.float32(ly) + np.float32(lz)) * scale, 0.0)
    half = np.array([lx, ly, lz + 1.0]) / np.sqrt(lx**2 + ly**2 + (lz + 1.0) ** 2)
    facing = (nx * np.float32(half[0]) + ny * np.float32(half[1]) + np.float32(half[2])) * scale
    highlight = np.exp(np.float32(relief.shininess) * (np.minimum(facing, 1.0) - 1.0))
    depth = np.maximum(ndimage.uniform_filter(height, 7, mode="nearest") - height, 0.0)
    open_sky = 1.0 / (1.0 + 0.9 * depth)
    lit = _shadow(height, lx, ly, lz) * open_sky
    falling = light.ambient * open_sky + (1.0 - light.ambient) * diffuse * lit
    lamp = 1.0 + np.float32(light.falloff) * (
        np.float32(np.cos(azimuth)) * ramp[None, :] - np.float32(np.sin(azimuth)) * ramp[:, None]
    )
    mirrored = relief.gloss * highlight * lit
    radiance: Field = (relief.albedo * falling[..., None] + mirrored[..., None]) * lamp[..., None]
    return radiance


def _slopes(height: Field) -> tuple[Field, Field]:
    """Minus the derivative of height in x and y, by central differences; borders take their neighbour's."""
    nx, ny = np.empty_like(height), np.empty_like(height)
    nx[:, 1:-1] = (height[:, :-2] - height[:, 2:]) * 0.5
    nx[:, 0], nx[:, -1] = nx[:, 1], nx[:, -2]
    ny[1:-1] = (height[:-2] - height[2:]) * 0.5
    ny[0], ny[-1] = ny[1], ny[-2]
    return nx, ny


def _shadow(height: Field, lx: float, ly: float, lz: float, reach_px: int = 4) -> Field:
    """1 where the lamp is seen, falling to 0 where something up to `reach_px` nearer to it stands above the ray."""
    flat = max(float(np.hypot(lx, ly)), 1e-6)
    hidden = np.zeros_like(height)
    for step in range(1, reach_px + 1):
        dx, dy = round(step * lx / flat), round(step * ly / flat)
        towards = np.roll(height, (-dy, -dx), axis=(0, 1))
        np.maximum(hidden, towards - height - np.float32(step * lz / flat), out=hidden)
    lit: Field = 1.0 / (1.0 + 4.0 * hidden)
    return lit


def expose(radiance: Field, camera: Camera, gain: float) -> Field:
    """Through the lens, before the sensor. Returns (side, side, C) float32, linear, 1 is full white, not clipped."""
    side = radiance.shape[0]
    ramp = np.linspace(-1.0, 1.0, side, dtype=np.float32) ** 2
    corners = 1.0 - np.float32(camera.vignette * 0.5) * (ramp[:, None] + ramp[None, :])
    picture = radiance * (corners * np.float32(gain))[..., None]
    if camera.blur_px > 0.0:
        sigma = (camera.blur_px, camera.blur_px, 0.0)
        picture = ndimage.gaussian_filter(picture, sigma, mode="nearest", truncate=3.0)
    return np.asarray(picture, dtype=np.float32)


def develop(picture: Field, camera: Camera, noise: Field) -> NDArray[np.uint8]:
    """Sensor noise, gamma 2.2, 8 bits. `noise`: unit normal, of the picture's shape. Returns (side, side, C) uint8."""
    light = np.maximum(picture, 0.0)
    noisy = light + noise * np.sqrt(light * np.float32(camera.shot_noise**2) + np.float32(camera.read_noise**2))
    levels = np.clip(noisy, 0.0, 1.0) ** np.float32(1 / 2.2) * 255.0
    return np.asarray(levels + 0.5, dtype=np.uint8)


def jpeg_traces(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.int16]:
    """What JPEG of that quality changes in the picture, as a signed difference of the same shape."""
    grey = pixels.shape[2] == 1
    buffer = BytesIO()
    Image.fromarray(pixels[..., 0] if grey else pixels).save(buffer, "JPEG", quality=quality)
    again = np.asarray(Image.open(buffer)).reshape(pixels.shape)
    return np.asarray(again, dtype=np.int16) - pixels
