"""Samples that are real, or nothing like it, are told apart; sets are those of the arms; too few are said to be."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.cli import main
from augment.errors import Cancelled, InvalidConfig, NotReady
from augment.images import encode_png
from augment.operations.context import Context, Progress
from augment.operations.evaluate_samples import EvaluateSamplesConfig, EvaluateSamplesResult, evaluate_samples
from augment.store import CONTROL, SampleRecord, Store, VerdictRecord, Workspace
from tests.examples import sample_record
from tests.operations.mapped import add_images, context_of

CONFIG = EvaluateSamplesConfig(judge_images=64)
IMAGES, ACCEPTED = 312, 20
"""104 training images of each label and as many held out of both: 52 of each label in a half."""


def plant(store: Store) -> None:
    """Held-out photographs as samples of one method, noise as those of another; and what may not be counted."""
    rng = np.random.default_rng(7)
    held = [one for one in store.images.list() if one.split != "train"]

    def sample(number: int, sha256: str, **fields: object) -> SampleRecord:
        return sample_record(number, sha256=sha256, parents=(), recipe={"number": number}, **fields)

    def noise() -> str:
        return store.files.put(encode_png(rng.integers(0, 256, (32, 32, 1), dtype=np.uint8)))

    real = [
        sample(n, one.sha256, label=one.label, mask_sha256=one.mask_sha256, method="redraw")
        for n, one in enumerate(held)
    ]
    noisy = [sample(1000 + n, noise(), label=one.label, method="ddpm") for n, one in enumerate(held)]
    ids = store.apply([*real, *noisy])
    for one in ids[:ACCEPTED]:
        store.verdicts.add(VerdictRecord(sample_id=one, decision="accepted", reviewer="me", client_key=str(one)))
    store.apply(
        [
            sample(2000, noise(), label="free", method=CONTROL),
            sample(2001, noise(), label="free", method="cutmix", split="test"),
        ]
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory):
    """A workspace of 208 training images, and what was measured of its samples."""
    root: Path = tmp_path_factory.mktemp("samples")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store, IMAGES, masks=True)
        plant(store)
        context = context_of(store, root / "job")
        yield context, evaluate_samples(CONFIG, context)


def test_sets_are_those_of_the_arms_and_one_of_each_method(measured: tuple[Context, EvaluateSamplesResult]):
    report = measured[1].report
    assert [(one.name, one.kind, one.samples) for one in report.sets] == [
        ("generated", "arm", 208),
        ("accepted", "arm", ACCEPTED),
        ("ddpm", "method", 104),
        ("redraw", "method", 104),
    ]
    assert any(
        note.text.startswith("Arm gated cannot be trained: the gates have not measured") for note in report.notes
    )
    assert (report.real_images, report.real_parts) == (208, 208)
    assert "independent built-in encoder" in report.encoder.text


def test_real_images_in_the_place_of_samples_meet_the_floor_and_noise_does_not(
    measured: tuple[Context, EvaluateSamplesResult],
):
    sets = {one.name: one for one in measured[1].report.sets}
    real, noise = sets["redraw"], sets["ddpm"]
    for figures in (real.whole, noise.whole):
        assert all(one.images == 104 for name, one in figures.items() if name != "region")
    for name in ("kernel", "frechet", "precision", "coverage", "diversity"):
        one = real.whole[name]
        assert one.value is not None and one.floor is not None and one.gap is not None
        assert one.value.low <= one.value.value <= one.value.high
        # Five metrics at 95 %: their gaps hold 0, or miss it by less than the floor's own width.
        assert one.gap.low - (one.floor.high - one.floor.low) < 0 < one.gap.high + (one.floor.high - one.floor.low)
    for name in ("kernel", "frechet"):
        gap = noise.whole[name].gap
        assert gap is not None and gap.low > 0
    for name in ("precision", "coverage"):
        gap, floor = noise.whole[name].gap, noise.whole[name].floor
        assert gap is not None and gap.high < 0 and floor is not None and floor.value > 0.5


def test_each_label_by_itself_and_the_regions_around_masks(measured: tuple[Context, EvaluateSamplesResult]):
    sets = {one.name: one for one in measured[1].report.sets}
    assert set(sets["redraw"].per_label) == {"free", "spot"}
    spots = sets["redraw"].per_label["spot"]
    assert spots["kernel"].images == 52 and spots["kernel"].floor is not None
    # Spots have masks, and held-out spots are real ones; free surfaces and noise have none.
    assert spots["region"].gap is not None and spots["region"].gap.low < 0 < spots["region"].gap.high
    assert sets["redraw"].whole["region"].images == 52
    assert "region" not in sets["redraw"].per_label["free"] and "region" not in sets["ddpm"].whole


def test_below_fifty_nothing_is_told(measured: tuple[Context, EvaluateSamplesResult]):
    few = next(one for one in measured[1].report.sets if one.name == "accepted")
    assert all(one.value is None and one.floor is None for one in few.whole.values())
    assert few.whole["kernel"].images == ACCEPTED
    assert f"too few ({ACCEPTED} of 50)" in measured[1].markdown


def test_the_report_is_written_and_made_again_alike(measured: tuple[Context, EvaluateSamplesResult]):
    context, result = measured
    folder = Path(result.folder)
    assert folder.name == "evaluate-samples-1"
    assert (folder / "samples.md").read_text() == result.markdown
    told = json.loads((folder / "samples.json").read_text())
    assert told["sets"][0]["whole"]["kernel"]["images"] == 104 and told["lpips"] == ""
    assert "LPIPS: its weights are not here" in result.markdown and "independent built-in encoder" in result.markdown
    assert evaluate_samples(CONFIG, context).report == result.report


def test_stopped_it_writes_nothing_and_without_samples_it_says_what_to_do(
    measured: tuple[Context, EvaluateSamplesResult], tmp_path: Path
):
    context = measured[0]

    class Stopped(Progress):
        def __call__(self, step: int, *_: object) -> None:
            if step >= 800:
                raise Cancelled

    before = sorted(context.store.workspace.exports_dir.iterdir())
    with pytest.raises(Cancelled):
        evaluate_samples(CONFIG, replace(context, progress=Stopped()))
    assert sorted(context.store.workspace.exports_dir.iterdir()) == before
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        add_images(store)
        with pytest.raises(NotReady, match="generate some first"):
            evaluate_samples(CONFIG, context_of(store, tmp_path / "job"))


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"encoder": "resnet"}, "encoder 'resnet'"), ({"judge_images": 0}, "judge_images 0"), ({"seed": -1}, "seed -1")],
)
def test_bad_config(fields: dict[str, object], told: str):
    with pytest.raises(InvalidConfig, match=told):
        EvaluateSamplesConfig(**fields)  # type: ignore[arg-type]


def test_the_command_prints_the_table(
    measured: tuple[Context, EvaluateSamplesResult], capsys: pytest.CaptureFixture[str]
):
    store = measured[0].store
    store.close()
    assert main(["evaluate", "samples", "--judge-images", "64", "--workspace", str(store.workspace.root)]) == 0
    told = capsys.readouterr().out
    assert "| redraw | 104 a side |" in told and "folder: " in told
