"""Re-drawing with small Stable Diffusion models of every kind, loaded from folders as from the Hub."""

from pathlib import Path

import numpy as np
import pytest
import torch

from augment.errors import Cancelled, InvalidConfig, InvalidInput, JobFailed, NotFound, NotReady
from augment.latent.checkpoint import inspect_checkpoint
from augment.latent.model import LatentModel, LoraFile, load_model
from augment.latent.redraw import redraw_patch
from augment.latent.settings import LatentSampling
from augment.training.precision import choose_precision
from tests.latent.models import save_tiny

PIXELS = np.random.default_rng(0).integers(90, 160, (64, 64, 1), dtype=np.uint8)
MASK = np.zeros((64, 64), dtype=np.bool_)
MASK[20:36, 24:44] = True
QUICK = LatentSampling(steps=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "inpaint")


@pytest.fixture(scope="module")
def model(folder: Path) -> LatentModel:
    return load_model(inspect_checkpoint(folder))


def draw(model: LatentModel, seeds, config: LatentSampling = QUICK, prompt: str = "a photo of a crack", mask=MASK):
    return redraw_patch(model, PIXELS, mask, (model.prompt(prompt), model.prompt("")), seeds, config)


@pytest.mark.parametrize(("channels", "family"), [(4, "sd"), (9, "xl"), (4, "xl")])
def test_every_kind_is_loaded_from_its_folder_and_draws(tmp_path: Path, monkeypatch, channels: int, family: str):
    found = inspect_checkpoint(save_tiny(tmp_path / "model", channels, family))
    assert (found.channels, found.family, found.side_px, found.grid_px) == (channels, family, 64, 4)
    model = load_model(found)
    drawn = draw(model, [0, 1], LatentSampling(steps=3, guidance=2.0))
    assert drawn.before.shape == (64, 64, 3) and drawn.after.shape == (2, 64, 64, 3)
    assert np.isfinite(drawn.after).all() and drawn.after.min() >= 0 and drawn.after.max() <= 255
    assert not np.array_equal(drawn.after[0], drawn.after[1])
    if channels == 4:
        # Around the mask the latents are the picture's own; a decoder with random weights would spread any change.
        monkeypatch.setattr(model, "decode", lambda latents: latents[:, :3] / 8)
        drawn, cells = draw(model, [0]), MASK.reshape(16, 4, 16, 4).any(axis=(1, 3))
        assert np.array_equal(drawn.after[0][~cells], drawn.before[~cells])
        assert np.abs(drawn.after[0] - drawn.before)[cells].mean() > 1.0


@pytest.mark.parametrize("sampler", ["dpmpp_2m_karras", "dpmpp_2m_sde_karras", "euler", "euler_a", "unipc"])
def test_a_seed_gives_one_picture_in_any_batch(model: LatentModel, sampler):
    config = LatentSampling(sampler=sampler, steps=3)
    together = draw(model, [5, 6, 7], config).after
    assert np.array_equal(draw(model, [7], config).after[0], together[2])
    assert not np.array_equal(together[0], together[1])


def test_strength_is_a_noise_level(model: LatentModel, monkeypatch):
    """What starts from little noise stays nearer to the picture, in order; by latents, see above."""
    gaps = []
    monkeypatch.setattr(model, "decode", lambda latents: latents[:, :3] / 8)
    for sigma in (0.1, 1.2, None):
        drawn = draw(model, [1], LatentSampling(steps=12, sigma=sigma))
        gaps.append(np.abs(drawn.after[0] - drawn.before).mean())
    assert gaps == sorted(gaps) and gaps[0] < 0.5 * gaps[-1]
    assert LatentSampling(sigma=1.16).first_step([14.6, 5.0, 1.1, 0.3, 0.0]) == 2
    assert LatentSampling(sigma=0.03).first_step([14.6, 5.0, 1.1, 0.3, 0.0]) == 3


def test_a_processor_with_bf16_draws_the_same_picture_a_little_coarser(folder: Path):
    """Emulated where the processor has none. bf16 keeps 8 bits: 1 in 256 of the full range a step."""
    cpu = torch.device("cpu")
    coarse, exact = (
        load_model(inspect_checkpoint(folder), choose_precision(name, cpu, frozenset())) for name in ("bf16", "fp32")
    )
    gap = np.abs(draw(coarse, [3]).after - draw(exact, [3]).after)
    assert 0 < gap.mean() < 3


def test_words_and_mask_are_heard(model: LatentModel):
    first, other = draw(model, [3]).after, draw(model, [3], prompt="good metal").after
    assert not np.array_equal(first, other)
    moved = np.roll(MASK, 16, axis=1)
    assert not np.array_equal(first, draw(model, [3], mask=moved).after)
    # Of 32 tokens two are the ends: 30 of the 60 words are heard.
    assert model.prompt("a crack " * 30).cut == " ".join(["a crack"] * 15)
    assert model.prompt("a crack").cut == ""


def test_a_stop_ends_every_sample(model: LatentModel):
    seen = []

    def on_step(step: int, total: int) -> None:
        seen.append((step, total))
        if step >= 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        redraw_patch(model, PIXELS, MASK, (model.prompt("crack"), model.prompt("")), range(6), QUICK, on_step)
    assert len(seen) <= 1 + 6 and seen[0] == (1, 18)


def test_out_of_memory_is_tried_again_with_less_and_then_told(folder: Path, monkeypatch):
    model = load_model(inspect_checkpoint(folder))
    failures, predict = [1], model.predict

    def scarce(*told):
        if failures:
            failures.pop()
            raise torch.OutOfMemoryError
        return predict(*told)

    monkeypatch.setattr(model, "predict", scarce)
    assert np.isfinite(draw(model, [0]).after).all()
    failures.extend([1] * 100)
    with pytest.raises(JobFailed, match="not enough GPU memory for 64 x 64 px"):
        draw(model, [0])


def test_an_empty_mask_is_refused(model: LatentModel):
    with pytest.raises(InvalidInput, match="mask is empty"):
        draw(model, [0], mask=np.zeros_like(MASK))
    with pytest.raises(InvalidConfig, match="sampler 'heun'"):
        LatentSampling(sampler="heun")  # type: ignore[arg-type]
    with pytest.raises(InvalidConfig, match=r"sigma 0.001"):
        LatentSampling(sigma=0.001)


def lora(path: Path, model: LatentModel, width: int | None = None) -> Path:
    """A LoRA of rank 2 on one attention layer, in the names of diffusers and peft."""
    from safetensors.torch import save_file

    layer = model.pipeline.unet.down_blocks[1].attentions[0].transformer_blocks[0].attn1.to_q
    torch.manual_seed(1)
    name = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.lora"
    weights = {
        f"{name}_A.weight": torch.randn(2, width or layer.in_features),
        f"{name}_B.weight": torch.randn(layer.out_features, 2),
    }
    save_file(weights, path)
    return path


def test_loras_count_by_their_weights(folder: Path, tmp_path: Path):
    model = load_model(inspect_checkpoint(folder))
    plain = draw(model, [2]).after
    path = lora(tmp_path / "style.safetensors", model)
    model.use_loras([LoraFile(path, 1.0)])
    full = draw(model, [2]).after
    model.use_loras([LoraFile(path, 0.1)])
    little = draw(model, [2]).after
    assert 0 < np.abs(little - plain).mean() < np.abs(full - plain).mean()
    model.use_loras([])
    assert np.array_equal(draw(model, [2]).after, plain)
    with pytest.raises(InvalidInput, match="does not fit"):
        model.use_loras([LoraFile(lora(tmp_path / "other.safetensors", model, width=77))])
    assert np.array_equal(draw(model, [2]).after, plain)
    (tmp_path / "old.pt").write_bytes(b"")
    with pytest.raises(InvalidInput, match="can run code"):
        model.use_loras([LoraFile(tmp_path / "old.pt")])


def test_what_cannot_be_used_is_refused_with_the_reason(folder: Path, tmp_path: Path, model: LatentModel):
    def changed(name: str, text: str) -> Path:
        import shutil

        copy = tmp_path / name
        shutil.copytree(folder, copy)
        index = copy / "model_index.json"
        index.write_text(index.read_text().replace(*text.split(" -> ")))
        return copy

    with pytest.raises(NotFound, match="no such folder"):
        inspect_checkpoint(tmp_path / "nothing")
    with pytest.raises(InvalidInput, match="no model folder"):
        inspect_checkpoint(tmp_path)
    with pytest.raises(InvalidInput, match="is a FluxPipeline"):
        inspect_checkpoint(changed("flux", "StableDiffusionInpaintPipeline -> FluxPipeline"))
    with pytest.raises(InvalidInput, match="'my_code', code that Kizu does not run"):
        inspect_checkpoint(changed("code", '"diffusers",\n    "UNet2D -> "my_code",\n    "UNet2D'))
    pickled = changed("pickled", "x -> x")
    weights = next((pickled / "unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(InvalidInput, match="is a pickle"):
        inspect_checkpoint(pickled)
    next((pickled / "unet").glob("*.bin")).unlink()
    with pytest.raises(InvalidInput, match="no weights"):
        inspect_checkpoint(pickled)
    (tmp_path / "model.ckpt").write_bytes(b"x")
    with pytest.raises(InvalidInput, match="is a pickle"):
        inspect_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(InvalidInput, match="is a LoRA"):
        inspect_checkpoint(lora(tmp_path / "style.safetensors", model))


def test_a_single_file_needs_its_configs_on_this_machine(tmp_path: Path, monkeypatch):
    """Its header says what it is; tokenizer and configs come from elsewhere, which without a network is told."""
    from safetensors.torch import save_file

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    path = tmp_path / "sd15.safetensors"
    save_file({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(320, 9, 3, 3)}, path)
    found = inspect_checkpoint(path)
    assert (found.channels, found.family, found.side_px, found.single_file) == (9, "sd", 512, True)
    with pytest.raises(NotReady, match="brings no tokenizer"):
        load_model(found)
