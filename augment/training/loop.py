"""The training loop of every network here, whatever it learns: steps, averages, checkpoints, reports.

All that is random in a step comes from one generator whose state is in the checkpoint, so a resumed training on a
processor ends in the same bits as one never interrupted. What a step is drawn from and how it is judged is a `Task`.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.errors import Cancelled, InvalidInput, JobFailed
from augment.training.averages import PowerEma, copy_learning
from augment.training.files import load_checkpoint, save_checkpoint
from augment.training.precision import Precision, half_the_cores
from augment.training.randomness import random_state, restore_random_state
from augment.training.settings import Training

__all__ = ["Draw", "Report", "Task", "WeightGroup", "check_loss", "train_network"]

Network = TypeVar("Network", bound=nn.Module)
Learner = TypeVar("Learner", bound=nn.Module, contravariant=True)

Report = Callable[[int, int, Mapping[str, float], NDArray[np.uint8] | None], None]
"""`report(step, total, metrics, previews (n, H, W, C) uint8 or None)`; raises Cancelled to stop the training."""

_PACE_STEPS = 50


@dataclass(frozen=True)
class Draw:
    """What a micro-batch is drawn with. generator: all chance comes from it; done: share of the training, 0 to 1."""

    count: int
    generator: torch.Generator
    precision: Precision
    done: float


class Task(Protocol[Learner]):
    """What a network is trained on."""

    def losses(self, network: Learner, draw: Draw) -> Tensor:
        """Draw `draw.count` images and give the losses (N,) float32 of `network` on them.

        Called in two threads at once, with a network each, on a processor.
        """
        ...

    def previews(self, averaged: Learner, precision: Precision) -> NDArray[np.uint8] | None:
        """Pictures (n, H, W, C) uint8 to be shown beside the progress, from the same seeds each time; None for none."""
        ...

    def held_out(self, averaged: Learner, precision: Precision) -> Mapping[str, float]:
        """Metrics on held-out images, always with the same noise, held_out_loss for one; empty where there are none."""
        ...


@dataclass(frozen=True)
class WeightGroup:
    """Weights with a pace of their own. rate: share of the learning rate; decay: AdamW's weight decay."""

    weights: Sequence[nn.Parameter]
    rate: float = 1.0
    decay: float = 0.0


def train_network(
    network: Network,
    task: Task[Network],
    training: Training,
    checkpoint: Path,
    report: Report,
    precision: Precision,
    groups: Callable[[Network], Sequence[WeightGroup]] | None = None,
) -> tuple[Network, dict[str, float]]:
    """Trains `network` and returns its average with the last metrics.

    Continues from `checkpoint` if that file is there; writes it now and then, at the end, and before Cancelled leaves.
    Metrics: loss, learning_rate, images_per_second (of the latest steps, without previews and checkpoints), and what
    the task says of the averaged network on held-out images. `groups` gives some weights a pace of their own.
    JobFailed if the loss stops being finite (the last good checkpoint is kept); InvalidInput if the checkpoint is
    another training's.
    """
    # Build the state: everything that a checkpoint holds.
    network = precision.place(network)
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    told = groups(network) if groups else [WeightGroup(learning, decay=training.weight_decay)]
    run = _Run(network, training, precision, told)
    if checkpoint.exists():
        run.restore(checkpoint)
    metrics = run.metrics
    losses: deque[float] = deque(maxlen=100)
    seconds: deque[float] = deque(maxlen=_PACE_STEPS)
    try:
        while run.step < training.steps:
            # Train on one batch.
            began = time.perf_counter()
            rate = training.rate(run.step)
            losses.append(run.update(task, rate))
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
                metrics |= task.held_out(run.ema.module, precision)
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

    def __init__(
        self, network: Network, training: Training, precision: Precision, groups: Sequence[WeightGroup]
    ) -> None:
        self.network, self.training, self.precision = network.train(), training, precision
        # On a processor two halves of an even batch, or of each of its parts, are computed beside each other.
        self.twins = [network]
        if precision.device.type == "cpu" and training.batch_size // training.accumulation % 2 == 0:
            self.twins.append(_sharing(network))
        self.ema = PowerEma(network, training.ema_width)
        self.optimizer = torch.optim.AdamW(
            [{"params": list(one.weights), "share": one.rate, "weight_decay": one.decay} for one in groups],
            lr=training.learning_rate,
            betas=training.betas,
            fused=True,
        )
        self.scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.dtype == torch.float16)
        self.generator = torch.Generator("cpu").manual_seed(training.seed)
        self.step = 0
        self.metrics: dict[str, float] = {}

    def update(self, task: Task[Network], rate: float) -> float:
        """One optimiser step; the batch's mean loss. A loss that is not finite raises JobFailed and changes nothing."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        value = self._gradients(task)
        check_loss(value, self.step + 1, rate)
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

    def _gradients(self, task: Task[Network]) -> float:
        """Leaves the gradient of a batch in the network; the mean loss.

        Halves are computed each by half the cores and with a generator of its own: two cores on one small convolution
        wait for each other longer than they work.
        """
        parts = len(self.twins) * self.training.accumulation
        count, done = self.training.batch_size // parts, self.step / self.training.steps
        seeds = torch.randint(2**62, (self.training.accumulation, len(self.twins)), generator=self.generator).tolist()

        def work(network: Network, seed: int) -> float:
            draw = Draw(count, torch.Generator("cpu").manual_seed(seed), self.precision, done)
            loss = task.losses(network, draw).mean()
            self.scaler.scale(loss / parts).backward()  # type: ignore[no-untyped-call]
            return float(loss.detach()) / parts

        if len(self.twins) == 1:
            return sum(work(self.network, seed) for (seed,) in seeds)
        with half_the_cores(), ThreadPoolExecutor(2) as pool:
            value = sum(sum(pool.map(work, self.twins, pair)) for pair in seeds)
        for own, other in zip(self.network.parameters(), self.twins[1].parameters(), strict=True):
            if other.grad is not None:
                own.grad = other.grad if own.grad is None else own.grad.add_(other.grad)
                other.grad = None
        return value

    def save(self, path: Path) -> None:
        """Writes all of it."""
        save_checkpoint(
            path,
            {
                "step": self.step,
                "metrics": self.metrics,
                "network": self._learned(self.network),
                "averaged": self._learned(self.ema.module),
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
        frozen = {name: weight for name, weight in self.network.named_parameters() if not weight.requires_grad}
        self.network.load_state_dict({**frozen, **state["network"]})
        self.ema.module.load_state_dict({**frozen, **state["averaged"]})
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.generator.set_state(state["order"])
        restore_random_state(state["random"])
        self.step = state["step"]
        self.metrics = state["metrics"]

    def _learned(self, module: Network) -> dict[str, Tensor]:
        """The state of a module without what is frozen: a base model's weights are in its own file."""
        frozen = {name for name, weight in self.network.named_parameters() if not weight.requires_grad}
        return {name: value for name, value in module.state_dict().items() if name not in frozen}

    def _identity(self) -> dict[str, Any]:
        """What must agree for a checkpoint to continue this training."""
        told = asdict(self.training)
        shapes = [list(weight.shape) for weight in self.network.parameters()]
        return {"shapes": shapes} | {key: told[key] for key in told if key not in ("preview_every", "checkpoint_every")}


def _sharing(network: Network) -> Network:
    """A copy with the same weights, which change as one, and gradients of its own."""
    twin = copy_learning(network)
    for own, other in zip(network.parameters(), twin.parameters(), strict=True):
        other.data = own.data
    return twin


def check_loss(loss: float, step: int, learning_rate: float) -> None:
    """JobFailed if a loss is not a finite number, before it can reach the weights."""
    if not math.isfinite(loss):
        raise JobFailed(
            f"the loss became {loss} at step {step} with learning rate {learning_rate:g}: "
            "resume from the last checkpoint with a lower learning rate, or in precision fp32"
        )
