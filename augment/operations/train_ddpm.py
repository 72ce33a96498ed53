"""Train the generator: a denoiser conditioned on label and position, with the training split's cuts and positions.

Imports torch only when it runs. Cancelled or killed, it continues from the checkpoint in the job's folder.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import DenoiserTraining
from augment.errors import InvalidConfig, NotReady
from augment.features.atlas import Atlas
from augment.operations.base_models import base_weights
from augment.operations.context import Context
from augment.operations.views import current_view, load_cut
from augment.store import ImageRecord, ModelRecord, Split, Store
from augment.views import View

if TYPE_CHECKING:
    from augment.ddpm.denoiser import Denoiser
    from augment.ddpm.train import TrainingImages

__all__ = ["TrainDdpmConfig", "TrainDdpmResult", "fit_fingerprint", "train_ddpm"]


@dataclass(frozen=True, kw_only=True)
class TrainDdpmConfig(DenoiserTraining):
    """What the generator is conditioned on, its size, and how it is trained."""

    condition: Literal["label+position", "label", "position"] = field(
        default="label+position", metadata={"help": "what a sample can be asked for: label+position, label or position"}
    )
    aim: bool = field(
        default=True, metadata={"help": "tell it, beside the position, what the encoder sees there in more detail"}
    )
    fourier: int = field(default=0, metadata={"help": "Fourier features of the position, 0 for none"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if self.condition not in ("label+position", "label", "position"):
            raise InvalidConfig(f"condition {self.condition!r}: allowed are label+position, label, position")
        if not 0 <= self.fourier <= 256:
            raise InvalidConfig(f"fourier {self.fourier}: allowed 0 to 256")


@dataclass(frozen=True, kw_only=True)
class TrainDdpmResult:
    """The trained model's id and file, how many images it was trained on, its last metrics, and what to know of it."""

    model_id: int
    sha256: str
    images: int
    metrics: Mapping[str, float]
    notes: tuple[str, ...] = ()


def train_ddpm(config: TrainDdpmConfig, context: Context) -> TrainDdpmResult:
    """Trains on the training split alone and commits a ModelRecord of kind "ddpm".

    Its config holds what `generate` needs: denoiser, labels, view, projection_id, encoder_id and the fit's fingerprint.
    NotReady if there are no training images, or no map and the condition needs positions; Cancelled after a checkpoint.
    """
    from augment.ddpm.train import build_denoiser, train_denoiser
    from augment.images import encode_png
    from augment.training.precision import choose_precision

    store = context.store
    view = current_view(store)
    labels = store.images.labels()
    projection = store.projections.latest()
    atlas = None
    if config.condition != "label":
        if projection is None:
            raise NotReady(
                f"condition {config.condition} needs the map: build it first (embed), or choose condition label"
            )
        atlas = Atlas.load(store.workspace.root / projection.path)
    data = _read_split(store, view, labels, atlas, "train", context, aim=config.aim)
    if not len(data):
        raise NotReady("the training split has no images on the map: import images and build the map first")
    held_out = _read_split(store, view, labels, atlas, "validation", context, aim=config.aim, limit=64)
    precision = choose_precision(config.precision)
    denoiser = build_denoiser(data, len(labels), config.condition, config, fourier=config.fourier)
    base = base_weights("ddpm") if config.start == "base" else None
    started = "base" if base is not None and denoiser.start_from(base) else "random"

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        shown = None
        if previews is not None:
            shown = {f"samples-{step * config.batch_size:07d}.png": encode_png(np.concatenate(list(previews), axis=1))}
        context.progress(step, total, metrics, shown)

    trained, metrics = train_denoiser(
        denoiser, data, held_out, config, context.job_folder / "training.pt", report, precision
    )
    told = {
        "labels": labels,
        "condition": config.condition,
        "view": view.to_json(),
        "projection_id": projection.id if projection and atlas else None,
        "encoder_id": projection.encoder_id if projection and atlas else None,
        "fit": fit_fingerprint(atlas) if atlas else None,
        "training": {**asdict(config), "start": started},
    }
    kept = _keep(trained, told, len(data), metrics, context)
    if started == config.start:
        return kept
    return replace(kept, notes=("started from nothing: the network that ships with Kizu has another shape",))


def fit_fingerprint(atlas: Atlas) -> str:
    """SHA-256 of the fitted positions: the same for every map that places images with the same fit, new for a refit."""
    return hashlib.sha256(np.ascontiguousarray(atlas.projection.position, dtype=np.float32).tobytes()).hexdigest()


def _keep(
    trained: "Denoiser", told: dict[str, Any], images: int, metrics: dict[str, float], context: Context
) -> TrainDdpmResult:
    """Writes the weights under their hash and commits the record."""
    from augment.training.files import save_weights

    folder = context.store.workspace.checkpoints_dir
    fresh = context.job_folder / "generator.safetensors"
    sha256 = save_weights(fresh, trained)
    kept = folder / f"ddpm-{sha256[:16]}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    fresh.replace(kept)
    record = ModelRecord(
        kind="ddpm",
        name=f"generator {told['condition']}, {images} images",
        path=kept.relative_to(context.store.workspace.root).as_posix(),
        sha256=sha256,
        config={"denoiser": trained.config.to_json(), **told},
        metrics=metrics,
        job_id=context.job_id,
    )
    (model_id,) = context.commit([record])
    return TrainDdpmResult(model_id=model_id, sha256=sha256, images=images, metrics=metrics)


def _read_split(
    store: Store,
    view: View,
    labels: Sequence[str],
    atlas: Atlas | None,
    split: Split,
    context: Context,
    *,
    aim: bool,
    limit: int | None = None,
) -> "TrainingImages":
    """The cuts of a split with labels, and with positions and aims if there is an atlas; others are left out."""
    from augment.ddpm.train import TrainingImages
    from augment.features.boundary import neighbour_scale

    records = store.images.list(split=split)
    rows: dict[int, int] = {}
    if atlas is not None:
        rows = {int(image_id): row for row, image_id in enumerate(atlas.image_ids)}
        records = [record for record in records if record.id in rows]
    if limit is not None and len(records) > limit:
        chosen = np.sort(np.random.default_rng(0).permutation(len(records))[:limit])
        records = [records[index] for index in chosen]
    pixels = _cuts(store, view, records, context)
    label = np.array([labels.index(record.label) for record in records], dtype=np.int64)
    if atlas is None or not records:
        return TrainingImages(pixels, label, None)
    there = [rows[record.id or 0] for record in records]
    distance = np.array([atlas.scale.get(record.label, 0.0) for record in records], dtype=np.float32)
    data = TrainingImages(pixels, label, atlas.position[there], distance)
    if not aim:
        return data
    aims = atlas.aim[there]
    scale = neighbour_scale(aims, [record.label for record in records], [record.group for record in records])
    usual = np.array([scale[record.label] for record in records], dtype=np.float32)
    return replace(data, aim=aims, aim_distance=usual)


def _cuts(store: Store, view: View, records: Sequence[ImageRecord], context: Context) -> NDArray[np.uint8]:
    """(n, side, side, C) uint8; asks now and then whether to stop, for thousands of photographs take a while."""
    channels = 1 if view.colour == "grey" else 3
    pixels = np.empty((len(records), view.side_px, view.side_px, channels), np.uint8)
    for index, record in enumerate(records):
        pixels[index] = load_cut(store, record, view)
        if index % 100 == 0:
            context.progress.check()
    return pixels
