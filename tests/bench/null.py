"""The null case with real trainings: "generated" images that are real training images drawn again with replacement.

They can add nothing, so "helps" and "hurts" are false alarms, and a reader is promised fewer than 5 % of either kind
together. Tiles of the test split decide. Half an hour on two idle cores; a row tells how far it came after every tenth.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.measure import SHARED_DATA, Measurement

RUNS, SEEDS, IMAGES_SEEN, DRAWN = 100, 3, 640, 500


def measure() -> Iterator[Measurement]:
    """Shares of runs that say so."""
    from augment.jobs.inline import run_inline
    from augment.operations.arms import Arms
    from augment.operations.context import Context
    from augment.operations.import_images import ImportConfig
    from augment.operations.test_set import read_test_set
    from augment.operations.views import current_view
    from augment.store import Store, Workspace

    source = SHARED_DATA / "magnetic-tile"
    if not source.is_dir():
        print(f"null: left out, no magnetic-tile in {SHARED_DATA}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder, Store(Workspace(Path(folder)).create()) as store:
        run_inline(store, "import", ImportConfig(source=str(source)))
        context, view = Context(store, store.apply, Path(folder) / "job"), current_view(store)
        arms = Arms.read(0, 0, view, context)
        test = read_test_set("test", arms.members.labels, view, context)
        said = []
        for run in range(RUNS):
            said.append(_verdict(arms, test, run, Path(folder)))
            if run % 10 == 9:
                print(
                    f"{run + 1} runs: {said.count('helps')} help, {said.count('hurts')} hurt",
                    file=sys.stderr,
                    flush=True,
                )
        for word in ("helps", "hurts"):
            share = 100 * said.count(word) / len(said)
            yield Measurement(f"resampled real images, said: {word}", "%", [share], "5 at most", f"of {len(said)} runs")


def _verdict(arms: Any, test: Any, run: int, folder: Path) -> str:
    """What an evaluation says of real images drawn again, as the arm `generated` has samples."""
    from augment.judge.contest import Point, contest_report
    from augment.judge.trial import TrialConfig, TrialSet, predicted, train_trial
    from augment.judge.verdict import Answers
    from augment.operations.arms import even_odds
    from augment.operations.base_models import base_weights

    label = arms.members.index([one.label for one in arms.members.images])
    again = np.random.default_rng(run).integers(0, len(label), DRAWN)
    answers = {}
    for arm, rows in (("classical", again[:0]), ("generated", again)):
        index = np.concatenate([label, label[rows]])
        odds = even_odds(index, np.arange(len(index)) < len(label), 0.5).astype(np.float32)
        images = np.concatenate([arms.real, arms.real[rows]])
        given = []
        for seed in range(SEEDS):
            config = TrialConfig(images_seen=IMAGES_SEEN, seed=run * SEEDS + seed)
            training = TrialSet(images=images, label_index=index, odds=odds, varied=True)
            checkpoint = folder / f"{run}-{arm}-{seed}.pt"
            network = train_trial(
                training, arms.real, len(arms.members.labels), config, checkpoint, _unheard, base_weights("encoder")
            )
            checkpoint.unlink()
            given.append(predicted(network, test.cuts).argmax(axis=1))
        answers[Point(arm=arm)] = Answers(predicted=np.stack(given), true=test.label_index, part=test.part)
    ids = [one.id or 0 for one in test.images]
    report = contest_report(answers, ids, arms.members.labels, "builtin", "classical")
    return next(one.verdict for one in report.arms if one.point.arm == "generated")


def _unheard(step: int, steps: int, metrics: Any, previews: Any = None) -> None:
    """Nobody waits for a training's progress."""
