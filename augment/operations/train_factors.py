"""Train a model of factors: a teacher of what is there, or a student that learns something new beside it.

The teacher is a beta-VAE of the training split's cuts; the student a beta-VAEGAN with added dimensions, taught by it.
Imports torch only when it runs. Cancelled or killed, it continues from the checkpoint in the job's folder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, InvalidInput, NotFound, NotReady
from augment.operations.context import Context
from augment.operations.factors import FactorModel, find_factors
from augment.operations.views import current_view, load_cut, sized_as
from augment.store import ModelRecord
from augment.vaegan.settings import FactorShape, StudentTraining, TeacherTraining
from augment.views import View

if TYPE_CHECKING:
    from augment.training.loop import Report
    from augment.vaegan.model import Factors
    from augment.vaegan.train import Look

__all__ = ["TrainFactorsConfig", "TrainFactorsResult", "train_factors"]

_READ = 256
"""Images of a class that tell where an added dimension usually lies."""


@dataclass(frozen=True, kw_only=True)
class TrainFactorsConfig(StudentTraining):
    """What is learned, by a teacher or beside one, and how. What a teacher has no use for is left as it is."""

    beta: float = field(
        default=0.5, metadata={"help": "weight of the KL to the prior: more separates factors, less keeps more of them"}
    )
    label: str = field(
        default="", metadata={"help": "class to learn; all if empty; a student needs one, the new images"}
    )
    teacher_id: int | None = field(
        default=None, metadata={"help": "teacher whose factors are kept; without one a teacher is trained"}
    )
    dimensions: int = field(default=8, metadata={"help": "latent dimensions of a teacher"})
    added: int = field(default=1, metadata={"help": "dimensions that a student has more"})
    width: int = field(
        default=32, metadata={"help": "channels of a teacher's finest layer: 32 for a CPU, 64 for a GPU"}
    )
    mirror: bool = field(default=True, metadata={"help": "flip images left to right at random"})
    relight: bool = field(
        default=True,
        metadata={"help": "give images each other's light, that no new factor learns it; not for defects of light"},
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        super().__post_init__()
        FactorShape(dimensions=self.dimensions, width=self.width)
        if not 1 <= self.added <= 8:
            raise InvalidConfig(f"added {self.added}: allowed 1 to 8; 1 for one new factor")
        if self.teacher_id is not None and not self.label:
            raise InvalidConfig("label: a student needs new images; name their class")


@dataclass(frozen=True, kw_only=True)
class TrainFactorsResult:
    """The model's id and file, how many images it learned from, and how many of them were known to its teacher."""

    model_id: int
    sha256: str
    images: int
    known: int
    metrics: Mapping[str, float]


def train_factors(config: TrainFactorsConfig, context: Context) -> TrainFactorsResult:
    """Trains on the training split alone and commits a ModelRecord of kind "factors".

    NotReady without training images; NotFound for an unknown label or teacher; InvalidInput for a teacher of another
    view or of the same images; Cancelled after a checkpoint.
    """
    from augment.training.precision import choose_precision
    from augment.training.randomness import seed_everything
    from augment.vaegan.photographs import Photographs
    from augment.vaegan.train import train_student, train_teacher

    view = current_view(context.store)
    teacher = None if config.teacher_id is None else _teacher(config, context)
    new = _cuts(config.label, context, view)
    known = new[:0]
    if teacher is not None:
        # Places as large as those of the new class, or "new" would mean near or far as well.
        known = _cuts(str(teacher.record.config["label"]), context, sized_as(config.label, view, context.store))
    precision = choose_precision(config.precision)
    seed_everything(config.seed)
    checkpoint, report = context.job_folder / "training.pt", _report(config, context)
    told: dict[str, Any] = {"label": config.label, "view": view.to_json(), "training": asdict(config)}
    source = Photographs(new, known, config.known_share, mirror=config.mirror, relight=config.relight)
    trained: Factors
    if teacher is None:
        names = {one.name for one in fields(TeacherTraining)}
        training = TeacherTraining(**{name: getattr(config, name) for name in names})
        shape = FactorShape(
            side_px=view.side_px, channels=new.shape[3], dimensions=config.dimensions, width=config.width
        )
        trained, metrics = train_teacher(shape, source, training, checkpoint, report, _sheet(new), precision)
    else:
        shape = teacher.shape_with(config.added)
        trained, metrics = train_student(
            teacher.network, shape, source, config, checkpoint, report, _sheet(new), precision
        )
        told["teacher_sha256"] = teacher.record.sha256
    return _keep(trained, told, new, known, metrics, context)


def _teacher(config: TrainFactorsConfig, context: Context) -> FactorModel:
    teacher = find_factors(context, config.teacher_id)
    view = current_view(context.store)
    if teacher.record.config["view"] != view.to_json():
        raise InvalidInput(
            f"teacher {config.teacher_id} was trained on another view ({teacher.shape.side_px} px, "
            f"{teacher.shape.channels} channels; now {view.side_px} px, {view.colour}): train a teacher again"
        )
    if teacher.shape.added:
        raise InvalidInput(
            f"model {config.teacher_id} is a student, with dimensions added to a teacher's: name a teacher"
        )
    if teacher.record.config["label"] in ("", config.label):
        raise InvalidInput(
            f"teacher {config.teacher_id} has seen {config.label!r} already: train a teacher on the known class alone"
        )
    return teacher


def _cuts(label: str, context: Context, view: View) -> NDArray[np.uint8]:
    """(n, side, side, C) uint8 of the training split."""
    store = context.store
    known = store.images.labels()
    if label and label not in known:
        raise NotFound(f"label {label!r} is not in this workspace: {', '.join(known) or 'import images first'}")
    records = store.images.list(split="train", label=label or None)
    if len(records) < 2:
        raise NotReady(f"the training split has {len(records)} images of {label or 'any label'}: 2 or more are needed")
    cuts = []
    for record in records:
        cuts.append(load_cut(store, record, view))
        context.progress.check()
    return np.stack(cuts)


def _report(config: TrainFactorsConfig, context: Context) -> "Report":
    from augment.images import encode_png

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        shown = None
        if previews is not None:
            shown = {f"samples-{step * config.batch_size:07d}.png": encode_png(np.concatenate(list(previews), axis=1))}
        context.progress(step, total, metrics, shown)

    return report


def _sheet(images: NDArray[np.uint8]) -> "Look":
    """Previews: eight images, and below each what comes out when it goes through the networks."""
    import torch

    some = images[np.linspace(0, len(images) - 1, 8).astype(int)]

    @torch.no_grad()
    def look(network: "Factors") -> NDArray[np.uint8]:
        x = torch.from_numpy(some).permute(0, 3, 1, 2).float() / 255
        device = next(network.parameters()).device
        again = network.decoder(network.encoder(x.to(device))[0])
        pixels = (again * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        return np.concatenate([some, pixels], axis=1)

    return look


def _keep(
    trained: "Factors",
    told: dict[str, Any],
    new: NDArray[np.uint8],
    known: NDArray[np.uint8],
    metrics: dict[str, float],
    context: Context,
) -> TrainFactorsResult:
    """Writes encoder and decoder under their hash, and commits the record, with where added dimensions usually lie."""
    from augment.training.files import save_weights
    from augment.vaegan.model import Factors

    kept = Factors(trained.shape)
    own = kept.state_dict()
    kept.load_state_dict({key: value for key, value in trained.state_dict().items() if key in own})
    fresh = context.job_folder / "factors.safetensors"
    sha256 = save_weights(fresh, kept)
    path = context.store.workspace.checkpoints_dir / f"factors-{sha256[:16]}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(path)
    record = ModelRecord(
        kind="factors",
        name=f"factors of {told['label'] or 'all'}, {len(new)} images",
        path=path.relative_to(context.store.workspace.root).as_posix(),
        sha256=sha256,
        config={"shape": asdict(trained.shape), "usual": _usual(kept.eval(), known, new), **told},
        metrics=metrics,
        job_id=context.job_id,
    )
    (model_id,) = context.commit([record])
    return TrainFactorsResult(model_id=model_id, sha256=sha256, images=len(new), known=len(known), metrics=metrics)


def _usual(network: "Factors", *pools: NDArray[np.uint8]) -> list[list[float]]:
    """For each added dimension its median over each pool of images, which may be many."""
    import torch

    medians = []
    for pool in pools if network.shape.added else ():
        some = pool[np.linspace(0, len(pool) - 1, min(len(pool), _READ)).astype(int)]
        with torch.inference_mode():
            mean, _ = network.encoder(torch.from_numpy(some).permute(0, 3, 1, 2).float() / 255)
        medians.append(mean[:, -network.shape.added :].median(dim=0).values.tolist())
    return [[round(value, 3) for value in values] for values in zip(*medians, strict=True)]
