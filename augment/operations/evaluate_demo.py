"""Make the evaluation that ships with the demo: `kizu evaluate demo`, after `kizu train demo`.

It builds the demo that ships in a workspace of its own inside the job's folder and evaluates it there as a user would.
Imports torch only when it runs.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from augment.operations.configs import to_json
from augment.operations.context import Context
from augment.operations.demo import DEMO_ASSETS, build_demo
from augment.operations.demo_assets import pack_evaluation
from augment.operations.evaluate_classifier import EvaluateClassifierConfig, evaluate_classifier
from augment.store import Store, Workspace

__all__ = ["EvaluateDemoConfig", "EvaluateDemoResult", "evaluate_demo"]

_ARMS = ("real", "classical", "copy-paste", "generated")
_CLASSIFIER = "untrained:builtin"
"""The network that ships with Kizu has learned from drawings like the demo's, and names all whatever is added."""


@dataclass(frozen=True, kw_only=True)
class EvaluateDemoConfig:
    """How long the demo's samples are put to the proof, and where the result goes."""

    seeds: int = field(default=5, metadata={"help": "trainings of each arm, 1 to 100"})
    images_seen: int = field(default=6_000, metadata={"help": "training images shown to each, repeats counted"})
    folder: str = field(default="", metadata={"help": "a packed demo; the project's assets/demo if empty"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        EvaluateClassifierConfig(seeds=self.seeds, images_seen=self.images_seen)


@dataclass(frozen=True, kw_only=True)
class EvaluateDemoResult:
    """The folder written into, and the report as Markdown."""

    folder: str
    markdown: str


def evaluate_demo(config: EvaluateDemoConfig, context: Context) -> EvaluateDemoResult:
    """Evaluates and packs; `context.store` is not touched.

    Raises what evaluate_classifier raises, and Cancelled: resumed, trainings that are done are kept.
    """
    folder = Path(config.folder) if config.folder else DEMO_ASSETS
    root = context.job_folder / "workspace"
    build_demo(root, folder)
    with Store(Workspace(root)) as store:
        asked = EvaluateClassifierConfig(
            arms=_ARMS, classifier=_CLASSIFIER, seeds=config.seeds, images_seen=config.images_seen
        )
        home = context.job_folder / "evaluation"
        inside = Context(store=store, commit=store.apply, job_folder=home, progress=context.progress)
        result = evaluate_classifier(asked, inside)
        pack_evaluation(store, asdict(asked), to_json(result), folder)
    return EvaluateDemoResult(folder=str(folder), markdown=result.markdown)
