"""Evaluate a classifier: whether samples help it, judged on photographs of parts that nothing has learned from.

Each arm trains as many classifiers as there are seeds, as long as every other one; the answers of each are kept in the
job's folder, so that a stopped evaluation goes on where it was, and after each seed the report so far is written as a
partial one. Imports torch only when it runs.
"""

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from augment.errors import InvalidConfig, InvalidInput, JobFailed
from augment.judge.contest import ContestReport, Point, contest_report, detected, mirrored_report
from augment.judge.contest_words import markdown
from augment.judge.verdict import FEWEST_PARTS, FEWEST_SEEDS
from augment.notices import Notice, notice
from augment.operations.arms import Arms
from augment.operations.aside import export_folder, report_folder
from augment.operations.base_models import base_weights
from augment.operations.contest_files import write_report
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.members import ARMS, WITH_SAMPLES
from augment.operations.recipes import FIRST_RECIPE, RECIPES
from augment.operations.separability import generated_or_real, warnings_of
from augment.operations.severity import SEVERITIES, severities
from augment.operations.test_set import FOLDED, TestSet, folded_set, read_test_set, refuse_leaks, refuse_repeats
from augment.operations.trials import Found, Trials
from augment.operations.views import current_view
from augment.store import Split, Workspace

__all__ = ["EvaluateClassifierConfig", "EvaluateClassifierResult", "evaluate_classifier", "partial_folder"]

_TRAINED, _APART = 880, 80  # thousandths of the whole


@dataclass(frozen=True, kw_only=True)
class EvaluateClassifierConfig:
    """Which arms, how often each is trained, and how long."""

    arms: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": f"arms to train: {', '.join((*ARMS, *RECIPES))}; all that have images, without recipes, if none is "
            "named"
        },
    )
    against: str = field(
        default="classical",
        metadata={"help": "arm that the others are held against, the first one if it is not among them"},
    )
    seeds: int = field(default=5, metadata={"help": "trainings of each arm, 1 to 100; 3 are needed for a verdict"})
    split: Split = field(
        default="test", metadata={"help": "split that is judged, test or validation; never trained on"}
    )
    folds: int = field(
        default=0,
        metadata={
            "help": "0: judged on the split. 2 to 20: training and validation images judged in so many folds instead, "
            "by classifiers that saw neither their parts nor what descends from these"
        },
    )
    real: tuple[int, ...] = field(
        default=(0,),
        metadata={"help": "real images of each defect, each a point of a curve; 0 for all, as good parts always are"},
    )
    beside: tuple[int, ...] = field(
        default=(0,), metadata={"help": "samples of each label beside them, each a point of a curve; 0 for all"}
    )
    real_share: float = field(
        default=0.5,
        metadata={"help": "least share of the looks at a label that real images have where there are samples"},
    )
    pasted: int = field(default=200, metadata={"help": "defects pasted of each label for the arm copy-paste"})
    good: str = field(
        default="", metadata={"help": "label of good parts; the most frequent one without masks if not given"}
    )
    mirrored: bool = field(
        default=False,
        metadata={"help": "also the published protocol: judged on mirrored training images, which leaks; no verdict"},
    )
    apart: bool = field(
        default=True, metadata={"help": "also how well generated and real images of each label can be told apart"}
    )
    classifier: str = field(
        default="builtin",
        metadata={
            "help": "builtin, from the network that ships with Kizu; timm:NAME_OR_FOLDER with its weights; "
            "untrained:NAME, a timm network or builtin from nothing"
        },
    )
    images_seen: int = field(default=6_000, metadata={"help": "training images shown to each, repeats counted"})
    seed: int = field(default=0, metadata={"help": "the first seed; each training has the next"})
    folder: str = field(
        default="", metadata={"help": "a new folder for the report; exports/evaluate-classifier-N if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        for arm in self.arms:
            if arm not in ARMS and arm not in RECIPES:
                raise InvalidConfig(f"arms {arm!r}: choose of {', '.join((*ARMS, *RECIPES))}")
        if self.against not in ARMS or (self.arms and self.against != "classical" and self.against not in self.arms):
            raise InvalidConfig(f"against {self.against!r}: one of the arms that are trained is needed, not a recipe")
        if len(set(self.arms)) < len(self.arms):
            raise InvalidConfig(f"arms {' '.join(self.arms)!r}: each once")
        if self.split not in ("test", "validation"):
            raise InvalidConfig(f"split {self.split!r}: choose test or validation")
        if self.folds != 0 and not 2 <= self.folds <= 20:
            raise InvalidConfig(f"folds {self.folds}: 0 for the split, or 2 to 20")
        if self.folds and self.mirrored:
            raise InvalidConfig("mirrored with folds: the published protocol trains on all images; choose one of both")
        if not 1 <= self.seeds <= 100 or not 0 <= self.seed < 2**31:
            raise InvalidConfig(f"seeds {self.seeds} from seed {self.seed}: 1 to 100 seeds from 0 to {2**31 - 1}")
        for name in ("real", "beside"):
            counts = getattr(self, name)
            if not counts or len(set(counts)) < len(counts) or min(counts) < 0:
                raise InvalidConfig(f"{name} {counts}: one or more numbers from 0, each once")
        if not 0 < self.real_share < 1:
            raise InvalidConfig(f"real_share {self.real_share}: above 0 and below 1; 0.5 is usual")
        if not 0 <= self.pasted <= 100_000:
            raise InvalidConfig(f"pasted {self.pasted}: 0 to 100000")
        if self.images_seen < 1:
            raise InvalidConfig(f"images_seen {self.images_seen}: give 1 or more; 6000 is usual")


@dataclass(frozen=True, kw_only=True)
class EvaluateClassifierResult:
    """The report as numbers and as Markdown, and the folder with both, the figure and the page."""

    folder: str
    report: ContestReport
    markdown: str
    seconds: float


def evaluate_classifier(config: EvaluateClassifierConfig, context: Context) -> EvaluateClassifierResult:
    """Trains every arm and judges it; writes classifier.json, classifier.md, classifier.png and classifier.html.

    What arms have is read once, at the beginning: verdicts that come later change nothing.

    Raises:
        NotReady: no training or test images. InvalidInput: an arm that is empty, one label, a leak, too few parts for
            the folds, samples or verdicts that changed while it was stopped; each named.
        JobFailed: a training that diverged, by arm and seed. Cancelled: told to stop.
        After each of the last two the report of the seeds that all arms have stays in `partial_folder`.
    """
    began = time.monotonic()
    view = current_view(context.store)
    target = report_folder(context.store.workspace, "evaluate-classifier", config.folder)
    arms = Arms.read(
        config.pasted if "copy-paste" in (config.arms or ARMS) else 0,
        config.seed,
        view,
        context,
        splits=FOLDED if config.folds else ("train",),
        good=config.good,
    )
    if config.folds:
        test = folded_set(arms)
        refuse_repeats(test)
    else:
        test = read_test_set(config.split, arms.members.labels, view, context)
        refuse_leaks(test, arms, context.store)
    evaluation = _Evaluation(config, arms, test, context)
    partial = partial_folder(context.store.workspace, config.folder, context.job_id)
    report = evaluation.run(partial)
    write_report(report, target)
    shutil.rmtree(partial, ignore_errors=True)
    context.progress(1000, 1000)
    seconds = time.monotonic() - began
    return EvaluateClassifierResult(folder=str(target), report=report, markdown=markdown(report), seconds=seconds)


def partial_folder(workspace: Workspace, folder: str, job_id: int | None) -> Path:
    """Where the report of an evaluation that has not ended lies: beside `folder` where one was named."""
    target = export_folder(workspace, folder or f"evaluate-classifier-{job_id or 0}")
    return target.with_name(f"partial-{target.name}")


class _Evaluation:
    """One evaluation whose images are read."""

    def __init__(self, config: EvaluateClassifierConfig, arms: Arms, test: TestSet, context: Context) -> None:
        """InvalidInput for an arm that was named and cannot be trained."""
        self._config, self._arms, self._test, self._context = config, arms, test, context
        self._chosen: list[str] = []
        self._notes: list[Notice] = []
        for arm in config.arms or ARMS:
            if not (why := arms.members.missing(arm)):
                self._chosen.append(arm)
            elif config.arms:
                raise InvalidInput(why.text)
            else:
                self._notes.append(why)
        if not self._chosen:
            raise InvalidInput(self._notes[0].text)
        self._notes += _remarks(config, arms, test)
        self._severities = severities(test.images, context)

    def run(self, partial: Path) -> ContestReport:
        """The report; after each seed but the last what there is is written to `partial`."""
        trials = Trials(self._config, self._arms, self._test, staged(self._context, 0, _TRAINED))
        trials.check_members(self._chosen)

        def keep(found: Found) -> None:
            report = replace(self._report(found), partial=True)
            shutil.rmtree(partial, ignore_errors=True)
            write_report(report, partial)

        try:
            found = trials.run(self._points(), keep)
        except JobFailed as error:
            kept = f" What was complete before is in {partial}." if partial.is_dir() else ""
            raise JobFailed(f"{error}.{kept}") from error
        report = self._report(found)
        return self._told_apart(report) if self._config.apart else report

    def _points(self) -> list[Point]:
        config = self._config
        plain = [arm for arm in self._chosen if arm not in RECIPES]
        points = [
            Point(arm=arm, real=real, beside=beside)
            for real in config.real
            for arm in plain
            for beside in (config.beside if arm in WITH_SAMPLES else (0,))
        ]
        return [*points, *(Point(arm=arm) for arm in self._chosen if arm in RECIPES)]

    def _report(self, found: Found) -> ContestReport:
        config = self._config
        plain = [arm for arm in self._chosen if arm not in RECIPES]
        report = contest_report(
            found.answers,
            [image.id or 0 for image in self._test.images],
            self._arms.members.labels,
            config.classifier,
            config.against if config.against in plain else (plain or self._chosen)[0],
            self._notes,
            other_bases=dict.fromkeys(RECIPES, FIRST_RECIPE),
            folds=config.folds,
        )
        true = self._arms.members.index([image.label for image in self._arms.members.images])
        mirrored = tuple(
            mirrored_report(point.arm, found.answers[point], predicted, true, len(report.labels))
            for point, predicted in found.mirrored.items()
            if not point.real and not point.beside
        )
        return self._detected(replace(report, mirrored=mirrored), found)

    def _detected(self, report: ContestReport, found: Found) -> ContestReport:
        """The same with what each arm had, and how severe a defect must be to be found."""
        config, arms, test = self._config, self._arms, self._test
        good = arms.members.labels.index(arms.members.good) if arms.members.good else -1
        defects = test.label_index != good
        told = []
        for arm in report.arms:
            given = found.answers[arm.point]
            share = (given.predicted != good).mean(axis=0) if good >= 0 else given.right.mean(axis=0)
            point = arm.point
            trained_on = arms.trained_on(
                point.arm, real_each=point.real, beside_each=point.beside, real_share=config.real_share
            )
            curves = {
                name: detected(severity[defects], share[defects], test.part[defects])
                for name, severity in self._severities.items()
            }
            told.append(replace(arm, trained_on=trained_on, detected=curves))
        counted = f"found: not taken for {arms.members.good}" if good >= 0 else "found: named rightly"
        words = {name: f"{text}; {counted}" for name, text in SEVERITIES.items()}
        return replace(report, arms=tuple(told), severities=words, good=arms.members.good)

    def _told_apart(self, report: ContestReport) -> ContestReport:
        from augment.judge.trial import TrialConfig

        config, members = self._config, self._arms.members
        with_samples = [arm for arm in self._chosen if arm in WITH_SAMPLES or arm in RECIPES]
        chosen = np.zeros(len(members.samples), dtype=np.bool_)
        for arm in with_samples:
            chosen |= members.chosen(arm)
        trial = TrialConfig(classifier=config.classifier, images_seen=config.images_seen, seed=config.seed)
        stage = staged(self._context, _TRAINED, _APART)
        apart = generated_or_real(self._arms, chosen, trial, stage)
        return replace(report, apart=apart, notes=(*report.notes, *warnings_of(apart, report.arms)))


def _remarks(config: EvaluateClassifierConfig, arms: Arms, test: TestSet) -> list[Notice]:
    """What a reader must know of these settings and this test set."""
    remarks = []
    labels, counts = arms.members.labels, np.bincount(test.label_index, minlength=len(arms.members.labels))
    none = [label for label, count in zip(labels, counts, strict=True) if not count]
    if none:
        told = ", ".join(none)
        of_split = notice("untested_split", split=config.split, labels=told)
        remarks.append(notice("untested_folds", labels=told) if config.folds else of_split)
    few = {label: len(np.unique(test.part[test.label_index == number])) for number, label in enumerate(labels)}
    short = [f"{label} {count}" for label, count in few.items() if 0 < count < FEWEST_PARTS]
    if short:
        remarks.append(notice("few_parts_tested", labels=", ".join(short)))
    if config.folds:
        remarks += [notice("folds_flatter"), *_left_out(config, arms, test)]
    if any(config.real) and len(arms.generated):
        remarks.append(notice("generators_saw_all"))
    if config.classifier == "builtin" and not _starts_from_base(test):
        remarks.append(notice("from_nothing", least=48, most=96))
    if config.seeds < FEWEST_SEEDS:
        remarks.append(notice("few_trainings", count=config.seeds, needed=FEWEST_SEEDS))
    return remarks


def _starts_from_base(test: TestSet) -> bool:
    from augment.judge.trial import TrialConfig, starts_from

    _, *shape, channels = test.cuts.shape
    return starts_from(base_weights("encoder"), TrialConfig(), (shape[0], shape[1], channels))


def _left_out(config: EvaluateClassifierConfig, arms: Arms, test: TestSet) -> list[Notice]:
    """How many samples folds leave out, of those that descend from parts that are judged."""
    if not len(arms.generated):
        return []
    folds = test.folds(config.folds, config.seed)
    left_out = [int((~arms.members.without(fold.left_out)).sum()) for fold in folds]
    return [notice("folds_leave_out", samples=len(arms.generated), least=min(left_out), most=max(left_out))]
