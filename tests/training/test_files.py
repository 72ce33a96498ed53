from pathlib import Path

import pytest
import torch
from torch import nn

from augment.errors import InvalidInput
from augment.training.files import load_checkpoint, load_weights, save_checkpoint, save_weights


def test_checkpoints_come_back_and_bad_ones_are_named(tmp_path: Path):
    path = tmp_path / "deep" / "c.pt"
    save_checkpoint(path, {"step": 3, "weights": torch.arange(4.0)})
    assert torch.equal(load_checkpoint(path)["weights"], torch.arange(4.0))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInput, match=r"c\.pt cannot be read"):
        load_checkpoint(path)
    assert [file.name for file in path.parent.iterdir()] == ["c.pt"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "c.pt"
    save_checkpoint(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, {"step": (number for number in range(3))})
    assert load_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"trap": Trap()}, tmp_path / "c.pt")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_checkpoint(tmp_path / "c.pt")
    assert not (tmp_path / "sprung").exists()


def test_weights_round_trip_and_misfits_are_named(tmp_path: Path):
    module = nn.Linear(3, 2)
    sha256 = save_weights(tmp_path / "w.safetensors", module)
    other = nn.Linear(3, 2)
    load_weights(tmp_path / "w.safetensors", other)
    assert torch.equal(other.weight, module.weight)
    assert save_weights(tmp_path / "again.safetensors", other) == sha256
    with pytest.raises(InvalidInput, match=r"w\.safetensors do not fit"):
        load_weights(tmp_path / "w.safetensors", nn.Linear(4, 2))
