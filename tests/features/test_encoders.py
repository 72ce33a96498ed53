import numpy as np
import pytest
import timm
import torch

from augment.errors import InvalidInput, NotFound
from augment.features.encoders import BuiltinEncoder, BuiltinNetConfig, PrincipalComponents, ResidualNet, load_encoder
from augment.features.timm_encoder import TimmEncoder
from augment.images import to_float


def builtin(**shape):
    torch.manual_seed(0)
    return BuiltinEncoder(ResidualNet(BuiltinNetConfig(width=8, **shape)))


@pytest.fixture(scope="module")
def timm_folder(tmp_path_factory):
    """A tiny residual network of timm's in the Hub's folder layout; its weights are random, as its tests' are."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("timm") / "tiny"
    model = timm.create_model("test_resnet", pretrained=False, num_classes=7)
    timm.models.save_for_hf(model, folder, safe_serialization=True)
    return folder


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (28, 1), (64, 3), (96, 1), (128, 3)])
def test_any_side_and_colour_gives_128_numbers(side, channels):
    encoder = builtin(side_px=side, channels=channels)
    images = np.random.default_rng(0).integers(0, 256, (3, side, side, channels), dtype=np.uint8)
    features = encoder.encode(list(images))
    assert (features.shape, features.dtype) == ((3, 128), np.float32)
    assert np.abs(features[0] - features[1]).max() > 0
    assert encoder.encode([]).shape == (0, 128)


def test_neighbours_in_a_batch_do_not_change_a_feature(digits):
    encoder = builtin(side_px=16)
    together = encoder.encode(list(digits.images[:20]))
    alone = np.concatenate([encoder.encode([image]) for image in digits.images[:20]])
    # Convolutions of another batch size round otherwise: about 1e-6; group normalisation shares nothing.
    assert np.allclose(together, alone, atol=1e-4)


def test_builtin_saved_and_loaded_gives_the_same_bits(digits, tmp_path):
    encoder = builtin(side_px=16, mean=0.3, deviation=0.4)
    encoder.save(tmp_path / "encoder.safetensors")
    config = {**encoder.config, "view": {}, "labels": ["a"], "training": {}}
    loaded = load_encoder(config, tmp_path / "encoder.safetensors")
    assert loaded.name == encoder.name == "built in, 16 px, grey"
    assert (loaded.encode(list(digits.images[:9])) == encoder.encode(list(digits.images[:9]))).all()


def test_aims_keep_where_things_are_and_are_differentiable(digits, tmp_path):
    encoder = builtin(side_px=16)
    encoder.fit_aim(list(digits.images))
    features, aims = encoder.describe(list(digits.images))
    assert (
        aims.shape == (len(digits.images), encoder.aim_dim) and (features == encoder.encode(list(digits.images))).all()
    )
    # Five blocks of variance 1 each, and the directions kept hold nearly all of it, widest first.
    spread = aims.var(axis=0)
    assert 4.5 < spread.sum() <= 5.001 and (np.diff(spread) <= 1e-4).all()
    # A digit moved by a quarter of its width: the aim moves further, in its own spread, than the feature does.
    moved = encoder.describe([np.roll(image, 4, axis=1) for image in digits.images])
    steps = [
        np.linalg.norm(there - here, axis=1).mean() / np.sqrt(here.var(axis=0).sum())
        for here, there in zip((features, aims), moved, strict=True)
    ]
    assert steps[1] > steps[0]
    # The same numbers as a differentiable function of the image, which is what steering follows.
    images = torch.from_numpy(to_float(digits.images[:4])).requires_grad_()
    again = encoder.aim_of(images)
    assert np.allclose(again.detach().numpy(), aims[:4], atol=1e-4)
    (gradient,) = torch.autograd.grad(again.square().sum(), images)
    assert bool((gradient.abs().amax(dim=(1, 2, 3)) > 0).all())
    encoder.save(tmp_path / "encoder.safetensors")
    loaded = load_encoder(encoder.config, tmp_path / "encoder.safetensors")
    assert (loaded.describe(list(digits.images[:9]))[1] == encoder.describe(list(digits.images[:9]))[1]).all()


def test_builtin_says_what_is_wrong(digits, tmp_path):
    encoder = builtin(side_px=16)
    with pytest.raises(InvalidInput, match="the view was changed"):
        encoder.encode([np.zeros((28, 28, 1), np.uint8)])
    with pytest.raises(NotFound, match="train the encoder again"):
        load_encoder(encoder.config, tmp_path / "gone.safetensors")
    encoder.save(tmp_path / "encoder.safetensors")
    with pytest.raises(InvalidInput, match="do not fit"):
        load_encoder({**encoder.config, "width": 16}, tmp_path / "encoder.safetensors")
    with pytest.raises(InvalidInput, match="not understood"):
        load_encoder({**encoder.config, "colour": 1}, tmp_path / "encoder.safetensors")
    with pytest.raises(InvalidInput, match="builtin or timm"):
        load_encoder({"type": "clip"}, None)
    with torch.no_grad():
        encoder.net.feature.bias.fill_(torch.nan)
    with pytest.raises(InvalidInput, match="NaN"):
        encoder.encode(list(digits.images[:2]))


def test_timm_sees_what_timm_would_show_it(timm_folder, digits):
    from PIL import Image
    from timm.data import create_transform, resolve_model_data_config

    encoder = TimmEncoder(str(timm_folder))
    model = timm.create_model(f"local-dir:{timm_folder}", pretrained=True, num_classes=0).eval()
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    x = torch.stack([transform(Image.fromarray(image[..., 0]).convert("RGB")) for image in digits.images[:3]])
    with torch.inference_mode():
        expected = model(x).numpy()
    found = encoder.encode(list(digits.images[:3]))
    assert found.shape == (3, encoder.dim)
    # Channels-last convolutions add in another order; bf16, where the processor computes it, keeps 8 bits.
    share = 1e-4 if encoder.precision.dtype == torch.float32 else 2**-6
    assert np.allclose(found, expected, atol=share * np.abs(expected).max())


def test_timm_kept_in_the_workspace_needs_its_source_no_more(timm_folder, digits, tmp_path):
    encoder = TimmEncoder(f"local-dir:{timm_folder}")
    weights = tmp_path / "kept" / "model.safetensors"
    first = encoder.save(weights)
    loaded = load_encoder(encoder.config, weights)
    assert loaded.name == encoder.name
    assert (loaded.encode(list(digits.images[:3])) == encoder.encode(list(digits.images[:3]))).all()
    assert encoder.save(weights) == first
    with pytest.raises(NotFound, match="build the map again"):
        load_encoder(encoder.config, tmp_path / "gone" / "model.safetensors")


def test_timm_takes_a_file_for_a_named_network(timm_folder, digits, tmp_path):
    model = timm.create_model("test_resnet", pretrained=False)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    assert TimmEncoder(f"test_resnet={tmp_path / 'w.pth'}").encode(list(digits.images[:1])).shape == (1, 96)
    assert TimmEncoder(str(timm_folder / "model.safetensors")).dim == 96
    with pytest.raises(InvalidInput, match="write NAME="):
        TimmEncoder(str(tmp_path / "w.pth"))


def test_timm_weights_that_fill_only_a_part_are_refused(timm_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(timm_folder / "model.safetensors")
    del tensors["layer1.0.conv1.weight"]
    folder = tmp_path / "part"
    folder.mkdir()
    (folder / "config.json").write_bytes((timm_folder / "config.json").read_bytes())
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(InvalidInput, match="do not fit"):
        TimmEncoder(str(folder))
    (folder / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(NotFound, match="built-in encoder"):
        TimmEncoder(str(folder))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "no timm model is named"),
        ("resnat18", "timm knows no model 'resnat18'.*near: .*resnet"),
        ("resnet18.a1_in1k", "weights of 'resnet18.a1_in1k' cannot be had"),
        ("hf-hub:timm/resnet18.a1_in1k", "cannot be had"),
        ("/nowhere/model", "holds no config.json"),
        ("resnet18=/nowhere/w.safetensors", "is not there"),
    ],
)
def test_what_cannot_be_had_names_the_built_in_one(source, message, monkeypatch, tmp_path):
    # As in a factory without the internet: no way to the Hub and nothing kept of earlier downloads.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises((InvalidInput, NotFound), match=message) as raised:
        TimmEncoder(source)
    assert "built-in encoder" in str(raised.value)


@pytest.mark.parametrize("rows", [20, 90])
def test_principal_components_are_the_same_for_few_rows_and_for_many(rows: int):
    values = torch.randn(rows, 40, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 41)
    components = PrincipalComponents(40, 30)
    components.fit(values, [40])
    centred = (values - values.mean(0)).double()
    _, strength, directions = np.linalg.svd(centred.numpy() / float((centred**2).sum(1).mean().sqrt()))
    found = min(rows, 30)
    scores = components(values).numpy()
    # Rows about their mean have one direction less than there are rows; a direction has no sign.
    lengths = np.linalg.norm(scores, axis=0)
    assert lengths[: found - 1] == pytest.approx(strength[: found - 1], rel=1e-3)
    first = components.basis[:, 0].numpy()
    assert abs(first @ directions[0]) == pytest.approx(np.linalg.norm(first), rel=1e-3)
    assert not components.basis[:, found:].any()
