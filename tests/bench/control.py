"""Control on the digits and the tiles, from import to the report, all by the product's operations at their defaults.

Rows of the table are shares, landing errors and distances, not times; the whole reports go to standard error as they
come. About an hour and a half for both on one core.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import SHARED_DATA, Measurement

DATA = {"mnist": ("digits", 60_000, 97, 0.77), "magnetic-tile": ("tiles", 48_000, 80, 0.67)}
"""Folder: what it is called, images seen by the generator, and targets: least label share in %, largest FD ratio."""


def measure() -> list[Measurement]:
    """Those data sets that are there, one after the other."""
    measured = []
    for folder, (name, images_seen, label_target, ratio_target) in DATA.items():
        if not (SHARED_DATA / folder).is_dir():
            print(f"control: {name} left out, no {folder} in {SHARED_DATA}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as workspace:
            measured += _rows(name, SHARED_DATA / folder, Path(workspace), images_seen, label_target, ratio_target)
    return measured


def _rows(
    name: str, source: Path, workspace: Path, images_seen: int, label_target: int, ratio_target: float
) -> list[Measurement]:
    from augment.jobs.inline import run_inline
    from augment.operations.embed import EmbedConfig
    from augment.operations.evaluate_control import EvaluateControlConfig, EvaluateControlResult
    from augment.operations.import_images import ImportConfig
    from augment.operations.train_ddpm import TrainDdpmConfig
    from augment.store import Store, Workspace

    began = time.monotonic()
    with Store(Workspace(workspace)) as store:
        run_inline(store, "import", ImportConfig(source=str(source)))
        run_inline(store, "embed", EmbedConfig())
        run_inline(store, "train_ddpm", TrainDdpmConfig(images_seen=images_seen))
        result: EvaluateControlResult = run_inline(store, "evaluate_control", EvaluateControlConfig())
    print(f"control of {name}, {time.monotonic() - began:.0f} s\n\n{result.markdown}", file=sys.stderr, flush=True)
    rows = []
    for one in result.report.conditions:
        title, targets = f"{name}, {one.condition}", one.condition == "label+position"
        for share, what, target in (
            (one.whole.nearer, "nearer to the own reference", "95"),
            (one.whole.labelled, "asked label", ""),
        ):
            assert share is not None
            note = f"{100 * share.low:.0f} to {100 * share.high:.0f} % of {share.count}"
            rows.append(Measurement(f"{title}: {what}", "%", [100 * share.value], target if targets else "", note))
        labels = one.per_label.values()
        least = min(100 * label.labelled.value for label in labels if label.labelled)
        most = max(label.landing.value for label in labels if label.landing)
        share_target, landing_target = (str(label_target), "1.0") if targets else ("", "")
        rows.append(Measurement(f"{title}: asked label, lowest of the labels", "%", [least], share_target))
        rows.append(Measurement(f"{title}: median landing error, largest of the labels", "", [most], landing_target))
    table = result.report.table
    assert table is not None
    label_alone, both = (table.sets[condition].frechet for condition in ("label", "label+position"))
    if label_alone and both:
        ratio = both / label_alone
        rows.append(Measurement(f"{name}: FD of label+position over FD of label", "", [ratio], str(ratio_target)))
    return rows
