"""The DCGAN as an operation: trained, resumed bit by bit, drawn from, and made again."""

from pathlib import Path

import numpy as np
import pytest

from augment.baselines.dcgan import draw_dcgan
from augment.baselines.dcgan import train_dcgan as train
from augment.baselines.settings import DcganShape, DcganTraining
from augment.errors import Cancelled, InvalidConfig, NotFound, NotReady
from augment.images import decode
from augment.operations.context import Progress
from augment.operations.generate_dcgan import GenerateDcganConfig, generate_dcgan
from augment.operations.regenerate import RegenerateConfig, regenerate
from augment.operations.train_dcgan import TrainDcganConfig, train_dcgan
from augment.store import Store, Workspace
from augment.training.precision import choose_precision
from tests.operations.mapped import add_images, add_map, context_of

TINY = TrainDcganConfig(images_seen=192, batch_size=16, width=8, warmup_steps=2, precision="fp32", checkpoint_every=64)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("dcgan")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store)
        add_map(store)
        yield store


class Stop(Progress):
    """Asks to stop at a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self, step, total, metrics=None, previews=None):
        if step == self.at:
            raise Cancelled("stopped")


def test_a_stopped_training_ends_in_the_same_bytes_and_its_samples_come_again(store: Store, tmp_path):
    whole = train_dcgan(TINY, context_of(store, tmp_path / "whole"))
    context = context_of(store, tmp_path / "stopped")
    context.progress = Stop(5)
    with pytest.raises(Cancelled):
        train_dcgan(TINY, context)
    context.progress = Progress()
    assert train_dcgan(TINY, context).sha256 == whole.sha256
    made = generate_dcgan(GenerateDcganConfig(label="spot", count=18, seed=3), context)
    samples = [store.samples.get(sample_id) for sample_id in made.sample_ids]
    assert [sample.seed for sample in samples] == list(range(3, 21))
    assert {sample.method for sample in samples} == {"dcgan"} and len({sample.sha256 for sample in samples}) == 18
    assert all(sample.nearest_image_id and sample.landing_error is None for sample in samples)
    assert decode(store.files.read(samples[0].sha256)).pixels.shape == (32, 32, 1)
    assert regenerate(RegenerateConfig(sample_id=samples[17].id or 0), context).same_bytes
    # One of another label from the same z is another picture: the label is heard.
    (other,) = generate_dcgan(GenerateDcganConfig(label="free", count=1, seed=3), context).sample_ids
    assert store.samples.get(other).sha256 != samples[0].sha256


def test_the_label_decides_what_is_drawn_and_z_where(tmp_path):
    """A bar at one of eight places, bright of one label and dark of the other: 400 steps tell them apart."""
    rng = np.random.default_rng(0)
    label, place = np.arange(128) % 2, rng.integers(0, 8, 128)
    bar = np.arange(16)[None] // 2 == place[:, None]
    rows = np.where(bar, np.where(label, 230, 30)[:, None], 128)
    pixels = np.repeat(rows[:, None, :, None], 16, axis=1) + rng.normal(0, 4, (128, 16, 16, 1))
    training = DcganTraining(images_seen=400 * 16, batch_size=16, width=8, learning_rate=1e-3, precision="fp32")
    precision = choose_precision("fp32")
    network, _ = train(
        pixels.astype(np.uint8), label, 2, training, tmp_path / "training.pt", lambda *told: None, precision
    )
    dark, bright = (draw_dcgan(network, precision, [which] * 32, range(32)).astype(float) for which in (0, 1))
    # Means of the real ones are 115 and 140.
    assert bright.mean() - dark.mean() > 12
    for drawn, which in ((dark, 0), (bright, 1)):
        # All samples alike, which a DCGAN falls into easily, would give 0.
        assert drawn.std(axis=0).mean() > 0.5 * pixels[label == which].std(axis=0).mean()


def test_what_is_missing_is_said(store: Store, tmp_path):
    context = context_of(store, tmp_path / "none")
    with pytest.raises(NotFound, match="label 'hole' is not known to DCGAN"):
        generate_dcgan(GenerateDcganConfig(label="hole"), context)
    with pytest.raises(InvalidConfig, match="side_px 202"):
        DcganShape(side_px=202)
    with pytest.raises(InvalidConfig, match="batch_size 2"):
        TrainDcganConfig(batch_size=2)
    with Store(Workspace(tmp_path / "empty").create()) as empty, pytest.raises(NotReady, match="import some first"):
        train_dcgan(TINY, context_of(empty, tmp_path / "job"))
    assert DcganShape(side_px=28).start_px == 7 and DcganShape(side_px=96).start_px == 6
