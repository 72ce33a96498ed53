"""The closed loop: what the classifier gets wrong is generated, gated, learned from, until a round adds nothing.

Rounds are judged on the validation split, so that the test split decides nothing and stays able to prove something.
Every sample waits for review as any other. Imports torch only when it runs.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from augment.errors import InvalidConfig, NotReady
from augment.judge.contest import Point
from augment.judge.loop_report import LoopReport, Made, loop_markdown, loop_report, why_last
from augment.judge.verdict import Answers
from augment.notices import notice
from augment.operations.arms import Arms
from augment.operations.aside import report_folder, written_aside
from augment.operations.configs import to_json
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.evaluate_classifier import EvaluateClassifierConfig
from augment.operations.gate import GateConfig, gate
from augment.operations.make_plan import make_plan
from augment.operations.members import Members
from augment.operations.plan import MethodOrAuto, PlanConfig, plan
from augment.operations.test_set import TestSet, read_test_set, refuse_leaks
from augment.operations.trials import Trials
from augment.operations.views import current_view
from augment.store import CONTROL

__all__ = ["LoopConfig", "LoopResult", "loop"]

_GENERATED, _GATED = 500, 150
"""Thousandths of a round that generating and gating take; learning takes the rest."""
_ROOM = 1_000_003
"""Seeds between two rounds."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How many rounds at most, how much each makes, and how each is judged."""

    rounds: int = field(default=3, metadata={"help": "rounds at most, 1 to 20; a round that adds nothing is the last"})
    count: int = field(default=300, metadata={"help": "samples of each round, 10 to 100000"})
    method: MethodOrAuto = field(default="auto", metadata={"help": "as plan has it"})
    seeds: int = field(default=3, metadata={"help": "trainings of each arm in a round, 1 to 100; 3 for a verdict"})
    images_seen: int = field(default=6_000, metadata={"help": "training images shown to each, repeats counted"})
    judge_images: int = field(default=16_000, metadata={"help": "training images shown to each judge of the gates"})
    seed: int = field(default=0, metadata={"help": "of the first sample and training; another makes other samples"})
    folder: str = field(default="", metadata={"help": "a new folder for the report; exports/loop-N if not given"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 1 <= self.rounds <= 20:
            raise InvalidConfig(f"rounds {self.rounds}: 1 to 20")
        if not 0 <= self.seed < 2**31 - 20 * _ROOM:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**31 - 20 * _ROOM - 1}")
        PlanConfig(count=self.count, method=self.method)
        EvaluateClassifierConfig(seeds=self.seeds, images_seen=self.images_seen)
        GateConfig(judge_images=self.judge_images)

    def planned(self, number: int) -> PlanConfig:
        """What the round `number`, from 0, asks the planner for."""
        return PlanConfig(count=self.count, method=self.method, seed=self.seed + number * _ROOM)


@dataclass(frozen=True, kw_only=True)
class LoopResult:
    """The rounds with why they ended, as numbers and as Markdown, and the folder with both."""

    folder: str
    report: LoopReport
    markdown: str


def loop(config: LoopConfig, context: Context) -> LoopResult:
    """Plans, generates, gates and learns; writes loop.json and loop.md.

    Raises:
        NotReady: no map, generator, or validation images. Cancelled: what was generated and trained is kept, and the
        resumed job goes on with the plan it had.
    """
    target = report_folder(context.store.workspace, "loop", config.folder)
    _check(config, context)
    judge = _Judge(config, context)
    width = 1000 // (config.rounds + 1)
    without, before = judge.start(staged(context, 0, width))
    rounds: list[Made] = []
    last, ended = before, notice("loop_all_done", rounds=config.rounds)
    for number in range(config.rounds):
        made = judge.round(number, staged(context, (number + 1) * width, width))
        rounds.append(made)
        if (why := why_last(number + 1, made, last)) is not None:
            ended = why
            break
        assert made.answers is not None
        last = made.answers
    report = loop_report(without, before, rounds, ended)
    told = loop_markdown(report)
    with written_aside(target) as aside:
        (aside / "loop.json").write_text(json.dumps(to_json(report), indent=1), encoding="utf-8")
        (aside / "loop.md").write_text(told, encoding="utf-8")
    context.progress(1000, 1000)
    return LoopResult(folder=str(target), report=report, markdown=told)


def _check(config: LoopConfig, context: Context) -> None:
    """NotReady before anything is trained."""
    if not context.store.images.list(split="validation", limit=1):
        raise NotReady("the validation split has no images: rounds are judged on it, and the test split stays unseen")
    plan(config.planned(0), context)


class _Judge:
    """Makes rounds, and says of each what classifiers answer that have learned from all samples that pass by then."""

    def __init__(self, config: LoopConfig, context: Context) -> None:
        self._config, self._folder = config, context.job_folder
        self._view = current_view(context.store)
        self._gates = GateConfig(judge_images=config.judge_images)
        labels = context.store.images.labels()
        self._test: TestSet = read_test_set("validation", labels, self._view, context)

    def start(self, context: Context) -> tuple[Answers, Answers]:
        """Without any sample, and with those that are there before the first round.

        What earlier rounds have made counts as theirs: without this, the first round would be praised for it.
        """
        without = self._answers("classical", self._folder / "without", staged(context, 0, 400))
        kept, learned = self._folder / "before", staged(context, 600, 400)
        # A resumed loop must not take what it made itself for what was there before.
        if (self._folder / "round-0").is_dir():
            return without, self._answers("gated", kept, learned) if kept.is_dir() else without
        if not any(row.method != CONTROL for row in context.store.samples.rows()):
            return without, without
        gate(self._gates, staged(context, 400, 200))
        return without, self._gated(kept, learned) or without

    def round(self, number: int, context: Context) -> Made:
        """Generates, gates and learns; what a stopped loop has done of it is not done again."""
        folder = self._folder / f"round-{number}"
        learned = staged(context, _GENERATED + _GATED, 1000 - _GENERATED - _GATED)
        told = folder / "made.json"
        if told.is_file():
            counts = json.loads(told.read_text(encoding="utf-8"))
            return Made(**counts, answers=self._answers("gated", folder, learned))
        planned = replace(staged(context, 0, _GENERATED), job_folder=folder)
        batches = make_plan(self._config.planned(number), planned).batches
        measured = gate(self._gates, staged(context, _GENERATED, _GATED))
        labels: dict[str, int] = {}
        for batch in batches:
            labels[batch.label] = labels.get(batch.label, 0) + batch.count
        made = Made(
            labels=labels, samples=measured.samples, passed=measured.passed, answers=self._gated(folder, learned)
        )
        if made.answers is not None:
            counts = {"labels": labels, "samples": made.samples, "passed": made.passed}
            unfinished = told.with_suffix(".part")
            unfinished.write_text(json.dumps(counts), encoding="utf-8")
            unfinished.replace(told)
        return made

    def _gated(self, folder: Path, context: Context) -> Answers | None:
        """With the samples that pass every gate; None where none does."""
        return None if Members.of(context.store).missing("gated") else self._answers("gated", folder, context)

    def _answers(self, arm: str, folder: Path, context: Context) -> Answers:
        """Of an arm as it is now, of the validation images; those that are in `folder` already are read."""
        config = self._config
        arms = Arms.read(0, config.seed, self._view, context)
        refuse_leaks(self._test, arms, context.store)
        asked = EvaluateClassifierConfig(
            arms=(arm,), split="validation", seeds=config.seeds, images_seen=config.images_seen, seed=config.seed
        )
        point = Point(arm=arm)
        trials = Trials(asked, arms, self._test, replace(context, job_folder=folder))
        return trials.run([point], lambda _: None).answers[point]
