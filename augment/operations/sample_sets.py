"""The sets of samples that are measured, and the numbers of each: features, regions around masks, LPIPS.

Knows the store, views and judges; how numbers become intervals it does not know. Imports torch only when it runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.features.boundary import coded
from augment.features.neighbours import Floats
from augment.images import decode
from augment.judge.diversity import mean_within, vendi_score
from augment.judge.manifold import manifold
from augment.judge.matched import Figure, Matched, Members, match, measure
from augment.judge.metrics import frechet_distance, kernel_distance
from augment.notices import Notice
from augment.operations.context import Context
from augment.operations.cuts import sample_cuts, sample_mask
from augment.operations.gate_edits import defect_cut, real_defects
from augment.operations.members import Members as ArmMembers
from augment.store import CONTROL, ImageRecord, SampleRecord, Store
from augment.views import View

if TYPE_CHECKING:
    from augment.operations.judges import EncoderJudge

__all__ = ["Pool", "SampleSet", "find_sets", "measure_set"]

Rows = NDArray[np.int64]

ARM_SETS = ("generated", "accepted", "gated")
"""As the arms of an evaluation by a classifier have them, so that both speak of the same samples."""
OF_FEATURES = ("kernel", "frechet", "precision", "coverage", "diversity")
_LEFT = 3  # rows that a distance needs; match() has seen to it that there were enough before some are left out


@dataclass(frozen=True, eq=False, kw_only=True)
class SampleSet:
    """A set by name. kind: "arm" or "method". rows: of the pool's samples."""

    name: str
    kind: str
    rows: Rows


def find_sets(store: Store, members: ArmMembers) -> tuple[tuple[SampleRecord, ...], list[SampleSet], list[Notice]]:
    """The samples of training parts that are no controls, the sets that have any, and why others have none."""
    samples = tuple(
        one
        for one in store.samples.list()
        if one.method != CONTROL and one.split == "train" and one.label in members.labels
    )
    row_of = {one.id: row for row, one in enumerate(samples)}
    sets: list[SampleSet] = []
    left_out: list[Notice] = []
    for name in ARM_SETS:
        chosen = np.flatnonzero(members.chosen(name))
        if missing := members.missing(name):
            left_out.append(missing)
        else:
            rows = np.array([row_of[members.samples[row].id] for row in chosen], dtype=np.int64)
            sets.append(SampleSet(name=name, kind="arm", rows=rows))
    for method in sorted({one.method for one in samples}):
        rows = np.array([row for row, one in enumerate(samples) if one.method == method], dtype=np.int64)
        sets.append(SampleSet(name=method, kind="method", rows=rows))
    return samples, sets, left_out


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool:
    """All samples and all real training images, as they are compared.

    features, real_features: (n, d) and (m, d). regions, real_regions: the same around masks; NaN where there is none.
    lpips, real_lpips: (n, n) and (m, m) LPIPS between them; None without its weights.
    """

    samples: Members
    real: Members
    features: Floats
    real_features: Floats
    regions: Floats
    real_regions: Floats
    lpips: NDArray[np.float32] | None
    real_lpips: NDArray[np.float32] | None

    @classmethod
    def read(
        cls,
        samples: Sequence[SampleRecord],
        images: Sequence[ImageRecord],
        judge: "EncoderJudge",
        view: View,
        context: Context,
    ) -> "Pool":
        """Reads and encodes everything; may raise Cancelled."""
        from augment.judge.perceptual import has_lpips, lpips_between

        label_of = {label: number for number, label in enumerate(judge.labels)}
        parts = coded([one.group for one in images] + [one.group or f"sample {one.id}" for one in samples])[1]
        labels = np.array([label_of[one] for one in [one.label for one in images] + [one.label for one in samples]])
        cuts = sample_cuts(samples, view, context)
        context.progress(1, 4)
        features = judge.compared(judge.encode(cuts))
        context.progress(2, 4)
        regions = _encoded(*_sample_regions(samples, context), len(samples), judge, view)
        real_regions = _encoded(*real_defects(images, context), len(images), judge, view)
        context.progress(3, 4)
        there = has_lpips()
        return cls(
            samples=Members(label=labels[len(images) :], part=parts[len(images) :]),
            real=Members(label=labels[: len(images)], part=parts[: len(images)]),
            features=features,
            real_features=judge.compared(judge.features),
            regions=regions,
            real_regions=real_regions,
            lpips=lpips_between(cuts) if there else None,
            real_lpips=lpips_between(judge.training.images) if there else None,
        )


def _sample_regions(samples: Sequence[SampleRecord], context: Context) -> tuple[NDArray[np.uint8], Rows]:
    """`defect_cut` of the samples that have a mask, and their rows; as `real_defects`."""
    cuts, rows = [], []
    for row, sample in enumerate(samples):
        if row % 50 == 0:
            context.progress.check()
        pixels = decode(context.store.files.path(sample.sha256)).pixels
        mask = sample_mask(context.store, sample, (pixels.shape[1], pixels.shape[0]))
        if mask is not None and mask.any():
            cuts.append(defect_cut(pixels, mask))
            rows.append(row)
    return np.array(cuts, dtype=np.uint8), np.array(rows, dtype=np.int64)


def _encoded(cuts: NDArray[np.uint8], rows: Rows, count: int, judge: "EncoderJudge", view: View) -> Floats:
    """Features (count, d) of cuts of some rows, brought to the view's side and colour; NaN in the others."""
    found = np.full((count, judge.features.shape[1]), np.nan, dtype=np.float32)
    if len(rows):
        whole = View(kind="whole", side_px=view.side_px, colour=view.colour)
        found[rows] = judge.compared(judge.encode(np.stack([whole.cut(cut, None, "") for cut in cuts])))
    return found


def measure_set(one: SampleSet, pool: Pool, label: int | None, seed: int) -> dict[str, Figure]:
    """Figures of a set by metric, as METRICS names them; of one label where it is given.

    Without masks on either side there is no "region", without weights no "lpips".
    """
    rows, real = one.rows, np.arange(len(pool.real.label))
    if label is not None:
        rows, real = rows[pool.samples.label[rows] == label], real[pool.real.label[real] == label]
    matched = match(pool.samples.of(rows), pool.real.of(real), seed)
    found = _compared(matched, pool.features[rows], pool.real_features[real], _of_features, OF_FEATURES)
    masked, real_masked = rows[_known(pool.regions[rows])], real[_known(pool.real_regions[real])]
    if len(masked) and len(real_masked):
        of_masks = match(pool.samples.of(masked), pool.real.of(real_masked), seed)
        regions, real_regions = pool.regions[masked], pool.real_regions[real_masked]
        found |= _compared(of_masks, regions, real_regions, lambda a, b: (_kernel(a, b),), ("region",))
    if pool.lpips is not None and pool.real_lpips is not None:
        of_samples = _within(pool.lpips, rows, pool.samples)
        found |= measure(matched, of_samples, _within(pool.real_lpips, real, pool.real), ("lpips",))
    return found | {name: _inside(found[name]) for name in ("precision", "coverage")}


def _compared(
    matched: Matched,
    samples: Floats,
    real: Floats,
    numbers: Callable[[Floats, Floats], Sequence[float]],
    names: Sequence[str],
) -> dict[str, Figure]:
    return measure(matched, lambda s, r: numbers(samples[s], real[r]), lambda o, r: numbers(real[o], real[r]), names)


def _of_features(a: Floats, b: Floats) -> tuple[float, ...]:
    """OF_FEATURES of samples beside real images, or of real ones in their place."""
    frechet, shares = frechet_distance(a, b, fewest=_LEFT), manifold(a, b, fewest=_LEFT)
    assert frechet is not None and shares is not None
    return _kernel(a, b), frechet, shares.precision, shares.coverage, vendi_score(a)


def _kernel(a: Floats, b: Floats) -> float:
    found = kernel_distance(a, b, fewest=_LEFT)
    assert found is not None
    return found.value


def _within(between: NDArray[np.float32], rows: Rows, members: Members) -> Callable[[Rows, Rows], tuple[float]]:
    """The mean distance within labels of some of `rows`."""
    return lambda some, _: (mean_within(between[np.ix_(rows[some], rows[some])], members.label[rows[some]]),)


def _known(features: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(features).all(axis=1))


def _inside(figure: Figure) -> Figure:
    """A share's intervals end at 0 and 1."""
    value, floor = (
        one and replace(one, low=max(0.0, one.low), high=min(1.0, one.high)) for one in (figure.value, figure.floor)
    )
    return replace(figure, value=value, floor=floor)
