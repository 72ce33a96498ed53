"""The losses beside torch's own distributions and the formulas as they are printed."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional

from augment.vaegan import losses
from augment.vaegan.model import Discriminator, Encoder, Enlarge, Factors, Student
from augment.vaegan.settings import FactorShape


def normals(seed: int, dimensions: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(7, dimensions, generator=generator), torch.randn(7, dimensions, generator=generator)


def distribution(q: tuple[torch.Tensor, torch.Tensor]) -> Independent:
    return Independent(Normal(q[0], (0.5 * q[1]).exp()), 1)


def test_divergences_are_those_of_the_distributions():
    student, teacher = normals(0, 6), normals(1, 5)
    prior = Independent(Normal(torch.zeros(7, 6), torch.ones(7, 6)), 1)
    assert torch.allclose(losses.kl_to_prior(student), kl_divergence(distribution(student), prior), atol=1e-4)
    shared = student[0][:, :5], student[1][:, :5]
    expected = kl_divergence(distribution(shared), distribution(teacher))
    assert torch.allclose(losses.kl_between(student, teacher), expected, rtol=1e-4, atol=1e-4)
    assert torch.allclose(losses.kl_between(shared, shared), torch.zeros(7), atol=1e-6)


def test_samples_have_the_mean_and_spread_asked_for():
    q = torch.full((20_000, 1), 2.0), torch.full((20_000, 1), 2 * 0.5)
    z = losses.sampled(q, torch.Generator().manual_seed(0))
    # Standard errors of 20,000 draws with a deviation of 1.65 are 0.012 and 0.008.
    assert float(z.mean()) == pytest.approx(2.0, abs=0.06) and float(z.std()) == pytest.approx(1.6487, abs=0.04)


def test_the_added_dimension_tells_new_from_known():
    z, y = torch.tensor([[0.3, -0.5, 0.7], [0.1, 0.2, -0.4]]), torch.tensor([0, 1])
    assert torch.equal(losses.filtered(z, y, 1), torch.tensor([[0.3, -0.5, -0.7], [0.1, 0.2, 0.4]]))
    assert torch.equal(losses.filtered(z, y, 2), torch.tensor([[0.3, -0.5, -0.7], [0.1, 0.2, 0.4]]))


def test_the_game_is_the_published_one():
    real, of_x, of_prior = torch.randn(3, 9, generator=torch.Generator().manual_seed(3))
    d, g, p = (value.sigmoid() for value in (real, of_x, of_prior))
    for gamma in (0.0, 1.0, 5.0):
        published = d.log() + (1 - g).log() + gamma * (1 - p).log()
        assert torch.allclose(losses.discriminator_loss(real, of_x, of_prior, gamma), -published, atol=1e-5)
        assert torch.allclose(losses.generator_loss(of_x, of_prior, gamma), -(g.log() + gamma * p.log()), atol=1e-5)


def test_errors_are_sums_and_means_as_said():
    logits, x = torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    expected = torch.tensor([2.0]).sigmoid()
    assert float(losses.pixel_error(logits, x)) == pytest.approx(0.6931 - float((1 - expected).log()), abs=1e-3)
    fine, coarse = torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 1, 1)
    real = [torch.ones(1, 1, 2, 2), torch.tensor([[[[1.0]], [[3.0]]]])]
    assert losses.feature_error([fine, coarse], real).tolist() == [1.0 + 5.0]


def test_a_student_begins_as_its_teacher():
    torch.manual_seed(0)
    teacher = Factors(FactorShape(side_px=32, dimensions=4, width=8))
    student = Student(FactorShape(side_px=32, dimensions=6, added=2, width=8))
    student.start_from(teacher)
    x = torch.rand(3, 1, 32, 32)
    mean, logvar = student.encoder(x)
    known, known_logvar = teacher.encoder(x)
    assert torch.equal(mean[:, :4], known) and torch.equal(logvar[:, :4], known_logvar)
    assert (mean[:, 4:] == 0).all() and (logvar[:, 4:] == -2).all()
    # The added ones draw nothing yet, and what they draw is learned from the first step.
    z = torch.cat([known, torch.randn(3, 2)], dim=1)
    drawn = student.decoder(z)
    assert torch.allclose(drawn, teacher.decoder(known))
    (drawn * torch.rand(3, 1, 32, 32)).sum().backward()
    assert (student.decoder.start[0].weight.grad[:, 4:6].abs().sum(dim=0) > 0).all()


def test_the_first_guess_at_what_is_new_is_faint_and_of_images_all_alike_there_is_none():
    torch.manual_seed(0)
    student = Student(FactorShape(side_px=32, dimensions=4, added=1, width=8))
    y = torch.arange(64) % 2
    student.begin_at(torch.rand(64, 1, 32, 32) * (0.5 + 0.5 * y[:, None, None, None]), y)
    lighter, darker = torch.rand(8, 1, 32, 32), torch.rand(8, 1, 32, 32) / 2
    with torch.no_grad():
        high, low = (student.encoder(x)[0][:, -1] for x in (lighter, darker))
    assert low.max() < high.min() < low.min() + 0.5
    student.begin_at(torch.zeros(64, 1, 32, 32), y)
    with torch.no_grad():
        assert (student.encoder(lighter)[0][:, -1] == 0).all()


def test_a_colour_student_begins_as_its_grey_teacher():
    torch.manual_seed(0)
    teacher = Factors(FactorShape(side_px=32, dimensions=4, width=8))
    student = Student(FactorShape(side_px=32, channels=3, dimensions=5, added=1, width=8))
    student.start_from(teacher)
    grey = torch.rand(2, 1, 32, 32)
    mean, _ = student.encoder(grey.expand(-1, 3, -1, -1))
    assert torch.allclose(mean[:, :4], teacher.encoder(grey)[0], atol=1e-5)
    z = torch.randn(2, 4)
    drawn = student.decoder(torch.cat([z, torch.zeros(2, 1)], dim=1))
    assert torch.allclose(drawn, teacher.decoder(z).expand(-1, 3, -1, -1), atol=1e-5)
    # Red light alone says as much of the shape as white does.
    red = grey * torch.tensor([1.0, 0.3, 0.3])[:, None, None]
    assert torch.equal(teacher.known(red)[0], teacher.encoder(grey)[0])


def test_enlarging_is_a_convolution_of_the_enlarged_layer_and_draws_no_grid():
    torch.manual_seed(0)
    enlarge, x = Enlarge(5, 3), torch.randn(2, 5, 6, 6)
    kernel = enlarge.weight.flip(2, 3).transpose(0, 1)
    expected = functional.conv2d(functional.interpolate(x, scale_factor=2), kernel, enlarge.bias, padding=1)
    assert torch.allclose(enlarge(x), expected, atol=1e-5)
    flat = enlarge(torch.ones(1, 5, 6, 6))[:, :, 1:-1, 1:-1]
    assert torch.allclose(flat, flat[:, :, :1, :1].expand_as(flat), atol=1e-5)


def test_a_dimension_begins_along_one_axis():
    torch.manual_seed(0)
    encoder = Encoder(FactorShape(side_px=64, dimensions=4, width=8), 4)
    x = torch.zeros(3, 1, 64, 64)
    # Steps of 8 px, which pooling keeps; far enough from the rim for the encoder's 36 px of sight.
    for index, (down, across) in enumerate([(28, 28), (28, 36), (36, 28)]):
        x[index, 0, down : down + 3, across : across + 3] = 1
    began, moved_across, moved_down = encoder(x)[0]
    assert torch.allclose(moved_across[::2], began[::2], atol=1e-5)
    assert torch.allclose(moved_down[1::2], began[1::2], atol=1e-5)
    assert (moved_across[1::2] - began[1::2]).abs().min() > 1e-3
    assert (moved_down[::2] - began[::2]).abs().min() > 1e-3


def test_the_discriminator_hears_the_kind_and_gives_features():
    torch.manual_seed(0)
    judge = Discriminator(FactorShape(side_px=32, width=8))
    x = torch.rand(2, 1, 32, 32)
    known, features = judge(x, torch.zeros(2, dtype=torch.int64))
    new, again = judge(x, torch.ones(2, dtype=torch.int64))
    assert [level.shape[1:] for level in features] == [(1, 32, 32), (8, 16, 16), (8, 8, 8), (16, 4, 4)]
    assert all(torch.equal(one, other) for one, other in zip(features, again, strict=True))
    assert torch.equal(features[0], x) and not torch.equal(known, new)
