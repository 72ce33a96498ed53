"""Steps a second and peak memory of a LoRA's training beside `train_dreambooth_lora.py` of diffusers.

The same plain network (the built-in model without its mask channels), the same 20 pictures of 128 px, rank 4 on the
attention, batch 4, 32-bit numbers. Each trains a few and many steps in a process of its own; what the many take longer
is the steps' own time. `DIFFUSERS_DREAMBOOTH_LORA` names the script, which no package has.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from augment.images import encode_png
from tests.bench.measure import ROOT, Measurement

ROUNDS = 3
FEW, MANY = 5, 125
BATCH, PICTURES, SIDE_PX = 4, 20, 128


def measure() -> list[Measurement]:
    """Rounds of both in turn. Exits with what is needed where the script is not there."""
    script = Path(os.environ.get("DIFFUSERS_DREAMBOOTH_LORA", ""))
    if not script.is_file():
        sys.exit(
            "lora_peer: set DIFFUSERS_DREAMBOOTH_LORA to examples/dreambooth/train_dreambooth_lora.py of diffusers"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, pictures = _model(folder / "model"), _pictures(folder / "pictures" / "crack")
        workspace = folder / "workspace"
        _run([sys.executable, "-m", "augment", "import", str(pictures.parent), "-w", str(workspace)])
        own = [sys.executable, "-m", "augment", "train", "lora", "-w", str(workspace), *_own(model)]
        theirs = [sys.executable, str(script), *_theirs(model, pictures, folder / "out")]
        seconds: dict[str, list[float]] = {"Kizu": [], "diffusers": []}
        memory: dict[str, list[float]] = {"Kizu": [], "diffusers": []}
        for _ in range(ROUNDS):
            for who, command, steps, each in (
                ("Kizu", own, "--images-seen", BATCH),
                ("diffusers", theirs, "--max_train_steps", 1),
            ):
                few, _ = _run([*command, steps, str(FEW * each)])
                many, peak = _run([*command, steps, str(MANY * each)])
                seconds[who].append((many - few) / (MANY - FEW))
                memory[who].append(peak)
    rows = [Measurement(f"a step of a LoRA, batch {BATCH}: {who}", "s", values) for who, values in seconds.items()]
    rows += [Measurement(f"peak memory of it: {who}", "GB", values) for who, values in memory.items()]
    faster = [b / a for a, b in zip(seconds["Kizu"], seconds["diffusers"], strict=True)]
    less = [a / b for a, b in zip(memory["Kizu"], memory["diffusers"], strict=True)]
    return [
        *rows,
        Measurement("steps a second: Kizu over diffusers", "times", faster, "2"),
        Measurement("peak memory: Kizu over diffusers", "times", less, "0.7"),
    ]


def _own(model: Path) -> list[str]:
    told = {
        "label": "crack",
        "base": model,
        "batch-size": BATCH,
        "targets": "attention",
        "rank": 4,
        "regularisation-images": 0,
        "preview-every": 10**6,
        "checkpoint-every": 10**6,
        "precision": "fp32",
    }
    return [part for name, value in told.items() for part in (f"--{name}", str(value))]


def _theirs(model: Path, pictures: Path, out: Path) -> list[str]:
    told = {
        "pretrained_model_name_or_path": model,
        "instance_data_dir": pictures,
        "instance_prompt": "a kzu crack",
        "output_dir": out,
        "resolution": SIDE_PX,
        "train_batch_size": BATCH,
        "rank": 4,
        "learning_rate": 1e-3,
        "lr_scheduler": "constant",
        "lr_warmup_steps": 0,
        "mixed_precision": "no",
        "checkpointing_steps": 10**6,
        "seed": 0,
    }
    return [part for name, value in told.items() for part in (f"--{name}", str(value))]


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in GB of a process. Exits with its last words where it fails."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(command, cwd=ROOT, stdout=words, stderr=words)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            words.seek(0)
            sys.exit(f"lora_peer: {' '.join(command[:4])} failed:\n{words.read().decode()[-2000:]}")
    return seconds, usage.ru_maxrss * 1024 / 1e9


def _model(folder: Path) -> Path:
    """The built-in model as a plain one: its first convolution without the channels of mask and surroundings."""
    import torch
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel

    from augment.latent.model import load_model
    from augment.operations.redraw_models import BUILT_IN, find_checkpoint
    from augment.training.precision import choose_precision

    pipeline = load_model(find_checkpoint(BUILT_IN), choose_precision("fp32")).pipeline
    state = pipeline.unet.state_dict()
    state["conv_in.weight"] = state["conv_in.weight"][:, :4].clone()
    unet = UNet2DConditionModel.from_config({**pipeline.unet.config, "in_channels": 4})
    with torch.no_grad():
        unet.load_state_dict(state)
    parts = {name: pipeline.components[name] for name in ("vae", "text_encoder", "tokenizer", "scheduler")}
    plain = StableDiffusionPipeline(
        **parts, unet=unet, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    plain.save_pretrained(folder)
    return folder


def _pictures(folder: Path) -> Path:
    from augment.surfaces.draw import draw

    folder.mkdir(parents=True)
    for number in range(PICTURES):
        pixels = draw("ground_metal", "crack", number, SIDE_PX).pixels
        (folder / f"{number}.png").write_bytes(encode_png(pixels.repeat(3 // pixels.shape[2], axis=2)))
    return folder
