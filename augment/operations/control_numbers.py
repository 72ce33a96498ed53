"""Numbers of an evaluation of control: what both judges and the map say of samples, and of real images beside them.

It reads images from the store and knows judges, map and samples; how samples were drawn it does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.judge.control import TURNS, ControlNumbers, Verdicts, copies, least_distances, nearer_to_own, turned
from augment.judge.metrics import (
    Interval,
    Share,
    frechet_distance,
    inception_score,
    kernel_distance,
    real_floor,
    wilson,
)
from augment.judge.report import Ceiling, SetNumbers, SetTable
from augment.operations.context import Context
from augment.operations.judges import Judges
from augment.operations.places import MappedEncoder
from augment.operations.train_encoder import read_labelled
from augment.operations.views import load_cut
from augment.store import ImageRecord
from augment.views import View

__all__ = ["References", "ceiling", "landing_errors", "read_references", "set_numbers", "set_table", "verdicts"]


@dataclass(frozen=True, eq=False)
class References:
    """r reference images in the order of their labels: records, cuts (r, side, side, C) uint8, features (r, d), and
    index (r,) int64 of their label in the judges' labels."""

    images: Sequence[ImageRecord]
    cuts: NDArray[np.uint8]
    features: NDArray[np.float32]
    index: NDArray[np.int64]


def read_references(images: Sequence[ImageRecord], judges: Judges, view: View, context: Context) -> References:
    """Cuts and features of the references."""
    cuts = _cuts(images, view, context)
    return References(images, cuts, judges.encode(cuts), _indices(images, judges))


def verdicts(
    samples: NDArray[np.uint8],
    sample_of: NDArray[np.int64],
    references: References,
    judges: Judges,
    mapped: MappedEncoder,
) -> Verdicts:
    """What is found of samples (n, side, side, C) uint8 that were asked for at reference `sample_of` (n,)."""
    seen = [judges.encode(turned(samples, turn)) for turn in range(TURNS)]
    return Verdicts(
        nearer=nearer_to_own(seen[0], sample_of, references.features, references.index),
        labelled=judges.names(samples) == references.index[sample_of],
        copied=copies(least_distances(seen, judges.features)),
        landing=landing_errors(samples, [references.images[row] for row in sample_of], mapped),
    )


def landing_errors(
    samples: NDArray[np.uint8], asked: Sequence[ImageRecord], mapped: MappedEncoder
) -> NDArray[np.float64]:
    """Distance (n,) of each sample from the position of the image it was asked for at, in the usual distance between
    neighbours of its class."""
    wanted = np.stack([mapped.atlas.position[mapped.atlas.row_of(image.id or 0)] for image in asked])
    usual = np.array([mapped.atlas.scale.get(image.label, np.nan) for image in asked])
    return np.asarray(np.linalg.norm(mapped.land(list(samples)).position - wanted, axis=1) / usual, dtype=np.float64)


def ceiling(references: References, judges: Judges, view: View, context: Context) -> Ceiling:
    """The tests on real images: other photographs of the references' parts, and the splits that judges never saw."""
    groups = [(image.group, image.label) for image in references.images]
    # Where two references show one part, its other photographs belong to neither.
    alone = {group: row for row, group in enumerate(groups) if groups.count(group) == 1}
    own = {image.id for image in references.images}
    others = [
        image for image in context.store.images.list() if image.id not in own and (image.group, image.label) in alone
    ]
    numbers = ControlNumbers(nearer=None, labelled=None, both=None, copied=None, landing=None)
    if others:
        cuts = _cuts(others, view, context)
        sample_of = np.array([alone[image.group, image.label] for image in others])
        nearer = nearer_to_own(judges.encode(cuts), sample_of, references.features, references.index)
        labelled = judges.names(cuts) == _indices(others, judges)
        numbers = ControlNumbers(
            nearer=wilson(nearer), labelled=wilson(labelled), both=wilson(nearer & labelled), copied=None, landing=None
        )
    images, index = _held_out(judges, view, context)
    right = judges.names(images) == index
    return Ceiling(same_part=numbers, held_out=wilson(right), held_out_per_label=_by_label(right, index, judges))


def set_numbers(
    samples: NDArray[np.uint8],
    asked: Sequence[ImageRecord],
    judges: Judges,
    mapped: MappedEncoder,
    floor_images: int,
    seed: int,
) -> SetNumbers:
    """A set of samples that were asked for as training images `asked` are, against all training images."""
    index = _indices(asked, judges)
    right = judges.names(samples) == index
    landing = np.quantile(landing_errors(samples, asked, mapped), (0.25, 0.5, 0.75))
    return _compared(
        samples,
        judges,
        floor_images,
        seed,
        labelled=wilson(right),
        labelled_per_label=_by_label(right, index, judges),
        landing=Interval(low=float(landing[0]), value=float(landing[1]), high=float(landing[2])),
    )


def set_table(
    sets: dict[str, SetNumbers], judges: Judges, view: View, floor_images: int, seed: int, context: Context
) -> SetTable:
    """The sets beside real images: the held-out ones, and the floor between training images."""
    images, _ = _held_out(judges, view, context)
    real = judges.compared(judges.features)
    return SetTable(
        sets={**sets, "real, held out": _compared(images, judges, floor_images, seed)},
        floor_images=floor_images,
        floor_against=len(real) - floor_images,
        floor_frechet=real_floor(real, floor_images, seed, frechet_distance),
        floor_kernel=real_floor(real, floor_images, seed, _kernel),
        real_inception=inception_score(judges.classifier.probability(judges.training.images)),
    )


def _compared(
    images: NDArray[np.uint8],
    judges: Judges,
    floor_images: int,
    seed: int,
    labelled: Share | None = None,
    labelled_per_label: dict[str, Share | None] | None = None,
    landing: Interval | None = None,
) -> SetNumbers:
    features, real = judges.compared(judges.encode(images)), judges.compared(judges.features)
    fits = len(features) >= floor_images
    return SetNumbers(
        images=len(images),
        against=len(real),
        frechet=frechet_distance(features, real),
        frechet_at_floor=real_floor(real, floor_images, seed, frechet_distance, features) if fits else None,
        kernel=kernel_distance(features, real),
        inception=inception_score(judges.classifier.probability(images)),
        labelled=labelled,
        labelled_per_label=labelled_per_label,
        landing=landing,
    )


def _kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    found = kernel_distance(a, b)
    return None if found is None else found.value


def _held_out(judges: Judges, view: View, context: Context) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images and label indices of the validation and test splits."""
    parts = [read_labelled(split, [*judges.labels], view, context) for split in ("validation", "test")]
    return np.concatenate([part.images for part in parts]), np.concatenate([part.label_index for part in parts])


def _by_label(right: NDArray[np.bool_], index: NDArray[np.int64], judges: Judges) -> dict[str, Share | None]:
    return {label: wilson(right[index == number]) for number, label in enumerate(judges.labels)}


def _indices(images: Sequence[ImageRecord], judges: Judges) -> NDArray[np.int64]:
    return np.array([judges.labels.index(image.label) for image in images], dtype=np.int64)


def _cuts(images: Sequence[ImageRecord], view: View, context: Context) -> NDArray[np.uint8]:
    return np.stack([load_cut(context.store, image, view) for image in images])
