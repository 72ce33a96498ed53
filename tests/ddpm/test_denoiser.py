import json

import pytest
import torch

from augment.ddpm.condition import Condition, ConditionConfig
from augment.ddpm.denoiser import Denoiser, DenoiserConfig
from augment.ddpm.unet import UNet, UNetConfig
from augment.errors import InvalidConfig

SMALL = UNetConfig(widths=(8, 16), blocks=(1, 1), embedding=16, heads=2)


def test_fresh_network_is_the_skip_alone():
    # The output layer starts at 0, so D(x) = mean + c_skip (x - mean): EDM, table 1.
    config = DenoiserConfig(side_px=16, data_mean=-0.1, sigma_data=0.4, unet=SMALL)
    x, sigma = torch.randn(2, 1, 16, 16), torch.tensor([0.4, 4.0])
    skip = 0.4**2 / (sigma**2 + 0.4**2)
    expected = -0.1 + skip[:, None, None, None] * (x + 0.1)
    assert torch.allclose(Denoiser(config)(x, sigma, Condition.of(torch.zeros(2))), expected, atol=1e-6)


def test_preconditioning_gives_unit_variance_in_and_out():
    config = DenoiserConfig(side_px=16, sigma_data=0.4, unet=SMALL)
    clean = 0.4 * torch.randn(4000, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    for level in (0.05, 0.4, 5.0):
        skip, out, scale, _ = Denoiser(config).preconditioning(torch.full((4000,), level))
        noisy = clean + level * noise
        # 64,000 values: the standard error of a variance is 0.6 %.
        assert float((noisy * scale).var()) == pytest.approx(1, abs=0.03)
        assert float(((clean - skip * noisy) / out).var()) == pytest.approx(1, abs=0.03)


def test_loss_starts_at_one_for_every_sigma():
    config = DenoiserConfig(side_px=16, sigma_data=0.4, unet=SMALL)
    generator = torch.Generator().manual_seed(0)
    clean, noise = (
        0.4 * torch.randn(64, 1, 16, 16, generator=generator),
        torch.randn(64, 1, 16, 16, generator=generator),
    )
    for level in (0.02, 0.4, 20.0):
        loss = Denoiser(config).loss(clean, torch.full((64,), level), noise, Condition.of(torch.zeros(64)))
        assert float(loss.detach().mean()) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("side", [28, 32, 64, 100, 128])
def test_any_side_from_28_to_128_keeps_its_size(side):
    config = UNetConfig.for_side(side, 3, width=24)
    net = UNet(config)
    assert net(torch.randn(1, 3, side, side), torch.randn(1, config.embedding)).shape == (1, 3, side, side)
    assert -(-side // 2 ** (len(net.config.widths) - 1)) <= 8 or side > 80


@pytest.mark.parametrize(("side", "width"), [(28, 48), (64, 48), (128, 48)])
def test_the_default_networks_are_small(side, width):
    parameters = sum(p.numel() for p in UNet(UNetConfig.for_side(side, 1, width)).parameters())
    assert 1.3e6 < parameters < 4e6


def test_bf16_computes_and_returns_float32():
    net = Denoiser(DenoiserConfig(side_px=16, unet=SMALL)).requires_grad_(False)
    for parameter in net.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    x, sigma, condition = torch.randn(2, 1, 16, 16), torch.ones(2), Condition.of(torch.zeros(2), torch.zeros(2, 20))
    exact = net(x, sigma, condition)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = net(x, sigma, condition)
    assert rounded.dtype == torch.float32
    # bf16 keeps 8 bits: errors of a few hundredths after some ten layers.
    assert float((rounded - exact).abs().max()) < 0.1


def test_config_survives_json():
    config = DenoiserConfig(side_px=28, data_mean=0.1, unet=SMALL, condition=ConditionConfig(labels=3, turns=True))
    assert DenoiserConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"channels": 2}, "channels 2"),
        ({"widths": (12, 16, 24, 32)}, "multiple of 8"),
        ({"blocks": (1,)}, "blocks"),
        ({"heads": 5}, "heads 5"),
        ({"dropout": 0.9}, "dropout 0.9"),
    ],
)
def test_impossible_networks_are_refused(fields, named):
    with pytest.raises(InvalidConfig, match=named):
        UNetConfig(**fields)
