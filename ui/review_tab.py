"""The tab Review: samples beside their nearest real image, decided with keys. See `components/review_grid.py`."""

import time

from ui.components.review_grid import review_grid
from ui.state import Desks, TabParts


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    page = review_grid()

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
