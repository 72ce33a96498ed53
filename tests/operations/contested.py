"""A workspace for evaluations: pictures with and without a spot, their masks, and samples that are training images
again, mirrored."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from augment.images import decode, encode_png
from augment.operations.context import Context
from augment.store import Decision, ImageRecord, SampleRecord, Store, VerdictRecord
from tests.examples import sample_record
from tests.operations.mapped import add_images, context_of


def sample(store: Store, pixels: np.ndarray, number: int, **fields: object) -> SampleRecord:
    """A sample of these pixels; without parents unless they are named."""
    values = {"parents": (), "recipe": {"method": "test", "number": number}, "landing_error": None} | fields
    return sample_record(number, sha256=store.files.put(encode_png(pixels)), **values)


def pixels_of(store: Store, image: ImageRecord) -> np.ndarray:
    return decode(store.files.read(image.sha256)).pixels


def contested(store: Store, folder: Path, images: int = 144, samples: int = 16, *, parents: bool = False) -> Context:
    """`images` pictures, two thirds of them in training, and the first of these mirrored as samples."""
    add_images(store, images, masks=True)
    store.apply(
        [
            sample(
                store,
                pixels_of(store, one)[:, ::-1].copy(),
                number,
                label=one.label,
                parents=(one.sha256,) if parents else (),
                group=one.group if parents else "",
            )
            for number, one in enumerate(store.images.list(split="train")[:samples])
        ]
    )
    return context_of(store, folder)


def copied(source: Store, target: Store, change: Callable[[ImageRecord], ImageRecord | None]) -> None:
    """The images of a workspace in another one, each as `change` has it, or not at all."""
    images = [change(image) for image in source.images.list()]
    for sha256 in {sha256 for one in images if one for sha256 in (one.sha256, one.mask_sha256) if sha256}:
        target.files.put(source.files.read(sha256))
    target.apply([replace(one, id=None) for one in images if one])
    target.settings.set("view", source.settings.get("view"))


def decided(store: Store, ids: Sequence[int], decision: Decision) -> None:
    """Verdicts of one reviewer on samples."""
    store.verdicts.add_many([VerdictRecord(sample_id=one, decision=decision, reviewer="tester") for one in ids])
