"""What the trainings of denoisers share: how often an image is drawn, and how fast which weights learn."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from augment.ddpm.settings import NetworkTraining
from augment.training.loop import WeightGroup

__all__ = ["class_chances", "image_and_condition"]


def image_and_condition(network: nn.Module, training: NetworkTraining) -> list[WeightGroup]:
    """The image network, and the condition's few weights with a higher rate.

    What a label or a position means is new in every training, also where the image network starts from one that knows
    surfaces: at the same rate the images are learned long before anyone listens to the condition.
    """
    named = list(network.named_parameters())
    condition = [weight for name, weight in named if "condition" in name.split(".")]
    images = [weight for name, weight in named if "condition" not in name.split(".")]
    return [
        WeightGroup(images, decay=training.weight_decay),
        WeightGroup(condition, rate=training.condition_rate),
    ]


def class_chances(label: NDArray[np.int64], balance: float) -> Tensor:
    """(n,) float64 chances of drawing each image: classes by count ** (1 - balance), images of a class alike."""
    counts = np.bincount(label).astype(np.float64)
    return torch.from_numpy(counts[label] ** -balance)
