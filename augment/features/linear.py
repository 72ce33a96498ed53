"""A linear classifier of features: logistic regression fitted with scikit-learn, then plain NumPy arrays.

Small to keep beside a map and quick enough for a click. It does not know images, splits or what the labels mean.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from augment.errors import NotReady
from augment.features.neighbours import Floats, check_points

__all__ = ["LinearClassifier"]

_BLOCK_ROWS = 65_536  # rows standardised at once: 34 MB of float32 at 128 dimensions
_ARRAYS = ("mean", "spread", "coef", "intercept", "labels")


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearClassifier:
    """Softmax of `coef` times standardised features plus `intercept`.

    mean, spread: (d,) float32, of the rows it was fitted on; spread > 0.
    coef: (k, d) float32. intercept: (k,) float32; -inf for a label without a fitted row, whose probability is 0.
    labels: k names in the order of the columns.
    """

    mean: Floats
    spread: Floats
    coef: Floats
    intercept: Floats
    labels: tuple[str, ...]

    @classmethod
    def fit(cls, features: Floats, index: NDArray[Any], labels: tuple[str, ...]) -> "LinearClassifier":
        """A multinomial logistic regression with balanced classes on standardised features.

        Args:
            features: (n, d) float32, finite. index: (n,) int into `labels`, two different ones or more.
        """
        from sklearn.linear_model import LogisticRegression

        mean, spread = features.mean(axis=0), features.std(axis=0)
        spread = np.where(spread > 1e-6, spread, 1.0)
        model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=300, tol=1e-3)
        model.fit((features - mean) / spread, index)
        # With two labels scikit-learn keeps one plane z for sigmoid(z), which is softmax(-z/2, z/2).
        two = len(model.classes_) == 2
        planes = np.concatenate([-model.coef_ / 2, model.coef_ / 2]) if two else model.coef_
        offsets = np.concatenate([-model.intercept_ / 2, model.intercept_ / 2]) if two else model.intercept_
        coef = np.zeros((len(labels), features.shape[1]), dtype=np.float32)
        intercept = np.full(len(labels), -np.inf, dtype=np.float32)
        coef[model.classes_], intercept[model.classes_] = planes, offsets
        return cls(
            mean=np.asarray(mean, dtype=np.float32),
            spread=np.asarray(spread, dtype=np.float32),
            coef=coef,
            intercept=intercept,
            labels=labels,
        )

    def probability(self, features: NDArray[Any]) -> Floats:
        """Probability of each label.

        Args:
            features: (m, d) float32, finite, from the encoder that made the fitted ones.

        Returns:
            (m, k) float32 in [0, 1]; rows sum to 1.

        Raises:
            InvalidInput: another width than the fitted features, or NaN or infinity.
        """
        result = np.empty((len(features), len(self.labels)), dtype=np.float32)
        for start in range(0, len(features), _BLOCK_ROWS):
            part = check_points(features[start : start + _BLOCK_ROWS], "features", len(self.mean))
            scores = ((part - self.mean) / self.spread) @ self.coef.T + self.intercept
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            result[start : start + _BLOCK_ROWS] = powers / powers.sum(axis=1, keepdims=True)
        return result

    def save(self, file: Path) -> None:
        """Write an .npz of plain arrays."""
        labels = np.asarray(self.labels)
        np.savez(file, mean=self.mean, spread=self.spread, coef=self.coef, intercept=self.intercept, labels=labels)

    @classmethod
    def load(cls, file: Path) -> "LinearClassifier":
        """Read what `save` wrote; nothing in the file is executed.

        Raises:
            NotReady: the file is missing or damaged.
        """
        try:
            # Opened here: NumPy leaves a damaged zip open.
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in _ARRAYS}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise NotReady(f"the map's classifier cannot be read ({error}): build the map again") from error
        labels = tuple(str(label) for label in arrays.pop("labels"))
        dim = len(arrays["mean"])
        if arrays["coef"].shape != (len(labels), dim) or arrays["intercept"].shape != (len(labels),):
            raise NotReady(f"the map's classifier is damaged (coef {arrays['coef'].shape}): build the map again")
        return cls(labels=labels, **arrays)
