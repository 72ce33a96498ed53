"""Records for tests: each field has a plausible value, and those that matter to a test are named there."""

from hashlib import sha256
from typing import Any

from augment.store import ImageRecord, SampleRecord


def image_record(number: int, **fields: Any) -> ImageRecord:
    """An image whose bytes and part are its own."""
    values: dict[str, Any] = {
        "sha256": sha256(f"image {number}".encode()).hexdigest(),
        "name": f"MT_Crack/Imgs/{number}.jpg",
        "label": "crack",
        "group": f"part {number}",
        "split": "train",
        "width_px": 120,
        "height_px": 96,
        "size_bytes": 4096,
        "source": "tiles",
    }
    return ImageRecord(**(values | fields))


def sample_record(number: int, **fields: Any) -> SampleRecord:
    """A sample asked for at a place, with seed and bytes of its own."""
    place = tuple(0.1 * axis + number for axis in range(20))
    values: dict[str, Any] = {
        "sha256": sha256(f"sample {number}".encode()).hexdigest(),
        "label": "crack",
        "method": "ddpm",
        "seed": number,
        "recipe": {
            "method": "ddpm",
            "seed": number,
            "steps": 12,
            "condition": {"label": "crack", "position": [*place]},
        },
        "parents": (sha256(b"image 0").hexdigest(),),
        "position": place,
        "requested": place,
        "xy": (0.25, -1.5),
        "requested_xy": (0.5, -1.25),
    }
    return SampleRecord(**(values | fields))
