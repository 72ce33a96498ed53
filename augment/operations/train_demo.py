"""Make the models, map and samples that ship with the demo, from nothing: `kizu train demo`.

It draws the demo set into a workspace of its own inside the job's folder and calls there what a user would call:
train_encoder, embed, train_ddpm, generate. The figures go into `training.json` beside the weights. Cancelled or killed,
it continues.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augment.errors import InvalidConfig
from augment.features.atlas import Atlas
from augment.features.encoder_config import TrainEncoderConfig
from augment.operations.context import Context, Previews, Progress
from augment.operations.demo import DEMO_ASSETS, import_demo_set
from augment.operations.demo_assets import pack_demo
from augment.operations.embed import EmbedConfig, embed
from augment.operations.generate import GenerateConfig, generate
from augment.operations.machine import describe_machine
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.operations.train_encoder import train_encoder
from augment.store import Store, Workspace
from augment.surfaces.demo_set import DemoSetConfig

__all__ = ["TrainDemoConfig", "TrainDemoResult", "train_demo"]


@dataclass(frozen=True, kw_only=True)
class TrainDemoConfig:
    """Seed and length of the demo's training, and where the result goes."""

    seed: int = field(default=0, metadata={"help": "seed of encoder, map, generator and samples"})
    encoder_images_seen: int = field(default=4_000, metadata={"help": "length of the encoder's training in images"})
    images_seen: int = field(default=48_000, metadata={"help": "length of the generator's training in images"})
    samples_each: int = field(default=4, metadata={"help": "samples at each of some 13 places, to be reviewed"})
    folder: str = field(default="", metadata={"help": "folder to write; the project's assets/demo if empty"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 0 <= self.seed < 2**31:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**31 - 1}; any whole number will do")
        if not 16 <= self.encoder_images_seen <= 100_000_000:
            raise InvalidConfig(f"encoder_images_seen {self.encoder_images_seen}: 16 or more; 4000 take half a minute")
        if not 16 <= self.images_seen <= 100_000_000:
            raise InvalidConfig(f"images_seen {self.images_seen}: 16 or more; 48000 take a quarter of an hour")
        if not 0 <= self.samples_each <= 64:
            raise InvalidConfig(f"samples_each {self.samples_each}: 0 to 64; 4 make about 50 samples")


@dataclass(frozen=True, kw_only=True)
class TrainDemoResult:
    """The folder written, its size, how many samples are in it, and the seconds of each stage that ran."""

    folder: str
    bytes_written: int
    samples: int
    seconds: Mapping[str, float]


class _Stage(Progress):
    """Forwards an operation's progress as a share of the whole, and keeps its time and figures."""

    def __init__(self, outer: Progress, start: float, end: float) -> None:
        self.outer, self.start, self.end = outer, start, end
        self.history: list[dict[str, float]] = []
        self._began = time.perf_counter()

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        share = self.start + (self.end - self.start) * step / max(1, total)
        told = dict(metrics or {})
        if told and (not self.history or step >= self.history[-1]["step"] + total / 40 or step == total):
            self.history.append({"step": step, **told})
        self.outer(round(1000 * share), 1000, told, previews)

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self._began, 1)


def train_demo(config: TrainDemoConfig, context: Context) -> TrainDemoResult:
    """Draws, embeds, trains, generates and packs. Needs no workspace of the user's; `context.store` is not touched.

    What an earlier run of the same job finished is kept. Raises what those operations raise, and Cancelled.
    """
    told = {name: value for name, value in asdict(config).items() if name != "folder"}
    figures: dict[str, Any] = {"config": told, "machine": describe_machine(), "seconds": {}}
    with Store(Workspace(context.job_folder / "workspace")) as store:
        import_demo_set(store, DemoSetConfig())
        # Train the encoder.
        if store.models.latest("encoder") is None:
            stage = _Stage(context.progress, 0.0, 0.1)
            lessons = TrainEncoderConfig(images_seen=config.encoder_images_seen, seed=config.seed)
            train_encoder(lessons, _inside(context, store, "train_encoder", stage))
            _note(figures, "train_encoder", stage)
        # Build the map.
        if store.projections.latest() is None:
            stage = _Stage(context.progress, 0.1, 0.15)
            embed(EmbedConfig(seed=config.seed), _inside(context, store, "embed", stage))
            _note(figures, "embed", stage)
        # Train the generator.
        if store.models.latest("ddpm") is None:
            stage = _Stage(context.progress, 0.15, 0.95)
            training = TrainDdpmConfig(images_seen=config.images_seen, seed=config.seed)
            train_ddpm(training, _inside(context, store, "train_ddpm", stage))
            _note(figures, "train_ddpm", stage)
        # Generate samples to review, typical ones and ones between classes.
        stage = _Stage(context.progress, 0.95, 1.0)
        requests = [] if store.samples.count() else _requests(store, config)
        inside = _inside(context, store, "generate", stage)
        for index, request in enumerate(requests):
            generate(request, inside)
            stage(index + 1, len(requests))
        _note(figures, "generate", stage)
        # Pack it.
        folder = Path(config.folder) if config.folder else DEMO_ASSETS
        figures["models"] = {model.kind: model.metrics for model in reversed(store.models.list())}
        size = pack_demo(store, folder)
        (folder / "training.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
        return TrainDemoResult(
            folder=str(folder), bytes_written=size, samples=store.samples.count(), seconds=figures["seconds"]
        )


def _inside(context: Context, store: Store, name: str, stage: _Stage) -> Context:
    """The surroundings of an operation in the demo's own workspace, of which this process is the only writer."""
    folder = context.job_folder / name
    folder.mkdir(parents=True, exist_ok=True)
    return Context(store=store, commit=store.apply, job_folder=folder, progress=stage, cache=context.cache)


def _note(figures: dict[str, Any], name: str, stage: _Stage) -> None:
    figures["seconds"][name] = stage.seconds
    if stage.history:
        figures[name] = stage.history


def _requests(store: Store, config: TrainDemoConfig) -> list[GenerateConfig]:
    """For each defect: at its most typical training image, at its most ambiguous one, and half way to another class."""
    projection = store.projections.latest()
    if projection is None or not config.samples_each:
        return []
    atlas = Atlas.load(store.workspace.root / projection.path)
    requests: list[GenerateConfig] = []

    def ask(label: str, **place: Any) -> None:  # noqa: ANN401
        seed = config.seed + 1000 * (len(requests) + 1)
        requests.append(GenerateConfig(label=label, count=config.samples_each, seed=seed, **place))

    for index, label in enumerate(atlas.labels):
        rows = np.flatnonzero((atlas.label_index == index) & atlas.fitted)
        order = rows[np.argsort(atlas.margin[rows], kind="stable")]
        ask(label, image_id=int(atlas.image_ids[order[-1]]))
        if label == "free":
            continue
        ask(label, image_id=int(atlas.image_ids[order[0]]))
        near = [pair for pair in atlas.pairs if index in atlas.label_index[pair]]
        if near:
            first, second = sorted(near[0], key=lambda row: int(atlas.label_index[row]) != index)
            ask(label, between=(int(atlas.image_ids[first]), int(atlas.image_ids[second]), 0.5))
    return requests
