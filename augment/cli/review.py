"""`kizu review`: verdicts without a page, each as durable as one made with a key."""

import argparse
import getpass
import sys
from collections.abc import Sequence
from uuid import uuid4

from augment.cli import Command
from augment.cli.forms import LazyParser
from augment.cli.terminal import table, write_json
from augment.cli.workspaces import owned, read
from augment.errors import NotFound
from augment.store import SampleRecord, Store, VerdictRecord, judged

__all__ = ["fill", "run"]

_BATCH = 500


def fill(parser: LazyParser, command: Command) -> None:
    """Add the actions, of which one is done (listing by default), and the filters."""
    what = parser.add_argument_group("what to do, one of").add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the samples that pass the filters (default)")
    what.add_argument("--accept", type=int, nargs="+", metavar="ID", help="accept these samples")
    what.add_argument("--reject", type=int, nargs="+", metavar="ID", help="reject these samples")
    what.add_argument("--accept-all", action="store_true", help="accept every candidate that passes the filters")
    what.add_argument("--reject-all", action="store_true", help="reject every candidate that passes the filters")
    what.add_argument("--undo", type=int, nargs="?", const=1, metavar="N", help="take back your last N verdicts (1)")
    chosen = parser.add_argument_group("filters, for listing, --accept-all and --reject-all")
    chosen.add_argument("--status", choices=("candidate", "accepted", "rejected"), help="only these (lists; any)")
    chosen.add_argument("--label", metavar="TEXT", help="only this label")
    chosen.add_argument("--method", metavar="TEXT", help="only this method, such as ddpm")
    chosen.add_argument("--job", type=int, metavar="ID", help="only samples of this job")
    chosen.add_argument(
        "--max-landing-error",
        type=float,
        metavar="X",
        help="only samples that landed at most this far from the place asked for, in median neighbour distances",
    )
    chosen.add_argument(
        "--min-real-distance",
        type=float,
        metavar="X",
        help="only samples at least this far from the nearest photograph, which leaves out copies",
    )
    chosen.add_argument(
        "--min-label-probability",
        type=float,
        metavar="X",
        help="only samples that the map's classifier gives their label at least this probability, 0 to 1",
    )
    chosen.add_argument("--limit", type=int, metavar="N", help="at most so many, the oldest first")
    signed = parser.add_argument_group("verdict")
    signed.add_argument("--reason", default="", metavar="TEXT", help="reason kept with each verdict")
    signed.add_argument("--reviewer", default=None, metavar="NAME", help="who decides (default: your login name)")


def run(options: argparse.Namespace) -> int:
    """Do what was asked. Raises NotFound for unknown ids; then nothing was decided."""
    reviewer = options.reviewer or _login_name()
    if options.undo is not None:
        if options.undo < 1:
            options.parser.error(f"--undo {options.undo}: 1 or more is needed")
        with owned(options) as store:
            return _undo(options, store, reviewer)
    if options.accept or options.reject or options.accept_all or options.reject_all:
        decision = "accepted" if options.accept or options.accept_all else "rejected"
        with owned(options) as store:
            ids = options.accept or options.reject
            chosen = _named(store, ids) if ids else _filtered(store, options, "candidate")
            batch = f"cli:{uuid4()}" if len(chosen) > 1 else ""
            verdicts = [
                VerdictRecord(
                    sample_id=sample.id or 0,
                    decision=decision,  # type: ignore[arg-type]
                    reviewer=reviewer,
                    reason=options.reason,
                    batch=batch,
                )
                for sample in chosen
            ]
            for start in range(0, len(verdicts), _BATCH):
                store.verdicts.add_many(verdicts[start : start + _BATCH])
            return _report(options, decision, [verdict.sample_id for verdict in verdicts], store)
    with read(options) as store:
        return _list(options, _filtered(store, options, options.status))


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A container's user may have no name.
        return "reviewer"


def _named(store: Store, ids: Sequence[int]) -> list[SampleRecord]:
    found = store.samples.get_many(ids)
    missing = sorted(set(ids) - {sample.id for sample in found})
    if missing:
        raise NotFound(f"sample {missing[0]} is not in this workspace: `kizu review --list` shows those that are")
    return found


def _filtered(store: Store, options: argparse.Namespace, status: str | None) -> list[SampleRecord]:
    samples = store.samples.list(status=status, label=options.label, method=options.method, job_id=options.job)  # type: ignore[arg-type]
    known = store.images.labels()
    if options.label and options.label not in known and not samples:
        raise NotFound(f"label {options.label!r} is not in this workspace: {', '.join(known) or 'it has none'}")
    least, real = options.min_label_probability, options.min_real_distance
    kept = [
        sample
        for sample in samples
        if _at_least(real, sample.nearest_real_distance)
        and _at_least(least, judged(sample.label, sample.probability)[0])
        and _at_most(options.max_landing_error, sample.landing_error)
    ]
    return kept[: options.limit]


def _at_least(limit: float | None, value: float | None) -> bool:
    return limit is None or (value is not None and value >= limit)


def _at_most(limit: float | None, value: float | None) -> bool:
    return limit is None or (value is not None and value <= limit)


def _undo(options: argparse.Namespace, store: Store, reviewer: str) -> int:
    undone = []
    for _ in range(options.undo):
        verdict = store.verdicts.undo(reviewer)
        if verdict is None:
            break
        undone.append(verdict.sample_id)
    if not undone:
        raise NotFound(f"{reviewer} has no verdict to take back here: --reviewer names another reviewer")
    return _report(options, "undone", undone, store)


def _report(options: argparse.Namespace, decision: str, ids: Sequence[int], store: Store) -> int:
    counts = store.samples.counts()
    if options.json:
        write_json({"decision": decision, "sample_ids": list(ids), "counts": counts})
    else:
        now = ", ".join(f"{count} {status}" for status, count in counts.items())
        sys.stdout.write(f"{decision}: {len(ids)} (now {now})\n")
    return 0


def _list(options: argparse.Namespace, samples: Sequence[SampleRecord]) -> int:
    names = ("id", "status", "label", "method", "seed", "landing_error", "nearest_real_distance", "nearest_image_id")
    judgements = [judged(sample.label, sample.probability) for sample in samples]
    if options.json:
        write_json(
            [
                {name: getattr(sample, name) for name in (*names, "sha256")}
                | {"label_probability": own, "taken_for": top}
                for sample, (own, top) in zip(samples, judgements, strict=True)
            ]
        )
    elif samples:
        table(
            [*(name.replace("_", " ") for name in names), "label probability", "taken for"],
            [
                [*(getattr(sample, name) for name in names), *judgement]
                for sample, judgement in zip(samples, judgements, strict=True)
            ],
        )
    else:
        sys.stdout.write("no samples: `kizu generate` makes some, or loosen the filters\n")
    return 0
