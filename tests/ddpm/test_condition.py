import math

import pytest
import torch

from augment.ddpm.condition import (
    Condition,
    ConditionConfig,
    ConditionEncoder,
    Whitening,
    drop,
    jitter,
    turn_images,
)
from augment.errors import InvalidConfig, InvalidInput


def clumps() -> tuple[torch.Tensor, torch.Tensor]:
    """Three tight, far-apart classes in a 5-D space, one direction without any spread, two of them correlated."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(3).repeat_interleave(200)
    position = torch.randn(600, 5, generator=generator) * 0.1
    position[:, 1] += position[:, 0]
    position[:, 4] = 2.0
    position[:, 2] += 5.0 * label
    return position, label


def test_whitening_gives_unit_spread_overall_and_within_classes():
    position, label = clumps()
    whitening = Whitening.fit(position, label)
    overall = (position - whitening.mean) @ whitening.overall
    # The direction without spread stays at 0, the widest (classes) is 1.
    assert float(overall.std(0).max()) < 1.5
    assert float((overall @ torch.linalg.eigh(overall.T @ overall)[1])[:, -1].std()) == pytest.approx(1, abs=0.05)
    within = (position - whitening.mean) @ whitening.within
    inside = torch.cat([within[label == k] - within[label == k].mean(0) for k in range(3)])
    spreads = torch.linalg.eigvalsh(inside.T @ inside / 600)
    assert torch.allclose(spreads, torch.tensor([0.0, 1, 1, 1, 1]), atol=0.01)


def test_positions_that_are_not_numbers_are_refused():
    position, label = clumps()
    position[3, 2] = math.nan
    with pytest.raises(InvalidInput, match="1 of 600 positions"):
        Whitening.fit(position, label)


def test_one_image_or_equal_positions_give_no_infinity():
    whitening = Whitening.fit(torch.ones(1, 4), torch.zeros(1, dtype=torch.int64))
    assert bool(torch.isfinite(whitening.overall).all()) and bool(torch.isfinite(whitening.within).all())


def test_dropout_is_separate_and_together():
    condition = Condition.of(torch.zeros(20_000), torch.ones(20_000, 2))
    dropped = drop(condition, 0.1, 0.2, 0.3, torch.Generator().manual_seed(0))
    label, position = dropped.label >= 0, dropped.has_position
    shares = [(~label & position), (label & ~position), (~label & ~position), (label & position)]
    # Standard error of each share is at most 0.0035; four of them.
    assert [float(s.float().mean()) for s in shares] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.014)


def test_jitter_moves_by_the_distance_asked_for():
    position, distance = torch.zeros(5000, 20), torch.full((5000,), 0.7)
    moved = jitter(position, distance, torch.Generator().manual_seed(0))
    assert float(moved.square().sum(1).mean().sqrt()) == pytest.approx(0.7, rel=0.02)


def test_absent_conditions_leave_no_trace():
    torch.manual_seed(0)
    encoder = ConditionEncoder(ConditionConfig(labels=3, fourier=4), 16)
    first = Condition.of(torch.tensor([0, 1]), torch.randn(2, 20)).without(label=True, position=True)
    second = Condition.of(torch.tensor([2, 2]), torch.randn(2, 20)).without(label=True, position=True)
    assert torch.equal(encoder(first), encoder(second))


@pytest.mark.parametrize(
    ("kind", "label_counts", "position_counts"), [("label", True, False), ("position", False, True)]
)
def test_kinds_ignore_what_they_do_not_use(kind, label_counts, position_counts):
    torch.manual_seed(0)
    encoder = ConditionEncoder(ConditionConfig(labels=3, kind=kind), 16)
    base = encoder(Condition.of(torch.tensor([0]), torch.zeros(1, 20)))
    assert bool((encoder(Condition.of(torch.tensor([1]), torch.zeros(1, 20))) != base).any()) == label_counts
    assert bool((encoder(Condition.of(torch.tensor([0]), torch.ones(1, 20))) != base).any()) == position_counts


def test_an_aim_counts_where_there_is_a_place_and_must_have_the_length_trained_on():
    torch.manual_seed(0)
    encoder = ConditionEncoder(ConditionConfig(labels=3, components=6), 16)
    label, position = torch.tensor([0]), torch.zeros(1, 20)
    here, there = (Condition.of(label, position, aim=torch.full((1, 6), value)) for value in (0.0, 1.0))
    assert bool((encoder(here) != encoder(there)).any())
    assert torch.equal(encoder(here.without(position=True)), encoder(there.without(position=True)))
    assert torch.equal(encoder(Condition.of(label)), encoder(here.without(position=True)))
    with pytest.raises(InvalidInput, match="trained on 6"):
        encoder(Condition.of(label, position, aim=torch.zeros(1, 5)))


def test_the_eight_turns_are_different_and_0_is_none():
    image = torch.arange(16.0).reshape(1, 1, 4, 4).expand(8, 1, 4, 4)
    turned = turn_images(image, torch.arange(8))
    assert torch.equal(turned[0], image[0])
    assert torch.equal(turned[1], image[0].flip(2))
    assert len({tuple(one.flatten().tolist()) for one in turned}) == 8


def test_unknown_kind_is_refused():
    with pytest.raises(InvalidConfig, match="'soft'"):
        ConditionConfig(kind="soft")  # type: ignore[arg-type]
