"""The training loop of every network here, whatever it learns: steps, averages, checkpoints, reports.

All that is random in a step comes from one generator whose state is in the checkpoint, so a resumed training on a
processor ends in the same bits as one never interrupted. What a step is drawn from and how it is judged is a `Task`.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.ddpm.settings import NetworkTraining
from augment.errors import Cancelled, InvalidInput
from augment.training import (
    PowerEma,
    Precision,
    check_loss,
    cosine_rate,
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
)

__all__ = ["Report", "Task", "class_chances", "train_network"]

Network = TypeVar("Network", bound=nn.Module)
Learner = TypeVar("Learner", bound=nn.Module, contravariant=True)

Report = Callable[[int, int, Mapping[str, float], NDArray[np.uint8] | None], None]
"""`report(step, total, metrics, previews (n, H, W, C) uint8 or None)`; raises Cancelled to stop the training."""

_PACE_STEPS = 50


class Task(Protocol[Learner]):
    """What a network is trained on."""

    def losses(self, network: Learner, generator: torch.Generator, precision: Precision) -> Tensor:
        """Draw one batch, all chance from `generator`, and give the losses (N,) float32 of `network` on it."""
        ...

    def previews(self, averaged: Learner, precision: Precision) -> NDArray[np.uint8]:
        """Pictures (n, H, W, C) uint8 to be shown beside the progress; from the same seeds each time."""
        ...

    def held_out_loss(self, averaged: Learner, precision: Precision) -> float | None:
        """Mean loss on held-out images, always with the same noise; None where there are none."""
        ...


def train_network(
    network: Network,
    task: Task[Network],
    training: NetworkTraining,
    checkpoint: Path,
    report: Report,
    precision: Precision,
) -> tuple[Network, dict[str, float]]:
    """Trains `network` and returns its average with the last metrics.

    Continues from `checkpoint` if that file is there; writes it now and then, at the end, and before Cancelled leaves.
    Metrics: loss, held_out_loss (averaged network, fixed noise), learning_rate, images_per_second (of the latest steps,
    without previews and checkpoints). JobFailed if the loss stops being finite (the last good checkpoint is kept);
    InvalidInput if the checkpoint is another training's.
    """
    # Build the state: everything that a checkpoint holds.
    run = _Run(precision.place(network), training, precision)
    if checkpoint.exists():
        run.restore(checkpoint)
    metrics = run.metrics
    losses: list[float] = []
    seconds: deque[float] = deque(maxlen=_PACE_STEPS)
    try:
        while run.step < training.steps:
            # Train on one batch.
            began = time.perf_counter()
            rate = training.learning_rate * cosine_rate(run.step, training.steps, training.warmup_steps)
            losses = [*losses[-99:], run.update(task, rate)]
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
                previews = task.previews(run.ema.module, precision)
                held_out = task.held_out_loss(run.ema.module, precision)
                metrics |= {} if held_out is None else {"held_out_loss": held_out}
            # Save.
            if last or seen // training.checkpoint_every > (seen - training.batch_size) // training.checkpoint_every:
                run.save(checkpoint)
            report(run.step, training.steps, dict(metrics), previews)
    except Cancelled:
        run.save(checkpoint)
        raise
    return run.ema.module, dict(metrics)


class _Run(Generic[Network]):
    """The state of one training: weights, averages, optimiser, generators, step."""

    def __init__(self, network: Network, training: NetworkTraining, precision: Precision) -> None:
        self.network, self.training, self.precision = network.train(), training, precision
        self.ema = PowerEma(network, training.ema_width)
        self.optimizer = torch.optim.AdamW(
            _groups(network, training), lr=training.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.dtype == torch.float16)
        self.generator = torch.Generator("cpu").manual_seed(training.seed)
        self.step = 0
        self.metrics: dict[str, float] = {}

    def update(self, task: Task[Network], rate: float) -> float:
        """One optimiser step; the batch's mean loss. A loss that is not finite raises JobFailed and changes nothing."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        losses = task.losses(self.network, self.generator, self.precision)
        loss = losses.mean()
        value = float(loss.detach())
        check_loss(value, self.step + 1, rate)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        # One batch of unlucky noise levels must not undo many good ones.
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if not self.scaler.is_enabled():
            check_loss(float(norm), self.step + 1, rate)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        self.ema.update(self.network, self.step)
        return value

    def save(self, path: Path) -> None:
        """Writes all of it."""
        save_checkpoint(
            path,
            {
                "step": self.step,
                "metrics": self.metrics,
                "denoiser": self.network.state_dict(),
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
        self.network.load_state_dict(state["denoiser"])
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


def _groups(network: nn.Module, training: NetworkTraining) -> list[dict[str, Any]]:
    """The image network, and the condition's few weights with a higher rate.

    What a label or a position means is new in every training, also where the image network starts from one that knows
    surfaces: at the same rate the images are learned long before anyone listens to the condition.
    """
    named = list(network.named_parameters())
    condition = [weight for name, weight in named if "condition" in name.split(".")]
    images = [weight for name, weight in named if "condition" not in name.split(".")]
    return [
        {"params": images, "share": 1.0, "weight_decay": training.weight_decay},
        {"params": condition, "share": training.condition_rate, "weight_decay": 0.0},
    ]


def class_chances(label: NDArray[np.int64], balance: float) -> Tensor:
    """(n,) float64 chances of drawing each image: classes by count ** (1 - balance), images of a class alike."""
    counts = np.bincount(label).astype(np.float64)
    return torch.from_numpy(counts[label] ** -balance)
