"""Whether re-drawn defects are what was asked for, by classifiers that saw real pictures alone.

The built-in model on drawn surfaces of seeds it never saw: each good surface gets the defect that its twin has, under
a loose mask, by the twin's caption. The workspace's own model on the tiles, from import to the verdict: masks of the
library on good tiles. A judge names crops around masks; beside it stands how often it names real ones that it never
saw, which is the most that can be expected. About 40 minutes on 2 cores.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.measure import SHARED_DATA, Measurement

SIDE_PX = 64
JUDGE_LOOKS = 24_000
SURFACES, PER_KIND = 4_000, 20
"""Drawn surfaces that a judge learns from; re-drawn ones of each defect."""
PER_CLASS, CROPS = 50, 8
"""Re-drawn tiles of each class; crops around each real mask."""

Crop = tuple[int, NDArray[np.uint8]]
"""Index of the name, and pixels (64, 64, C) uint8."""


def measure() -> list[Measurement]:
    """Both models; the built-in one where it is there, the tiles where they are."""
    from augment.errors import KizuError
    from augment.operations.redraw_models import BUILT_IN, find_checkpoint

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            find_checkpoint(BUILT_IN)
            rows += _surfaces(Path(folder) / "surfaces")
        except KizuError as error:
            print(f"named: {error}", file=sys.stderr)
        if (SHARED_DATA / "magnetic-tile").is_dir():
            rows += _tiles(Path(folder) / "tiles")
        else:
            print(f"named: tiles left out, none in {SHARED_DATA}", file=sys.stderr)
    return rows


def judge_of(crops: Sequence[Crop], names: int, folder: Path) -> Any:
    """A classifier of crops among so many names, trained in a file of the folder."""
    from augment.features.encoder_config import TrainEncoderConfig
    from augment.features.encoder_training import LabelledImages, train_builtin
    from augment.judge.classifier import Classifier
    from augment.operations.base_models import base_weights

    # Light is enough to name these defects, and the base network sees nothing else. From nothing, a judge of half the
    # tiles names 40 % of the other half's crops, class by class; from the network that knows drawn surfaces 54 %.
    grey = np.stack([pixels.mean(axis=2, keepdims=True).astype(np.uint8) for _, pixels in crops])
    images = LabelledImages(grey, np.array([index for index, _ in crops]))
    config = TrainEncoderConfig(images_seen=JUDGE_LOOKS, start="base", likeness_weight=0.0, flips="both")
    file, base = folder / f"judge-{len(crops)}.pt", base_weights("encoder")
    trained = train_builtin(images, names, config, checkpoint=file, report=lambda *told: None, base=base)
    return Classifier(trained.encoder.net, trained.head)


def right(judge: Any, crops: Sequence[Crop], name: int) -> float:
    """Share in % of the crops of a name that the judge names so."""
    own = np.stack([pixels.mean(axis=2, keepdims=True).astype(np.uint8) for index, pixels in crops if index == name])
    return 100 * float((judge.probability(own).argmax(axis=1) == name).mean())


def _rows(
    title: str, target: str, names: Sequence[str], again: Sequence[Crop], real: Sequence[Crop], judges: tuple[Any, Any]
) -> list[Measurement]:
    """A row for each name and one for all. judges: for the re-drawn crops, and one that never saw the real ones."""
    of_all, of_half = judges
    shares = [right(of_all, again, index) for index in range(len(names))]
    known = [right(of_half, real, index) for index in range(len(names))]
    note = f"real ones {np.mean(known):.0f} %"
    rows = [Measurement(f"{title}: named as asked, every class", "%", shares, target, note)]
    for name, share, ceiling in zip(names, shares, known, strict=True):
        rows.append(Measurement(f"{title}, {name}", "%", [share], target, f"real ones {ceiling:.0f} %"))
    return rows


def _surfaces(folder: Path) -> list[Measurement]:
    from augment.ddpm.crops import cut_crop
    from augment.latent.training_masks import training_mask
    from augment.surfaces.scenes import SceneConfig, draw_scene, scene_kinds

    folder.mkdir()
    kinds = scene_kinds()[1:]

    def crop_of(seed: int, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        return cut_crop(pixels, mask, SIDE_PX, np.random.default_rng(seed)).pixels

    # Seeds far from those of the training, which count from 0 and from 10,000,000.
    scenes = [draw_scene(5_000_000 + n, SceneConfig(good_share=0.0)) for n in range(SURFACES)]
    crops = [(kinds.index(one.kind), crop_of(n, one.pixels, one.mask)) for n, one in enumerate(scenes)]
    half = SURFACES // 2
    judges = judge_of(crops, len(kinds), folder), judge_of(crops[:half], len(kinds), folder)
    again: list[Crop] = []
    for index, kind in enumerate(kinds):
        for n in range(PER_KIND):
            seed = 6_000_000 + 1000 * index + n
            scene = draw_scene(seed, SceneConfig(good_share=0.0, kinds=(kind,)))
            drawn = training_mask(np.random.default_rng((seed, 21)), scene.mask)
            if drawn.all():
                drawn = scene.mask
            pixels = _inpainted(folder / f"{kind}-{n}", scene.clean, drawn, kind, scene.caption)
            again.append((index, crop_of(seed, pixels, scene.mask)))
    return _rows("built-in model on drawn surfaces", "90", kinds, again, crops[half:], judges)


def _inpainted(
    folder: Path, clean: NDArray[np.uint8], mask: NDArray[np.bool_], kind: str, prompt: str
) -> NDArray[np.uint8]:
    """By the operation behind the button, at its defaults."""
    from augment.images import decode, encode_png
    from augment.operations.redraw import RedrawConfig, redraw
    from tests.bench.redraw import one_photograph

    context, image_id = one_photograph(folder, clean)
    sha256 = context.store.files.put(encode_png(mask))
    made = redraw(RedrawConfig(image_id=image_id, label=kind, prompt=prompt, mask_sha256=sha256, count=1), context)
    (sample,) = context.store.samples.get_many(made.sample_ids)
    pixels: NDArray[np.uint8] = decode(context.store.files.read(sample.sha256)).pixels
    context.store.close()
    return pixels


def _tiles(folder: Path) -> list[Measurement]:
    from augment.jobs.inline import run_inline
    from augment.operations.import_images import ImportConfig
    from augment.operations.redraw_batch import RedrawBatchConfig
    from augment.operations.redraw_models import WORKSPACE
    from augment.operations.train_redraw import TrainRedrawConfig
    from augment.store import Store, Workspace

    folder.mkdir()
    with Store(Workspace(folder / "workspace")) as store:
        run_inline(store, "import", ImportConfig(source=str(SHARED_DATA / "magnetic-tile")))
        names = store.images.labels()
        began = time.monotonic()
        run_inline(store, "train_redraw", TrainRedrawConfig())
        minutes = (time.monotonic() - began) / 60
        halves = real_crops(store, names)
        judges = judge_of([*halves[0], *halves[1]], len(names), folder), judge_of(halves[0], len(names), folder)
        again: list[Crop] = []
        for index, name in enumerate(names):
            lender = name if name != "free" else "crack"
            config = RedrawBatchConfig(
                label=name, on="free", mask_label=lender, count=PER_CLASS, model=WORKSPACE, steps=16, guidance=3.0
            )
            run_inline(store, "redraw_batch", config)
            again += [(index, crop) for crop in sample_crops(store, store.samples.list(label=name))]
        return [
            Measurement("workspace's own model: training on the tiles", "min", [minutes], "15"),
            *_rows("workspace's own model on the tiles", "80", names, again, halves[1], judges),
        ]


def real_crops(store: Any, names: Sequence[str]) -> tuple[list[Crop], list[Crop]]:
    """Crops of all splits around masks, and around lent masks on good tiles; in halves that share no part."""
    from augment.ddpm.crops import cut_crop
    from augment.operations.mask_library import library_mask
    from augment.operations.views import load_mask, load_pixels

    halves: tuple[list[Crop], list[Crop]] = ([], [])
    for index, name in enumerate(names):
        records = store.images.list(label=name)
        groups = sorted({record.group for record in records})
        for record in records:
            mask, rng = load_mask(store, record), np.random.default_rng(int(record.sha256[:8], 16))
            if mask is None or not mask.any():
                mask = library_mask(store, None, record, 0)
            half = halves[groups.index(record.group) % 2]
            half += [(index, cut_crop(load_pixels(store, record), mask, SIDE_PX, rng).pixels) for _ in range(CROPS)]
    return halves


def sample_crops(store: Any, samples: Sequence[Any]) -> list[NDArray[np.uint8]]:
    """Of re-drawn samples, around what was drawn on."""
    from augment.ddpm.crops import cut_crop
    from augment.images import decode, decode_mask

    crops = []
    for sample in samples:
        pixels = decode(store.files.read(sample.sha256)).pixels
        mask = decode_mask(store.files.read(sample.recipe["drawn_sha256"]), pixels.shape[1::-1])
        crops.append(cut_crop(pixels, mask, SIDE_PX, np.random.default_rng(sample.seed)).pixels)
    return crops
