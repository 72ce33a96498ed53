"""Class names as people wrote them to labels that can be compared: 'MT_Free' and 'mt_free ' are both 'free'."""

import hashlib
import unicodedata
from collections.abc import Iterable
from itertools import takewhile

__all__ = ["clean_label", "clean_labels"]

_LONGEST = 100
_SEPARATORS = "_-. "


def clean_label(raw: str) -> str:
    """NFC, lower case, control characters and slashes to spaces, spaces collapsed, 100 characters at most; or empty.

    Everything else is kept, markup too: a label is text wherever it is shown. A longer one keeps its start and gets a
    digest of the whole, so that two long labels stay two.
    """
    text = unicodedata.normalize("NFC", raw.encode("utf-8", "replace").decode()).lower()
    text = " ".join("".join(c if c.isprintable() and c not in "/\\" else " " for c in text).split())
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 11]}… {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def clean_labels(raw: Iterable[str], *, drop_prefix: bool) -> tuple[dict[str, str], list[str]]:
    """Clean labels by raw name, and sentences about what a user would not expect.

    drop_prefix: drop what all of two or more labels share up to a separator: MT_Free, MT_Crack -> free, crack.
    """
    names = sorted(set(raw))
    prefix = _shared_prefix(names) if drop_prefix else ""
    labels = {name: clean_label(name[len(prefix) :]) for name in names}
    problems = []
    by_label: dict[str, list[str]] = {}
    for name, label in labels.items():
        by_label.setdefault(label, []).append(name)
    for label, sources in by_label.items():
        if len(sources) > 1:
            problems.append(f"{' and '.join(map(repr, sources))} are one class here: {label!r}")
        if "<" in label or ">" in label:
            problems.append(f"label {label!r} looks like markup: it is kept and shown as plain text")
    return labels, problems


def _shared_prefix(names: list[str]) -> str:
    """The start up to its last separator that all names share, if every name goes on after it."""
    if len(names) < 2:
        return ""
    # Sorted, so what the first and the last share at their start is shared by all between.
    shared = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(names[0], names[-1], strict=False)))
    end = max((shared.rfind(separator) for separator in _SEPARATORS), default=-1) + 1
    prefix = shared[:end]
    return prefix if all(clean_label(name[end:]) for name in names) else ""
