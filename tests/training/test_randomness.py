import torch

from augment.training.randomness import deterministic, random_state, restore_random_state, seed_everything


def test_random_state_is_put_back():
    seed_everything(3)
    state = random_state()
    first = torch.rand(2)
    restore_random_state(state)
    assert torch.equal(torch.rand(2), first)


def test_deterministic_is_undone_on_the_way_out():
    before = torch.are_deterministic_algorithms_enabled()
    with deterministic():
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before
