import math
from pathlib import Path

import pytest
import torch
from torch import nn

from augment import training
from augment.errors import InvalidConfig, InvalidInput, JobFailed

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("features", "expected"),
    [({"avx2", "fma"}, "fp32"), ({"avx512f"}, "fp32"), ({"avx512_bf16"}, "bf16"), ({"amx_bf16", "amx_tile"}, "bf16")],
)
def test_bf16_only_where_the_processor_computes_it(features, expected):
    assert training.choose_precision("auto", CPU, frozenset(features)).name == expected


def test_wishes_for_precision():
    assert training.choose_precision("bf16", CPU, frozenset()).name == "bf16"
    with pytest.raises(InvalidConfig, match="needs a GPU"):
        training.choose_precision("fp16", CPU)
    with pytest.raises(InvalidConfig, match="'int8'"):
        training.choose_precision("int8", CPU)


def test_processor_features_are_read_and_may_be_unknown(tmp_path: Path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16\n")
    assert training.processor_features(tmp_path / "cpuinfo") == {"fpu", "avx2", "amx_bf16"}
    assert training.processor_features(tmp_path / "missing") == frozenset()


@pytest.mark.parametrize(("width", "gamma"), [(0.05, 16.97), (0.10, 6.94)])
def test_ema_exponents_are_those_of_the_paper(width, gamma):
    assert training.ema_exponent(width) == pytest.approx(gamma, abs=0.01)  # EDM2, section 3.1
    with pytest.raises(InvalidConfig, match=r"0\.5"):
        training.ema_exponent(0.5)


def test_ema_has_the_width_it_was_asked_for():
    module = nn.Linear(1, 1, bias=False)
    average = training.PowerEma(module, 0.1)
    last = 2000
    for step in range(1, last + 1):
        module.weight.data.fill_(step / last)
        average.update(module, step)
    # The profile is t^gamma on [0, 1], whose mean is (gamma + 1) / (gamma + 2).
    gamma = training.ema_exponent(0.1)
    assert float(average.module.weight.detach()) == pytest.approx((gamma + 1) / (gamma + 2), abs=0.002)


def test_rate_warms_up_and_decays():
    rates = [training.cosine_rate(step, 100, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == 1.0 and rates[-1] < 0.02
    assert rates[9:] == sorted(rates[9:], reverse=True)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_bad_losses_stop_with_advice(loss):
    with pytest.raises(JobFailed, match=r"step 7 with learning rate 0.01"):
        training.check_loss(loss, 7, 0.01)
    training.check_loss(0.5, 7, 0.01)


def test_checkpoints_come_back_and_bad_ones_are_named(tmp_path: Path):
    path = tmp_path / "deep" / "c.pt"
    training.save_checkpoint(path, {"step": 3, "weights": torch.arange(4.0)})
    assert torch.equal(training.load_checkpoint(path)["weights"], torch.arange(4.0))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInput, match=r"c\.pt cannot be read"):
        training.load_checkpoint(path)
    assert [file.name for file in path.parent.iterdir()] == ["c.pt"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "c.pt"
    training.save_checkpoint(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        training.save_checkpoint(path, {"step": (number for number in range(3))})
    assert training.load_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"trap": Trap()}, tmp_path / "c.pt")
    with pytest.raises(InvalidInput, match="cannot be read"):
        training.load_checkpoint(tmp_path / "c.pt")
    assert not (tmp_path / "sprung").exists()


def test_weights_round_trip_and_misfits_are_named(tmp_path: Path):
    module = nn.Linear(3, 2)
    sha256 = training.save_weights(tmp_path / "w.safetensors", module)
    other = nn.Linear(3, 2)
    training.load_weights(tmp_path / "w.safetensors", other)
    assert torch.equal(other.weight, module.weight)
    assert training.save_weights(tmp_path / "again.safetensors", other) == sha256
    with pytest.raises(InvalidInput, match=r"w\.safetensors do not fit"):
        training.load_weights(tmp_path / "w.safetensors", nn.Linear(4, 2))


def test_random_state_is_put_back():
    training.seed_everything(3)
    state = training.random_state()
    first = torch.rand(2)
    training.restore_random_state(state)
    assert torch.equal(torch.rand(2), first)


def test_deterministic_is_undone_on_the_way_out():
    before = torch.are_deterministic_algorithms_enabled()
    with training.deterministic():
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before
