"""The tab Inpaint: draw where the defect goes, and get it drawn. See `components/mask_canvas.py`."""

import time

from ui.components.mask_canvas import mask_canvas
from ui.state import Desks, TabParts


def build(desks: Desks) -> TabParts:
    """Build the tab; `desks` is asked by the routes, not here."""
    page = mask_canvas()

    def look_again() -> dict[str, float]:
        return {"at": time.time()}

    return TabParts(refresh=[(look_again, [], [page])])
