"""How well generated samples are told from real images of their label, by networks like those that are evaluated.

Judged in folds that cut through no part: no network has seen the part that it judges, nor what descends from it.
Imports torch only when it runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.features.boundary import coded, folds_by_group
from augment.judge.contest import ArmReport
from augment.judge.separability import EASILY, Apart, told_apart
from augment.notices import Notice, notice
from augment.operations.arms import Arms, even_odds
from augment.operations.base_models import base_weights
from augment.operations.context import Context
from augment.operations.embedding import staged

if TYPE_CHECKING:
    from augment.judge.trial import TrialConfig

__all__ = ["FOLDS", "generated_or_real", "warnings_of"]

FOLDS = 3
_UNEQUAL = 0.1  # difference in the share of looks from which a label is given away


def generated_or_real(
    arms: Arms, chosen: NDArray[np.bool_], trial: "TrialConfig", context: Context
) -> dict[str, Apart]:
    """Of each label that has both, how well they are told apart; empty where none has.

    chosen: (samples,) bool, those that some arm has. trial: how each of the networks is trained. May raise Cancelled.
    """
    members = arms.members
    real_index = members.index([one.label for one in members.images])
    made_index = members.index([one.label for one in members.samples])
    labels = np.intersect1d(real_index, made_index[chosen])
    real, made = np.flatnonzero(np.isin(real_index, labels)), np.flatnonzero(chosen & np.isin(made_index, labels))
    if not len(labels):
        return {}
    groups = [members.images[row].group for row in real]
    fold, _ = folds_by_group(real_index[real], coded(groups)[1], FOLDS, trial.seed)
    fold_of = dict(zip(groups, fold.tolist(), strict=True))
    first = [min(members.parts[row], default=f"sample {row}") for row in made]
    dealt = np.random.default_rng(trial.seed).integers(0, FOLDS, len(made))
    made_fold = np.array([fold_of.get(part, int(own)) for part, own in zip(first, dealt, strict=True)], dtype=np.int64)
    index, folds = np.concatenate([real_index[real], made_index[made]]), np.concatenate([fold, made_fold])
    generated = np.arange(len(index)) >= len(real)
    pixels = np.concatenate([arms.real[real], arms.generated[made]])
    score = np.full(len(index), np.nan)
    for number in range(FOLDS):
        held = frozenset(group for group, own in fold_of.items() if own == number)
        seen = (folds != number) & np.concatenate([np.ones(len(real), np.bool_), members.without(held)[made]])
        stage = staged(context, 1000 * number // FOLDS, 1000 // FOLDS)
        stage = replace(stage, job_folder=context.job_folder / f"generated-or-real-{number}")
        if len(np.unique(generated[seen])) == 2 and (folds == number).any():
            score[folds == number] = _scores(
                pixels[seen], index[seen], generated[seen], pixels[folds == number], arms.real[real], trial, stage
            )
    part = coded([*groups, *first])[1]
    found = {}
    for label in labels.tolist():
        own = (index == label) & np.isfinite(score)
        found[members.labels[label]] = told_apart(score[own], generated[own], folds[own], part[own])
    return found


def _scores(
    seen: NDArray[np.uint8],
    index: NDArray[np.int64],
    generated: NDArray[np.bool_],
    asked: NDArray[np.uint8],
    real: NDArray[np.uint8],
    trial: "TrialConfig",
    context: Context,
) -> NDArray[np.float64]:
    """How generated each image that is asked for looks to a network that learned it from those seen.

    Generated and real ones of each label are looked at as often, so that the label says nothing.
    """
    from augment.judge.trial import TrialSet, predicted, train_trial

    odds = even_odds(index, ~generated, 0.5).astype(np.float32)
    training = TrialSet(images=seen, label_index=generated.astype(np.int64), odds=odds, varied=True)

    def report(step: int, steps: int, metrics: Mapping[str, float], _: object = None) -> None:
        context.progress(step, steps, metrics)

    context.job_folder.mkdir(exist_ok=True)
    checkpoint = context.job_folder / "training.pt"
    network = train_trial(training, real, 2, trial, checkpoint, report, base_weights("encoder"))
    return np.asarray(predicted(network, asked)[:, 1], dtype=np.float64)


def warnings_of(apart: Mapping[str, Apart], arms: Sequence[ArmReport]) -> list[Notice]:
    """What a classifier may learn in place of the defect: "generated", where that is easily seen and goes with a label.

    One sentence for each arm where it does.
    """
    easily = [label for label, one in apart.items() if one.area is not None and one.area.value >= EASILY]
    told = []
    for arm in arms:
        looks = {label: one.looks for label, one in arm.trained_on.items() if one.real or one.beside}
        given_away = [label for label in easily if looks.get(label)]
        if given_away and max(looks.values()) - min(looks.values()) > _UNEQUAL:
            shares = ", ".join(f"{label} {share:.0%}" for label, share in looks.items())
            point = arm.point
            # The parts of the point's name as well, for a page that says them in another language.
            parts: dict[str, str | int] = {"of": point.arm, "real": point.real, "beside": point.beside}
            told.append(
                notice("learns_generated", arm=point.text, labels=", ".join(given_away), shares=shares, **parts)
            )
    return told
