"""The demo workspace: the drawn data set with the models, map and samples that ship with the project.

Opens in seconds and imports no torch: pictures are drawn here, everything else is unpacked from `assets/demo`. What is
in there was made by `kizu train demo` (see `train_demo`) with the operations of any other workspace.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from augment.errors import WorkspaceError
from augment.images import encode_png
from augment.operations.demo_assets import unpack_demo
from augment.store import Change, ImageRecord, Store, Workspace
from augment.surfaces.demo_set import DemoImage, DemoSetConfig, draw_demo_set
from augment.views import View, mask_side

__all__ = ["DEMO_ASSETS", "build_demo", "import_demo_set"]

DEMO_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "demo"
"""The shipped models, map and samples."""

_READY = "demo_ready"
_SOURCE = "augment/surfaces, drawn"


def build_demo(root: Path, assets: Path = DEMO_ASSETS) -> None:
    """Write the demo workspace into the folder `root`; nothing is done if it is there already.

    assets: folder written by `pack_demo`; where it holds nothing, the workspace has pictures and a view alone.
    A build that was cut short is completed. Raises WorkspaceError if another workspace is in that folder, or it cannot
    be written.
    """
    with Store(Workspace(root)) as store:
        if store.settings.get(_READY):
            return
        if store.images.count() and store.settings.get("name") != "demo":
            raise WorkspaceError(f"{root} holds another workspace: name an empty folder for the demo")
        import_demo_set(store)
        unpack_demo(store, assets)
        store.settings.set(_READY, True)


def import_demo_set(store: Store, config: DemoSetConfig | None = None) -> None:
    """Draw the data set into an open workspace: images, masks, groups, splits, the view, name and seed."""
    config = DemoSetConfig() if config is None else config
    store.settings.set("name", "demo")
    store.settings.set("seed", config.seed)
    with ThreadPoolExecutor(max_workers=1) as writer:
        # Encoding and hashing go on while the next part is drawn.
        waiting = [writer.submit(_encoded, image) for image in draw_demo_set(config)]
        encoded = [item.result() for item in waiting]
    sides = [side for side, record, _, _ in encoded if side is not None and record["split"] == "train"]
    store.settings.set("view", demo_view(sides).to_json())
    names = store.files.put_many([data for _, _, data, _ in encoded])
    masks = iter(store.files.put_many([mask for _, _, _, mask in encoded if mask is not None]))
    changes: list[Change] = [
        ImageRecord(sha256=sha256, mask_sha256=None if mask is None else next(masks), **fields)
        for sha256, (_, fields, _, mask) in zip(names, encoded, strict=True)
    ]
    store.apply(changes)


def demo_view(mask_sides_px: list[int]) -> View:
    """Squares of 48 px around the defects, grey: half the training of 64 px, and cracks still thin and whole.

    mask_sides_px: `mask_side` of the training masks at that margin.
    """
    fitted = View.fit([(_SIDE, _SIDE)], grey=True, mask_sides_px=mask_sides_px, margin=_MARGIN)
    return View(kind="mask", side_px=_SIDE, colour="grey", margin=_MARGIN, mask_sides_px=fitted.mask_sides_px)


# Cracks are up to 90 px long: a wider margin would shrink them below a pixel's width.
_MARGIN = 1.25
_SIDE = 48


def _encoded(image: DemoImage) -> tuple[int | None, dict[str, Any], bytes, bytes | None]:
    """Side of the mask's square, the record's fields, the picture and the mask as PNG."""
    data = encode_png(image.pixels)
    fields = {
        "name": image.name,
        "label": image.label,
        "group": image.group,
        "split": image.split,
        "width_px": image.pixels.shape[1],
        "height_px": image.pixels.shape[0],
        "size_bytes": len(data),
        "source": _SOURCE,
    }
    side = mask_side(image.mask, _MARGIN)
    return side, fields, data, None if side is None else encode_png(image.mask)
