import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augment.cli import main
from augment.errors import Cancelled, InvalidConfig, InvalidInput, NotFound, NotReady
from augment.images import decode
from augment.judge.metrics import FEWEST
from augment.operations.context import Context, Progress
from augment.operations.control_numbers import read_references, verdicts
from augment.operations.control_samples import choose_references, find_conditions
from augment.operations.evaluate_control import EvaluateControlConfig, evaluate_control
from augment.operations.judges import find_judges
from augment.operations.places import MappedEncoder
from augment.operations.train_ddpm import TrainDdpmConfig, train_ddpm
from augment.store import ImageRecord, ModelRecord, Store, Workspace
from tests.operations.mapped import VIEW, add_images, add_map, context_of

TINY = TrainDdpmConfig(images_seen=32, batch_size=8, width=8, warmup_steps=2)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A workspace of 90 training images with a map and a briefly trained generator; tests only add models to it."""
    root: Path = tmp_path_factory.mktemp("evaluate")
    with Store(Workspace(root / "workspace").create()) as store:
        add_images(store, 132)
        add_map(store)
        context = context_of(store, root / "job")
        train_ddpm(TINY, context)
        yield context


def config(**fields) -> EvaluateControlConfig:
    return EvaluateControlConfig(**({"samples": 3, "steps": 1, "table_samples": 0, "judge_images": 128} | fields))


@pytest.fixture(scope="module")
def judges(context):
    from augment.judge.classifier import JudgeConfig

    return find_judges("builtin", JudgeConfig(images_seen=128), VIEW, 1, context)


def test_the_whole_report(context: Context, judges: object):
    result = evaluate_control(config(table_samples=FEWEST), context)
    report = result.report
    assert [one.condition for one in report.conditions] == ["label", "label+position", "position"]
    assert {label: len(ids) for label, ids in report.references.items()} == {"free": 2, "spot": 2}
    for one in report.conditions:
        assert one.model_id == 2
        assert one.whole.nearer is not None and one.whole.nearer.count == 2 * 2 * 3
        assert set(one.per_label) == {"free", "spot"}
        parts = [numbers.nearer.right for numbers in one.per_label.values() if numbers.nearer]
        assert sum(parts) == one.whole.nearer.right
        assert one.whole.landing is not None and one.whole.landing.low <= one.whole.landing.value
    assert report.ceiling.held_out is not None and report.ceiling.held_out.count == 44
    # Each picture of the test's workspace is a part of its own.
    assert report.ceiling.same_part.nearer is None
    table = report.table
    assert table is not None and [*table.sets] == ["label", "label+position", "position", "real, held out"]
    assert (table.floor_images, table.floor_against) == (44, 44)
    for name in ("label", "label+position", "position"):
        numbers = table.sets[name]
        assert (numbers.images, numbers.against) == (FEWEST, 88)
        assert numbers.frechet is not None and numbers.frechet > 0
        assert numbers.kernel is not None and numbers.kernel.low < numbers.kernel.value < numbers.kernel.high
        assert numbers.inception is not None and 1 <= numbers.inception <= 2
    # 44 images on a side are too few for a floor.
    assert table.floor_frechet is None and table.sets["real, held out"].frechet is None
    folder = Path(result.folder)
    assert folder.parent == context.store.workspace.exports_dir and folder.name.startswith("evaluate-control-")
    written = json.loads((folder / "control.json").read_text())
    assert written["references"] == {label: [*ids] for label, ids in report.references.items()}
    assert (folder / "control.md").read_text() == result.markdown
    assert "too few" in result.markdown and "FID" not in result.markdown
    assert "independent built-in encoder" in result.markdown
    sheet = decode((folder / "control-label-position.png").read_bytes()).pixels
    together = decode((folder / "control.png").read_bytes()).pixels
    assert sheet.shape[2] == together.shape[2] == 3 and together.shape[1] > 2 * sheet.shape[1]
    assert not (context.job_folder / "drawn").exists()


def test_the_same_seed_gives_the_same_report_and_conditions_share_their_noise(context: Context, judges: object):
    first, second = (evaluate_control(config(conditions=("label+position",)), context) for _ in range(2))
    assert first.report == second.report and first.folder != second.folder
    other = evaluate_control(config(conditions=("label+position",), seed=1), context)
    assert other.report.references != first.report.references


def test_references_may_be_images_that_nothing_was_fitted_on(context: Context, judges: object):
    asked = config(references_from="validation", conditions=("position",), samples=1, references=3)
    report = evaluate_control(asked, context).report
    ids = [image_id for ids in report.references.values() for image_id in ids]
    assert len(ids) == 6 and {context.store.images.get(image_id).split for image_id in ids} == {"validation"}
    assert report.table is None
    assert report.notes[-1].startswith("references are validation images")


def test_stopped_and_resumed_it_draws_what_is_missing(context: Context, judges: object):
    class Stop(Progress):
        drawn = 0

        def __call__(self, step, total, metrics=None, previews=None):
            self.drawn += 1
            if list((context.job_folder / "drawn").glob("*.npy")):
                raise Cancelled

    with pytest.raises(Cancelled):
        evaluate_control(config(seed=7), replace(context, progress=Stop()))
    (kept,) = (context.job_folder / "drawn").glob("*.npy")
    # A kept part is used as it is: black samples give another report than drawn ones.
    np.save(kept, np.zeros_like(np.load(kept)))
    resumed = evaluate_control(config(seed=7), context)
    fresh = evaluate_control(config(seed=7), context)
    assert resumed.report.conditions[0] != fresh.report.conditions[0]
    assert resumed.report.conditions[1:] == fresh.report.conditions[1:]


def test_real_images_in_the_place_of_samples_pass_every_test(context: Context, judges):
    store = context.store
    mapped = MappedEncoder.load(context, store.projections.get(1))
    chosen, notes = choose_references(store.images.list(split="train"), 2, [], 0)
    assert notes == []
    references = read_references([*chosen["free"], *chosen["spot"]], judges, VIEW, context)
    sample_of = np.repeat(np.arange(4), 2)
    same = verdicts(references.cuts[sample_of], sample_of, references, judges, mapped)
    assert same.nearer.all() and same.copied.all()
    # float32 placing of a training image gives its own position.
    assert same.landing.max() < 1e-3
    exchanged = verdicts(references.cuts[[1, 0, 3, 2]], np.arange(4), references, judges, mapped)
    assert not exchanged.nearer.any()
    assert exchanged.landing.min() > 0.1
    crossed = verdicts(references.cuts[[2, 3, 0, 1]], np.arange(4), references, judges, mapped)
    assert (crossed.labelled != same.labelled[::2]).sum() >= 3


def test_judges_are_trained_once_for_the_same_images(context: Context, judges):
    from augment.judge.classifier import JudgeConfig

    class Refuse(Progress):
        def __call__(self, step, total, metrics=None, previews=None):
            raise AssertionError("a training reports, and there is none")

    shown = judges.compared(judges.features)
    assert abs(shown.mean(axis=0)).max() < 1e-4 and shown.var(axis=0).mean() == pytest.approx(1, abs=1e-3)
    again = find_judges("builtin", JudgeConfig(images_seen=128), VIEW, 1, replace(context, progress=Refuse()))
    assert (again.features == judges.features).all()
    folders = {path.name for path in (context.store.workspace.cache_dir / "judges").iterdir()}
    find_judges("builtin", JudgeConfig(images_seen=32), VIEW, 1, context)
    assert len({path.name for path in (context.store.workspace.cache_dir / "judges").iterdir()} - folders) == 1


def test_references_are_of_different_parts_where_there_are():
    def image(number: int, label: str, group: str) -> ImageRecord:
        return ImageRecord(
            sha256=f"{number:064x}", name="", label=label, group=group, split="train", width_px=32, height_px=32,
            size_bytes=1, source="", id=number,
        )  # fmt: skip

    images = [image(n, "a", "one" if n < 20 else "two") for n in range(21)]
    images += [image(30 + n, "b", "three") for n in range(4)] + [image(40, "c", "four")]
    for seed in range(5):
        chosen, notes = choose_references(images, 2, [], seed)
        assert {record.group for record in chosen["a"]} == {"one", "two"}
        assert len({record.id for record in chosen["b"]}) == 2
        assert "c" not in chosen
        assert notes == ["label b: references of 1 part only", "label c is left out: 1 of 2 images"]
    with pytest.raises(NotReady, match="no label has 30 images"):
        choose_references(images, 30, [], 0)


def test_a_generator_that_knows_less_leaves_conditions_out(context: Context, tmp_path: Path):
    trained = train_ddpm(replace(TINY, condition="label"), replace(context, job_folder=tmp_path))
    mapped = MappedEncoder.load(context, context.store.projections.get(1))
    ids = dict.fromkeys(("label", "label+position", "position"), trained.model_id)
    asked, notes = find_conditions(ids, mapped, VIEW, context)
    assert [one.condition for one in asked] == ["label"]
    assert [note.split(":")[0] for note in notes] == ["label+position is left out", "position is left out"]
    asked, _ = find_conditions({**ids, "label+position": 2}, mapped, VIEW, context)
    assert [(one.condition, one.generator.record.id) for one in asked] == [("label", 3), ("label+position", 2)]
    with pytest.raises(InvalidInput, match="no condition can be asked for"):
        find_conditions({"position": trained.model_id}, mapped, VIEW, context)
    with pytest.raises(InvalidInput, match="another view"):
        find_conditions(ids, mapped, replace(VIEW, side_px=64), context)


def test_what_is_missing_is_told(context: Context, tmp_path: Path):
    with Store(Workspace(tmp_path / "new").create()) as store:
        fresh = context_of(store, tmp_path / "job")
        with pytest.raises(NotReady, match="import some first"):
            evaluate_control(config(), fresh)
        add_images(store)
        with pytest.raises(NotReady, match="no map"):
            evaluate_control(config(), fresh)
        add_map(store)
        with pytest.raises(NotReady, match="no generator"):
            evaluate_control(config(), fresh)
        train_ddpm(TINY, fresh)
        add_map(store, seed=1)
        with pytest.raises(InvalidInput, match="trained on another map"):
            evaluate_control(config(), fresh)
    with pytest.raises(NotFound, match="model 99"):
        evaluate_control(config(model_id=99), context)
    used = tmp_path / "used"
    used.mkdir()
    (used / "file").touch()
    with pytest.raises(InvalidInput, match="in use"):
        evaluate_control(config(folder=str(used)), context)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"references": 1}, "references 1: 2 to 10"),
        ({"samples": 0}, "samples 0: 1 to 1000"),
        ({"conditions": ()}, "one or more of label"),
        ({"conditions": ("label", "label")}, "each once"),
        ({"encoder": "timm:"}, "encoder 'timm:'"),
        ({"steps": 0}, "steps 0"),
        ({"references_from": "test"}, "train or validation"),
    ],
)
def test_a_config_outside_its_range_is_refused(fields, said):
    with pytest.raises(InvalidConfig, match=said):
        config(**fields)


def test_the_command_prints_the_tables(context: Context, judges: object, capsys: pytest.CaptureFixture[str]):
    words = "--samples 1 --steps 1 --table-samples 0 --judge-images 128 --conditions label+position --model-id 2"
    code = main(["evaluate", "control", *words.split(), "--workspace", str(context.store.workspace.root)])
    told = capsys.readouterr().out
    assert code == 0
    assert "| label+position |" in told and "folder: " in told


def test_the_maps_own_encoder_is_no_judge(context: Context, monkeypatch: pytest.MonkeyPatch):
    from augment.judge.classifier import JudgeConfig
    from augment.operations.embedding import ChosenEncoder

    record: ModelRecord = context.store.models.get(1)
    mapped = MappedEncoder.load(context, context.store.projections.get(1))
    own = ChosenEncoder(mapped.encoder, 1, record.sha256)
    monkeypatch.setattr("augment.operations.judges.choose_encoder", lambda *given: own)
    with pytest.raises(InvalidInput, match="no independent judge"):
        find_judges("timm:same", JudgeConfig(images_seen=128), VIEW, 1, context)
