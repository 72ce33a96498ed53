"""What the gates measure: of real training images, to set the limits, and of samples.

Knows the store, views and judges; decides nothing. Imports torch only when it runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.features.atlas import Atlas
from augment.features.boundary import coded
from augment.features.neighbours import nearest
from augment.judge.gates import GateName, limit_of
from augment.judge.manifold import reached
from augment.judge.repeats import Pictures
from augment.judge.sensor import Sensor
from augment.judge.value import VALUE, weighed
from augment.operations.alignments import alignments
from augment.operations.context import Context
from augment.operations.fold_judges import own_share
from augment.operations.gate_edits import Numbers, Opened, noise_floor, open_sample, real_defects
from augment.store import ImageRecord, SampleRecord
from augment.views import View

if TYPE_CHECKING:
    from augment.operations.fold_judges import FoldJudges
    from augment.operations.judges import EncoderJudge

__all__ = ["RealImages", "measure"]

Images = NDArray[np.uint8]

_PART_LIMIT = 0.9
_COPY_LIMIT = 1 / 3  # three times nearer to one photograph than to those of all other parts
_MOST_PHOTOGRAPHS = 64
"""Opened to learn the noise of the camera."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RealImages:
    """The training split as the gates know it. features: (n, d) float32 as judges compare them. pictures: its cuts.
    defects: what its masks show."""

    groups: dict[str, str]
    features: NDArray[np.float32]
    pictures: Pictures
    defects: Pictures
    sensor: Sensor
    limits: dict[str, float]

    @classmethod
    def read(cls, judge: "EncoderJudge", folds: "FoldJudges", atlas: Atlas | None, context: Context) -> "RealImages":
        """Of the split that the judges were trained on; may raise Cancelled."""
        images, cuts = folds.images, judge.training.images
        part = coded([image.group for image in images])[1]
        same = part[:, None] == part[None, :]
        defect_cuts, rows = real_defects(images, context)
        pictures, defects, sensor = Pictures(cuts, part), Pictures(defect_cuts, part[rows]), Sensor.of(cuts)
        context.progress.check()
        features = judge.compared(judge.features)
        near = [pictures.nearest(cuts, same), defects.nearest(defect_cuts, same[np.ix_(rows, rows)])]
        context.progress.check()
        of_real: dict[GateName, NDArray[np.float32]] = {
            "duplicate": np.concatenate([one.distance for one in near]),
            "label": own_share(folds.probability, judge.training.label_index),
            "realism": reached(features, features, same),
            "sharpness": sensor.sharpness_off(cuts),
            "noise": sensor.noise_off(cuts),
        }
        if atlas is not None:
            of_real["landing"] = _landings(atlas, images)
        limits: dict[str, float] = {
            name: limit_of(name, values) for name, values in of_real.items() if np.isfinite(values).any()
        }
        step = max(1, len(images) // _MOST_PHOTOGRAPHS)
        limits |= {
            "edit": noise_floor(images[::step], context),
            "outside": 0.0,
            "part": _PART_LIMIT,
            "copy": _COPY_LIMIT,
        }
        return cls(
            groups={image.sha256: image.group for image in images},
            features=features,
            pictures=pictures,
            defects=defects,
            sensor=sensor,
            limits=limits,
        )


def _landings(atlas: Atlas, images: Sequence[ImageRecord]) -> NDArray[np.float32]:
    """How far real images lie from the nearest one of their label and of another part, in the unit of landing errors:
    as near as that two things are alike to a map."""
    known = {int(image_id): row for row, image_id in enumerate(atlas.image_ids)}
    on_map = [image for image in images if image.id in known]
    found = []
    for label in {image.label for image in on_map} & set(atlas.scale):
        own = [image for image in on_map if image.label == label]
        position = np.asarray(atlas.position[[known[image.id or 0] for image in own]])
        part = coded([image.group for image in own])[1]
        rows, distances = nearest(position, position, min(len(own), 8))
        distances = np.where(part[rows] == part[:, None], np.inf, distances)
        found.append(distances.min(axis=1) / max(atlas.scale[label], 1e-9))
    return np.concatenate(found).astype(np.float32) if found else np.empty(0, dtype=np.float32)


def measure(
    samples: Sequence[SampleRecord],
    real: RealImages,
    judge: "EncoderJudge",
    folds: "FoldJudges",
    view: View,
    context: Context,
) -> list[Numbers]:
    """The numbers of each of some samples, and its value. Of two alike the later one is the duplicate; may raise
    Cancelled."""
    opened = []
    for row, sample in enumerate(samples):
        context.progress(row, 2 * len(samples))
        opened.append(open_sample(context.store, sample, view))
    cuts = np.stack([one.cut for one in opened])
    context.progress(len(samples), 2 * len(samples))
    groups: list[Collection[str]] = [
        {real.groups[one] for one in sample.parents if one in real.groups} for sample in samples
    ]
    layers = folds.layers(cuts)
    label, usual = _labels(samples, folds.judge(layers, groups), folds)
    far = reached(judge.compared(judge.encode(cuts)), real.features)
    aligned = alignments([one.label for one in samples], layers, groups, folds, judge.training.images)
    value = weighed(aligned, usual)
    sharpness, noise = real.sensor.sharpness_off(cuts), real.sensor.noise_off(cuts)
    copy, duplicate = _repeats(opened, real)
    found: list[Numbers] = []
    for row, sample in enumerate(samples):
        numbers: Numbers = {
            **opened[row].numbers,
            "label": float(label[row]),
            "copy": float(copy[row]),
            "duplicate": float(duplicate[row]),
            "realism": float(far[row]),
            "sharpness": float(sharpness[row]),
            "noise": float(noise[row]),
            VALUE: float(value[row]),
        }
        if sample.landing_error is not None:
            numbers["landing"] = sample.landing_error
        found.append({name: value for name, value in numbers.items() if np.isfinite(value)})
    return found


def _labels(
    samples: Sequence[SampleRecord], probability: NDArray[np.float32], folds: "FoldJudges"
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`own_share` and `FoldJudges.usualness` of each sample; NaN for a label that the classifiers do not know.

    probability: (n, labels), by classifiers that have not seen the samples' photographs.
    """
    odds, usual = (np.full(len(samples), np.nan, dtype=np.float32) for _ in range(2))
    for label in {sample.label for sample in samples} & set(folds.labels):
        own, column = np.array([sample.label == label for sample in samples]), folds.labels.index(label)
        odds[own] = own_share(probability[own], np.full(own.sum(), column))
        usual[own] = folds.usualness(probability[own, column], label)
    return odds, usual


def _repeats(opened: Sequence[Opened], real: RealImages) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Copy and duplicate of each sample (n,). One made on a photograph is judged by its defect, the photograph around
    it being the same; any other one by all that is seen."""
    copy, duplicate = (np.full(len(opened), np.inf, dtype=np.float32) for _ in range(2))
    for on_photograph, pictures in ((False, real.pictures), (True, real.defects)):
        rows = [row for row, one in enumerate(opened) if (one.defect is not None) == on_photograph]
        if rows:
            looks = (opened[row] for row in rows)
            shown = np.stack([one.cut if one.defect is None else one.defect for one in looks])
            itself = np.arange(len(rows))
            copy[rows] = pictures.nearest(shown).ratio
            duplicate[rows] = Pictures(shown, itself).nearest(shown, itself[:, None] <= itself[None, :]).distance
    return copy, duplicate
