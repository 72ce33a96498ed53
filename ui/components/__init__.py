"""Own components: factories that return a `gr.HTML`, with script and style sheet in files beside them."""

from pathlib import Path

_HERE = Path(__file__).parent


def asset(name: str) -> str:
    """Text of a `.js` or `.css` file of this folder."""
    return (_HERE / name).read_text(encoding="utf-8")
