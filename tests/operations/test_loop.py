"""The closed loop on a small workspace: rounds, its reason to end, and a stop that costs nothing."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from augment.cli import main
from augment.errors import Cancelled, InvalidConfig, NotReady
from augment.judge.gates import GATES
from augment.operations.configs import to_json
from augment.operations.context import Context, Progress
from augment.operations.gate_limits import move_limit
from augment.operations.generate import GenerateConfig, generate
from augment.operations.loop import LoopConfig, loop
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.store import Store, Workspace
from tests.operations.mapped import add_images, add_map, context_of

QUICK = LoopConfig(rounds=2, count=10, seeds=3, images_seen=32, judge_images=32)
_BRIEF = TrainDdpmConfig(images_seen=16, batch_size=8, width=8, warmup_steps=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a map and a generator that was trained for a moment, to be copied."""
    root: Path = tmp_path_factory.mktemp("loop")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store, 72, masks=True)
        add_map(store)
        train_ddpm(_BRIEF, context_of(store, root / "training"))
    return root / "workspace"


@pytest.fixture
def opened(template: Path, tmp_path: Path) -> Iterator[Callable[..., Context]]:
    """Contexts on copies of it, in which all samples pass the gates, or none."""
    stores = []

    def make(name: str, *, passing: bool = True) -> Context:
        store = Store(Workspace(shutil.copytree(template, tmp_path / name)))
        stores.append(store)
        for gate in GATES.values():
            move_limit(store, gate.name, 1e9 if (gate.side == "least") != passing else -1e9)
        return context_of(store, tmp_path / f"{name}-job")

    yield make
    for store in stores:
        store.close()


def test_rounds_add_up_and_the_reason_to_end_is_true(opened: Callable[..., Context]):
    context = opened("whole")
    generate(GenerateConfig(label="spot", count=4, seed=900), context)
    result = loop(QUICK, context)
    report = result.report
    # What was there before is no merit of the first round.
    assert len(list((context.job_folder / "before" / "answers").glob("gated-*.npy"))) == QUICK.seeds
    assert 1 <= len(report.rounds) <= 2
    for number, one in enumerate(report.rounds, start=1):
        assert sum(one.labels.values()) == 10 and set(one.labels) == {"free", "spot"}
        assert one.samples == one.passed == 4 + 10 * number and one.gain is not None
    assert context.store.samples.count(status="candidate") == 4 + 10 * len(report.rounds)
    gains = [one.gain.difference for one in report.rounds if one.gain is not None]
    assert all(gain > 0 for gain in gains[:-1])
    if gains[-1] > 0:
        assert report.ended.text == "All rounds asked for (2) are done, and each added something by its estimate."
    else:
        assert report.ended.text.startswith(f"Round {len(gains)} added nothing")
    reached = [report.before, *(one.balanced_accuracy or 0 for one in report.rounds)]
    assert [b - a for a, b in pairwise(reached)] == pytest.approx(gains)
    told = json.loads((Path(result.folder) / "loop.json").read_text())
    assert told["ended"] == to_json(report.ended)
    assert (Path(result.folder) / "loop.md").read_text() == result.markdown


def test_stopped_and_resumed_it_goes_on_with_what_it_had(opened: Callable[..., Context]):
    once = replace(QUICK, rounds=1)
    whole = loop(once, opened("whole")).report
    context = opened("stopped")

    class Stopped(Progress):
        def __init__(self, at: int) -> None:
            self.at = at

        def __call__(self, step: int, *_: object) -> None:
            if step >= self.at:
                raise Cancelled

    # Before the first sample, in the middle of the first round, and while its classifiers learn.
    for at in (100, 450, 620):
        with pytest.raises(Cancelled):
            loop(once, replace(context, progress=Stopped(at)))
    kept = {path: path.stat().st_mtime_ns for path in context.job_folder.rglob("answers/*.npy")}
    assert kept
    assert loop(once, context).report == whole
    assert [path.name for path, at in kept.items() if path.stat().st_mtime_ns != at] == []


def test_it_ends_where_no_sample_passes(opened: Callable[..., Context], capsys: pytest.CaptureFixture[str]):
    """By the command, which prints the table and the reason."""
    context = opened("none", passing=False)
    context.store.close()
    given = ["--count", "10", "--seeds", "1", "--images-seen", "32", "--judge-images", "32"]
    assert main(["loop", *given, "--workspace", str(context.store.workspace.root)]) == 0
    told = capsys.readouterr().out
    assert "| 1 | 5 free, 5 spot | 0 of 10 |  |  |  |" in told
    assert "Round 1: none of 10 samples passes every gate. Look at them in Review." in told


def test_what_is_missing_is_told_before_anything_is_trained(tmp_path: Path):
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        context = context_of(store, tmp_path / "job")
        with pytest.raises(NotReady, match="validation split has no images"):
            loop(QUICK, context)
        add_images(store, 72, masks=True)
        with pytest.raises(NotReady, match="no map"):
            loop(QUICK, context)
        add_map(store)
        assert not any(context.job_folder.iterdir())


def test_without_a_generator_it_pastes(tmp_path: Path):
    """And what is pasted counts as any sample: the round has an answer."""
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        add_images(store, 72, masks=True)
        add_map(store)
        for gate in GATES.values():
            move_limit(store, gate.name, -1e9 if gate.side == "least" else 1e9)
        (told,) = loop(replace(QUICK, rounds=1), context_of(store, tmp_path / "job")).report.rounds
        assert told.labels == {"spot": 10} and told.passed == 10 and told.gain is not None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"rounds": 0}, "rounds 0: 1 to 20"),
        ({"count": 9}, "count 9"),
        ({"method": "paste"}, "method 'paste'"),
        ({"seeds": 0}, "seeds 0"),
        ({"judge_images": 0}, "judge_images 0"),
        ({"seed": 2**31 - 1}, f"seed {2**31 - 1}"),
    ],
)
def test_bad_config(fields: dict[str, object], told: str):
    with pytest.raises(InvalidConfig, match=told):
        LoopConfig(**fields)  # type: ignore[arg-type]
