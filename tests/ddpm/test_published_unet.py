"""The published network: its formulas, any size, and a training that is drawn from, for both normalisations."""

from pathlib import Path

import numpy as np
import pytest
import torch

from augment.ddpm.condition import Condition
from augment.ddpm.denoiser import Denoiser, DenoiserConfig
from augment.ddpm.sampling import sample
from augment.ddpm.schedule import NoiseConfig, noise_time, sigma_table, training_sigmas
from augment.ddpm.settings import SamplerConfig
from augment.ddpm.train import build_denoiser, train_denoiser
from augment.ddpm.unet import UNetConfig
from augment.errors import Cancelled, InvalidConfig
from tests.ddpm.test_train import PRECISION, quietly, same_weights, squares, training

DESIGNS = ("published_group", "published_batch")


def published(side: int, design="published_group") -> Denoiser:
    unet = UNetConfig.published(side, 1, 8, design)
    return Denoiser(DenoiserConfig(side_px=side, unet=unet, noise=NoiseConfig.published())).eval()


def nothing(count: int) -> Condition:
    """Asks for nothing."""
    return Condition.of(torch.zeros(count, dtype=torch.int64)).without(label=True, position=True)


def test_its_answer_is_x0_of_the_noise_that_it_tells():
    net = published(16)
    clean = torch.rand(3, 1, 16, 16) * 2 - 1
    sigma, noise = torch.tensor([0.05, 1.0, 30.0]), torch.randn(3, 1, 16, 16)
    condition = nothing(3)
    kept = (1 / (1 + sigma**2)).sqrt()[:, None, None, None]
    # x_t = sqrt(alphas_cumprod) x0 + sqrt(1 - alphas_cumprod) eps, as published.
    x_t = kept * clean + (1 - kept**2).sqrt() * noise
    told = net.network(x_t, noise_time(sigma), condition)
    x0 = (x_t - (1 - kept**2).sqrt() * told) / kept
    assert torch.allclose(net(x_t / kept, sigma, condition), x0, atol=1e-4)
    loss = (told - noise).square().mean(dim=(1, 2, 3))
    assert torch.allclose(net.loss(clean, sigma, noise, condition), loss, rtol=1e-3)


def test_time_is_the_step_over_1000():
    table = torch.from_numpy(sigma_table())
    steps = torch.arange(1, 1001) / 1000
    # A sum over 1000 steps of log(1 - beta) against an integral of -beta: three steps apart at the end.
    assert float((noise_time(table) - steps).abs().max()) < 0.004


def test_every_step_is_trained_as_often():
    drawn = training_sigmas(20_000, NoiseConfig.published(), torch.Generator().manual_seed(0))
    steps = torch.searchsorted(torch.from_numpy(sigma_table()).float(), drawn) + 1
    counts = torch.histc(steps.float(), 10, 1, 1000)
    # 2000 each: five deviations of a binomial are 212.
    assert int(counts.min()) > 1788 and int(counts.max()) < 2212


@pytest.mark.parametrize("side", [16, 28, 45, 64, 90])
def test_any_size_keeps_its_size(side):
    x = torch.randn(2, 1, side, side)
    assert published(side)(x, torch.ones(2), nothing(2)).shape == x.shape


@pytest.mark.parametrize("design", DESIGNS)
def test_it_is_trained_resumed_and_drawn_from_and_each_sample_is_alone(tmp_path: Path, design):
    config = training(network=design, start="random")
    data = squares()

    def trained(name, report):
        fresh = build_denoiser(data, 2, "label+position", config)
        return train_denoiser(fresh, data, data, config, tmp_path / name, report, PRECISION)

    net, metrics = trained("whole.pt", quietly)
    assert np.isfinite(metrics["held_out_loss"]) and metrics["held_out_loss"] < 1.5

    def stop(step, total, metrics, previews):
        if step == 7:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        trained("part.pt", stop)
    again, _ = trained("part.pt", quietly)
    assert same_weights(net, again)
    condition = data.condition(torch.tensor([0, 1, 2, 3]))
    sampler = SamplerConfig(sampler="ddpm", steps=20)
    four = sample(net, condition, range(4), (1, 16, 16), sampler, net.config.noise)
    one = sample(net, condition[torch.tensor([2])], [2], (1, 16, 16), sampler, net.config.noise)
    # A normalisation over the batch would mix them.
    assert torch.equal(four[2], one[0])


def test_what_it_cannot_be_is_refused():
    with pytest.raises(InvalidConfig, match="choose kizu"):
        training(network="resnet")
    with pytest.raises(InvalidConfig, match="beside"):
        UNetConfig(design="published_group", beside=2)
    with pytest.raises(InvalidConfig, match="drawn"):
        NoiseConfig(drawn="never")
