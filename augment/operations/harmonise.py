"""A composite made one picture: noised to a strength and denoised, all of it or the ring about its seam alone.

Hirokawa 2024 noises all of a CutMix image to t = 300. With the ring alone, the rest is held at each step, so that both
parts stay what they are. The workspace's generator works on the cut that it knows; re-drawing models at native size,
where every pixel outside the ring's soft rim stays equal in every bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotFound
from augment.images import encode_png
from augment.judge.similarity import structural_similarity
from augment.operations.context import Context
from augment.operations.generators import draw_series, find_generator
from augment.operations.pasting import Composite
from augment.operations.redraw import RedrawConfig, Redrawing
from augment.operations.views import current_view
from augment.pieces import seam_ring, seam_strength

__all__ = ["GENERATOR", "Harmonised", "harmonise"]

GENERATOR = "generator"
"""The model that is the workspace's own generator of whole cuts."""

OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Harmonised:
    """values: (H, W, C), as `Native.values`; label (H, W) bool. is_cut: whether they are a cut by the view.

    figures: seam_before and seam_after (see `seam_strength`), kept_below and kept_piece (SSIM with the hard paste
    beside the piece and in it).
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    label: NDArray[np.bool_]
    is_cut: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)


def harmonise(
    composite: Composite, hard: Composite, recipe: Mapping[str, Any], seed: int, context: Context, on_step: OnStep
) -> Harmonised:
    """The composite at strength `sigma` of the recipe by its `model`; `keep` says what may change: the ring, or all.

    hard: the same paste edge to edge, which the figures compare with.

    InvalidInput where the piece has no seam: it covers the whole picture.
    """
    ring = seam_ring(composite.region, recipe["ring_px"])
    if not ring.any():
        raise InvalidInput("the piece covers the whole picture, so there is no seam: make it smaller")
    if recipe["model"] == GENERATOR:
        return _by_generator(composite, hard, ring, recipe, seed, context, on_step)
    return _by_redrawing(composite, hard, ring, recipe, seed, context, on_step)


def _by_generator(
    composite: Composite,
    hard: Composite,
    ring: NDArray[np.bool_],
    recipe: Mapping[str, Any],
    seed: int,
    context: Context,
    on_step: OnStep,
) -> Harmonised:
    view = current_view(context.store)
    shown, edged = (replace(one.native, values=one.values).shown for one in (composite, hard))

    def cut(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return view.cut(pixels, composite.region, recipe["below_sha256"])

    def cut_mask(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
        return np.asarray(cut(mask[..., None] * np.uint8(255))[..., 0] >= least)

    start, region = cut(shown), cut_mask(composite.region, 128)
    # A thin ring that falls between the pixels of a smaller cut is kept wherever it touches one.
    free = cut_mask(ring, 1) if recipe["keep"] == "ring" else None
    generator = find_generator(context, sha256=recipe["checkpoint_sha256"])
    (drawn,) = draw_series(generator, [recipe], [seed], on_step, start=start, free=free)
    label = cut_mask(composite.label, 64)
    return Harmonised(drawn, label if label.any() else region, True, _figures(cut(edged), drawn, region))


def _by_redrawing(
    composite: Composite,
    hard: Composite,
    ring: NDArray[np.bool_],
    recipe: Mapping[str, Any],
    seed: int,
    context: Context,
    on_step: OnStep,
) -> Harmonised:
    image = context.store.images.by_sha256(recipe["below_sha256"])
    if image is None:
        raise NotFound(f"the photograph {recipe['below_sha256'][:12]} below is no longer in this workspace")
    config = RedrawConfig(
        image_id=image.id or 0,
        # The seam runs through what is below: drawn as the piece's class, it would become a defect of its own.
        label=image.label,
        model=recipe["model"],
        sigma=recipe["sigma"],
        steps=recipe["steps"],
        mask_sha256=context.store.files.put(encode_png(ring)),
        seed=seed,
        count=1,
    )
    native = replace(composite.native, values=composite.values)
    work = Redrawing.of(config, context, recipe["checkpoint_sha256"], native)
    drawn, _ = work.draw([seed], on_step)
    part = composite.box.slices
    before, after = (replace(native, values=values).shown[part] for values in (hard.values, drawn[0].values))
    return Harmonised(drawn[0].values, composite.label, False, _figures(before, after, composite.region[part]))


def _figures(before: NDArray[np.uint8], after: NDArray[np.uint8], region: NDArray[np.bool_]) -> dict[str, float]:
    told = {
        "seam_before": seam_strength(before, region),
        "seam_after": seam_strength(after, region),
        "kept_below": structural_similarity(before, after, ~region),
        "kept_piece": structural_similarity(before, after, region),
    }
    return {name: round(value, 4) for name, value in told.items()}
