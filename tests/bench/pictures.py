"""`python -m tests.bench.pictures`: the README's pictures of the built-in model, the first seeds of each, never picked.

Each row is a drawn surface that its training did not see: the surface with what is drawn on it outlined, then four
samples of seeds 0 to 3 in place, by the class's name alone.
"""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from augment.images import decode_native, encode_png
from augment.latent.model import LatentModel, load_model
from augment.latent.redraw import redraw_patch
from augment.latent.settings import LatentSampling
from augment.latent.training_masks import training_mask
from augment.masked import Box, PasteConfig, Patch, paste_back
from augment.operations.redraw_models import BUILT_IN, find_checkpoint, model_choice
from augment.store import Store, Workspace
from augment.surfaces.scenes import SceneConfig, draw_scene, scene_kinds

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "screenshots"
SAMPLES, FIRST_SEED, COLUMNS = 4, 8_000_000, 2


def main() -> None:
    """Writes built-in-model.png: for each defect two surfaces beside each other."""
    model = load_model(find_checkpoint(BUILT_IN))
    with tempfile.TemporaryDirectory() as folder, Store(Workspace(Path(folder)).create()) as store:
        suited = model_choice(store, BUILT_IN)
    sampling = LatentSampling(steps=suited.steps, guidance=suited.guidance, sampler=suited.sampler)
    rows = []
    for number, kind in enumerate(scene_kinds()[1:]):
        cells = [_cell(model, sampling, kind, FIRST_SEED + 100 * number + column) for column in range(COLUMNS)]
        rows.append(np.hstack([np.pad(cell, ((2, 2), (2, 6), (0, 0)), constant_values=255) for cell in cells]))
    Image.fromarray(np.vstack(rows)).save(FOLDER / "built-in-model.png", optimize=True)


def _cell(model: LatentModel, sampling: LatentSampling, kind: str, seed: int) -> NDArray[np.uint8]:
    scene = draw_scene(seed, SceneConfig(good_share=0.0, kinds=(kind,)))
    mask = training_mask(np.random.default_rng(seed), scene.mask)
    mask = scene.mask if mask.all() else mask
    side = len(mask)
    patch = Patch(box=Box(0, 0, side, side), pixels=scene.clean, mask=mask)
    prompts = model.prompt(f"a photo of a {kind}"), model.prompt("")
    drawn = redraw_patch(model, patch.pixels, mask, prompts, range(SAMPLES), sampling)
    native = decode_native(encode_png(scene.clean))
    pasted = [paste_back(native, mask, patch, drawn.before, one, PasteConfig()).values for one in drawn.after]
    outlined = scene.clean.copy()
    outlined[mask & ~ndimage.binary_erosion(mask)] = (230, 40, 40)
    return np.hstack([outlined, *(one if one.shape[2] == 3 else one.repeat(3, 2) for one in pasted)])


if __name__ == "__main__":
    main()
