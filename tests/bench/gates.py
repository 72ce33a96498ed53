"""Gates on faults planted among 1,000 samples of the tiles: how many are found, how many fair ones are called faulty.

Fair samples are real photographs of held-out parts under their own label, which no judge and no limit has seen: what a
perfect generator would make. Rows are shares, but the last, which is time. About ten minutes, most of it the judges.
"""

import io
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bench.measure import SHARED_DATA, Measurement

SAMPLES = 1000
EACH = 60
"""Planted copies of each kind, wrong labels, empty edits and real edits."""
COPIES = ("exact", "flipped", "turned", "encoded again", "shifted by 2 px")


def measure() -> list[Measurement]:
    """On a workspace of its own."""
    from augment.jobs.inline import run_inline
    from augment.operations.gate import GateConfig
    from augment.operations.import_images import ImportConfig
    from augment.store import Store, Workspace

    source = SHARED_DATA / "magnetic-tile"
    if not source.is_dir():
        print(f"gates: left out, no magnetic-tile in {SHARED_DATA}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder, Store(Workspace(Path(folder)).create()) as store:
        run_inline(store, "import", ImportConfig(source=str(source)))
        kinds = _plant(store)
        result = run_inline(store, "gate", GateConfig())
        print(result.markdown, file=sys.stderr, flush=True)
        began = time.monotonic()
        run_inline(store, "gate", GateConfig())
        seconds = time.monotonic() - began
        return [*_rows(store, kinds), Measurement(f"gates of {result.samples} samples", "s", [seconds], "30")]


def _plant(store: Any) -> dict[str, list[int]]:
    """Ids by kind. Copies are of training images as the networks see them."""
    from augment.jobs.inline import run_inline
    from augment.operations.paste_batch import PasteBatchConfig
    from augment.operations.views import current_view, load_cut, load_mask, load_pixels

    view, chance = current_view(store), random.Random(0)
    train, held = store.images.list(split="train"), [one for one in store.images.list() if one.split != "train"]
    labels = store.images.labels()
    made: dict[str, list[Any]] = {}
    for kind in COPIES:
        copied = chance.sample(train, EACH)
        made[f"copy, {kind}"] = [_sample(store, _copied(load_cut(store, one, view), kind), one.label) for one in copied]
    wrong = chance.sample(held, EACH)
    made["wrong label"] = [
        _sample(store, load_cut(store, one, view), chance.choice([label for label in labels if label != one.label]))
        for one in wrong
    ]
    defects = [one for one in held if (mask := load_mask(store, one)) is not None and mask.any()]
    found = {kind: store.apply(records) for kind, records in made.items()}
    run_inline(store, "paste_batch", PasteBatchConfig(label="crack", on="free", count=EACH))
    edits = [one for one in store.samples.list() if one.method == "copy_paste"]
    found["edit"] = [one.id for one in edits]
    found["empty edit"] = store.apply([_emptied(store, one) for one in edits])
    # The rest are fair: each held-out defect once, and free tiles at places of their own.
    fair = [_sample(store, load_cut(store, one, view), one.label) for one in defects]
    free = [one for one in held if one not in defects]
    for number in range(SAMPLES - sum(map(len, found.values())) - len(fair)):
        one = free[number % len(free)]
        cut = view.cut(load_pixels(store, one), None, f"{one.sha256}:{number}")
        fair.append(_sample(store, cut, one.label))
    found["fair"] = store.apply(fair)
    return found


def _copied(cut: Any, kind: str) -> Any:
    if kind == "flipped":
        return cut[:, ::-1].copy()
    if kind == "turned":
        return np.rot90(cut).copy()
    if kind == "shifted by 2 px":
        return np.pad(cut, ((2, 0), (0, 2), (0, 0)), mode="edge")[:-2, 2:]
    if kind == "encoded again":
        stream = io.BytesIO()
        Image.fromarray(cut[..., 0]).save(stream, format="JPEG", quality=75)
        return np.asarray(Image.open(stream))[..., None]
    return cut


def _emptied(store: Any, edit: Any) -> Any:
    """The record of an edit over its photograph as it was, but for the noise of saving it."""
    from dataclasses import replace

    from augment.images import decode, encode_png

    below = decode(store.files.path(edit.recipe["below_sha256"])).pixels
    noise = np.random.default_rng(edit.seed).normal(0, 0.7, below.shape)
    pixels = np.clip(np.round(below + noise), 0, 255).astype(np.uint8)
    return replace(edit, id=None, sha256=store.files.put(encode_png(pixels)))


def _sample(store: Any, cut: Any, label: str) -> Any:
    from augment.images import encode_png
    from augment.store import SampleRecord

    sha256 = store.files.put(encode_png(np.ascontiguousarray(cut)))
    return SampleRecord(sha256=sha256, label=label, method="ddpm", seed=0, recipe={"method": "ddpm"})


def _rows(store: Any, kinds: dict[str, list[int]]) -> Iterator[Measurement]:
    from augment.judge.gates import GATES
    from augment.operations.gate_limits import limits_in_force

    def numbers_of(kind: str, gate: str) -> list[float]:
        return [one.numbers[gate] for one in store.gates.of(kinds[kind]).values() if gate in one.numbers]

    def failing(kind: str, gate: str, limit: float | None = None) -> tuple[float, str]:
        basis = next(iter(store.gates.of(kinds[kind]).values())).basis
        limit = limits_in_force(store, basis)[gate] if limit is None else limit
        failed = [not GATES[gate].passes(number, limit) for number in numbers_of(kind, gate)]
        return 100 * float(np.mean(failed)), f"{sum(failed)} of {len(failed)}"

    for kind, gate, target in (
        *((f"copy, {kind}", "copy", "99") for kind in COPIES),
        ("fair", "copy", "1 at most"),
        ("wrong label", "label", "90"),
        ("fair", "label", "5 at most"),
        ("empty edit", "edit", "90"),
        ("edit", "edit", "5 at most"),
    ):
        share, note = failing(kind, gate)
        yield Measurement(f"{kind}: fails the gate {gate}", "%", [share], target, note)
    # What the target asks for: the gate where it refuses a twentieth of the fair ones, wherever its limit lies.
    moved = float(np.quantile(numbers_of("fair", "label"), 0.05))
    share, note = failing("wrong label", "label", moved)
    yield Measurement("wrong label: found where 5 % of the fair ones are refused", "%", [share], "90", note)
    yield Measurement("the label gate's limit there, for which real images set another", "", [moved], "")
