"""Make what is planned: all batches of a plan in one job, into the review.

The plan is kept in the job's folder, so that a stopped job goes on with the one it had. No torch of its own.
"""

import json
from dataclasses import dataclass, replace

from augment.errors import NotReady
from augment.operations.configs import config_from_json, to_json
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.plan import Batch, PlanConfig, batches_table, plan

__all__ = ["MakePlanResult", "PlanConfig", "make_plan"]


@dataclass(frozen=True, kw_only=True)
class MakePlanResult:
    """The batches that were made, and how many samples they are."""

    batches: tuple[Batch, ...]
    samples: int
    markdown: str = ""


def make_plan(config: PlanConfig, context: Context) -> MakePlanResult:
    """Plans and generates. NotReady as `plan`, or for an empty plan; Cancelled: what was made is kept."""
    from augment.operations import find_operation

    batches = _kept_plan(config, context)
    for number, batch in enumerate(batches):
        if _is_made(batch, context):
            continue
        operation = find_operation(batch.operation)
        stage = staged(context, 1000 * number // len(batches), 1000 // len(batches))
        own = replace(stage, job_folder=context.job_folder / f"batch-{number}")
        operation.load()(config_from_json(operation.config_type, batch.config), own)
    context.progress(1000, 1000)
    samples = sum(batch.count for batch in batches)
    return MakePlanResult(batches=batches, samples=samples, markdown=batches_table(batches))


def _kept_plan(config: PlanConfig, context: Context) -> tuple[Batch, ...]:
    """The plan of this job; that of a stopped one is read again, because what it has made may change it."""
    kept = context.job_folder / "plan.json"
    if kept.is_file():
        return tuple(config_from_json(Batch, batch) for batch in json.loads(kept.read_text(encoding="utf-8")))
    batches = plan(config, context).batches
    if not batches:
        raise NotReady("there is nothing to plan: no label that can be generated has training images on the map")
    kept.parent.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_suffix(".part")
    unfinished.write_text(json.dumps(to_json(batches)), encoding="utf-8")
    unfinished.replace(kept)
    return batches


def _is_made(batch: Batch, context: Context) -> bool:
    """Whether a stopped run of this job has committed all of a batch."""
    made = {row.seed for row in context.store.samples.rows(job_id=context.job_id)} if context.job_id else set()
    return made.issuperset(range(batch.config["seed"], batch.config["seed"] + batch.count))
