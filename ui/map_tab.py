"""The tab Map: where the images lie in feature space, and "generate here". See `components/scatter.py`."""

import time

from ui.components.scatter import scatter_map
from ui.state import Desks, TabParts


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    page = scatter_map()

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
