"""Kizu's own training, as `train_ddpm` runs it, stopped and continued by CPU time to be judged on the way."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from augment.ddpm.sampling import sample
from augment.ddpm.settings import DenoiserTraining, SamplerConfig
from augment.ddpm.train import TrainingImages, build_denoiser, train_denoiser
from augment.errors import Cancelled, NotReady
from augment.images import to_uint8
from augment.operations.base_models import base_weights
from augment.training.files import load_checkpoint


class Kizu:
    """The generator at the defaults of `train_ddpm`: 40,000 images, rate 1e-3 falling over them, batch 16, width 48.

    conditional: on label, position and aim; else all images are of one label, which says nothing. base: from the
    weights that ship with Kizu, else from nothing.
    """

    def __init__(self, data: TrainingImages, folder: Path, *, conditional: bool, base: bool) -> None:
        """`folder` takes the checkpoint. NotReady if the shipped weights are missing or of another shape."""
        self.data = data
        if not conditional:
            self.data = TrainingImages(data.pixels, np.zeros_like(data.label), None)
        self.training = DenoiserTraining(preview_every=10**9, checkpoint_every=10**9)
        labels = int(self.data.label.max()) + 1
        self.net = build_denoiser(self.data, labels, "label+position" if conditional else "label", self.training)
        weights = base_weights("ddpm")
        if base and not (weights and self.net.start_from(weights)):
            raise NotReady("assets/base/ddpm.safetensors is missing or of another shape: kizu train base makes it")
        self.checkpoint = folder / "training.pt"
        self.steps = 0

    def train(self, seconds: float) -> float:
        """Steps until `seconds` of this process's CPU time are spent, reading the checkpoint before included; returns
        what was spent. Writing the checkpoint to be judged from is not training and is left out."""
        began = time.process_time()
        spent = 0.0

        def report(step: int, total: int, metrics: Mapping[str, float], previews: Any) -> None:
            nonlocal spent
            spent, self.steps = time.process_time() - began, step
            if spent >= seconds:
                raise Cancelled

        try:
            train_denoiser(self.net, self.data, None, self.training, self.checkpoint, report)
        except Cancelled:
            return spent
        raise RuntimeError(f"{self.training.images_seen} images were trained in {spent:.0f} s: no budget may be longer")

    def draw(self, rows: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
        """A sample (n, S, S, C) uint8 for each training image of `rows`, asked for as that image is, by DPM-Solver++ 2M
        with the averaged weights; samples are not steered."""
        self.net.load_state_dict(load_checkpoint(self.checkpoint)["averaged"])
        config = self.net.config
        shape = (config.unet.channels, config.side_px, config.side_px)
        condition = self.data.condition(torch.tensor(rows))
        images = sample(
            self.net.eval(), condition, range(len(rows)), shape, replace(SamplerConfig(), steps=steps), config.noise
        )
        return to_uint8(images.numpy())
