"""Samples made by pasting, from their recipe alone: the composite, harmonised where that is asked, and its record."""

from collections.abc import Callable, Mapping
from typing import Any

from augment.images import decode, encode_native, encode_png
from augment.operations.context import Context
from augment.operations.harmonise import Harmonised, harmonise
from augment.operations.pasting import composite_of
from augment.operations.places import MappedEncoder, Place, placed
from augment.operations.views import current_view
from augment.store import ImageRecord, SampleRecord

__all__ = ["paste_again", "pasted_sample"]


def pasted_sample(
    recipe: Mapping[str, Any],
    seed: int,
    context: Context,
    mapped: MappedEncoder | None,
    on_step: Callable[[int, int], None] | None = None,
) -> SampleRecord:
    """Files and record of a recipe of `copy_paste`, `cutmix` or `perlin`; on the map where there is one.

    Raises what `composite_of` and `harmonise` do.
    """
    store = context.store
    made, parents = _made(recipe, seed, context, on_step)
    stems = Place(parents=parents)
    record = SampleRecord(
        sha256=store.files.put(encode_native(made.values)),
        label=recipe["label"],
        method=recipe["method"],
        seed=seed,
        recipe={**recipe, **made.figures},
        parents=tuple(parent.sha256 for parent in parents),
        group=stems.group,
        split=stems.split,
        checkpoint_sha256=recipe.get("checkpoint_sha256"),
        mask_sha256=store.files.put(encode_png(made.label)),
        strength_sigma=recipe.get("sigma"),
        job_id=context.job_id,
    )
    if mapped is None:
        return record
    pixels = decode(store.files.path(record.sha256)).pixels
    cut = pixels if made.is_cut else current_view(store).cut(pixels, made.label, record.sha256)
    return placed([record], [cut], [Place()], mapped)[0]


def paste_again(sample: SampleRecord, context: Context) -> bytes:
    """The PNG of a pasted sample, from its record alone. NotFound if a photograph or the model is gone."""
    return encode_native(_made(sample.recipe, sample.seed, context, None)[0].values)


def _made(
    recipe: Mapping[str, Any], seed: int, context: Context, on_step: Callable[[int, int], None] | None
) -> tuple[Harmonised, tuple[ImageRecord, ...]]:
    composite, parents = composite_of(recipe, seed, context.store)
    if recipe.get("sigma") is None:
        return Harmonised(composite.values, composite.label), parents
    hard = composite
    if recipe["blend"] != "hard":
        hard, _ = composite_of({**recipe, "blend": "hard"}, seed, context.store)
    report = on_step or (lambda step, total: context.progress.check())
    return harmonise(composite, hard, recipe, seed, context, report), parents
