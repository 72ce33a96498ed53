"""The tab Evaluate: whether samples help a classifier. See `components/evaluate.py`."""

import time

from ui.components.evaluate import evaluate
from ui.state import Desks, TabParts


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    page = evaluate()

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
