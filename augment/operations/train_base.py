"""Make the networks that every training on a processor may start from: `kizu train base`.

Thousands of drawn photographs of ten materials with six kinds of defect, on which an encoder and a generator are
trained once. A workspace with a handful of photographs then learns its own surface and defects from networks that know
edges, grain, light, pits and cracks already. Imports torch only when it runs; cancelled or killed, it continues.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import DenoiserTraining
from augment.errors import InvalidConfig
from augment.features.encoder_config import TrainEncoderConfig
from augment.operations.base_models import BASE_ASSETS, BASE_SIDE_PX
from augment.operations.context import Context
from augment.operations.machine import describe_machine
from augment.surfaces.studies import StudyConfig, draw_study, study_labels

__all__ = ["TrainBaseConfig", "TrainBaseResult", "train_base"]


@dataclass(frozen=True, kw_only=True)
class TrainBaseConfig:
    """Seed and length of the training, and where the result goes."""

    seed: int = field(default=0, metadata={"help": "seed of drawings and trainings"})
    drawings: int = field(default=16_000, metadata={"help": "photographs drawn to learn from"})
    encoder_images_seen: int = field(default=60_000, metadata={"help": "length of the encoder's training in images"})
    images_seen: int = field(default=160_000, metadata={"help": "length of the generator's training in images"})
    folder: str = field(default="", metadata={"help": "folder to write; the project's assets/base if empty"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 0 <= self.seed < 2**31:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**31 - 1}; any whole number will do")
        if not 64 <= self.drawings <= 1_000_000:
            raise InvalidConfig(f"drawings {self.drawings}: 64 to 1,000,000; 16,000 take three minutes to draw")
        if self.encoder_images_seen < 16 or self.images_seen < 16:
            raise InvalidConfig(
                f"encoder_images_seen {self.encoder_images_seen}, images_seen {self.images_seen}: give 16 or more"
            )


@dataclass(frozen=True, kw_only=True)
class TrainBaseResult:
    """The folder written and the last figures of both trainings."""

    folder: str
    encoder: Mapping[str, float]
    generator: Mapping[str, float]


def train_base(config: TrainBaseConfig, context: Context) -> TrainBaseResult:
    """Draws, trains both networks, writes them with `training.json`. `context.store` is not touched.

    Raises Cancelled after a checkpoint, and JobFailed if a loss stops being finite.
    """
    folder = Path(config.folder) if config.folder else BASE_ASSETS
    folder.mkdir(parents=True, exist_ok=True)
    told = {name: value for name, value in asdict(config).items() if name != "folder"}
    studies = _drawings(config, context)
    seconds = {}
    began = time.perf_counter()
    encoder = _train_encoder(config, studies, folder, context)
    seconds["encoder"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    generator, history = _train_generator(config, studies, folder, context)
    seconds["generator"] = round(time.perf_counter() - began, 1)
    figures = {
        "config": told,
        "machine": describe_machine(),
        "seconds": seconds,
        "encoder": encoder,
        "generator": generator,
        "generator_history": history,
    }
    (folder / "training.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return TrainBaseResult(folder=str(folder), encoder=encoder, generator=generator)


@dataclass(frozen=True, eq=False)
class _Studies:
    """Cuts (n, 48, 48, 1) uint8 and label indices (n,) int64."""

    pixels: NDArray[np.uint8]
    label: NDArray[np.int64]

    @property
    def parts(self) -> tuple[slice, slice]:
        """Training and held-out rows: the last hundredth has seeds of its own, so no surface of it is trained on."""
        held = max(8, len(self.pixels) // 100)
        return slice(None, -held), slice(-held, None)


def _drawings(config: TrainBaseConfig, context: Context) -> _Studies:
    """The studies, drawn once in the job's folder."""
    context.job_folder.mkdir(parents=True, exist_ok=True)
    kept = context.job_folder / "drawings.npz"
    if not kept.is_file():
        study = StudyConfig(side_px=BASE_SIDE_PX)
        pixels = np.empty((config.drawings, BASE_SIDE_PX, BASE_SIDE_PX, 1), dtype=np.uint8)
        label = np.empty(config.drawings, dtype=np.int64)
        for index in range(config.drawings):
            pixels[index], label[index] = draw_study(config.seed * 10_000_000 + index, study)
            if index % 20 == 0:
                context.progress(round(50 * index / config.drawings), 1000, {})
        part = kept.with_name("drawings.part.npz")
        np.savez(part, pixels=pixels, label=label)
        part.replace(kept)
    with np.load(kept) as stored:
        return _Studies(stored["pixels"], stored["label"])


def _train_encoder(config: TrainBaseConfig, studies: _Studies, folder: Path, context: Context) -> dict[str, float]:
    from augment.features.encoder_training import LabelledImages, train_builtin

    figures = context.job_folder / "encoder.json"
    if not figures.is_file():
        # From nothing and with labels that are exact: faster, and led by the defects more than by the surfaces.
        training = TrainEncoderConfig(
            images_seen=config.encoder_images_seen,
            batch_size=64,
            learning_rate=3e-3,
            label_weight=1.0,
            likeness_weight=0.2,
            seed=config.seed,
        )
        labelled = [LabelledImages(studies.pixels[rows], studies.label[rows]) for rows in studies.parts]
        trained = train_builtin(
            labelled[0],
            len(study_labels()),
            training,
            checkpoint=context.job_folder / "encoder.pt",
            report=lambda step, total, metrics: context.progress(50 + round(150 * step / total), 1000, metrics),
            validation=labelled[1],
        )
        trained.encoder.save(folder / "encoder.safetensors")
        _write_json(folder / "encoder.json", trained.encoder.config)
        _write_json(figures, dict(trained.metrics))
    kept: dict[str, float] = json.loads(figures.read_text(encoding="utf-8"))
    return kept


def _train_generator(
    config: TrainBaseConfig, studies: _Studies, folder: Path, context: Context
) -> tuple[dict[str, float], list[dict[str, float]]]:
    from augment.ddpm.train import TrainingImages, build_denoiser, train_denoiser
    from augment.images import encode_png
    from augment.training.files import save_weights

    training = DenoiserTraining(
        images_seen=config.images_seen,
        condition_rate=1.0,
        turns="all",
        preview_every=8000,
        checkpoint_every=8000,
        seed=config.seed,
    )
    data, held_out = (TrainingImages(studies.pixels[rows], studies.label[rows], None) for rows in studies.parts)
    history: list[dict[str, float]] = []

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        shown = None
        if previews is not None:
            history.append({"images_seen": step * training.batch_size, **metrics})
            shown = {f"samples-{step:06d}.png": encode_png(np.concatenate(list(previews), axis=1))}
        context.progress(200 + round(800 * step / total), 1000, metrics, shown)

    denoiser = build_denoiser(data, len(study_labels()), "label", training)
    trained, metrics = train_denoiser(denoiser, data, held_out, training, context.job_folder / "training.pt", report)
    save_weights(folder / "ddpm.safetensors", trained)
    _write_json(folder / "ddpm.json", trained.config.to_json())
    return metrics, history


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
