"""What a reviewer will decide, learned from what was decided: which samples are surely fine, and which need a look.

A logistic regression on the gates' numbers and the place on the map, small enough for thirty verdicts. How often it
agrees is measured on verdicts that it has not seen. Knows numbers; no pictures, no network, no store.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.judge.metrics import Share, wilson

__all__ = ["FEWEST_VERDICTS", "Disagreement", "Prediction", "agreement", "predict_verdicts"]

FEWEST_VERDICTS = 30
_FEWEST_EACH = 5
"""Of accepted and of rejected ones: with fewer there is nothing to tell apart."""
_FOLDS = 5
_STRENGTH = 0.3
"""Of the regression: inverse of the penalty, for about as many numbers as verdicts."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """accept: (n,) float32, probability that each sample would be accepted. agreed: of the verdicts that are there,
    how many it foretells without having seen them; usual: the share that the more frequent verdict alone would get."""

    accept: NDArray[np.float32]
    agreed: Share
    usual: float


def predict_verdicts(numbers: NDArray[Any], accepted: NDArray[Any]) -> Prediction | None:
    """Learns from verdicts and foretells all.

    numbers: (n, d) float, what is known of each sample; NaN for what is not. accepted: (n,) float, 1 accepted, 0
    rejected, NaN not decided. None with fewer than 30 verdicts, or 5 of either kind.
    """
    accepted = np.asarray(accepted, dtype=np.float64)
    decided = np.flatnonzero(np.isfinite(accepted))
    answer = accepted[decided].astype(np.int64)
    if len(decided) < FEWEST_VERDICTS or min(np.bincount(answer, minlength=2)) < _FEWEST_EACH:
        return None
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.asarray(numbers, dtype=np.float64)
    x = x[:, np.isfinite(x[decided]).any(axis=0)]
    # What was not measured of a sample may say as much as what was: a mark for each number that is missing.
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=_STRENGTH, max_iter=1000),
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(model, x[decided], answer, cv=folds)
    agreed = wilson(unseen == answer)
    assert agreed is not None
    accept = model.fit(x[decided], answer).predict_proba(x)[:, 1].astype(np.float32)
    return Prediction(accept=accept, agreed=agreed, usual=float(max(answer.mean(), 1 - answer.mean())))


@dataclass(frozen=True, eq=False, kw_only=True)
class Disagreement:
    """Two reviewers on the same samples. kappa: Cohen's, 1 for always agreed, 0 for no more than by chance; None where
    both always say the same one thing. same: share alike. differ: (k,) rows on which they differ."""

    kappa: float | None
    same: Share
    differ: NDArray[np.int64]


def agreement(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Disagreement | None:
    """Of decisions (n,) bool on the same samples; None of none."""
    same = wilson(first == second)
    if same is None:
        return None
    kappa = None
    if len(np.unique(np.concatenate([first, second]))) > 1:
        from sklearn.metrics import cohen_kappa_score

        kappa = float(cohen_kappa_score(first, second))
    return Disagreement(kappa=kappa, same=same, differ=np.flatnonzero(first != second))
