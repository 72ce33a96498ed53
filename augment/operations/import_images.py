"""Import photographs: see what a source holds, then store it, in batches, so that a killed import continues.

Bytes are stored as they came. Knows the store and the importing room; no torch and no user interface.
"""

import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from augment.errors import InvalidConfig, InvalidInput
from augment.images import header_size
from augment.importing.groups import compile_pattern
from augment.importing.listing import LAYOUTS, Entry, Listing, Skipped
from augment.importing.reading import Checked, Item, check, stream
from augment.importing.survey import SurveyOptions, survey
from augment.importing.trees import Tree, open_tree
from augment.operations.context import Context
from augment.operations.views import VIEW_SETTING
from augment.store import ImageRecord, Store
from augment.views import View

__all__ = ["ImportConfig", "ImportPlan", "ImportReport", "PlanCount", "import_images", "plan_import"]

_BATCH = 64
_BATCHES_AHEAD = 2
_MOST_SIZED = 32  # pictures whose sizes a plan looks at


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """What to import and how to split it. The same fields make the form, the command line and the job."""

    source: str = field(metadata={"help": "folder, zip, parquet file or Hub id (owner/name or hf:owner/name)"})
    layout: str = field(default="auto", metadata={"help": f"auto, or one of {', '.join(LAYOUTS)}"})
    groups_csv: str | None = field(
        default=None, metadata={"help": "CSV with file, group, label columns; a groups.csv in the source is found"}
    )
    group_pattern: str | None = field(
        default=None, metadata={"help": r"regular expression on the file name whose group is the part: (part\d+)"}
    )
    keep_splits: bool = field(
        default=True, metadata={"help": "keep train, validation and test where the source names two or more of them"}
    )
    validation_share: float = field(default=0.15, metadata={"help": "share of the images to validate on, 0 to 0.5"})
    test_share: float = field(default=0.2, metadata={"help": "share of the images to test on, 0 to 0.5"})
    seed: int = field(default=0, metadata={"help": "decides which parts go to which split, 0 or more"})
    image_column: str = field(default="", metadata={"help": "tables: the picture's column, where it is not found"})
    label_column: str = field(default="", metadata={"help": "tables: the label's column, where it is not found"})

    def __post_init__(self) -> None:
        """Raise InvalidConfig if a field is outside its range."""
        if self.layout != "auto" and self.layout not in LAYOUTS:
            raise InvalidConfig(f"layout {self.layout!r}: choose auto or one of {', '.join(LAYOUTS)}")
        for name, share in (("validation_share", self.validation_share), ("test_share", self.test_share)):
            if not 0 <= share <= 0.5:
                raise InvalidConfig(f"{name} {share}: from 0 to 0.5; 0.15 and 0.2 are usual")
        if self.seed < 0:
            raise InvalidConfig(f"seed {self.seed}: 0 or more")
        if self.group_pattern:
            compile_pattern(self.group_pattern)

    def survey_options(self) -> SurveyOptions:
        """The same choices for the importing room."""
        return SurveyOptions(
            layout=self.layout,
            groups_csv=self.groups_csv or "",
            group_pattern=self.group_pattern or "",
            keep_splits=self.keep_splits,
            validation_share=self.validation_share,
            test_share=self.test_share,
            seed=self.seed,
            image_column=self.image_column,
            label_column=self.label_column,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCount:
    """One line of the dry-run table."""

    label: str
    split: str
    images: int
    groups: int
    masks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import would do. `layout_text` says the layout in words; `examples` are a few names with their labels.

    `skipped` is what the listing alone can tell; files that turn out damaged are found by the import itself.
    """

    layout: str
    layout_text: str
    images: int
    groups: int
    masks: int
    counts: tuple[PlanCount, ...]
    problems: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did. `skipped` has (name, reason) for every file that was not stored; `problems` are sentences."""

    imported: int
    already_there: int
    skipped: tuple[Skipped, ...]
    problems: tuple[str, ...]
    layout: str
    seconds: float


def plan_import(config: ImportConfig, store: Store | None = None) -> ImportPlan:
    """Look at a source without storing anything; with the store, splits are those that the import would give.

    Of a Hub dataset the tables are downloaded into the Hub client's cache. Raises NotFound or InvalidInput where there
    is nothing to import.
    """
    with open_tree(config.source) as tree:
        listing = _survey_for(config, tree, store)
        listing.problems += _size_problems(tree, listing, store)
    counts = Counter((entry.label, str(entry.split)) for entry in listing.entries)
    masks = Counter((entry.label, str(entry.split)) for entry in listing.entries if entry.mask_file is not None)
    groups: dict[tuple[str, str], set[str]] = {}
    for entry in listing.entries:
        groups.setdefault((entry.label, str(entry.split)), set()).add(entry.group)
    order = {"train": 0, "validation": 1, "test": 2}
    rows = [
        PlanCount(label=key[0], split=key[1], images=counts[key], groups=len(groups[key]), masks=masks[key])
        for key in sorted(counts, key=lambda key: (key[0], order[key[1]]))
    ]
    step = max(1, len(listing.entries) // 6)
    return ImportPlan(
        layout=listing.layout,
        layout_text=LAYOUTS[listing.layout],
        images=len(listing.entries),
        groups=len({entry.group for entry in listing.entries}),
        masks=masks.total(),
        counts=tuple(rows),
        problems=tuple(listing.problems),
        skipped=tuple(listing.skipped),
        examples=tuple((entry.name, entry.label) for entry in listing.entries[::step][:6]),
    )


def import_images(config: ImportConfig, context: Context) -> ImportReport:
    """Store every usable picture of a source that is not there yet, with label, group, split and mask.

    Each batch is committed before the next, so cancelling or a kill keeps what was done, and running it again passes
    over it by content. Files that cannot be used are skipped with their reason. Raises NotFound or InvalidInput where
    there is nothing to import, WorkspaceError where the workspace cannot be written.
    """
    started = time.monotonic()
    with open_tree(config.source) as tree:
        listing = _survey_for(config, tree, context.store)
        run = _Run(config.source, context, listing)
        run.store_all(stream(tree, listing))
    return ImportReport(
        imported=run.imported,
        already_there=run.already_there,
        skipped=tuple(listing.skipped),
        problems=tuple(listing.problems),
        layout=listing.layout,
        seconds=round(time.monotonic() - started, 3),
    )


def _survey_for(config: ImportConfig, tree: Tree, store: Store | None) -> Listing:
    if store is None:
        return survey(tree, config.survey_options())
    trained = {label for (label, split), count in store.images.counts().items() if split == "train" and count}
    return survey(tree, config.survey_options(), store.images.group_splits(), trained)


def _size_problems(tree: Tree, listing: Listing, store: Store | None) -> list[str]:
    """What the view that is there, or would be suggested, enlarges among some of the pictures, spread evenly."""
    stored = store.settings.get(VIEW_SETTING) if store is not None else None
    if not stored and any(entry.mask_file is not None for entry in listing.entries):
        return []  # the view will be cut around the masks, which are read by the import
    step = max(1, -(-len(listing.entries) // _MOST_SIZED))
    sizes: Counter[tuple[int, int]] = Counter()
    for item in stream(tree, replace(listing, entries=listing.entries[::step])):
        # What cannot be read is told by the import itself.
        with suppress(InvalidInput):
            sizes[header_size(item.load()[0])] += 1
    if not sizes:
        return []
    view = View.from_json(stored) if stored else View.fit([*sizes.elements()], grey=False)
    enlarged = view.enlarged(sizes)
    if enlarged is None:
        return []
    some = "" if step == 1 else f" (of {sizes.total()} looked at, spread over all)"
    least, most = min(map(max, sizes)), max(map(max, sizes))
    return [f"pictures of {least if least == most else f'{least} to {most}'} px{some}: {enlarged.text}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """One entry, its bytes checked and in the file store; or the image it equals; or the reason it is skipped."""

    entry: Entry
    record: ImageRecord | None = None
    known: ImageRecord | None = None
    mask_sha256: str | None = None
    reason: str = ""


class _Run:
    """One import on its way: threads read, check and store files; this thread commits the records, batch by batch."""

    def __init__(self, source: str, context: Context, listing: Listing) -> None:
        self.imported = 0
        self.already_there = 0
        self._source = source
        self._context = context
        self._listing = listing
        self._started = time.monotonic()
        self._recent: deque[dict[str, ImageRecord]] = deque(maxlen=_BATCHES_AHEAD + 2)

    def store_all(self, items: Iterator[Item]) -> None:
        """Store all items. On any error or Cancelled, what was committed stays and nothing else is visible."""
        total = len(self._listing.entries)
        done = 0
        self._context.progress(0, total)
        # More threads than cores, because most of a thread's time goes to waiting for the disk to confirm.
        pool = ThreadPoolExecutor(max_workers=min(8, 2 * (os.cpu_count() or 1)), thread_name_prefix="import")
        try:
            pending: deque[list[Future[_Prepared]]] = deque()
            while True:
                batch = [pool.submit(self._prepare, item) for item in islice(items, _BATCH)]
                if batch:
                    pending.append(batch)
                if not pending:
                    return
                if len(pending) > _BATCHES_AHEAD or not batch:
                    prepared = [future.result() for future in pending.popleft()]
                    self._commit(prepared)
                    done += len(prepared)
                    self._context.progress(done, total, self._metrics(done))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _metrics(self, done: int) -> dict[str, float]:
        seconds = max(time.monotonic() - self._started, 1e-9)
        skipped = done - self.imported - self.already_there
        return {
            "imported": float(self.imported),
            "already_there": float(self.already_there),
            "skipped": float(skipped),
            "images_per_second": done / seconds,
        }

    def _prepare(self, item: Item) -> _Prepared:
        """In a thread: hash, look whether it is there, else check it and put the files; nothing is committed here."""
        entry, store = item.entry, self._context.store
        try:
            data, mask = item.load()
            sha256 = hashlib.sha256(data).hexdigest()
            # An image's file is stored before its record, so where no file is, the database need not be asked.
            known = store.images.by_sha256(sha256) if store.files.has(sha256) else None
            mask_sha256 = None if mask is None else hashlib.sha256(mask).hexdigest()
            if known is not None:
                return _Prepared(entry=entry, known=known, mask_sha256=mask_sha256)
            checked = check(data, mask)
        except InvalidInput as error:
            return _Prepared(entry=entry, reason=str(error))
        for content in (data, mask):
            if content is not None:
                store.files.put(content)
        record = self._record(entry, sha256, mask_sha256, checked, len(data))
        return _Prepared(entry=entry, record=record, mask_sha256=mask_sha256)

    def _record(
        self, entry: Entry, sha256: str, mask_sha256: str | None, checked: Checked, size_bytes: int
    ) -> ImageRecord:
        return ImageRecord(
            sha256=sha256,
            name=entry.name,
            label=entry.label,
            group=entry.group,
            split=entry.split or "train",
            width_px=checked.width_px,
            height_px=checked.height_px,
            size_bytes=size_bytes,
            source=self._source,
            mask_sha256=mask_sha256,
        )

    def _commit(self, batch: list[_Prepared]) -> None:
        """Commit a batch's new images in one transaction; count and explain the others."""
        fresh: dict[str, ImageRecord] = {}
        self._recent.append(fresh)
        for prepared in batch:
            record, known = prepared.record, prepared.known
            if record is not None:
                # The same picture twice within the batches that were prepared together is not in the store yet.
                known = next((seen[record.sha256] for seen in self._recent if record.sha256 in seen), None)
            if prepared.reason:
                self._skip(prepared.entry, prepared.reason)
            elif known is not None:
                self._count_known(prepared, known)
            elif record is not None:
                fresh[record.sha256] = record
        if fresh:
            self._context.commit(list(fresh.values()))
            self.imported += len(fresh)

    def _count_known(self, prepared: _Prepared, known: ImageRecord) -> None:
        entry = prepared.entry
        if known.label != entry.label:
            reason = (
                f"the same picture as {known.name}, which is {known.label!r}, not {entry.label!r}: keep one of them"
            )
        elif known.source == self._source and known.name != entry.name:
            reason = f"the same picture as {known.name}: stored once"
        elif prepared.mask_sha256 is not None and known.mask_sha256 != prepared.mask_sha256:
            reason = "already there with another mask or none: the first import's mask is kept"
        else:
            self.already_there += 1
            return
        self._skip(entry, reason)

    def _skip(self, entry: Entry, reason: str) -> None:
        self._listing.skipped.append((entry.name, reason))
