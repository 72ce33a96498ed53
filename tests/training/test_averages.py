import pytest
from torch import nn

from augment.errors import InvalidConfig
from augment.training.averages import PowerEma, ema_exponent
from augment.training.settings import rate_share


@pytest.mark.parametrize(("width", "gamma"), [(0.05, 16.97), (0.10, 6.94)])
def test_ema_exponents_are_those_of_the_paper(width, gamma):
    assert ema_exponent(width) == pytest.approx(gamma, abs=0.01)  # EDM2, section 3.1
    with pytest.raises(InvalidConfig, match=r"0\.5"):
        ema_exponent(0.5)


def test_ema_has_the_width_it_was_asked_for():
    module = nn.Linear(1, 1, bias=False)
    average = PowerEma(module, 0.1)
    last = 2000
    for step in range(1, last + 1):
        module.weight.data.fill_(step / last)
        average.update(module, step)
    # The profile is t^gamma on [0, 1], whose mean is (gamma + 1) / (gamma + 2).
    gamma = ema_exponent(0.1)
    assert float(average.module.weight.detach()) == pytest.approx((gamma + 1) / (gamma + 2), abs=0.002)


def test_rate_warms_up_and_decays():
    rates = [rate_share(step, 100, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == 1.0 and rates[-1] < 0.02
    assert rates[9:] == sorted(rates[9:], reverse=True)
