"""One or more networks in training together: weights, averages, optimiser, random state, step, and an exact checkpoint.

A training resumed from it on a processor ends in the same bits as one never interrupted. Knows no data and no loss.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from augment.errors import InvalidInput
from augment.training import (
    PowerEma,
    check_loss,
    cosine_rate,
    load_checkpoint,
    random_state,
    restore_random_state,
    save_checkpoint,
)

__all__ = ["Trainee"]

_WARMUP_STEPS = 100


class Trainee:
    """A module under AdamW with a cosine schedule, clipped gradients and a power-function average."""

    def __init__(
        self,
        module: nn.Module,
        *,
        steps: int,
        learning_rate: float,
        ema_width: float,
        seed: int,
        identity: dict[str, Any],
    ) -> None:
        """identity: what must agree for a checkpoint to continue this training, as JSON values."""
        self.module = module.train()
        self.ema = PowerEma(module, ema_width)
        self.optimizer = torch.optim.AdamW(
            module.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.generator = torch.Generator("cpu").manual_seed(seed)
        self.step, self.steps, self.learning_rate, self.identity = 0, steps, learning_rate, identity
        self.metrics: dict[str, float] = {}

    def update(self, loss: Tensor) -> float:
        """One optimiser step on a scalar loss; its value. JobFailed if it is not finite, before it reaches weights."""
        rate = self.learning_rate * cosine_rate(self.step, self.steps, _WARMUP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        value = float(loss.detach())
        check_loss(value, self.step + 1, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        check_loss(float(norm), self.step + 1, rate)
        self.optimizer.step()
        self.step += 1
        self.ema.update(self.module, self.step)
        return value

    def save(self, path: Path) -> None:
        """Writes all of it."""
        state = {
            "step": self.step,
            "metrics": self.metrics,
            "module": self.module.state_dict(),
            "averaged": self.ema.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": self.generator.get_state(),
            "random": random_state(),
            "identity": self.identity,
        }
        save_checkpoint(path, state)

    def restore(self, path: Path) -> None:
        """Reads what `save` wrote. InvalidInput if it was another training."""
        state = load_checkpoint(path)
        if state.get("identity") != self.identity:
            raise InvalidInput(f"checkpoint {path.name} belongs to a training with other settings: start a new one")
        self.module.load_state_dict(state["module"])
        self.ema.module.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["order"])
        restore_random_state(state["random"])
        self.step, self.metrics = state["step"], state["metrics"]
