"""Re-drawing with the built-in model: what its autoencoder keeps of real tiles, speed from click to samples, pixels
changed outside the support, and a crop to the mask beside diffusers' pipeline on the whole photograph.

The tiles are left out where they are not there; everything else is drawn.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bench.measure import SHARED_DATA, Measurement

SAMPLES = 1000
"""Of which the pixels outside the support are counted."""
WHOLE_PX = (1942, 2590)
WHOLE_STEPS = 2
"""Of both: on all of the photograph one takes minutes, for attention grows with the square of the pixels."""


def measure() -> Iterator[Measurement]:
    """Each row as it is there; exits where the built-in model is not there."""
    from augment.errors import KizuError
    from augment.operations.redraw_models import BUILT_IN, find_checkpoint

    try:
        find_checkpoint(BUILT_IN)
    except KizuError as error:
        sys.exit(f"redraw: {error}")
    with tempfile.TemporaryDirectory() as folder:
        yield from _kept()
        yield from _speed(Path(folder) / "speed")
        yield from _outside(Path(folder) / "outside")
        yield from _whole(Path(folder))


def _model() -> Any:
    from augment.latent.model import load_model
    from augment.operations.redraw_models import BUILT_IN, find_checkpoint

    return load_model(find_checkpoint(BUILT_IN))


def _kept() -> list[Measurement]:
    """PSNR of the autoencoder on the middle 128 px of every tenth tile."""
    import torch

    from augment.images import to_float, to_uint8
    from augment.latent.autoencoder import psnr

    files = sorted((SHARED_DATA / "magnetic-tile").rglob("*.jpg"))[::10]
    cuts = [_middle(np.asarray(Image.open(file).convert("RGB")), 128) for file in files]
    cuts = [cut for cut in cuts if cut.shape == (128, 128, 3)]
    if not cuts:
        print(f"redraw: tiles left out, none in {SHARED_DATA}", file=sys.stderr)
        return []
    model, values = _model(), []
    for cut in cuts:
        again = model.decode(model.encode(torch.from_numpy(to_float(cut[None]))))
        values.append(psnr(cut[None], to_uint8(again.numpy())))
    return [Measurement("built-in autoencoder on tiles it never saw: PSNR", "dB", values, "30", "the middle 128 px")]


def _middle(pixels: Any, side_px: int) -> Any:
    top, left = (max((length - side_px) // 2, 0) for length in pixels.shape[:2])
    return pixels[top : top + side_px, left : left + side_px]


def one_photograph(folder: Path, pixels: Any) -> tuple[Any, int]:
    """A context on a new workspace with one photograph (height, width, C) uint8, and its id."""
    import io

    from augment.operations.context import Context
    from augment.store import ImageRecord, Store, Workspace

    store = Store(Workspace(folder).create())
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", compress_level=1)
    height, width = pixels.shape[:2]
    record = ImageRecord(
        sha256=store.files.put(stream.getvalue()),
        name="photograph.png",
        label="free",
        group="part",
        split="train",
        width_px=width,
        height_px=height,
        size_bytes=stream.tell(),
        source="bench",
    )
    (image_id,) = store.apply([record])
    job = folder / "job"
    job.mkdir()
    return Context(store=store, commit=store.apply, job_folder=job), image_id


def _workspace(folder: Path, pixels: Any) -> tuple[Any, int, str]:
    """The same, with the hash of a mask of 40 x 30 px in its middle."""
    from augment.images import encode_png

    context, image_id = one_photograph(folder, pixels)
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[height // 2 - 15 : height // 2 + 15, width // 2 - 20 : width // 2 + 20] = True
    return context, image_id, context.store.files.put(encode_png(mask))


def _surface(height: int, width: int) -> Any:
    """A drawn metal surface (height, width, 3) uint8, repeated over the whole size."""
    from augment.surfaces.draw import draw

    pixels = draw("brushed_metal", None, 1, 512).pixels
    repeats = (-(-height // 512), -(-width // 512), 1)
    return np.tile(pixels, repeats)[:height, :width]


def _speed(folder: Path) -> list[Measurement]:
    """Seconds of the operation behind the button for 4 samples, all stored, with models loaded."""
    from augment.operations.redraw import RedrawConfig, redraw

    context, image_id, mask = _workspace(folder, _surface(128, 128))
    rows = []
    # One evaluation a step as the targets have it, and what the model is given unless told otherwise.
    for steps, guidance, target in ((40, 1.0, "4"), (12, 1.0, "1.5"), (20, 4.0, "")):
        values = []
        for number in range(6):
            config = RedrawConfig(
                image_id=image_id,
                label="crack",
                mask_sha256=mask,
                steps=steps,
                guidance=guidance,
                count=4,
                seed=100 * steps + 4 * number,
            )
            began = time.perf_counter()
            redraw(config, context)
            values.append(time.perf_counter() - began)
        rows.append(
            Measurement(
                f"4 samples of a 128 px crop, {steps} steps, guidance {guidance:g}, stored", "s", values[1:], target
            )
        )
    context.store.close()
    return rows


def _outside(folder: Path) -> list[Measurement]:
    """Pixels outside the support that differ from the photograph, over many samples."""
    from augment.images import decode, decode_mask
    from augment.operations.redraw import RedrawConfig, redraw

    pixels = _surface(160, 200)
    context, image_id, mask = _workspace(folder, pixels)
    store, changed = context.store, 0
    config = RedrawConfig(image_id=image_id, label="hole", mask_sha256=mask, steps=4, guidance=1.0, count=SAMPLES)
    for sample in store.samples.get_many(redraw(config, context).sample_ids):
        after = decode(store.files.read(sample.sha256)).pixels
        support = decode_mask(store.files.read(sample.recipe["support_sha256"]), (200, 160))
        changed += int((after != pixels).any(axis=2)[~support].sum())
    store.close()
    return [Measurement(f"pixels changed outside the support, {SAMPLES} samples", "px", [changed], "0")]


def _whole(folder: Path) -> list[Measurement]:
    """A mask on a photograph of 2590 x 1942 px: the operation, and the same model by diffusers on all of it."""
    import torch

    from augment.operations.redraw import RedrawConfig, redraw

    pixels = _surface(*WHOLE_PX)
    context, image_id, mask = _workspace(folder / "whole", pixels)
    config = RedrawConfig(image_id=image_id, label="crack", mask_sha256=mask, steps=WHOLE_STEPS, guidance=1.0, count=1)
    ours = []
    for seed in range(3):
        began = time.perf_counter()
        redraw(RedrawConfig(**{**vars(config), "seed": seed}), context)
        ours.append(time.perf_counter() - began)
    context.store.close()
    pipeline = _model().pipeline
    height, width = (length // 16 * 16 for length in WHOLE_PX)
    picture = Image.fromarray(pixels[:height, :width])
    drawn = np.zeros((height, width), dtype=np.uint8)
    drawn[height // 2 - 15 : height // 2 + 15, width // 2 - 20 : width // 2 + 20] = 255
    began = time.perf_counter()
    with torch.inference_mode():
        pipeline(
            "a photo of a crack",
            image=picture,
            mask_image=Image.fromarray(drawn),
            height=height,
            width=width,
            num_inference_steps=WHOLE_STEPS,
            guidance_scale=1.0,
            strength=1.0,
        )
    theirs = time.perf_counter() - began
    return [
        Measurement(f"2590 x 1942, crop to the mask, 1 sample of {WHOLE_STEPS} steps, stored", "s", ours),
        Measurement("the same by diffusers' pipeline on the whole photograph", "s", [theirs]),
        Measurement("whole photograph over crop to the mask", "times", [theirs / one for one in ours], "10"),
    ]
