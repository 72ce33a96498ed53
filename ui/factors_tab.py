"""The tab Factors: sliders for what a model of factors has learned. See `components/factors.py`."""

import time

from ui.components.factors import factors
from ui.state import Desks, TabParts


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    page = factors()

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
