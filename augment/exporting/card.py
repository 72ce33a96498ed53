"""The dataset card: README.md with the front matter that the Hub and `datasets` read, and what a reader must know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augment.exporting.columns import SPLITS, SplitName
from augment.exporting.writers import METADATA_TABLE, ExportFormat

__all__ = ["CardFacts", "card"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What the card tells. counts: rows by (label, split, synthetic). methods: rows by method.

    reviewers: names of those whose verdicts are in it. unreviewed: samples without a verdict that were included.
    """

    name: str
    labels: Sequence[str]
    counts: Mapping[tuple[str, SplitName, bool], int]
    methods: Mapping[str, int]
    parents: int
    groups: int
    masks: int
    reviewers: Sequence[str]
    unreviewed: int
    made_at: str
    version: str


def card(facts: CardFacts, format: ExportFormat) -> str:  # noqa: A002 - as in `write`
    """The text of README.md."""
    from huggingface_hub import DatasetCardData

    front = DatasetCardData(**_front_matter(facts, format)).to_yaml()
    return f"---\n{front.strip()}\n---\n\n{_body(facts, format)}"


def _front_matter(facts: CardFacts, format: ExportFormat) -> dict[str, Any]:  # noqa: A002
    total = sum(facts.counts.values())
    front: dict[str, Any] = {
        "pretty_name": facts.name,
        "task_categories": ["image-classification"],
        "size_categories": [next((size for limit, size in _SIZES if total < limit), "n>1M")],
        "tags": ["synthetic", "kizu", "visual-inspection", "defect"],
    }
    if format == "save_to_disk":
        return front
    splits = [split for split in SPLITS if any(key[1] == split for key in facts.counts)]
    where = ["data/{}-*.parquet"] if format == "parquet" else ["{}/images/**", f"{{}}/{METADATA_TABLE}"]
    config: dict[str, Any] = {
        "config_name": "default",
        "data_files": [{"split": split, "path": [pattern.format(split) for pattern in where]} for split in splits],
    }
    return {**front, "configs": [config]}


def _body(facts: CardFacts, format: ExportFormat) -> str:  # noqa: A002
    real = sum(count for key, count in facts.counts.items() if not key[2])
    made = sum(facts.counts.values()) - real
    load = 'load_from_disk("FOLDER")' if format == "save_to_disk" else 'load_dataset("FOLDER")'
    function = load.partition("(")[0]
    methods = "\n".join(f"- `{method}`: {count}" for method, count in sorted(facts.methods.items())) or "- none"
    reviewers = ", ".join(_plain(name) for name in facts.reviewers) or "nobody yet"
    limits = [
        "- Generated images are for training. Measure on real images alone: filter `synthetic == False` in `test`.",
        "- A sample carries the split and group of the photographs it was made from; no group is in two splits.",
        "- `nearest_real_distance` and `landing_error` are in the feature space of the encoder that made them.",
        "- `label_probability` is what the map's classifier, fitted on training photographs alone, gives a sample's"
        " label, and `taken_for` its likeliest label. It sees what samples are steered by: it is no independent judge.",
        "- Masks mark what was annotated; no mask does not mean no defect.",
        "- Rights in the photographs are those of their owners; this card grants none.",
    ]
    if facts.unreviewed:
        limits.insert(0, f"- {facts.unreviewed} generated images have no verdict: nobody has looked at them.")
    return f"""# {_plain(facts.name)}

{real} photographs and {made} generated images of {len(facts.labels)} classes, of {facts.groups} physical parts,
exported with Kizu {facts.version} on {facts.made_at}. The bytes of every photograph are those that were imported.

```python
from datasets import {function}

dataset = {load}
```

## Classes and splits

Class order: {", ".join(f"{i} = `{_plain(label)}`" for i, label in enumerate(facts.labels))}.

{_counts_table(facts)}

{facts.masks} rows have a mask.

## Generated images

{methods}

They descend from {facts.parents} photographs (`source_sha256`). `recipe`, `seed` and `checkpoint_sha256` make each
again. Reviewed by: {reviewers}.

## Limits

{chr(10).join(limits)}
"""


def _counts_table(facts: CardFacts) -> str:
    lines = ["| class | " + " | ".join(f"{split} real | {split} generated" for split in SPLITS) + " |"]
    lines.append("|---" + "|---:" * (2 * len(SPLITS)) + "|")
    for label in facts.labels:
        cells = [str(facts.counts.get((label, split, made), 0)) for split in SPLITS for made in (False, True)]
        lines.append(f"| {_plain(label)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text that Markdown and HTML show as it is: a label may hold markup, and a card is a web page."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
    return escaped.replace("|", "\\|").replace("[", "\\[").replace("\n", " ")
