"""CPU seconds of training until our samples come as near to the training tiles as the best that each peer reaches.

Peers: the published conditioning (`peer_diffusers.Published`), `denoising-diffusion-pytorch`, and the unconditional
example of diffusers; networks of one size within 5 %. Distances are taken in the judging encoder of `augment.judge`,
trained on the training tiles alone: it is not Inception, and its numbers compare with no published FID. Marks, sheets
of samples and the data they were made from stay in build/recipes.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.contest import OURS, PEERS, Judge, Mark, PeersConfig, read_data, tell, write_sheet
from tests.bench.measure import ROOT, SHARED_DATA, Measurement

if TYPE_CHECKING:
    from augment.ddpm.train import TrainingImages

PACKAGES = ("accelerate", "denoising_diffusion_pytorch", "diffusers", "einops", "ema_pytorch", "pytorch_fid")
NAMES = {
    "published": "published recipe",
    "ddp": "denoising-diffusion-pytorch",
    "diffusers": "diffusers, unconditional example",
    "kizu-base": "Kizu, no condition, from the shipped weights",
    "kizu-random": "Kizu, no condition, from nothing",
    "kizu-placed-base": "Kizu, label+position, from the shipped weights",
    "kizu-placed-random": "Kizu, label+position, from nothing",
}
TARGETS = {"published": 20, "ddp": 5, "diffusers": 5}


def measure() -> list[Measurement]:
    """All contestants one after the other. Exits with what to install where a peer is missing."""
    if not (SHARED_DATA / "magnetic-tile").is_dir():
        tell(f"recipes: left out, no tiles in {SHARED_DATA}")
        return []
    check_peers()
    folder = ROOT / "build" / "recipes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    arrange(folder, PeersConfig())
    return table(folder, contest(folder))


def contest(folder: Path) -> dict[str, list[Mark]]:
    """All contestants one after the other: peers, then ours with what the peers reached as targets."""
    found = {name: run(folder, name) for name in PEERS}
    for name in OURS:
        found[name] = run(folder, name, [best(found[peer]).frechet for peer in rivals(name)])
    return found


def check_peers() -> None:
    """Exits with what to install where a peer is missing; asserts that all networks are of one size within 5 %."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"peers are missing ({', '.join(missing)}): pip install -r tests/bench/requirements.txt")
    for name, ratio in sizes().items():
        assert abs(ratio - 1) <= 0.05, f"{name} has {ratio:.3f} times the weights of our network: choose another width"


def sizes() -> dict[str, float]:
    """Weights of each peer's network over those of ours, for grey images of 64 px."""
    from augment.ddpm.denoiser import Denoiser, DenoiserConfig
    from augment.ddpm.unet import UNetConfig
    from tests.bench import peer_ddp, peer_diffusers

    def count(net: Any) -> int:
        return sum(weight.numel() for weight in net.parameters())

    ours = count(Denoiser(DenoiserConfig(unet=UNetConfig.for_side(64, 1))))
    nets = {"diffusers": peer_diffusers.network(64, 1), "ddp": peer_ddp.network(1)}
    return {name: count(net) / ours for name, net in nets.items()}


def arrange(folder: Path, config: PeersConfig) -> None:
    """Imports the tiles, builds their map and trains the judge, all by the product; writes what contestants read."""
    from augment.features.atlas import Atlas
    from augment.jobs.inline import run_inline
    from augment.operations.context import Context
    from augment.operations.embed import EmbedConfig
    from augment.operations.import_images import ImportConfig
    from augment.operations.train_ddpm import _read_split  # the very images that a training gets
    from augment.operations.views import current_view
    from augment.store import Store, Workspace

    tell("import, map and judge")
    with Store(Workspace(folder / "workspace")) as store:
        run_inline(store, "import", ImportConfig(source=str(SHARED_DATA / "magnetic-tile")))
        run_inline(store, "embed", EmbedConfig())
        projection = store.projections.latest()
        assert projection is not None
        atlas = Atlas.load(store.workspace.root / projection.path)
        context = Context(store, store.apply, folder)
        view, labels = current_view(store), store.images.labels()
        assert (view.kind, view.side_px, view.colour) == ("mask", 64, "grey"), f"view {view} is another than was asked"
        training = _read_split(store, view, labels, atlas, "train", context, aim=True)
        others = [_read_split(store, view, labels, None, split, context, aim=False) for split in ("validation", "test")]
    write_data(folder, training, np.concatenate([other.pixels for other in others]), config)


def write_data(
    folder: Path, training: "TrainingImages", held_out: NDArray[np.uint8], config: PeersConfig, width: int = 24
) -> None:
    """Training images, held-out images, settings and the trained judge."""
    from augment.features.encoder_training import LabelledImages
    from augment.judge.classifier import JudgeConfig, train_judge_encoder

    np.savez(folder / "training.npz", **{one.name: getattr(training, one.name) for one in fields(training)})
    np.save(folder / "held_out.npy", held_out)
    config.write(folder)
    seen = LabelledImages(training.pixels, training.label)
    judging = JudgeConfig(images_seen=config.judge_images, width=width)
    encoder = train_judge_encoder(seen, judging, lambda *_: None, folder / "judge.pt")
    encoder.save(folder / "judge.safetensors")
    (folder / "judge.json").write_text(json.dumps(encoder.config), encoding="utf-8")
    write_sheet(folder / "training.png", training.pixels[np.random.default_rng(0).permutation(len(training))[:32]])


def run(folder: Path, name: str, targets: Sequence[float] = ()) -> list[Mark]:
    """A contestant in a process of its own: one thread, no GPU."""
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"}
    command = [sys.executable, "-m", "tests.bench.contest", str(folder), name, *map(str, targets)]
    subprocess.run(command, cwd=ROOT, env=os.environ | one_thread, stdout=subprocess.DEVNULL, check=True)
    return [Mark(**mark) for mark in json.loads((folder / name / "marks.json").read_text(encoding="utf-8"))]


def best(marks: Sequence[Mark]) -> Mark:
    """The judgement with the smallest FD."""
    return min(marks, key=lambda mark: mark.frechet)


def table(folder: Path, found: dict[str, list[Mark]]) -> list[Measurement]:
    """A row for the floor, each peer, each of ours against each of its peers, and each KID."""
    config, training = PeersConfig.read(folder), read_data(folder)
    judge, held_out = Judge(folder, training.pixels), np.load(folder / "held_out.npy")
    real, _ = judge.judge(held_out[np.random.default_rng(0).permutation(len(held_out))[: config.samples]])
    many = f"{config.samples} images against {len(training)} training images, judging encoder"
    rows = [Measurement("FD of real held-out tiles (no sample can be asked for less)", "", [real], note=many)]
    for name in PEERS:
        mark = best(found[name])
        title = f"{NAMES[name]}: best FD in {config.budgets[name]:.0f} CPU s"
        rows.append(Measurement(title, "", [mark.frechet], note=f"{curve(found[name])}; {mark.steps} steps"))
    rows += [_race(name, peer, found) for name in OURS for peer in rivals(name)]
    return [*rows, *_kernels(config, found)]


def rivals(name: str) -> tuple[str, ...]:
    """The peers that one of ours is compared with: those that are told as much."""
    return ("published",) if "placed" in name else ("ddp", "diffusers")


def _race(name: str, peer: str, found: dict[str, list[Mark]]) -> Measurement:
    """How many times fewer CPU seconds ours took to the best FD of a peer."""
    goal = best(found[peer])
    there = [mark for mark in found[name] if mark.frechet <= goal.frechet]
    title = f"{NAMES[name]}: CPU s of training to the best FD of {NAMES[peer]}, times fewer"
    if not there:
        told = f"not reached in {found[name][-1].seconds:.0f} s; {curve(found[name])}"
        return Measurement(title, "times", [float("nan")], f"{TARGETS[peer]} times", told)
    told = f"at most {there[0].seconds:.1f} s for {goal.seconds:.0f} s; {curve(found[name])}"
    return Measurement(title, "times", [goal.seconds / there[0].seconds], f"{TARGETS[peer]} times", told)


def _kernels(config: PeersConfig, found: dict[str, list[Mark]]) -> list[Measurement]:
    """KID of diffusers' example by DDPM's own sampler, and of ours where it was judged last."""
    rows = []
    for name in ("diffusers", *OURS[:2]):
        last = found[name][-1]
        value, low, high = (1000 * part for part in last.kernel)
        told = f"95 %: {low:.0f} to {high:.0f}; {config.samples} samples after {last.seconds:.0f} CPU s of training"
        title = f"KID x 1000, {NAMES[name]}, {config.sampler_steps(name, True)} steps"
        rows.append(Measurement(title, "", [value], "as diffusers or less" if name in OURS else "", told))
    return rows


def curve(marks: Sequence[Mark]) -> str:
    """FD by CPU seconds of training, in words."""
    return "FD " + ", ".join(f"{mark.frechet:.3g} at {mark.seconds:.0f} s" for mark in marks)
