"""A LoRA on cracks of the tiles: how long it takes, whether a classifier names what it draws, copies, exact resumption.

The judge saw real tiles alone. Beside the LoRA stands the built-in model without it, under the same masks at the same
seeds. About 20 minutes on 2 cores, ten of them for the training of ten times the length, which is to raise the alarm.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.measure import SHARED_DATA, Measurement
from tests.bench.named import judge_of, real_crops, right, sample_crops

DEFECT, GOOD = "crack", "free"
PHOTOGRAPHS, STEPS, BATCH = 20, 300, 4
COUNT, PLAIN = 200, 50
KILLS = 10


def measure() -> Iterator[Measurement]:
    """Each row as it is there; those of the tiles are left out where they are not there."""
    with tempfile.TemporaryDirectory() as folder:
        yield _resumed(Path(folder) / "resumed")
        if (SHARED_DATA / "magnetic-tile").is_dir():
            yield from _tiles(Path(folder) / "tiles")
        else:
            print(f"lora: tiles left out, none in {SHARED_DATA}", file=sys.stderr)


def _tiles(folder: Path) -> Iterator[Measurement]:
    from augment.jobs.inline import run_inline
    from augment.operations.import_images import ImportConfig
    from augment.operations.lora_photographs import TrainLoraConfig
    from augment.store import Store, Workspace

    folder.mkdir()
    with Store(Workspace(folder / "workspace")) as store:
        run_inline(store, "import", ImportConfig(source=str(SHARED_DATA / "magnetic-tile")))
        names = store.images.labels()
        cracks = store.images.list(split="train", label=DEFECT)[:PHOTOGRAPHS]
        config = TrainLoraConfig(
            label=DEFECT, image_ids=tuple(one.id or 0 for one in cracks), images_seen=STEPS * BATCH, batch_size=BATCH
        )
        began = time.monotonic()
        trained = run_inline(store, "train_lora", config)
        what = f"{STEPS} steps, batch {BATCH}, {PHOTOGRAPHS} cracks, with its looks and files kept"
        yield Measurement(what, "min", [(time.monotonic() - began) / 60], "5")
        halves = real_crops(store, names)
        judge = judge_of([*halves[0], *halves[1]], len(names), folder)
        apart = judge_of(halves[0], len(names), folder)
        note = f"real ones {right(apart, halves[1], names.index(DEFECT)):.0f} %"
        yield from _drawn(store, judge, names.index(DEFECT), (f"lora:{trained.model_id}",), config.prompt, note)
        yield from _drawn(store, judge, names.index(DEFECT), (), "", note)
        again = replace(config, images_seen=10 * config.images_seen, preview_every=10 * config.preview_every)
        fired = run_inline(store, "train_lora", again)
        kept = store.models.get(fired.model_id).config["kept"]
        alarm = next((one["images_seen"] / BATCH for one in kept if one["alarm"]), float("nan"))
        yield Measurement("10 times the steps: the copy alarm fires at", "steps", [alarm], f"{10 * STEPS}")


def _drawn(store: Any, judge: Any, index: int, loras: tuple[str, ...], prompt: str, note: str) -> list[Measurement]:
    """Cracks on good tiles under masks of the library: named so, label against mask, copies."""
    from augment.images import decode, decode_mask
    from augment.jobs.inline import run_inline
    from augment.judge.copying import RealDefects, look_of
    from augment.operations.redraw_batch import RedrawBatchConfig
    from augment.operations.views import load_mask, load_pixels

    known = {sample.id for sample in store.samples.list(label=DEFECT)}
    count = COUNT if loras else PLAIN
    told = {"loras": loras, "prompt": prompt, "negative_prompt": "a good part"}
    run_inline(store, "redraw_batch", RedrawBatchConfig(label=DEFECT, on=GOOD, count=count, **told))
    samples = [sample for sample in store.samples.list(label=DEFECT) if sample.id not in known]
    crops = [(index, crop) for crop in sample_crops(store, samples)]
    what = "with the LoRA" if loras else "without it"
    rows = [
        Measurement(
            f"{what}: named {DEFECT} by a judge", "%", [right(judge, crops, index)], "80" if loras else "below 20", note
        )
    ]
    if not loras:
        return rows
    overlaps, looks = [], []
    for sample in samples:
        pixels = decode(store.files.read(sample.sha256)).pixels
        size = pixels.shape[1::-1]
        drawn = decode_mask(store.files.read(sample.recipe["drawn_sha256"]), size)
        changed = decode_mask(store.files.read(sample.mask_sha256), size)
        overlaps.append(float((drawn & changed).sum() / max(1, (drawn | changed).sum())))
        looks.append(look_of(pixels, drawn))
    taught = store.images.list(split="train", label=DEFECT)[:PHOTOGRAPHS]
    real = RealDefects([look_of(load_pixels(store, one), load_mask(store, one)) for one in taught])
    copies = real.compare(looks).copied
    return [
        *rows,
        Measurement("label against drawn mask: intersection over union", "", [float(np.median(overlaps))], "0.6"),
        Measurement(f"copies among {COUNT} samples", "%", [100 * float(copies.mean())], "2 at most"),
    ]


def _resumed(folder: Path) -> Measurement:
    """Trainings of a tiny model, each stopped at a random step and resumed, against one never stopped."""
    from augment.errors import Cancelled
    from augment.operations.context import Progress
    from augment.operations.lora_photographs import TrainLoraConfig
    from augment.operations.train_lora import train_lora
    from augment.store import Store, Workspace
    from tests.latent.models import save_tiny
    from tests.operations.mapped import context_of
    from tests.operations.test_train_redraw import add_photographs

    class Stop(Progress):
        """As a kill between two steps: what was saved last is all that stays."""

        def __init__(self, at: int) -> None:
            self.left = at

        def __call__(self, step: int, total: int, metrics: Any = None, previews: Any = None) -> None:
            self.left -= 1
            if self.left == 0:
                raise Cancelled("stopped")

    folder.mkdir()
    base = str(save_tiny(folder / "model"))
    config = TrainLoraConfig(
        label="spot",
        base=base,
        images_seen=48,
        batch_size=4,
        rank=4,
        crops=2,
        preview_every=16,
        checkpoint_every=8,
        warmup_steps=1,
        precision="fp32",
    )
    equal, chance = 0, random.Random(0)
    with Store(Workspace(folder / "workspace")) as store:
        add_photographs(store)
        whole = train_lora(config, context_of(store, folder / "whole")).sha256
        for number in range(KILLS):
            context = context_of(store, folder / f"{number}")
            context.progress = Stop(chance.randint(1, config.steps - 1))
            try:
                train_lora(config, context)
            except Cancelled:
                context.progress = Progress()
                equal += train_lora(config, context).sha256 == whole
    return Measurement("resumed after a stop at a random step: equal bit by bit", f"of {KILLS}", [equal], f"{KILLS}")
