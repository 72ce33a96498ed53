"""The tab Variations: a photograph noised to a strength and drawn again. See `components/variations.py`."""

import time

from ui.components.variations import variations
from ui.state import Desks, TabParts


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    page = variations()

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
