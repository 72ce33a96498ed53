"""Training of the position-conditioned denoiser, as one linear loop. It knows no workspace and prints nothing.

All that is random in a step comes from one generator whose state is in the checkpoint, so a resumed training on a
processor ends in the same bits as one never interrupted.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from augment.ddpm.condition import Condition, ConditionConfig, ConditionKind, Whitening, drop, jitter, turn_images
from augment.ddpm.denoiser import Denoiser, DenoiserConfig
from augment.ddpm.sampling import sample
from augment.ddpm.schedule import NoiseConfig, training_sigmas
from augment.ddpm.settings import DenoiserTraining, SamplerConfig
from augment.ddpm.unet import UNetConfig
from augment.errors import Cancelled, InvalidInput
from augment.images import to_float, to_uint8
from augment.training import (
    PowerEma,
    Precision,
    check_loss,
    choose_precision,
    cosine_rate,
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
    seed_everything,
)

__all__ = ["DenoiserTraining", "TrainingImages", "build_denoiser", "train_denoiser"]

Report = Callable[[int, int, Mapping[str, float], NDArray[np.uint8] | None], None]
"""`report(step, total, metrics, previews (8, H, W, C) uint8 or None)`; raises Cancelled to stop the training."""

_PACE_STEPS = 50


@dataclass(frozen=True)
class TrainingImages:
    """Images of one split, cut by the view.

    pixels: (n, side, side, C) uint8. label: (n,) int64 in 0..labels-1. position: (n, 20) float32, or None.
    neighbour_distance: (n,) float32, the usual distance of the class to the nearest neighbour, in position units.
    aim: (n, c) float32, what the encoder sees, finer than the position, or None; aim_distance: (n,) as above.
    """

    pixels: NDArray[np.uint8]
    label: NDArray[np.int64]
    position: NDArray[np.float32] | None
    neighbour_distance: NDArray[np.float32] | None = None
    aim: NDArray[np.float32] | None = None
    aim_distance: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """InvalidInput if shapes disagree, nothing is there or a position is not finite."""
        count = len(self.pixels)
        if self.pixels.ndim != 4 or self.pixels.shape[1] != self.pixels.shape[2] or self.pixels.dtype != np.uint8:
            raise InvalidInput(f"images {self.pixels.shape} {self.pixels.dtype}: need (n, side, side, channels) uint8")
        if len(self.label) != count or (self.position is not None and len(self.position) != count):
            raise InvalidInput(f"{count} images, {len(self.label)} labels: need one label and position for each image")
        if self.position is not None and not np.isfinite(self.position).all():
            raise InvalidInput("some positions are not finite numbers: build the map again (embed)")

    def __len__(self) -> int:
        """n."""
        return len(self.pixels)

    def clean(self, rows: Tensor) -> Tensor:
        """(N, C, side, side) float32 in [-1, 1] of some rows."""
        return torch.from_numpy(to_float(self.pixels[rows.numpy()]))

    def condition(self, rows: Tensor) -> Condition:
        """Labels, positions and aims of some rows."""
        label, position, aim = (
            None if values is None else torch.from_numpy(values[rows.numpy()])
            for values in (self.label, self.position, self.aim)
        )
        assert label is not None
        return Condition.of(label, position, aim=aim)

    def jittered(self, rows: Tensor, share: float, generator: torch.Generator) -> Condition:
        """The same, moved by `share` of the usual distances to neighbours, where those are known."""
        condition = self.condition(rows)
        if self.neighbour_distance is not None and self.position is not None and share > 0:
            distance = torch.from_numpy(self.neighbour_distance[rows.numpy()]) * share
            condition = replace(condition, position=jitter(condition.position, distance, generator))
        if self.aim_distance is not None and self.aim is not None and share > 0:
            distance = torch.from_numpy(self.aim_distance[rows.numpy()]) * share
            condition = replace(condition, aim=jitter(condition.aim, distance, generator))
        return condition


def build_denoiser(
    data: TrainingImages, labels: int, kind: ConditionKind, training: DenoiserTraining, *, width: int, fourier: int = 0
) -> Denoiser:
    """A network with random weights (from the training's seed) and the mean, spread and whitening of `data`.

    InvalidInput if positions are needed and missing, or if all images are one constant.
    """
    if kind != "label" and data.position is None:
        raise InvalidInput(
            f"condition {kind} needs positions: build the map first (embed), or train with condition label"
        )
    seed_everything(training.seed)
    values = data.pixels.astype(np.float32) / 127.5 - 1.0
    sigma_data = float(values.std())
    if sigma_data < 1e-3:
        raise InvalidInput(f"{len(data)} images are all of one constant grey: there is nothing to learn")
    config = DenoiserConfig(
        side_px=data.pixels.shape[1],
        data_mean=float(values.mean()),
        sigma_data=sigma_data,
        unet=UNetConfig.for_side(data.pixels.shape[1], data.pixels.shape[3], width),
        condition=ConditionConfig(
            labels=labels,
            kind=kind,
            components=0 if kind == "label" or data.aim is None else data.aim.shape[1],
            fourier=fourier,
            turns=training.turns != "none",
        ),
        noise=NoiseConfig.for_data(sigma_data),
    )
    label = torch.from_numpy(data.label)
    whitening, aim = (
        None if kind == "label" or values is None else Whitening.fit(torch.from_numpy(values), label)
        for values in (data.position, data.aim)
    )
    return Denoiser(config, whitening, aim)


def train_denoiser(
    denoiser: Denoiser,
    data: TrainingImages,
    held_out: TrainingImages | None,
    training: DenoiserTraining,
    checkpoint: Path,
    report: Report,
    precision: Precision | None = None,
) -> tuple[Denoiser, dict[str, float]]:
    """Trains `denoiser` and returns the averaged network with its last metrics.

    Continues from `checkpoint` if that file is there; writes it now and then, at the end, and before Cancelled leaves.
    Metrics: loss, held_out_loss (averaged network, fixed noise), learning_rate, images_per_second (of the latest steps,
    without previews and checkpoints). JobFailed if the loss stops being finite (the last good checkpoint is kept);
    InvalidInput if the checkpoint is another training's.
    """
    precision = precision or choose_precision()
    # Build the state: everything that a checkpoint holds.
    run = _Run(precision.place(denoiser), training, precision)
    if checkpoint.exists():
        run.restore(checkpoint)
    chances = _chances(data.label, training.balance)
    metrics = run.metrics
    losses: list[float] = []
    seconds: deque[float] = deque(maxlen=_PACE_STEPS)
    try:
        while run.step < training.steps:
            # Train on one batch.
            began = time.perf_counter()
            rate = training.learning_rate * cosine_rate(run.step, training.steps, training.warmup_steps)
            clean, sigma, noise, condition = _draw_batch(data, chances, denoiser.config, training, run.generator)
            loss = run.update(clean, sigma, noise, condition, rate)
            losses = [*losses[-99:], loss]
            seconds.append(time.perf_counter() - began)
            # Report.
            seen = run.step * training.batch_size
            metrics |= {
                "loss": float(np.mean(losses)),
                "learning_rate": rate,
                "images_per_second": training.batch_size * len(seconds) / sum(seconds),
            }
            previews = None
            last = run.step == training.steps
            if last or seen // training.preview_every > (seen - training.batch_size) // training.preview_every:
                previews = _previews(run, data, training)
                if held_out is not None and len(held_out):
                    metrics["held_out_loss"] = _held_out_loss(run, held_out)
            # Save.
            if last or seen // training.checkpoint_every > (seen - training.batch_size) // training.checkpoint_every:
                run.save(checkpoint)
            report(run.step, training.steps, dict(metrics), previews)
    except Cancelled:
        run.save(checkpoint)
        raise
    averaged = run.ema.module
    assert isinstance(averaged, Denoiser)
    return averaged, dict(metrics)


class _Run:
    """The state of one training: weights, averages, optimiser, generators, step."""

    def __init__(self, denoiser: Denoiser, training: DenoiserTraining, precision: Precision) -> None:
        self.denoiser, self.training, self.precision = denoiser.train(), training, precision
        self.ema = PowerEma(denoiser, training.ema_width)
        self.optimizer = torch.optim.AdamW(
            _groups(denoiser, training), lr=training.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.dtype == torch.float16)
        self.generator = torch.Generator("cpu").manual_seed(training.seed)
        self.step = 0
        self.metrics: dict[str, float] = {}

    def update(self, clean: Tensor, sigma: Tensor, noise: Tensor, condition: Condition, rate: float) -> float:
        """One optimiser step; the batch's mean loss. A loss that is not finite raises JobFailed and changes nothing."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        device = self.precision.device
        with self.precision.autocast():
            losses = self.denoiser.loss(
                self.precision.arrange(clean), sigma.to(device), self.precision.arrange(noise), condition.to(device)
            )
        loss = losses.mean()
        value = float(loss.detach())
        check_loss(value, self.step + 1, rate)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        # One batch of unlucky noise levels must not undo many good ones.
        norm = torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), 1.0)
        if not self.scaler.is_enabled():
            check_loss(float(norm), self.step + 1, rate)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        self.ema.update(self.denoiser, self.step)
        return value

    def save(self, path: Path) -> None:
        """Writes all of it."""
        save_checkpoint(
            path,
            {
                "step": self.step,
                "metrics": self.metrics,
                "denoiser": self.denoiser.state_dict(),
                "averaged": self.ema.module.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "order": self.generator.get_state(),
                "random": random_state(),
                "run": self._identity(),
            },
        )

    def restore(self, path: Path) -> None:
        """Reads what `save` wrote; InvalidInput if it was another training."""
        state = load_checkpoint(path)
        if state.get("run") != self._identity():
            raise InvalidInput(f"checkpoint {path.name} belongs to a training with other settings: start a new one")
        self.denoiser.load_state_dict(state["denoiser"])
        self.ema.module.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.generator.set_state(state["order"])
        restore_random_state(state["random"])
        self.step = state["step"]
        self.metrics = state["metrics"]

    def _identity(self) -> dict[str, Any]:
        """What must agree for a checkpoint to continue this training."""
        told = asdict(self.training)
        return {key: told[key] for key in told if key not in ("preview_every", "checkpoint_every")}


def _groups(denoiser: Denoiser, training: DenoiserTraining) -> list[dict[str, Any]]:
    """The image network, and the condition's few weights with a higher rate.

    What a label or a position means is new in every training, also where the image network starts from one that knows
    surfaces: at the same rate the images are learned long before anyone listens to the condition.
    """
    condition = list(denoiser.condition.parameters())
    own = {id(weight) for weight in condition}
    network = [weight for weight in denoiser.parameters() if id(weight) not in own]
    return [
        {"params": network, "share": 1.0, "weight_decay": training.weight_decay},
        {"params": condition, "share": training.condition_rate, "weight_decay": 0.0},
    ]


def _chances(label: NDArray[np.int64], balance: float) -> Tensor:
    """(n,) float64 chances of drawing each image: classes by count ** (1 - balance), images of a class alike."""
    counts = np.bincount(label).astype(np.float64)
    return torch.from_numpy(counts[label] ** -balance)


def _draw_batch(
    data: TrainingImages,
    chances: Tensor,
    config: DenoiserConfig,
    training: DenoiserTraining,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor, Condition]:
    """Clean images, noise levels, noise and conditions of one step; all chance comes from `generator`."""
    rows = torch.multinomial(chances, training.batch_size, replacement=True, generator=generator)
    clean = data.clean(rows)
    condition = data.jittered(rows, training.jitter, generator)
    if training.turns != "none":
        turn = torch.randint(0, 8 if training.turns == "all" else 4, (len(rows),), generator=generator)
        clean, condition = turn_images(clean, turn), condition.turned(turn)
    condition = drop(condition, training.drop_label, training.drop_position, training.drop_both, generator)
    sigma = training_sigmas(len(rows), config.noise, generator)
    return clean, sigma, torch.randn(clean.shape, generator=generator), condition


def _previews(run: _Run, data: TrainingImages, training: DenoiserTraining) -> NDArray[np.uint8]:
    """8 samples (8, side, side, C) uint8 at the places of 8 training images, classes in turn; always the same seeds."""
    config = run.denoiser.config
    labels = np.unique(data.label)
    order = np.random.default_rng(training.seed).permutation(len(data))
    rows = []
    for index in range(8):
        members = [row for row in order if data.label[row] == labels[index % len(labels)]]
        rows.append(int(members[index // len(labels) % len(members)]))
    condition = data.condition(torch.tensor(rows)).to(run.precision.device)
    shape = (config.unet.channels, config.side_px, config.side_px)
    with run.precision.autocast():
        images = sample(run.ema.module, condition, range(8), shape, SamplerConfig(), config.noise)
    return to_uint8(images.cpu().numpy())


@torch.no_grad()
def _held_out_loss(run: _Run, held_out: TrainingImages) -> float:
    """Mean loss of the averaged network on up to 64 held-out images, always with the same noise."""
    generator = torch.Generator("cpu").manual_seed(1)
    order = torch.randperm(len(held_out), generator=generator)[:64]
    device, losses = run.precision.device, []
    for rows in torch.split(order, 16):
        clean = held_out.clean(rows)
        sigma = training_sigmas(len(rows), run.denoiser.config.noise, generator)
        noise = torch.randn(clean.shape, generator=generator)
        with run.precision.autocast():
            averaged = run.ema.module
            assert isinstance(averaged, Denoiser)
            arranged = run.precision.arrange(clean), sigma.to(device), run.precision.arrange(noise)
            losses.append(averaged.loss(*arranged, held_out.condition(rows).to(device)))
    return float(torch.cat(losses).mean())
