"""Training of the built-in encoder on a workspace's own training split.

Two aims at once: tell labels apart (class-balanced cross entropy), and tell single images apart whatever the camera
did to them (a contrastive term), so that within a label there is still somewhere to go on the map. It knows arrays
and indices; neither store nor view.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the field's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.errors import Cancelled, InvalidInput
from augment.features.augmentation import mirrors_that_look_real, vary
from augment.features.encoder_config import TrainEncoderConfig
from augment.features.encoders import BuiltinEncoder, BuiltinNetConfig, ResidualNet
from augment.features.neighbours import knn_accuracy
from augment.training.averages import PowerEma
from augment.training.files import load_checkpoint, save_checkpoint, start_from
from augment.training.loop import check_loss
from augment.training.precision import Precision, choose_precision
from augment.training.randomness import deterministic
from augment.training.settings import rate_share

__all__ = ["LabelledImages", "TrainedEncoder", "likeness_loss", "train_builtin"]

Report = Callable[[int, int, Mapping[str, float]], None]
"""Called as report(images seen, images to see, metrics); raises Cancelled when the training is to stop."""

_SAVE_EVERY_SECONDS = 30.0
_TEMPERATURE = 0.2
_EMA_WIDTH = 0.1
_AIMED = 10_000  # training images that the aim's directions are fitted on


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """images: (n, side, side, channels) uint8, may be memory-mapped. label_index: (n,) int64 in [0, classes)."""

    images: NDArray[np.uint8]
    label_index: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrainedEncoder:
    """The encoder with averaged weights, what was measured, and what a user should be told.

    head: Linear(dim, classes) over relu(feature), averaged as well; without meaning where no labels were learned.
    """

    encoder: BuiltinEncoder
    head: nn.Linear
    metrics: Mapping[str, float]
    notes: tuple[str, ...]


class _Learner(nn.Module):
    """The network with the two heads that only training needs."""

    def __init__(self, net: ResidualNet, classes: int) -> None:
        super().__init__()
        dim = net.net_config.dim
        self.net = net
        self.labels = nn.Linear(dim, classes)
        self.likeness = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) -> label logits (N, classes), points for the likeness (N, dim)."""
        feature = self.net(x)
        return self.labels(torch.relu(feature)), self.likeness(torch.relu(feature))


def train_builtin(
    training: LabelledImages,
    classes: int,
    config: TrainEncoderConfig,
    *,
    checkpoint: Path,
    report: Report,
    validation: LabelledImages | None = None,
    base: Path | None = None,
) -> TrainedEncoder:
    """Train the built-in encoder; go on from `checkpoint` if it is there.

    Args:
        training: images of the training split, two or more. classes: number of labels that indices refer to.
        config: see `TrainEncoderConfig`. With one label in training only the likeness is learned.
        checkpoint: written every 30 s and when cancelled; deleted by nobody here.
        report: progress; metrics "loss", "label_loss", "likeness_loss", "images_per_second", "learning_rate".
        validation: held-out images for "validation_accuracy" and "validation_balanced_accuracy"; never trained on.
        base: weights to start from where they fit; a note tells where they do not.

    Raises:
        InvalidInput: fewer than two training images, or a checkpoint of another training.
        JobFailed: the loss stopped being a number.
        Cancelled: `report` said so; the checkpoint holds everything done so far.
    """
    if len(training.images) < 2:
        raise InvalidInput(
            f"{len(training.images)} training images: the built-in encoder needs 2 or more; "
            "import more, or choose a timm model"
        )
    run = _Run(training, classes, config, checkpoint, base)
    if checkpoint.is_file():
        run.restore(load_checkpoint(checkpoint))
    with deterministic():
        try:
            run.loop(report)
        except Cancelled:
            run.save()
            raise
        run.save()
    averaged = run.averaged()
    encoder = BuiltinEncoder(averaged.net, run.precision)
    share = np.random.default_rng(config.seed).permutation(len(training.images))[:_AIMED]
    encoder.fit_aim([training.images[row] for row in np.sort(share)])
    metrics = dict(run.metrics)
    if validation is not None and len(validation.images):
        metrics |= _held_out_accuracy(encoder, training, validation)
    return TrainedEncoder(encoder, averaged.labels, metrics, tuple(run.notes))


def likeness_loss(first: Tensor, second: Tensor, identity: Tensor) -> Tensor:
    """How badly two variants of an image find each other among all others.

    NT-Xent, Chen et al. 2020 (SimCLR), equation 1, temperature 0.2; other variants of the same image are no
    negatives, because small training sets repeat images within a batch.

    Args:
        first, second: (N, d) float, row i of both shows image `identity[i]`. identity: (N,) int64.

    Returns:
        Scalar float; 0 when the batch shows one image only.
    """
    z = F.normalize(torch.cat([first, second]).float(), dim=1)
    n, who = len(first), torch.cat([identity, identity])
    likeness = z @ z.T / _TEMPERATURE
    partner = torch.arange(2 * n, device=z.device).roll(n)
    same = who[:, None] == who[None, :]
    same[torch.arange(2 * n, device=z.device), partner] = False
    return F.cross_entropy(likeness.masked_fill(same, -torch.inf), partner)


def label_share(counts: NDArray[Any]) -> float:
    """Share of `label_weight` that counts: 1 where the median class has 200 images, less with fewer, 0.3 at the least.

    An encoder that tells a few dozen training labels apart perfectly has learned them by heart: it puts each far from
    any boundary, and new parts of the class nowhere. Measured on magnetic tiles, 511 images of 6 classes, 16,000 images
    seen: balanced accuracy of a linear classifier on held-out parts 0.34 at full weight, 0.44 at 0.3.

    Args:
        counts: (classes,) int, training images of each label; labels without images are passed over.
    """
    usual = float(np.median(counts[counts > 0]))
    return min(1.0, max(0.3, usual / 200.0))


class _Run:
    """One training in progress: what a checkpoint holds, and the step."""

    def __init__(
        self,
        training: LabelledImages,
        classes: int,
        config: TrainEncoderConfig,
        checkpoint: Path,
        base: Path | None,
    ) -> None:
        self.training, self.config, self.checkpoint = training, config, checkpoint
        self.precision: Precision = choose_precision(config.precision)
        self.notes: list[str] = []
        self.metrics: dict[str, float] = {}
        self.step = 0
        self.batch = config.batch_size
        self.steps = -(-config.looks(len(training.images)) // self.batch)
        torch.manual_seed(config.seed)
        learner = _Learner(ResidualNet(_net_config(training.images, config)), classes)
        if base is not None and not start_from(base, learner.net, own=("aim.",)):
            self.notes.append("started from nothing: the network that ships with Kizu has another shape")
        self.learner = self.precision.place(learner)
        self.ema = PowerEma(self.learner, _EMA_WIDTH)
        self.optimiser = torch.optim.AdamW(
            _decayed_apart(self.learner, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.99)
        )
        self.flips = self._flips()
        self.label_weight, self.class_weight, self.odds = self._balance(classes)

    def _flips(self) -> tuple[bool, bool]:
        if self.config.flips != "auto":
            return self.config.flips in ("horizontal", "both"), self.config.flips == "both"
        flips = mirrors_that_look_real(self.training.images, self.config.seed)
        names = [name for name, used in zip(("left-right", "up-down"), flips, strict=True) if used]
        self.notes.append(
            f"mirrored in training: {', '.join(names) or 'not, mirrored images do not look like real ones'}"
        )
        return flips

    def _balance(self, classes: int) -> tuple[float, Tensor, Tensor]:
        """Weight of the label term, weight of each class in it, and the odds of drawing each image.

        Half of the balance between classes is made by drawing rare ones more often, half by weighing them: drawing
        alone shows a class of 20 images each a hundred times, weighing alone leaves batches without it.
        """
        counts = np.bincount(self.training.label_index, minlength=classes)
        present = counts > 0
        if present.sum() < 2 or self.config.label_weight == 0:
            if present.sum() < 2:
                self.notes.append("one label in training: features were learned from the images alone")
            return 0.0, torch.ones(classes), torch.ones(len(self.training.images))
        root = np.where(present, 1.0 / np.sqrt(np.maximum(counts, 1)), 0.0)
        weight = root * present.sum() / root.sum()
        few = [str(int(count)) for count in counts[present & (counts < 5)]]
        if few:
            self.notes.append(f"labels with only {', '.join(few)} training images: their features are a guess")
        odds = root[self.training.label_index]
        share = label_share(counts)
        if share < 1:
            self.notes.append(f"labels weigh {share:.1f} of their weight, because classes have few training images")
        return self.config.label_weight * share, torch.tensor(weight).float(), torch.tensor(odds).float()

    def loop(self, report: Report) -> None:
        """Draw, vary, learn, average, report; every step is decided by the seed and its number alone."""
        config, seen_before, began = self.config, self.step * self.batch, time.monotonic()
        saved = began
        total = self.steps * self.batch
        report(seen_before, total, {})
        while self.step < self.steps:
            rate = config.learning_rate * rate_share(self.step, self.steps, max(1, self.steps // 20))
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            losses = self._learn(torch.Generator().manual_seed(config.seed * 1_000_003 + self.step))
            check_loss(losses["loss"], self.step, rate)
            self.optimiser.step()
            self.step += 1
            self.ema.update(self.learner, self.step)
            now = time.monotonic()
            seen = self.step * self.batch
            pace = (seen - seen_before) / max(now - began, 1e-9)
            self.metrics = {**losses, "learning_rate": rate, "images_per_second": pace}
            if now - saved > _SAVE_EVERY_SECONDS:
                self.save()
                saved = now
            report(seen, total, self.metrics)

    def _learn(self, generator: torch.Generator) -> dict[str, float]:
        """Gradients of one batch; returns the losses by name."""
        rows = torch.multinomial(self.odds, self.batch, replacement=True, generator=generator)
        pixels = np.ascontiguousarray(self.training.images[rows.numpy()])
        x = self.learner.net.normalise(torch.from_numpy(pixels))
        pair = torch.cat([vary(x, self.flips, generator), vary(x, self.flips, generator)])
        device = self.precision.device
        with self.precision.autocast():
            logits, points = self.learner(self.precision.arrange(pair))
        first, second = points.float().chunk(2)
        likeness = likeness_loss(first, second, rows.to(device))
        loss = self.config.likeness_weight * likeness
        losses = {"likeness_loss": float(likeness.detach())}
        if self.label_weight > 0:
            target = torch.from_numpy(self.training.label_index[rows.numpy()]).repeat(2).to(device)
            label_loss = F.cross_entropy(
                logits.float(), target, self.class_weight.to(device), label_smoothing=self.config.label_smoothing
            )
            loss = loss + self.label_weight * label_loss
            losses["label_loss"] = float(label_loss.detach())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        return {"loss": float(loss.detach()), **losses}

    def averaged(self) -> _Learner:
        """Network and heads with averaged weights."""
        learner = self.ema.module
        assert isinstance(learner, _Learner)
        return learner

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "step": self.step,
            "steps": self.steps,
            "images": len(self.training.images),
            "learner": self.learner.state_dict(),
            "ema": self.ema.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        save_checkpoint(self.checkpoint, state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; raises InvalidInput if it belongs to another training."""
        if (state.get("steps"), state.get("images")) != (self.steps, len(self.training.images)):
            raise InvalidInput(
                f"the checkpoint was made with {state.get('images')} training images, now there are "
                f"{len(self.training.images)}: start a new training"
            )
        for name, part in (("learner", self.learner), ("ema", self.ema.module), ("optimiser", self.optimiser)):
            try:
                part.load_state_dict(state[name])
            except (KeyError, RuntimeError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise InvalidInput(f"the checkpoint does not fit ({reason}): start a new training") from error
        self.step = int(state["step"])


def _net_config(images: NDArray[np.uint8], config: TrainEncoderConfig) -> BuiltinNetConfig:
    """The network's shape, with mean and deviation measured on up to 2,000 training images."""
    chosen = np.sort(np.random.default_rng(config.seed).permutation(len(images))[:2000])
    pixels = images[chosen].astype(np.float32) / 255.0
    return BuiltinNetConfig(
        side_px=int(images.shape[1]),
        channels=int(images.shape[3]),
        width=config.width,
        mean=float(pixels.mean()),
        # Images of one grey have deviation 0; a small floor keeps their noise from being blown up.
        deviation=max(float(pixels.std()), 0.02),
    )


def _decayed_apart(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights are decayed, offsets and normalisation factors are not."""
    parameters = list(module.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _held_out_accuracy(
    encoder: BuiltinEncoder, training: LabelledImages, validation: LabelledImages
) -> dict[str, float]:
    """Accuracy of the 5 nearest training images on held-out ones: over images, and averaged over labels."""
    accuracy, balanced = knn_accuracy(
        encoder.encode(training.images),  # type: ignore[arg-type]  # an array of images is a sequence of them
        training.label_index,
        encoder.encode(validation.images),  # type: ignore[arg-type]
        validation.label_index,
    )
    return {"validation_accuracy": accuracy, "validation_balanced_accuracy": balanced}
