"""After the first import the view is kept."""

from pathlib import Path

import numpy as np

from augment.images import encode_png
from augment.operations.settle import keep_view
from augment.operations.views import current_view
from augment.store import ImageRecord, Store, Workspace


def test_the_suggested_view_is_stored_once(tmp_path: Path) -> None:
    with Store(Workspace(tmp_path)) as store:
        keep_view(store)
        assert store.settings.get("view") is None, "an empty workspace has nothing to suggest a view for"
        sha256 = store.files.put(encode_png(np.zeros((40, 40, 1), np.uint8)))
        record = ImageRecord(
            sha256=sha256, name="a.png", label="free", group="1", split="train", width_px=40, height_px=40,
            size_bytes=90, source="test",
        )  # fmt: skip
        store.apply([record])
        keep_view(store)
        kept = store.settings.get("view")
        assert kept == current_view(store).to_json()
        store.settings.set("view", {**kept, "side_px": 32})  # type: ignore[dict-item]
        keep_view(store)
        assert current_view(store).side_px == 32
