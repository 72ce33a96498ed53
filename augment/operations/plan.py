"""What to generate next: for which label, where, how many and by which method, from what the classifier gets wrong.

Every label gets a share, good parts as well: a classifier that sees one label generated and another photographed learns
"generated". Reads the map and the store; no torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from augment.errors import InvalidConfig, NotReady
from augment.features.atlas import Atlas
from augment.notices import Notice, NoticeKey, notice
from augment.operations.context import Context
from augment.operations.generators import load_map
from augment.operations.mask_library import marked_labels
from augment.operations.propose import ProposeConfig, boundary_places
from augment.operations.redraw_models import WORKSPACE
from augment.operations.train_ddpm import fit_fingerprint
from augment.operations.troubles import Trouble, find_troubles
from augment.store import ImageRecord, ModelRecord, Store

__all__ = ["Batch", "MethodOrAuto", "PlanConfig", "PlanResult", "batches_table", "plan", "shares"]

Method = Literal["generate", "redraw_batch", "paste_batch"]
MethodOrAuto = Literal["auto", "generate", "redraw_batch", "paste_batch"]

_EVEN = 0.5
"""Share of the samples that all labels get alike; the rest goes where the classifier is wrong."""
_PLACES, _WORST_TOLD = 8, 6


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """How many samples are planned."""

    count: int = field(default=300, metadata={"help": "samples in all, 10 to 100000"})
    method: MethodOrAuto = field(
        default="auto",
        metadata={"help": "auto: the generator where one is trained, else re-drawing, else pasting real defects"},
    )
    seed: int = field(default=0, metadata={"help": "seed of the first sample"})

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        if not 10 <= self.count <= 100_000:
            raise InvalidConfig(f"count {self.count}: 10 to 100000")
        if self.method not in ("auto", "generate", "redraw_batch", "paste_batch"):
            raise InvalidConfig(f"method {self.method!r}: auto, generate, redraw_batch or paste_batch")
        if not 0 <= self.seed < 2**31:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**31 - 1}")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One run of an operation with its config, and why it is planned."""

    operation: Method
    label: str
    count: int
    config: Mapping[str, Any]
    why: Notice


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """What is wrong, the worst label first; what to make; and what a reader must know of it."""

    troubles: tuple[Trouble, ...]
    batches: tuple[Batch, ...]
    notes: tuple[Notice, ...] = ()
    markdown: str = ""


def plan(config: PlanConfig, context: Context) -> PlanResult:
    """Reads the map's verdicts out of fold. NotReady without a map, or without anything that can generate."""
    store = context.store
    projection = store.projections.latest()
    if projection is None:
        raise NotReady("this workspace has no map: build it first (embed)")
    atlas = load_map(context, projection)
    maker = _Maker.of(config, atlas, store)
    troubles = find_troubles(atlas)
    able = [one for one in troubles if one.label in maker.labels]
    counts = shares(able, config.count)
    batches: list[Batch] = []
    seed = config.seed
    for trouble in able:
        for batch in maker.batches(trouble, counts[trouble.label], seed):
            batches.append(batch)
            seed += batch.count
    notes = [
        notice("plan_cannot_make", method=maker.method, label=one.label)
        for one in troubles
        if one.label not in maker.labels
    ]
    told = [_troubles_table(troubles), batches_table(batches), *(f"- {note.text}\n" for note in notes)]
    return PlanResult(troubles=troubles, batches=tuple(batches), notes=tuple(notes), markdown="\n".join(told))


def _troubles_table(troubles: Sequence[Trouble]) -> str:
    lines = ["| label | named wrongly | most as | worst images |", "|---|---|---|---|"]
    for one in troubles:
        worst = ", ".join(str(pair.image_id) for pair in one.worst[:_WORST_TOLD])
        lines.append(f"| {one.label} | {one.wrong} of {one.images} | {one.rival or ''} | {worst} |")
    return "\n".join([*lines, ""])


def batches_table(batches: Sequence[Batch]) -> str:
    """Markdown: what is made of which label, and why."""
    lines = ["| samples | label | made by | why |", "|---|---|---|---|"]
    lines += [f"| {one.count} | {one.label} | {one.operation} | {one.why.text} |" for one in batches]
    return "\n".join([*lines, ""])


def shares(troubles: Sequence[Trouble], count: int) -> dict[str, int]:
    """Samples of each label: half of all alike, half by the share of its images that are wrong."""
    if not troubles:
        return {}
    wrong = np.array([one.wrong / one.images for one in troubles])
    # Where nothing is wrong all get alike.
    by_wrong = wrong / wrong.sum() if wrong.sum() else np.full(len(wrong), 1 / len(wrong))
    exact = count * (_EVEN / len(troubles) + (1 - _EVEN) * by_wrong)
    whole = np.floor(exact).astype(int)
    for row in np.argsort(whole - exact, kind="stable")[: count - int(whole.sum())]:
        whole[row] += 1
    return {one.label: int(number) for one, number in zip(troubles, whole, strict=True)}


@dataclass(frozen=True, eq=False, kw_only=True)
class _Maker:
    """How samples are made here. labels: what can be made. good: the label that most good parts have, "" where there is
    none. masked: labels of defects that have masks. places: whether the generator can be asked for a place here."""

    method: Method
    labels: tuple[str, ...]
    good: str
    masked: tuple[str, ...]
    atlas: Atlas
    places: bool

    @classmethod
    def of(cls, config: PlanConfig, atlas: Atlas, store: Store) -> "_Maker":
        """Of the method asked for; NotReady with the next step where it cannot make anything."""
        images = store.images.list(split="train")
        labels = _by_frequency(images)
        masked = marked_labels(images, store)
        good = next((label for label in labels if label not in masked), "")
        models: dict[Method, ModelRecord | None] = {
            "generate": store.models.latest("ddpm"),
            "redraw_batch": store.models.latest("redraw") if masked else None,
        }
        able: dict[Method, tuple[str, ...]] = {
            **{name: tuple(model.config["labels"]) for name, model in models.items() if model is not None},
            "paste_batch": masked,
        }
        method = _method(config, able)
        generator = models["generate"]
        return cls(
            method=method,
            labels=able[method],
            good=good,
            masked=masked,
            atlas=atlas,
            places=method == "generate" and generator is not None and _knows(generator, atlas),
        )

    def batches(self, trouble: Trouble, count: int, seed: int) -> list[Batch]:
        """Half where a label meets its rival, half all over the label; by masks where that is how samples are made."""
        if not count:
            return []
        if self.method == "generate":
            return self._generated(trouble, count, seed)
        fields = {"label": trouble.label, "count": count, "seed": seed, "on": self.good}
        why = _wrong("plan_wrong", trouble)
        if self.method == "redraw_batch":
            fields |= {"model": WORKSPACE}
            if trouble.label not in self.masked:
                fields |= {"mask_label": self.masked[0]}
                why = _wrong("plan_good", trouble)
        return [Batch(operation=self.method, label=trouble.label, count=count, config=fields, why=why)]

    def _generated(self, trouble: Trouble, count: int, seed: int) -> list[Batch]:
        at_boundary = count // 2 if self._meets(trouble) else 0
        made = []
        if at_boundary:
            boundary = [trouble.label, trouble.rival, min(_PLACES, at_boundary)]
            fields = {"label": trouble.label, "count": at_boundary, "seed": seed, "boundary": boundary}
            why = _wrong("plan_boundary", trouble)
            made.append(Batch(operation="generate", label=trouble.label, count=at_boundary, config=fields, why=why))
        rest = count - at_boundary
        fields = {"label": trouble.label, "count": rest, "seed": seed + at_boundary}
        alike = notice("plan_alike")
        return [*made, Batch(operation="generate", label=trouble.label, count=rest, config=fields, why=alike)]

    def _meets(self, trouble: Trouble) -> bool:
        """Whether there is a place between a label with errors and its rival to ask for."""
        if not self.places or not trouble.wrong or trouble.rival is None:
            return False
        return bool(boundary_places(self.atlas, ProposeConfig(labels=(trouble.label, trouble.rival), count=1)).places)


def _wrong(key: NoticeKey, trouble: Trouble) -> Notice:
    """Why samples of a label are planned, with what is wrong about it."""
    rival = trouble.rival or ""
    return notice(key, label=trouble.label, wrong=trouble.wrong, images=trouble.images, rival=rival)


def _method(config: PlanConfig, able: Mapping[Method, tuple[str, ...]]) -> Method:
    if config.method == "auto":
        for name, labels in able.items():
            if labels:
                return name
        raise NotReady("nothing here can generate: train a generator (train ddpm), or import images with masks")
    if not able.get(config.method):
        steps = {
            "generate": "train a generator first (train ddpm)",
            "redraw_batch": "import images with masks and train a re-drawing model first (train redraw)",
            "paste_batch": "import images with masks",
        }
        raise NotReady(f"method {config.method}: {steps[config.method]}")
    return config.method


def _knows(generator: ModelRecord, atlas: Atlas) -> bool:
    """Whether a generator can be asked for a place on this map."""
    return generator.config["condition"] != "label" and bool(generator.config["fit"] == fit_fingerprint(atlas))


def _by_frequency(images: Sequence[ImageRecord]) -> tuple[str, ...]:
    """Their labels, the most frequent first."""
    labels = [one.label for one in images]
    return tuple(sorted(set(labels), key=lambda label: (-labels.count(label), label)))
