"""Build the map: encode every image, fit the projection on the training split, place the rest, measure boundaries.

Imports torch, umap-learn and scikit-learn only when it runs. What was encoded before is not encoded again; cancelled or
killed, it goes on where it was.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, NotReady
from augment.features.atlas import Atlas
from augment.features.neighbours import Floats
from augment.features.projection import Projection, ProjectionConfig
from augment.operations.context import Context, Progress
from augment.operations.embedding import Catalogue, ChosenEncoder, choose_encoder, encode_images, shares, staged
from augment.operations.measuring import measure_map, training_share
from augment.operations.views import current_view, enlarged_by
from augment.store import ProjectionRecord
from augment.views import View

__all__ = ["EmbedConfig", "EmbedResult", "embed"]

# Thousandths of the whole when the encoder is trained, images are encoded, the projection is fitted, all is measured.
_TRAINED, _ENCODED, _FITTED, _MEASURED = 500, 650, 850, 980


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """Which features, and how they become a map."""

    encoder: str = field(
        default="builtin",
        metadata={"help": "builtin (trained here if need be), timm:NAME, timm:FOLDER, timm:NAME=FILE or model:ID"},
    )
    refit: bool = field(
        default=False, metadata={"help": "fit the map anew; otherwise new images join the map there is"}
    )
    neighbours: int = field(default=15, metadata={"help": "neighbours in UMAP: few show detail, many show the whole"})
    min_dist: float = field(default=0.1, metadata={"help": "how closely UMAP may pack points: 0 to 1"})
    fit_on: int = field(
        default=20_000,
        metadata={"help": "training images that UMAP is fitted on at most, of each label alike; the others are placed"},
    )
    seed: int = field(default=0, metadata={"help": "random seed of the encoder's training and of the map"})

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidConfig: a field lies outside its range.
        """
        kind, _, rest = self.encoder.partition(":")
        if self.encoder != "builtin" and not (kind == "timm" and rest) and not (kind == "model" and rest.isdecimal()):
            raise InvalidConfig(f"encoder {self.encoder!r}: builtin, timm:NAME_OR_FOLDER or model:ID is possible")
        if not 100 <= self.fit_on <= 200_000:
            raise InvalidConfig(f"fit_on {self.fit_on}: 100 to 200000 are possible; 20000 take half a minute")
        self.projection()

    def projection(self) -> ProjectionConfig:
        """The projection's part of this config; raises InvalidConfig."""
        return ProjectionConfig(neighbours=self.neighbours, min_dist=self.min_dist, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class EmbedResult:
    """The map's id and what is on it.

    fitted: images the projection was fitted on; images - fitted were placed. method: "umap" or "pca" (few images).
    metrics: "trustworthiness" of the 2-D view (0 to 1, of up to 2,000 fitted points), and "validation_accuracy" and
    "validation_balanced_accuracy" of the 5 nearest training images, where the validation split has images.
    notes: what a user should be told, in words.
    """

    projection_id: int
    encoder_id: int
    encoder: str
    images: int
    fitted: int
    method: str
    metrics: Mapping[str, float]
    notes: tuple[str, ...]
    seconds: float


def embed(config: EmbedConfig, context: Context) -> EmbedResult:
    """Encode all images, fit or reuse the projection, and commit a ProjectionRecord with its folder of arrays.

    Without `refit` an earlier fit of the same encoder, view and config is kept and only new images are encoded and
    placed.

    Raises:
        NotReady: no images, or none in the training split.
        NotFound, InvalidInput: the encoder cannot be had or does not fit; NaN in features.
        Cancelled: told to stop; encoded features are kept for the next try.
    """
    store = context.store
    catalogue = Catalogue.read(store, context.progress)
    if not catalogue.training.any():
        raise NotReady(f"{len(catalogue)} images, none in the training split: import images before building the map")
    view = current_view(store)
    with closing(_Compiling(config, catalogue)) as compiling:
        return _build(config, context, catalogue, view, compiling)


def _build(
    config: EmbedConfig, context: Context, catalogue: Catalogue, view: View, compiling: "_Compiling"
) -> EmbedResult:
    began = time.monotonic()
    store = context.store
    if config.refit or store.projections.latest() is None:
        compiling.start()
    chosen = choose_encoder(config.encoder, view, config.seed, staged(context, 0, _TRAINED))
    earlier = _earlier_map(context, config, chosen, view)
    # Another fit of the same encoder and view does not need its features again.
    known = None if earlier is None else Atlas.load(store.workspace.root / earlier.path)
    kept = known if earlier is not None and not config.refit and _is_same_fit(earlier, config) else None
    if kept is None:
        compiling.start()
    features, aim = encode_images(catalogue, chosen, view, known, staged(context, _TRAINED, _ENCODED - _TRAINED))
    context.progress(_ENCODED, 1000)
    projection, fitted = _fit(config, features, aim, catalogue, kept, compiling, context)
    context.progress(_FITTED, 1000)
    progress = staged(context, _FITTED, _MEASURED - _FITTED).progress
    measured = measure_map(
        features, catalogue, projection, fitted, most=config.fit_on, seed=config.seed, progress=progress
    )
    context.progress(_MEASURED, 1000)
    folder = _write(context, {**measured.arrays, "aim": aim}, projection)
    enlarged = enlarged_by(view, store)
    notes = [*chosen.notes, *projection.notes, *measured.notes, *_placed(catalogue, fitted, kept)]
    notes += [enlarged.text] if enlarged else []
    told: dict[str, Any] = {"encoder": chosen.encoder.name, "images": len(catalogue), "fitted": int(fitted.sum())}
    told |= {"method": projection.method, "metrics": measured.metrics, "notes": notes}
    path = folder.relative_to(store.workspace.root).as_posix()
    made_with = {"projection": asdict(config.projection()), "fit_on": config.fit_on, "view": view.to_json()}
    (projection_id,) = context.commit(
        [ProjectionRecord(encoder_id=chosen.record_id, path=path, config={**made_with, **told})]
    )
    context.progress(1000, 1000, measured.metrics)
    return EmbedResult(
        projection_id=projection_id,
        encoder_id=chosen.record_id,
        encoder=chosen.encoder.name,
        images=len(catalogue),
        fitted=int(fitted.sum()),
        method=projection.method,
        metrics=measured.metrics,
        notes=tuple(notes),
        seconds=time.monotonic() - began,
    )


class _Compiling:
    """Compiles umap-learn for numba's cache while the encoder is at work; nothing where no UMAP will be fitted.

    In a process of its own: a thread would hold Python's lock, and the encoder would wait for each of its steps.
    """

    def __init__(self, config: EmbedConfig, catalogue: Catalogue) -> None:
        # A process that has fitted a map before has everything compiled.
        self._wanted = "umap" not in sys.modules and catalogue.training.sum() >= config.projection().smallest_umap
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; the second time nothing happens."""
        if self._wanted and self._process is None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from augment.features.projection import prepare_umap; prepare_umap()"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
            )

    def wait(self, progress: Progress) -> None:
        """Return when it has ended, whatever came of it: the fit compiles what is missing. May raise Cancelled."""
        while self._process is not None and self._process.poll() is None:
            progress.check()
            time.sleep(0.1)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def _earlier_map(context: Context, config: EmbedConfig, chosen: ChosenEncoder, view: View) -> ProjectionRecord | None:
    """The newest readable map of this encoder and view; one with the same projection config if there is one."""
    same = [
        record
        for record in context.store.projections.list()
        if record.encoder_id == chosen.record_id and record.config.get("view") == view.to_json()
    ]
    readable = [record for record in same if _is_readable(context.store.workspace.root / record.path)]
    exact = [record for record in readable if _is_same_fit(record, config)]
    return next(iter([*exact, *readable]), None)


def _is_same_fit(record: ProjectionRecord, config: EmbedConfig) -> bool:
    """Whether a fit with this config would be the one that the record's map has. Maps made before there was `fit_on`
    were fitted on every training image, and are kept."""
    fit_on = record.config.get("fit_on", EmbedConfig.fit_on)
    return record.config.get("projection") == asdict(config.projection()) and fit_on == config.fit_on


def _is_readable(folder: Path) -> bool:
    try:
        return len(Atlas.load(folder).projection.features) > 0
    except NotReady:
        return False


def _fit(
    config: EmbedConfig,
    features: Floats,
    aim: Floats,
    catalogue: Catalogue,
    kept: Atlas | None,
    compiling: _Compiling,
    context: Context,
) -> tuple[Projection, NDArray[np.bool_]]:
    """The projection and which rows it was fitted on: a share of the training split now, or that of the fit that is
    kept."""
    if kept is not None:
        return kept.projection, np.isin(catalogue.ids, kept.image_ids[kept.fitted])
    rows = training_share(catalogue, config.fit_on, config.seed)
    fitted = np.zeros(len(catalogue), dtype=np.bool_)
    fitted[rows] = True
    compiling.wait(context.progress)
    report = shares(context.progress, _ENCODED, _FITTED - _ENCODED)
    return Projection.fit(features[rows], config.projection(), report, aim[rows]), fitted


def _placed(catalogue: Catalogue, fitted: NDArray[np.bool_], kept: Atlas | None) -> list[str]:
    """Notes on what the map was not fitted on though it might have been."""
    if kept is not None:
        new = len(catalogue) - len(kept)
        return [f"{new} new images were placed on the map that was there"] if new else []
    training, count = int(catalogue.training.sum()), int(fitted.sum())
    if count == training:
        return []
    return [f"the map was fitted on {count} of {training} training images, of each label alike; the others were placed"]


def _write(context: Context, arrays: Mapping[str, Any], projection: Projection) -> Path:
    """Write `projections/<n>` whole or not at all; n is the first free number."""
    home = context.store.workspace.projections_dir
    part = home / f".part-{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    try:
        report = shares(context.progress, _MEASURED, 999 - _MEASURED)
        Atlas.write(part, projection=projection, **arrays, report=report)
        for file in part.iterdir():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        taken = [int(folder.name) for folder in home.iterdir() if folder.name.isdecimal()]
        folder = home / str(max(taken, default=0) + 1)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
