"""Export photographs and accepted samples as a Hugging Face dataset: written aside, read back, then given its name.

Knows the store and the exporting room. Refuses what an evaluation could not be trusted with.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.errors import InvalidConfig, InvalidInput, JobFailed, NotReady
from augment.exporting.card import CardFacts, card
from augment.exporting.columns import SPLITS, DigitalSource, ExportRow, SplitName, features
from augment.exporting.verify import verify
from augment.exporting.writers import FORMATS, ExportFormat, Written, write
from augment.operations.aside import export_folder, written_aside
from augment.operations.context import Context
from augment.store import CONTROL, SampleRecord, Status, Store, judged, now

if TYPE_CHECKING:
    pass

__all__ = ["ExportConfig", "ExportCount", "ExportReport", "export_dataset", "export_folder", "preview_card"]

_STATUSES: tuple[Status, ...] = ("accepted", "candidate", "rejected")
_PAGE = 256
_MOST_NAMED = 10
_COMPOSITE_METHODS = ("redraw", "inpaint", "copy_paste", "cutmix", "perlin")
"""Methods whose samples keep pixels of a photograph, by the start of their name."""


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """What goes into the dataset and where it is written."""

    folder: str = field(metadata={"help": "a new folder; a name alone lies in the workspace's exports"})
    format: ExportFormat = field(default="parquet", metadata={"help": f"one of {', '.join(FORMATS)}"})
    include_real: bool = field(default=True, metadata={"help": "include the photographs"})
    statuses: tuple[Status, ...] = field(
        default=("accepted",), metadata={"help": "samples with these verdicts: accepted, candidate, rejected"}
    )
    labels: tuple[str, ...] = field(default=(), metadata={"help": "only these classes; none given means all"})
    methods: tuple[str, ...] = field(default=(), metadata={"help": "only samples of these methods; none means all"})
    push_to_hub: str | None = field(
        default=None, metadata={"help": "Hub dataset (owner/name) to send it to, as a pull request; needs a token"}
    )

    def __post_init__(self) -> None:
        """Raise InvalidConfig if a field is outside its range."""
        if not self.folder.strip():
            raise InvalidConfig("folder is empty: give a name such as tiles-2026-11")
        if self.format not in FORMATS:
            raise InvalidConfig(f"format {self.format!r}: choose one of {', '.join(FORMATS)}")
        for status in self.statuses:
            if status not in _STATUSES:
                raise InvalidConfig(f"statuses {status!r}: choose from {', '.join(_STATUSES)}")
        if not self.include_real and not self.statuses:
            raise InvalidConfig("include_real is off and statuses is empty: nothing would be exported")
        if self.push_to_hub is not None and self.push_to_hub.count("/") != 1:
            raise InvalidConfig(f"push_to_hub {self.push_to_hub!r}: owner/name, as in the dataset's address")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCount:
    """Rows of one class in one split."""

    label: str
    split: str
    synthetic: bool
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What was written and checked. labels: in the order of the ClassLabel. pull_request: its address, if pushed."""

    folder: str
    format: str
    rows: int
    bytes_written: int
    labels: tuple[str, ...]
    counts: tuple[ExportCount, ...]
    pull_request: str | None = None


def export_dataset(config: ExportConfig, context: Context) -> ExportReport:
    """Write, verify and name an export; push it if asked.

    Nothing is at the target before everything was read back. Raises InvalidInput for a folder in use, for samples whose
    parents are in another split (naming them) and for files that do not read back; NotReady if there is nothing to
    export; WorkspaceError where it cannot be written; JobFailed if only the push failed, with the folder in its place.
    """
    store = context.store
    target = export_folder(store.workspace, config.folder)
    token = _token(config, context)
    _check_names(config, store)
    _refuse_used(target)
    _refuse_leaks(config, store)
    facts = _facts(config, store)
    total = sum(facts.counts.values())
    if not total:
        raise NotReady("nothing to export with these filters: accept some samples, or include the photographs")
    splits = [split for split in SPLITS if any(key[1] == split for key in facts.counts)]
    columns = features(facts.labels)
    report = _Steps(context, 2 * total)
    with written_aside(target) as aside:
        rows_of = {split: partial(_rows, config, store, split) for split in splits}
        written = write(aside, config.format, rows_of, columns, store.files.read, report)
        (aside / "README.md").write_text(card(facts, config.format), encoding="utf-8")
        verify(aside, config.format, written.digests, facts.labels, report)
        _refuse_used(target)
    pull_request = _push(config, target, token) if config.push_to_hub and token else None
    return _report(config, target, facts, written, pull_request)


def preview_card(config: ExportConfig, store: Store) -> str:
    """The dataset card that an export with this config would write now; its folder is not looked at.

    Raises what the export would: InvalidInput for samples whose parents are in another split, InvalidConfig for unknown
    labels or methods.
    """
    _check_names(config, store)
    _refuse_leaks(config, store)
    return card(_facts(config, store), config.format)


class _Steps:
    """Reports rows written and then rows read back as one progress."""

    def __init__(self, context: Context, total: int) -> None:
        self._context = context
        self._total = total
        self._done = 0
        context.progress(0, total)

    def __call__(self, rows: int) -> None:
        self._done += rows
        self._context.progress(self._done, self._total)


def _token(config: ExportConfig, context: Context) -> str | None:
    """The token, asked for before anything is written."""
    token = context.secrets.get("hf_token") or None
    if config.push_to_hub and not token:
        raise InvalidConfig(f"push_to_hub {config.push_to_hub!r} needs a Hub token with write access: give one")
    return token


def _check_names(config: ExportConfig, store: Store) -> None:
    known = {"labels": {*store.images.labels(), *store.samples.labels()}, "methods": {*store.samples.methods()}}
    for what, chosen in (("labels", config.labels), ("methods", config.methods)):
        for name in chosen:
            if name not in known[what]:
                raise InvalidConfig(
                    f"{what} {name!r} is not in this workspace: {', '.join(sorted(known[what])) or 'none'}"
                )


def _refuse_used(target: Path) -> None:
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InvalidInput(f"{target} exists and is not empty: choose a new name, or move the old export away")


def _samples(config: ExportConfig, store: Store) -> Iterator[SampleRecord]:
    """The chosen samples in pages, by status and id."""
    for status in dict.fromkeys(config.statuses):
        offset = 0
        while page := store.samples.list(status=status, limit=_PAGE, offset=offset):
            offset += len(page)
            for sample in page:
                label_fits = not config.labels or sample.label in config.labels
                if sample.method != CONTROL and label_fits and (not config.methods or sample.method in config.methods):
                    yield sample


def _refuse_leaks(config: ExportConfig, store: Store) -> None:
    """Raise InvalidInput if a sample is in another split than a photograph it descends from, naming such samples."""
    by_group = store.images.group_splits()
    leaks = []
    for sample in _samples(config, store):
        if sample.group in by_group and by_group[sample.group] != sample.split:
            leaks.append(f"sample {sample.id} ({sample.split}) of part {sample.group} ({by_group[sample.group]})")
            continue
        for parent in sample.parents:
            image = store.images.by_sha256(parent)
            if image is None:
                leaks.append(f"sample {sample.id}: its parent {parent[:12]} is not in this workspace")
            elif image.split != sample.split:
                leaks.append(
                    f"sample {sample.id} ({sample.split}) from {image.name}, part {image.group} ({image.split})"
                )
            else:
                continue
            break
    if leaks:
        more = f" and {len(leaks) - _MOST_NAMED} more" if len(leaks) > _MOST_NAMED else ""
        raise InvalidInput(
            f"{len(leaks)} samples would carry a part from one split into another: "
            f"{'; '.join(leaks[:_MOST_NAMED])}{more}. Reject them, or choose other filters"
        )


def _rows(config: ExportConfig, store: Store, split: SplitName) -> Iterator[ExportRow]:
    """Rows of one split: photographs by id, then samples by status and id."""
    if config.include_real:
        offset = 0
        while page := store.images.list(split=split, limit=_PAGE, offset=offset):
            offset += len(page)
            for image in page:
                if not config.labels or image.label in config.labels:
                    yield ExportRow(
                        sha256=image.sha256,
                        label=image.label,
                        split=image.split,
                        group=image.group,
                        synthetic=False,
                        digital_source_type="digitalCapture",
                        mask_sha256=image.mask_sha256,
                    )
    for sample in _samples(config, store):
        if sample.split == split:
            yield _sample_row(sample, store)


def _sample_row(sample: SampleRecord, store: Store) -> ExportRow:
    verdict = store.verdicts.standing([sample.id or 0]).get(sample.id or 0)
    label_probability, taken_for = judged(sample.label, sample.probability)
    source: DigitalSource = "trainedAlgorithmicMedia"
    if sample.method.startswith(_COMPOSITE_METHODS):
        source = "compositeWithTrainedAlgorithmicMedia"
    return ExportRow(
        sha256=sample.sha256,
        label=sample.label,
        split=sample.split,
        group=sample.group or _parents_group(sample, store),
        synthetic=True,
        digital_source_type=source,
        mask_sha256=sample.mask_sha256,
        method=sample.method,
        recipe=json.dumps(sample.recipe, sort_keys=True, ensure_ascii=False),
        seed=sample.seed,
        strength_sigma=sample.strength_sigma,
        prompt=_text(sample.recipe.get("prompt")),
        base_model=_text(sample.recipe.get("base_model")),
        checkpoint_sha256=sample.checkpoint_sha256,
        source_sha256=sample.parents,
        nearest_real_distance=sample.nearest_real_distance,
        landing_error=sample.landing_error,
        label_probability=label_probability,
        taken_for=taken_for,
        verdict=verdict.decision if verdict else None,
        reviewer=verdict.reviewer if verdict else None,
        reason=verdict.reason if verdict else None,
        decided_at=verdict.decided_at if verdict else None,
    )


def _parents_group(sample: SampleRecord, store: Store) -> str:
    image = store.images.by_sha256(sample.parents[0]) if sample.parents else None
    return image.group if image is not None else ""


def _text(value: Any) -> str | None:  # noqa: ANN401 - a recipe holds any JSON value
    return value if isinstance(value, str) else None


def _facts(config: ExportConfig, store: Store) -> CardFacts:
    """Counts for the card, from one pass over all rows without their bytes."""
    counts: Counter[tuple[str, SplitName, bool]] = Counter()
    methods: Counter[str] = Counter()
    parents: set[str] = set()
    groups: set[str] = set()
    reviewers: set[str] = set()
    masks = unreviewed = 0
    for split in SPLITS:
        for row in _rows(config, store, split):
            counts[row.label, row.split, row.synthetic] += 1
            groups.add(row.group)
            masks += row.mask_sha256 is not None
            parents.update(row.source_sha256)
            if row.method is not None:
                methods[row.method] += 1
                unreviewed += row.verdict is None
            if row.reviewer:
                reviewers.add(row.reviewer)
    return CardFacts(
        name=str(store.settings.get("name") or Path(config.folder).name),
        labels=tuple(sorted({key[0] for key in counts})),
        counts=counts,
        methods=methods,
        parents=len(parents),
        groups=len(groups - {""}),
        masks=masks,
        reviewers=tuple(sorted(reviewers)),
        unreviewed=unreviewed,
        made_at=now()[:10],
        version=_version(),
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("kizu")
    except PackageNotFoundError:
        return "from source"


def _report(
    config: ExportConfig, target: Path, facts: CardFacts, written: Written, pull_request: str | None
) -> ExportReport:
    return ExportReport(
        folder=str(target),
        format=config.format,
        rows=sum(facts.counts.values()),
        bytes_written=written.bytes_written,
        labels=tuple(facts.labels),
        counts=tuple(
            ExportCount(label=label, split=split, synthetic=synthetic, rows=rows)
            for (label, split, synthetic), rows in sorted(facts.counts.items())
        ),
        pull_request=pull_request,
    )


def _push(config: ExportConfig, target: Path, token: str) -> str:
    """Send the folder as a pull request, to be merged by hand; makes the dataset, private, where it is new."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    name = str(config.push_to_hub)
    try:
        api = HfApi(token=token)
        api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        done = api.upload_folder(
            folder_path=target,
            repo_id=name,
            repo_type="dataset",
            create_pr=True,
            commit_message=f"Add {target.name}, exported with Kizu",
        )
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, httpx2.HTTPError, OSError, ValueError) as error:
        reason = str(error).replace(token, "***").strip().splitlines() or [type(error).__name__]
        raise JobFailed(
            f"{target} is complete, but was not pushed to {name}: {reason[0][:300]}; push it again"
        ) from None
    return str(done.pr_url)
