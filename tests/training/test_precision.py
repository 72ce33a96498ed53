from pathlib import Path

import pytest
import torch

from augment.errors import InvalidConfig
from augment.training.precision import choose_precision, processor_features

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("features", "expected"),
    [({"avx2", "fma"}, "fp32"), ({"avx512f"}, "fp32"), ({"avx512_bf16"}, "bf16"), ({"amx_bf16", "amx_tile"}, "bf16")],
)
def test_bf16_only_where_the_processor_computes_it(features, expected):
    assert choose_precision("auto", CPU, frozenset(features)).name == expected


def test_wishes_for_precision():
    assert choose_precision("bf16", CPU, frozenset()).name == "bf16"
    with pytest.raises(InvalidConfig, match="needs a GPU"):
        choose_precision("fp16", CPU)
    with pytest.raises(InvalidConfig, match="'int8'"):
        choose_precision("int8", CPU)


def test_processor_features_are_read_and_may_be_unknown(tmp_path: Path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16\n")
    assert processor_features(tmp_path / "cpuinfo") == {"fpu", "avx2", "amx_bf16"}
    assert processor_features(tmp_path / "missing") == frozenset()
