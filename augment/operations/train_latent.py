"""Make the built-in latent model, `kizu train latent`: autoencoder, U-Net and text encoder that need no download.

Thousands of drawn scenes of every material with every defect, their exact masks and captions. The result lies in the
folder layout of diffusers and is loaded by the same code as any other Stable Diffusion inpainting model. Every stage
leaves its file in the job's folder, so a stopped or killed run continues. Imports torch only when it runs.
"""

import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import Cancelled, InvalidConfig
from augment.images import encode_png
from augment.latent.settings import AutoencoderTraining, DiffusionTraining
from augment.latent.training_masks import training_mask
from augment.operations.base_models import LATENT_ASSETS
from augment.operations.context import Context
from augment.operations.machine import describe_machine
from augment.surfaces.scenes import SceneConfig, draw_scene

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from transformers import CLIPTokenizer

    from augment.latent.diffusion import LatentScenes, Painter

__all__ = ["TrainLatentConfig", "TrainLatentResult", "train_latent"]

_CHUNK = 250
_SIDE_PX = 128
# Parts of the progress, in thousandths.
_DRAWN, _CODED, _ENCODED = 60, 360, 420


@dataclass(frozen=True, kw_only=True)
class TrainLatentConfig:
    """Seed and lengths of the trainings, and where the result goes."""

    seed: int = field(default=0, metadata={"help": "seed of drawings and trainings"})
    drawings: int = field(default=16_000, metadata={"help": "scenes drawn to learn from"})
    autoencoder_images_seen: int = field(
        default=AutoencoderTraining().images_seen, metadata={"help": "length of the autoencoder's training in cuts"}
    )
    images_seen: int = field(
        default=DiffusionTraining().images_seen, metadata={"help": "length of the U-Net's training in windows"}
    )
    captions: int = field(
        default=20_000, metadata={"help": "captions that the text encoder reads before it meets a picture"}
    )
    folder: str = field(default="", metadata={"help": "folder to write; the project's assets/latent if empty"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 0 <= self.seed < 2**31:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**31 - 1}; any whole number will do")
        if not 64 <= self.drawings <= 1_000_000:
            raise InvalidConfig(f"drawings {self.drawings}: 64 to 1,000,000; 16,000 take some ten minutes to draw")
        for name in ("autoencoder_images_seen", "images_seen", "captions"):
            if getattr(self, name) < 16:
                raise InvalidConfig(f"{name} {getattr(self, name)}: give 16 or more")


@dataclass(frozen=True, kw_only=True)
class TrainLatentResult:
    """The folder written and the last figures of both trainings."""

    folder: str
    autoencoder: Mapping[str, float]
    painter: Mapping[str, float]


def train_latent(config: TrainLatentConfig, context: Context) -> TrainLatentResult:
    """Draws, trains, writes the model with `training.json`. `context.store` is not touched.

    Raises Cancelled after a checkpoint, and JobFailed if a loss stops being finite.
    """
    from augment.latent.diffusion import build_scheduler
    from augment.latent.storing import save_model

    folder = Path(config.folder) if config.folder else LATENT_ASSETS
    seconds: dict[str, float] = {}
    context.job_folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    scenes = _drawings(config, context)
    seconds["drawings"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    autoencoder, coded = _train_autoencoder(config, scenes, context)
    seconds["autoencoder"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    parts = _encoded(config, scenes, autoencoder, context)
    seconds["latents"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    painter, tokenizer, painted, history = _train_painter(config, parts, context)
    seconds["painter"] = round(time.perf_counter() - began, 1)
    save_model(folder, autoencoder, painter, tokenizer, build_scheduler())
    figures = {
        "config": {name: value for name, value in asdict(config).items() if name != "folder"},
        "machine": describe_machine(),
        "seconds_of_the_last_run": seconds,
        "autoencoder": coded,
        "painter": painted,
        "painter_history": history,
    }
    (folder / "training.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return TrainLatentResult(folder=str(folder), autoencoder=coded, painter=painted)


@dataclass(frozen=True, eq=False)
class _Scenes:
    """pixels (n, 128, 128, 3) uint8; masks (n, 128, 128) bool to re-draw in; n captions."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    captions: list[str]

    @property
    def parts(self) -> tuple[slice, slice]:
        """Training and held-out rows: the last hundredth has seeds of its own, so no surface of it is trained on."""
        held = max(16, len(self.pixels) // 100)
        return slice(None, -held), slice(-held, None)


def _drawings(config: TrainLatentConfig, context: Context) -> _Scenes:
    """The scenes, drawn once in the job's folder, in as many processes as there are cores."""
    starts = range(0, config.drawings, _CHUNK)
    files = [context.job_folder / f"scenes-{first:07d}.npz" for first in starts]
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        work = [
            pool.submit(_draw_chunk, path, range(first, min(first + _CHUNK, config.drawings)), config.seed)
            for path, first in zip(files, starts, strict=True)
            if not path.is_file()
        ]
        try:
            for done, _ in enumerate(as_completed(work), start=len(files) - len(work)):
                context.progress(round(_DRAWN * done / len(files)), 1000, {})
        except Cancelled:
            pool.shutdown(cancel_futures=True)
            raise
        for one in work:
            one.result()
    chunks = []
    for path in files:
        with np.load(path) as stored:
            chunks.append(
                (stored["pixels"], np.unpackbits(stored["mask"], axis=2).astype(np.bool_), stored["captions"])
            )
    pixels, masks, captions = zip(*chunks, strict=True)
    return _Scenes(np.concatenate(pixels), np.concatenate(masks), [str(one) for one in np.concatenate(captions)])


def _draw_chunk(path: Path, numbers: range, seed: int) -> None:
    drawn, masks = [], []
    for number in numbers:
        own = seed * 10_000_000 + number
        drawn.append(draw_scene(own, SceneConfig(side_px=_SIDE_PX)))
        masks.append(training_mask(np.random.default_rng((own, 21)), drawn[-1].mask))
    part = path.with_name(f"{path.stem}.part.npz")
    pixels, captions = np.stack([scene.pixels for scene in drawn]), np.array([scene.caption for scene in drawn])
    np.savez(part, pixels=pixels, mask=np.packbits(np.stack(masks), axis=2), captions=captions)
    part.replace(path)


def _train_autoencoder(
    config: TrainLatentConfig, scenes: _Scenes, context: Context
) -> tuple["AutoencoderKL", dict[str, float]]:
    from augment.latent.autoencoder import standardise, train_autoencoder
    from augment.training.precision import choose_precision

    rows, held = scenes.parts
    training = AutoencoderTraining(images_seen=config.autoencoder_images_seen, seed=config.seed)

    def report(step: int, total: int, metrics: Mapping[str, float], previews: NDArray[np.uint8] | None) -> None:
        shown = None
        if previews is not None:
            shown = {f"autoencoder-{step:06d}.png": encode_png(np.hstack(list(previews)))}
        context.progress(_DRAWN + round((_CODED - _DRAWN) * step / total), 1000, metrics, shown)

    # The checkpoint of a finished training gives the network back at once.
    autoencoder, metrics = train_autoencoder(
        scenes.pixels[rows], scenes.pixels[held], training, context.job_folder / "autoencoder.pt", report
    )
    standardise(autoencoder, scenes.pixels[:256], choose_precision())
    return autoencoder, metrics


def _encoded(
    config: TrainLatentConfig, scenes: _Scenes, autoencoder: "AutoencoderKL", context: Context
) -> tuple["LatentScenes", "LatentScenes"]:
    """Latents of every scene, whole and emptied under its mask, for training and held out; kept in the job's folder."""
    from augment.latent.diffusion import LatentScenes
    from augment.latent.encoding import encode, shrink_mask

    files = []
    for first in range(0, len(scenes.pixels), _CHUNK):
        path = context.job_folder / f"latents-{first:07d}.npz"
        if not path.is_file():
            rows = slice(first, first + _CHUNK)
            pixels, mask = scenes.pixels[rows], scenes.mask[rows]
            emptied = np.where(mask[..., None], np.uint8(128), pixels)
            part = path.with_name(f"{path.stem}.part.npz")
            np.savez(part, latents=encode(autoencoder, pixels), emptied=encode(autoencoder, emptied))
            part.replace(path)
            context.progress(_CODED + round((_ENCODED - _CODED) * first / len(scenes.pixels)), 1000, {})
        files.append(path)
    stored = [np.load(path) for path in files]
    latents, emptied = (np.concatenate([one[name] for one in stored]) for name in ("latents", "emptied"))
    mask = shrink_mask(scenes.mask, scenes.pixels.shape[1] // latents.shape[2])
    rows, held = scenes.parts
    return (
        LatentScenes(latents[rows], emptied[rows], mask[rows], scenes.captions[rows]),
        LatentScenes(latents[held], emptied[held], mask[held], scenes.captions[held]),
    )


def _train_painter(
    config: TrainLatentConfig, parts: tuple["LatentScenes", "LatentScenes"], context: Context
) -> tuple["Painter", "CLIPTokenizer", dict[str, float], list[dict[str, Any]]]:
    from augment.latent.diffusion import Painter, build_unet, train_painter
    from augment.latent.vocabulary import build_text_encoder, build_tokenizer
    from augment.latent.words import teach_words
    from augment.surfaces.captions import told_captions, vocabulary
    from augment.training.precision import choose_precision
    from augment.training.randomness import seed_everything

    training = DiffusionTraining(images_seen=config.images_seen, seed=config.seed)
    tokenizer = build_tokenizer(vocabulary(), context.job_folder / "tokenizer")
    seed_everything(config.seed)
    painter = Painter(build_unet(), build_text_encoder(tokenizer))
    if not (context.job_folder / "painter.pt").is_file():
        teach_words(
            painter.text_encoder,
            tokenizer,
            *told_captions(config.captions, config.seed),
            choose_precision(),
            config.seed,
        )
    log = context.job_folder / "painter.json"
    history: list[dict[str, Any]] = json.loads(log.read_text(encoding="utf-8")) if log.is_file() else []

    def report(step: int, total: int, metrics: Mapping[str, float], previews: object) -> None:
        if step % (training.preview_every // training.batch_size) == 0 or step == total:
            history.append({"images_seen": step * training.batch_size, **metrics})
            log.write_text(json.dumps(history), encoding="utf-8")
        context.progress(_ENCODED + round((1000 - _ENCODED) * step / total), 1000, metrics)

    trained, metrics = train_painter(painter, tokenizer, *parts, training, context.job_folder / "painter.pt", report)
    return trained, tokenizer, metrics, history
