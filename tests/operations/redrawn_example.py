"""A photograph with a dark spot drawn on it, stored as `redraw` stores its samples, without a model."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augment.images import encode_png
from augment.store import SampleRecord, Store
from tests.examples import image_record

SIZE = (120, 90)
DRAWN = (slice(40, 50), slice(60, 75))
BOX = (50, 30, 90, 60)


def spotted(store: Store, number: int = 1, *, kind: type[np.unsignedinteger[Any]] = np.uint8) -> SampleRecord:
    """The sample of a grey photograph of SIZE, 8 or 16 bit: 20 of 255 levels darker where it was drawn on, a tenth of
    that in a rim of 2 px around."""
    scale = 1 if kind is np.uint8 else 40
    across = np.arange(SIZE[0]) // 4
    photograph = np.tile((100 + across + number) * scale, (SIZE[1], 1)).astype(kind)
    drawn = np.zeros(photograph.shape, dtype=np.bool_)
    drawn[DRAWN] = True
    support = np.zeros_like(drawn)
    support[DRAWN[0].start - 2 : DRAWN[0].stop + 2, DRAWN[1].start - 2 : DRAWN[1].stop + 2] = True
    result = photograph.copy()
    result[support] -= kind(2 * scale)
    result[drawn] -= kind(18 * scale)
    image = image_record(
        number,
        sha256=_put(store, photograph),
        label="free",
        width_px=SIZE[0],
        height_px=SIZE[1],
        group=f"tile {number}",
    )
    store.apply([image])
    recipe = {
        "drawn_sha256": store.files.put(encode_png(drawn)),
        "support_sha256": store.files.put(encode_png(support)),
        "box": [*BOX],
        "visible_share": 1.0,
    }
    return SampleRecord(
        sha256=_put(store, result),
        label="spot",
        method="inpaint",
        seed=number,
        recipe=recipe,
        parents=(image.sha256,),
        mask_sha256=recipe["drawn_sha256"],
        strength_sigma=1.16,
    )


def _put(store: Store, values: NDArray[Any]) -> str:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format="PNG")
    return store.files.put(stream.getvalue())
