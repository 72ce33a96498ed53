"""How varied sets are, on sets of known variety; LPIPS against torchmetrics' own, and not without its weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from augment.judge.diversity import mean_within, vendi_score
from augment.judge.perceptual import has_lpips, lpips_between
from augment.judge.sample_report import LPIPS_FILE


def test_the_vendi_score_counts_different_images():
    # Friedman and Dieng 2023, section 3: n different ones count n, copies count once.
    assert vendi_score(np.eye(8)) == pytest.approx(8)
    assert vendi_score(np.repeat(np.eye(8)[:3], 20, axis=0)) == pytest.approx(3)
    assert vendi_score(np.ones((60, 4))) == pytest.approx(1)
    # Length does not matter; fewer rows than columns or more give the same.
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 10))
    wide = np.concatenate([points, np.zeros((30, 40))], axis=1)
    assert vendi_score(points * 7) == pytest.approx(vendi_score(wide))


def test_distances_are_taken_within_labels():
    between = np.array([[0, 1, 9], [1, 0, 9], [9, 9, 0]], dtype=np.float32)
    assert mean_within(between, np.array([0, 0, 1])) == 1
    assert mean_within(between, np.array([0, 0, 0])) == pytest.approx((5 + 5 + 9) / 3)
    assert np.isnan(mean_within(between, np.array([0, 1, 2])))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AlexNet with drawn convolutions where torch looks for it: the numbers mean nothing, how they are made does."""
    from torchvision.models import alexnet

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with torch.device("meta"):
        shapes = {name: one.shape for name, one in alexnet(weights=None).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    drawn = {
        # The classifier is not used: one zero, seen as many.
        name: torch.randn(shape, generator=generator) * 0.05 if "features" in name else torch.zeros(1).expand(shape)
        for name, shape in shapes.items()
    }
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(drawn, tmp_path / "hub" / "checkpoints" / LPIPS_FILE)


def test_without_its_weights_there_is_no_lpips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert not has_lpips()


@pytest.mark.parametrize("channels", [1, 3])
def test_lpips_is_that_of_torchmetrics(weights: None, channels: int):
    pytest.importorskip("torchmetrics")
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    assert has_lpips()
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, channels), dtype=np.uint8)
    between = lpips_between(images)
    assert np.allclose(np.diag(between), 0, atol=1e-4) and np.allclose(between, between.T, atol=1e-5)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).expand(-1, 3, -1, -1) / 127.5 - 1
    theirs = LearnedPerceptualImagePatchSimilarity(net_type="alex")
    for row in range(1, 4):
        theirs.reset()
        assert between[0, row] == pytest.approx(float(theirs(pixels[:1], pixels[row : row + 1])), rel=1e-3)
