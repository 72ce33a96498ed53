"""What the commands write: results and tables on standard output, everything else on standard error."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from augment.operations import to_json
from augment.operations.context import Previews, Progress

__all__ = ["ProgressLine", "duration", "note", "table", "write_json", "write_result"]

_TERMINAL_SECONDS = 0.2
_LOG_SECONDS = 5.0
_SHOWN_ITEMS = 10


def note(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write_json(value: object) -> None:
    """A value as one JSON document on standard output."""
    json.dump(to_json(value), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def write_result(result: Mapping[str, Any]) -> None:
    """A result's fields, one a line; of long lists the first ten items. A result with "markdown" is shown by that, its
    nested fields left to --json."""
    if "markdown" in result:
        sys.stdout.write(f"{result['markdown']}\n")
        result = {name: value for name, value in result.items() if name != "markdown" and _is_plain(value)}
    for name, value in result.items():
        if isinstance(value, Mapping):
            sys.stdout.write(
                f"{_words(name)}: {', '.join(f'{_words(key)} {_number(item)}' for key, item in value.items())}\n"
            )
        elif isinstance(value, list) and (not value or isinstance(value[0], (list, tuple, Mapping, str))):
            sys.stdout.write(f"{_words(name)}: {len(value)}\n" if len(value) != 1 else f"{_words(name)}:\n")
            for item in value[:_SHOWN_ITEMS]:
                sys.stdout.write(f"  {_item(item)}\n")
            if len(value) > _SHOWN_ITEMS:
                sys.stdout.write(f"  ... and {len(value) - _SHOWN_ITEMS} more (--json lists all)\n")
        elif isinstance(value, list):
            more = f" ... ({len(value)})" if len(value) > _SHOWN_ITEMS else ""
            sys.stdout.write(f"{_words(name)}: {' '.join(_number(item) for item in value[:_SHOWN_ITEMS])}{more}\n")
        else:
            sys.stdout.write(f"{_words(name)}: {_number(value)}\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings, columns as wide as their content."""
    texts = [[("" if cell is None else _number(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for row in (list(columns), *texts):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{line.rstrip()}\n")


def duration(seconds: float) -> str:
    """Seconds in words: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


class ProgressLine(Progress):
    """One line on standard error: overwritten on a terminal, otherwise a new one about every five seconds."""

    def __init__(
        self,
        title: str,
        eta_seconds: Callable[[int, int], float | None],
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """eta_seconds: told (step, total), says how long is left."""
        self._title = title
        self._eta_seconds = eta_seconds
        self._stream = stream or sys.stderr
        self._clock = clock
        self._terminal = self._stream.isatty()
        self._next = clock()
        self._open = False

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        """Show how far the operation is."""
        left = self._eta_seconds(step, total)
        now = self._clock()
        if now < self._next and step < total:
            return
        self._next = now + (_TERMINAL_SECONDS if self._terminal else _LOG_SECONDS)
        share = f"{100 * step / total:3.0f} %" if total else ""
        parts = [self._title, share, f"{step:,}/{total:,}" if total else f"{step:,}"]
        parts += [f"{name} {value:.4g}" for name, value in (metrics or {}).items()]
        if left is not None and step < total:
            parts.append(f"{duration(left)} left")
        text = "  ".join(part for part in parts if part)
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:width]:<{width}}")
            self._open = True
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line, so that what follows begins a new one."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float))


def _item(item: object) -> str:
    if isinstance(item, Mapping) and "text" in item:
        return str(item["text"])
    return ": ".join(map(str, item)) if isinstance(item, (list, tuple)) else str(item)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
