"""Real pictures for the tests of features: handwritten digits that scikit-learn ships, 8 x 8 px, doubled to 16 x 16."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Digits:
    """images (n, 16, 16, 1) uint8, flat features (n, 64) float32, label index (n,) int64, names (n,) of the labels."""

    images: NDArray[np.uint8]
    flat: NDArray[np.float32]
    index: NDArray[np.int64]

    @property
    def names(self) -> list[str]:
        return [f"digit {number}" for number in self.index]


@pytest.fixture(scope="session")
def digits() -> Digits:
    """The first 400 digits: written by 13 people, about 40 of each."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pixels = (loaded.images[:400] * 15.9).astype(np.uint8)
    images = pixels.repeat(2, axis=1).repeat(2, axis=2)[..., None]
    return Digits(images, loaded.data[:400].astype(np.float32), loaded.target[:400].astype(np.int64))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests of several rooms share two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
