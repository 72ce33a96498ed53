"""What the owner of the workspace does once an operation is done. Knows the store; starts nothing."""

from augment.operations.views import VIEW_SETTING, suggest_view
from augment.store import Store

__all__ = ["keep_view"]


def keep_view(store: Store) -> None:
    """Store the suggested view after the first import, so that later ones do not change what networks see."""
    if store.settings.get(VIEW_SETTING) is None and store.images.count():
        store.settings.set(VIEW_SETTING, suggest_view(store).to_json())
