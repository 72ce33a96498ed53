"""Variations and CutMix: how long a click takes, whether strength rules similarity, and whether seams vanish.

Variations by the generator that ships with the demo; the click at 64 px by a hardly trained one on the tiles, which
takes as long as any. Seams by the built-in re-drawing model between tiles. About 10 minutes on 2 cores.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.measure import SHARED_DATA, Measurement

IMAGES, STRENGTHS = 100, 10
PAIRS, ROUNDS = 100, 5


def measure() -> Iterator[Measurement]:
    """Each row as it is there; those of the tiles are left out where they are not there."""
    with tempfile.TemporaryDirectory() as folder:
        yield _monotone(Path(folder) / "demo")
        if not (SHARED_DATA / "magnetic-tile").is_dir():
            print(f"variations: tiles left out, none in {SHARED_DATA}", file=sys.stderr)
            return
        from augment.jobs.inline import run_inline
        from augment.operations.import_images import ImportConfig
        from augment.store import Store, Workspace

        with Store(Workspace(Path(folder) / "tiles")) as store:
            run_inline(store, "import", ImportConfig(source=str(SHARED_DATA / "magnetic-tile")))
            yield _click(store, Path(folder) / "click")
            yield from _seams(store, Path(folder) / "seams")


def _monotone(folder: Path) -> Measurement:
    """Spearman's correlation of strength and similarity over ten strengths, its median over photographs."""
    from scipy.stats import spearmanr

    from augment.ddpm.schedule import step_to_sigma
    from augment.operations.demo import build_demo
    from augment.operations.vary import VaryConfig, vary
    from augment.store import Store, Workspace
    from tests.operations.mapped import context_of

    workspace = Workspace(folder)
    build_demo(folder)
    strip = tuple(step_to_sigma(t) for t in np.linspace(100, 1000, STRENGTHS))
    with Store(workspace) as store:
        images = random.Random(0).sample(store.images.list(), IMAGES)
        config = VaryConfig(image_ids=tuple(one.id or 0 for one in images), strip=strip)
        alike = np.array(vary(config, context_of(store, folder / "job")).similarity).reshape(IMAGES, STRENGTHS)
    found = [-float(spearmanr(strip, row).statistic) for row in alike]
    share = 100 * float(np.mean(np.array(found) >= 0.9))
    note = f"{share:.0f} % of {IMAGES} photographs at 0.9 or more"
    return Measurement(
        "variations: similarity falls with strength, Spearman", "", [float(np.median(found))], "0.9", note
    )


def _click(store: Any, folder: Path) -> Measurement:
    """Eight variations at 64 px, model loaded, from the call to the commit."""
    from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
    from augment.operations.vary import VaryConfig, vary
    from augment.operations.views import current_view
    from tests.operations.mapped import context_of

    store.settings.set("view", {**current_view(store).to_json(), "side_px": 64})
    context = context_of(store, folder)
    train_ddpm(TrainDdpmConfig(images_seen=64, condition="label"), context)
    image_id = store.images.list(split="train")[0].id or 0
    seconds = []
    for number in range(ROUNDS + 1):
        began = time.perf_counter()
        vary(VaryConfig(image_ids=(image_id,), seed=100 * number), context)
        seconds.append(time.perf_counter() - began)
    return Measurement("8 variations at 64 px, at a click", "s", seconds[1:], "1.5")


def _seams(store: Any, folder: Path) -> Iterator[Measurement]:
    """Defects with some surroundings on good tiles: seams before and after, beside what tiles have there themselves."""
    from augment.errors import InvalidInput
    from augment.images import decode
    from augment.operations.cutmix import CutmixConfig, cutmix
    from augment.operations.pasting import composite_of
    from augment.operations.redraw_models import BUILT_IN
    from augment.operations.views import load_mask
    from augment.pieces import seam_strength
    from tests.operations.mapped import context_of

    context, chance = context_of(store, folder), random.Random(0)
    free = store.images.list(split="train", label="free")
    masks = [(one, load_mask(store, one)) for one in store.images.list(split="train") if one.label != "free"]
    # Some of the tiles' masks are empty.
    masked = [one for one, mask in masks if mask is not None and mask.any()]
    before, after, real, kept = [], [], [], []
    while len(after) < PAIRS:
        below, other = chance.choice(free), chance.choice(masked)
        place = [length * (0.3 + 0.4 * chance.random()) for length in (below.width_px, below.height_px)]
        told = {"turn_deg": 360 * chance.random(), "margin_px": 10, "ring_px": 4, "model": BUILT_IN}
        config = CutmixConfig(
            image_id=below.id or 0, other_id=other.id or 0, x_px=place[0], y_px=place[1], seed=len(after), **told
        )
        try:
            made = cutmix(config, context)
        except InvalidInput:
            # A defect along the rim of a large tile, which lies beside a small one wherever its middle is.
            continue
        sample = store.samples.get(made.sample_ids[0])
        composite, _ = composite_of(sample.recipe, sample.seed, store)
        part = composite.box.slices
        real.append(seam_strength(decode(store.files.read(below.sha256)).pixels[part], composite.region[part]))
        before.append(made.figures[0]["seam_before"])
        after.append(made.figures[0]["seam_after"])
        kept.append(made.figures[0]["kept_piece"])
    limit = float(np.percentile(real, 95))
    within = 100 * float((np.array(after) <= limit).mean())
    note = f"hard pastes {100 * float((np.array(before) <= limit).mean()):.0f} %; the 95th percentile is {limit:.2f}"
    yield Measurement(f"{PAIRS} CutMix seams as weak as real steps, after harmonising", "%", [within], "90", note)
    yield Measurement("what is kept of the piece (SSIM)", "", kept)
