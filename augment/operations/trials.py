"""The trainings of an evaluation, one after the other; what is done is kept as a file and not done again.

Imports torch only when it runs.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, JobFailed
from augment.judge.contest import Point
from augment.judge.verdict import Answers
from augment.operations.arms import Arms
from augment.operations.base_models import base_weights
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.test_set import Fold, TestSet

if TYPE_CHECKING:
    from augment.operations.evaluate_classifier import EvaluateClassifierConfig

__all__ = ["Found", "Trials"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """What the trainings of whole seeds say: of the test set, and (seeds, n) int64 of mirrored training images."""

    answers: Mapping[Point, Answers]
    mirrored: Mapping[Point, NDArray[np.int64]]


class Trials:
    """Trains each training set with each seed, and once more for every fold, and asks the classifiers."""

    def __init__(self, config: "EvaluateClassifierConfig", arms: Arms, test: TestSet, context: Context) -> None:
        """Answers are kept in the job's folder."""
        self._config, self._arms, self._test, self._context = config, arms, test, context
        self._folder = context.job_folder / "answers"
        self._folder.mkdir(parents=True, exist_ok=True)

    def check_members(self, arms: Sequence[str]) -> None:
        """InvalidInput where a resumed evaluation finds other images, labels, samples or verdicts than it began with.

        The first call notes them.
        """
        members, test = self._arms.members, self._test
        now = {f"arm {arm!r}": _digest(self._samples_of(arm)) for arm in arms}
        now["real images"] = _digest([f"{one.sha256} {one.label} {one.group}" for one in members.images])
        now["images judged"] = _digest([f"{one.sha256} {one.label} {one.group}" for one in test.images])
        noted = self._folder / "members.json"
        if not noted.is_file():
            noted.write_text(json.dumps(now), encoding="utf-8")
            return
        begun = json.loads(noted.read_text(encoding="utf-8"))
        changed = [f"{name} ({begun[name]} then, {told} now)" for name, told in now.items() if begun.get(name) != told]
        if changed:
            raise InvalidInput(
                f"since this evaluation began, what it compares has changed: {', '.join(changed)}. Trainings of both "
                "would be mixed: start a new one"
            )

    def run(self, points: Sequence[Point], on_seed: Callable[[Found], None]) -> Found:
        """Of every training set, seed by seed; `on_seed` gets what there is after each but the last, of all sets.

        Raises:
            JobFailed: a training that diverged, named. InvalidInput: an arm that folds leave nothing. Cancelled.
        """
        config = self._config
        predicted: dict[Point, list[NDArray[np.int64]]] = {point: [] for point in points}
        mirrored: dict[Point, list[NDArray[np.int64]]] = {point: [] for point in points}
        number, total = 0, len(points) * config.seeds * max(1, config.folds)
        for seed in range(config.seed, config.seed + config.seeds):
            folds = self._test.folds(config.folds, seed)
            for point in points:
                answer = np.full(len(self._test.images), -1, dtype=np.int64)
                for index, fold in enumerate(folds):
                    stage = staged(self._context, 1000 * number // total, max(1, 1000 // total))
                    given = self._answered(point, seed, index, fold, stage)
                    answer[fold.rows] = given[: len(fold.rows)]
                    number += 1
                predicted[point].append(answer)
                if config.mirrored:  # judged on a split, which is one fold
                    mirrored[point].append(given[len(fold.rows) :])
            if seed < config.seed + config.seeds - 1:
                on_seed(self._found(predicted, mirrored))
        return self._found(predicted, mirrored)

    def _found(
        self, predicted: Mapping[Point, list[NDArray[np.int64]]], mirrored: Mapping[Point, list[NDArray[np.int64]]]
    ) -> Found:
        test = self._test
        return Found(
            answers={
                point: Answers(predicted=np.stack(given), true=test.label_index, part=test.part)
                for point, given in predicted.items()
            },
            mirrored={point: np.stack(given) for point, given in mirrored.items() if given},
        )

    def _samples_of(self, arm: str) -> list[str]:
        members = self._arms.members
        chosen = members.chosen(arm)
        return [f"{one.sha256} {one.label}" for one, own in zip(members.samples, chosen, strict=True) if own]

    def _answered(self, point: Point, seed: int, number: int, fold: Fold, stage: Context) -> NDArray[np.int64]:
        """(m,) or more: of the fold's images, and of all training images mirrored where those are asked for."""
        from augment.judge.trial import TrialConfig, predicted, train_trial

        config, arms = self._config, self._arms
        kept = self._folder / f"{point.arm.replace(' ', '-')}-{point.real}-{point.beside}-{seed}-{number}.npy"
        if kept.is_file():
            answer: NDArray[np.int64] = np.load(kept)
            return answer
        training = arms.training(
            point.arm,
            real_each=point.real,
            beside_each=point.beside,
            real_share=config.real_share,
            seed=seed,
            left_out=fold.left_out,
        )
        self._check_training(point, training.label_index, fold, number)
        trial = TrialConfig(classifier=config.classifier, images_seen=config.images_seen, seed=seed)

        def report(step: int, steps: int, metrics: Mapping[str, float], _: object = None) -> None:
            stage.progress(step, steps, metrics)

        checkpoint = kept.with_suffix(".pt")
        asked = self._test.cuts[fold.rows]
        if config.mirrored:
            asked = np.concatenate([asked, arms.real[:, :, ::-1]])
        try:
            seen = arms.real[[image.group not in fold.left_out for image in arms.members.images]]
            labels = len(arms.members.labels)
            network = train_trial(training, seen, labels, trial, checkpoint, report, base_weights("encoder"))
        except JobFailed as error:
            raise JobFailed(f"{point.text}, seed {seed}: {error}") from error
        probability = predicted(network, asked)
        if not np.isfinite(probability).all():
            raise JobFailed(
                f"{point.text}, seed {seed}: the classifier answers with numbers that are none, its training diverged; "
                "choose another classifier, or more images seen"
            )
        answer = probability.argmax(axis=1).astype(np.int64)
        unfinished = kept.with_suffix(".part.npy")
        np.save(unfinished, answer)
        unfinished.replace(kept)
        checkpoint.unlink(missing_ok=True)
        return answer

    def _check_training(self, point: Point, label_index: NDArray[np.int64], fold: Fold, number: int) -> None:
        """InvalidInput where a fold leaves an arm no two labels, or not one of its samples."""
        if not fold.left_out:
            return
        emptied = self._arms.beside(point.arm).any() and not self._arms.beside(point.arm, fold.left_out).any()
        if emptied or len(np.unique(label_index)) < 2:
            raise InvalidInput(
                f"{point.text}: without what descends from the parts of fold {number + 1} too little is left to train "
                "on; choose more folds, generate more, or judge on a split"
            )


def _digest(names: Sequence[str]) -> str:
    """How many, and a short name of all of them."""
    return f"{len(names)}, {hashlib.sha256(chr(10).join(sorted(names)).encode()).hexdigest()[:8]}"
