"""Train the workspace's own re-drawing model: a small network that draws a class's defect inside a mask.

It learns from crops of the training split's masked photographs at native resolution, and from the good ones. Imports
torch only when it runs. Cancelled or killed, it continues from the checkpoint in the job's folder.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import NetworkTraining
from augment.errors import InvalidConfig, NotReady
from augment.operations.base_models import base_weights
from augment.operations.context import Context
from augment.operations.views import current_view, load_mask, load_pixels
from augment.store import ImageRecord, ModelRecord, Split
from augment.views import View, recoloured

if TYPE_CHECKING:
    from augment.ddpm.crops import Crop, Crops
    from augment.ddpm.redraw import Redrawer

__all__ = ["TrainRedrawConfig", "TrainRedrawResult", "train_redraw"]


@dataclass(frozen=True, kw_only=True)
class TrainRedrawConfig(NetworkTraining):
    """The size of the re-drawing model and how it is trained."""

    side_px: int = field(
        default=64, metadata={"help": "side of the patches it draws, in px: 64, or 128 for twice the work"}
    )
    crops: int = field(default=16, metadata={"help": "crops cut around each mask, each with other surroundings"})
    drop_label: float = field(default=0.15, metadata={"help": "chance of forgetting the class, which guidance needs"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        if not 32 <= self.side_px <= 256 or self.side_px % 16:
            raise InvalidConfig(f"side_px {self.side_px}: a multiple of 16 from 32 to 256; 64 suits a processor")
        if not 1 <= self.crops <= 1000:
            raise InvalidConfig(f"crops {self.crops}: allowed 1 to 1000; 16 is usual")


@dataclass(frozen=True, kw_only=True)
class TrainRedrawResult:
    """The trained model's id and file, what it was trained on, its last metrics, and what to know of it.

    images: photographs with a mask. good_images: those of classes that have none.
    """

    model_id: int
    sha256: str
    images: int
    good_images: int
    metrics: Mapping[str, float]
    notes: tuple[str, ...] = ()


def train_redraw(config: TrainRedrawConfig, context: Context) -> TrainRedrawResult:
    """Trains on the training split alone and commits a ModelRecord of kind "redraw".

    Its config holds what re-drawing needs: denoiser, labels, good_labels (of these, the classes without masks) and
    colour. NotReady without masks or with a single class; Cancelled after a checkpoint.
    """
    from augment.ddpm.train_redraw import build_redrawer, train_redrawer
    from augment.images import encode_png
    from augment.training.precision import choose_precision

    view = current_view(context.store)
    read = _read_split("train", view, config, context)
    if not read.defects:
        raise NotReady("no training image has a mask: import photographs together with their masks, then train again")
    if len(read.labels) < 2:
        raise NotReady(f"all images that can be used are {read.labels[0]}: import a second class, good parts for one")
    held_out = _read_split("validation", view, config, context, read)
    precision = choose_precision(config.precision)
    model = build_redrawer(read.crops, len(read.labels), config)
    base = base_weights("ddpm") if config.start == "base" else None
    started = "base" if base is not None and model.start_from(base) else "random"

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        shown = None
        if previews is not None:
            shown = {f"samples-{step * config.batch_size:07d}.png": encode_png(np.concatenate(list(previews), axis=1))}
        context.progress(step, total, metrics, shown)

    checkpoint = context.job_folder / "training.pt"
    trained, metrics = train_redrawer(model, read.crops, held_out.crops, config, checkpoint, report, precision)
    used = {**asdict(config), "start": started}
    return replace(_keep(trained, read, used, metrics, view, context), notes=read.notes(used, config.start))


@dataclass(frozen=True, kw_only=True)
class _Read:
    """The crops of a split, the labels in the network's order, and those of them that have masks.

    masked, good, unmarked, small: numbers of photographs with a mask, of good ones, of those of a defect that nobody
    marked, and of those narrower than a patch.
    """

    crops: "Crops"
    labels: list[str]
    defects: list[str]
    masked: int
    good: int
    unmarked: int
    small: int

    def notes(self, wanted: Mapping[str, Any], asked: str) -> tuple[str, ...]:
        """What a user should know. wanted: the training's settings as they were used; asked: the start asked for."""
        told = []
        if wanted["start"] != asked:
            told.append("started from nothing: the network that ships with Kizu has another shape")
        if self.unmarked:
            told.append(f"{self.unmarked} images of classes with masks have none and were left out: import theirs")
        if self.small:
            told.append(
                f"{self.small} images are narrower than {wanted['side_px']} px and were enlarged: they are soft"
            )
        if self.labels == self.defects:
            told.append("no class is without masks, so a good part cannot be re-drawn as good: import good parts")
        return tuple(told)


def _read_split(
    split: Split, view: View, config: TrainRedrawConfig, context: Context, like: _Read | None = None
) -> _Read:
    """Crops around every mask of a split, and of as many places on the images of classes that have none.

    A class with masks is a defect: where it is in an image without one, nobody knows. like: what was read for training,
    which decides the labels of every split; an image of another label is left out.
    """
    from augment.ddpm.crops import Crops, cut_crop, cut_good

    store, side = context.store, config.side_px
    records = store.images.list(split=split)
    cut: list[tuple[str, Crop]] = []
    plain: list[ImageRecord] = []
    for record in _checked(records, context):
        mask = load_mask(store, record)
        if mask is None or not mask.any():
            plain.append(record)
        elif like is None or record.label in like.labels:
            pixels, rng = recoloured(load_pixels(store, record), view.colour), _random(config, record)
            cut += [(record.label, cut_crop(pixels, mask, side, rng)) for _ in range(config.crops)]
    marked = len(cut) // config.crops
    defects = like.defects if like else sorted({label for label, _ in cut})
    good = [record for record in plain if record.label not in defects and (like is None or record.label in like.labels)]
    sides = [crop.native_px for _, crop in cut] or [side]
    # As many crops of good parts as of defects, of as many parts as that allows.
    chosen = np.random.default_rng(config.seed).permutation(len(good))[: len(cut)]
    for record in _checked([good[row] for row in np.sort(chosen)], context):
        pixels, rng = recoloured(load_pixels(store, record), view.colour), _random(config, record)
        for _ in range(min(config.crops, max(1, round(len(cut) / len(good))))):
            cut.append((record.label, cut_good(pixels, int(rng.choice(sides)), side, rng)))
    labels = like.labels if like else sorted({label for label, _ in cut})
    shape = (len(cut), side, side)
    return _Read(
        crops=Crops(
            np.array([crop.pixels for _, crop in cut], np.uint8).reshape(*shape, view.channels),
            np.array([labels.index(label) for label, _ in cut], np.int64),
            np.array([crop.distance for _, crop in cut], np.uint8).reshape(shape),
        ),
        labels=labels,
        defects=defects,
        masked=marked,
        good=len(good),
        unmarked=sum(record.label in defects for record in plain),
        small=sum(min(record.width_px, record.height_px) < side for record in records),
    )


def _checked(records: Sequence[ImageRecord], context: Context) -> Iterator[ImageRecord]:
    """The same records; asks now and then whether to stop, for thousands of photographs take a while."""
    for index, record in enumerate(records):
        if index % 100 == 0:
            context.progress.check()
        yield record


def _random(config: TrainRedrawConfig, record: ImageRecord) -> np.random.Generator:
    """Chance of one photograph alone, so that its crops do not depend on which others are there."""
    return np.random.default_rng([config.seed, int(record.sha256[:8], 16)])


def _keep(
    trained: "Redrawer",
    read: _Read,
    training: dict[str, Any],
    metrics: dict[str, float],
    view: View,
    context: Context,
) -> TrainRedrawResult:
    """Writes the weights under their hash and commits the record."""
    from augment.training.files import save_weights

    workspace = context.store.workspace
    fresh = context.job_folder / "redrawer.safetensors"
    sha256 = save_weights(fresh, trained)
    kept = workspace.checkpoints_dir / f"redraw-{sha256[:16]}.safetensors"
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(kept)
    record = ModelRecord(
        kind="redraw",
        name=f"re-drawing at {trained.config.side_px} px, {read.masked} masks",
        path=kept.relative_to(workspace.root).as_posix(),
        sha256=sha256,
        config={
            "denoiser": trained.config.to_json(),
            "labels": read.labels,
            "good_labels": [label for label in read.labels if label not in read.defects],
            "colour": view.colour,
            "training": training,
        },
        metrics=metrics,
        job_id=context.job_id,
    )
    (model_id,) = context.commit([record])
    return TrainRedrawResult(
        model_id=model_id, sha256=sha256, images=read.masked, good_images=read.good, metrics=metrics
    )
