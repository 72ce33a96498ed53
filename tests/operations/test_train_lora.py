"""`kizu train lora` from photographs to a file: what it takes, what it says first, what it keeps, which it advises."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from augment.errors import Cancelled, InvalidConfig, NotFound, NotReady, Refused
from augment.images import decode, encode_mask
from augment.jobs import run_inline
from augment.operations.lora_grid import LoraGridConfig, lora_grid
from augment.operations.lora_lessons import cut_lessons
from augment.operations.lora_photographs import TrainLoraConfig, choose_photographs
from augment.operations.lora_preflight import look_ahead
from augment.operations.lora_watch import Kept, advise
from augment.operations.loras import told_of
from augment.operations.redraw import RedrawConfig, redraw
from augment.operations.redraw_models import find_checkpoint
from augment.operations.train_lora import train_lora
from augment.store import Store
from tests.latent.models import save_tiny
from tests.operations.mapped import context_of
from tests.operations.test_train_ddpm import Recorder
from tests.operations.test_train_redraw import add_photographs


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))


def config(base: str, **changes: object) -> TrainLoraConfig:
    told = {"label": "spot", "base": base, "images_seen": 16, "batch_size": 4, "rank": 4, "crops": 2}
    return TrainLoraConfig(
        **{**told, "preview_every": 8, "checkpoint_every": 8, "warmup_steps": 1, "precision": "fp32", **changes}
    )


def test_it_commits_the_advised_file_with_its_settings(store: Store, tmp_path: Path, base: str):
    add_photographs(store)
    context = context_of(store, tmp_path / "job")
    context.progress = progress = Recorder()
    result = train_lora(config(base), context)
    record = store.models.get(result.model_id)
    assert record.kind == "lora" and record.sha256 == result.sha256
    assert (result.images, result.held_out, result.good_images) == (8, 2, 8)
    assert [one["images_seen"] for one in record.config["kept"]] == [8, 16]
    assert result.images_seen in (8, 16) and "held-out loss" in result.advice
    assert {"held_out_loss", "copied", "copy_distance"} <= set(progress.metrics)
    # Eight places, each drawn at its own seed, beside each other.
    assert decode(progress.previews["samples-000016.png"]).pixels.shape == (64, 8 * 64, 3)
    # The nearest of them beside the photograph that it comes nearest to.
    assert decode(progress.previews["nearest-000016.png"]).pixels.shape == (64, 2 * 64, 3)
    assert progress.metrics["copy_limit"] > 0
    told = told_of(store.workspace.root / result.path)
    assert told["instance_prompt"] == record.config["instance_prompt"] == "a kzu spot"
    assert told["images_seen"] == result.images_seen


def test_a_redrawing_takes_it_by_its_id_and_says_what_does_not_suit(store: Store, tmp_path: Path, base: str):
    add_photographs(store)
    context = context_of(store, tmp_path / "job")
    number = train_lora(config(base), context).model_id
    image = store.images.list(split="train", label="free")[0]
    mask = np.zeros((image.height_px, image.width_px), np.bool_)
    mask[20:40, 20:40] = True
    told = {"label": "spot", "image_id": image.id, "mask_sha256": store.files.put(encode_mask(mask)), "count": 1}
    told |= {"model": base, "steps": 2, "loras": (f"lora:{number}=0.5",)}
    quiet = redraw(RedrawConfig(**told, prompt="a kzu spot"), context)
    assert not [one for one in quiet.warnings if one.key.startswith("lora")]
    (unsaid,) = [one for one in redraw(RedrawConfig(**told), context).warnings if one.key.startswith("lora")]
    assert unsaid.key == "lora_unsaid" and 'use "a kzu spot"' in unsaid.text
    other = {**told, "model": str(save_tiny(tmp_path / "other", channels=4)), "prompt": "a kzu spot"}
    (foreign,) = [one for one in redraw(RedrawConfig(**other), context).warnings if one.key.startswith("lora")]
    assert foreign.key == "lora_other_base"
    with pytest.raises(NotFound, match=f"LoRA lora:9: lora:{number} is trained here"):
        redraw(RedrawConfig(**{**told, "loras": ("lora:9",)}), context)
    (store.workspace.root / store.models.get(number).path).unlink()
    with pytest.raises(NotReady, match="is gone: train it again"):
        redraw(RedrawConfig(**told), context)


def test_cancelled_and_resumed_it_gives_the_same_bytes(store: Store, tmp_path: Path, base: str):
    add_photographs(store)
    whole = train_lora(config(base), context_of(store, tmp_path / "whole"))
    context = context_of(store, tmp_path / "cut")
    context.progress = Recorder(stop_at=3)
    with pytest.raises(Cancelled):
        train_lora(config(base), context)
    context.progress = progress = Recorder()
    again = train_lora(config(base), context)
    assert again.sha256 == whole.sha256 and progress.steps == [4]
    assert store.models.get(again.model_id).config["kept"] == store.models.get(whole.model_id).config["kept"]


def test_the_grid_lays_trainings_beside_each_other_and_goes_on_where_it_was(store: Store, tmp_path: Path, base: str):
    add_photographs(store)
    told = asdict(config(base, images_seen=8, preview_every=4, checkpoint_every=4))
    grid = LoraGridConfig(**told, instances=(2, 99), regularisation=(0,), sheet=str(tmp_path / "sheet.png"))
    context = context_of(store, tmp_path / "job")
    context.progress = Recorder(stop_at=3)
    with pytest.raises(Cancelled):
        lora_grid(grid, context)
    context.progress = progress = Recorder()
    rows = lora_grid(grid, context).rows
    # All eight photographs stand for 99; the first training is not gone through again.
    assert [(row.instances, row.regularisation, row.steps) for row in rows] == [
        (2, 0, 1),
        (2, 0, 2),
        (8, 0, 1),
        (8, 0, 2),
    ]
    assert progress.steps == [4]
    sheet = decode((tmp_path / "sheet.png").read_bytes()).pixels
    assert sheet.shape[0] == 4 * 64 and sheet.shape[1] > 8 * 64
    # Each row has its own pictures: what was learned differs.
    assert not np.array_equal(sheet[:64, -512:], sheet[128:192, -512:])
    assert not store.models.list()


def test_lessons_are_cut_the_same_and_the_defect_is_in_them(store: Store, tmp_path: Path, base: str):
    add_photographs(store)
    context, told = context_of(store, tmp_path / "job"), config(base)
    chosen = choose_photographs(told, store, find_checkpoint(base))
    lessons = cut_lessons(told, chosen.defect, 64, 2, context, good=False)
    assert len(lessons) == 16 and all(one.defect.any() and (one.drawn | ~one.defect).all() for one in lessons)
    dark = [one.pixels[one.defect].mean() for one in lessons]
    assert max(dark) < 80 and {one.prompt for one in lessons} == {"a kzu spot"}
    again = cut_lessons(told, chosen.defect, 64, 2, context, good=False)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(lessons, again, strict=True))
    good = cut_lessons(told, chosen.good, 64, 1, context, good=True)
    assert all(one.drawn.any() and not one.defect.any() and one.prompt == "a good part" for one in good)


def test_what_looks_wrong_is_told_before(store: Store, base: str):
    add_photographs(store)
    records = store.images.list(split="train", label="spot")
    ids = tuple(record.id or 0 for record in records)
    checkpoint = find_checkpoint(base)

    def notes(**changes: object) -> set[str]:
        return {one.key for one in choose_photographs(config(base, **changes), store, checkpoint).notes}

    assert notes() == {"lora_small"}
    assert "lora_one_image" in notes(image_ids=ids[:1])
    free = store.images.list(split="train", label="free")[0].id or 0
    assert {"lora_mixed", "lora_some_unmasked"} <= notes(image_ids=(*ids, free))
    assert "lora_no_masks" in notes(label="free")
    # A letter of its own is all that the tiny tokenizer has whole.
    assert "lora_word" in notes(token="k") and "lora_word" not in notes(token="kzu")
    absent = choose_photographs(config(base), store, None).notes
    assert [one.key for one in absent] == ["lora_fetched"]
    with pytest.raises(Refused, match=r"is in the (test|validation) split"):
        notes(image_ids=(store.images.list(split="test", label="spot")[0].id or 0,))
    with pytest.raises(NotFound, match="no training image of 'crak': free, spot"):
        notes(label="crak")
    with pytest.raises(NotFound, match=r"\[999\] are not in this workspace"):
        notes(image_ids=(999,))
    with pytest.raises(InvalidConfig, match="the class to teach is needed"):
        notes(label="")


def test_a_preflight_measures_and_keeps_nothing(store: Store, base: str):
    add_photographs(store)
    ahead = look_ahead(config(base), store)
    # Two previews, three tenths of the crops good parts: 16 * 0.7 / 8.
    assert (ahead.images, ahead.good_images, ahead.steps, ahead.steps_per_image) == (8, 8, 4, 1.4)
    assert ahead.seconds_per_step is ahead.seconds is None
    measured = run_inline(store, "preflight_lora", config(base))
    assert measured.seconds_per_step > 0 and measured.memory_bytes > 1e8 and not store.models.list()
    after = look_ahead(config(base, images_seen=32), store)
    assert after.seconds == pytest.approx(8 * measured.seconds_per_step + 4 * measured.preview_seconds)
    assert after.memory_bytes == measured.memory_bytes
    # Other steps cost other seconds.
    assert look_ahead(config(base, batch_size=2), store).seconds is None


def test_a_full_disk_is_told_before_the_first_step(
    store: Store, tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch
):
    add_photographs(store)
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    context = context_of(store, tmp_path / "job")
    context.progress = progress = Recorder()
    with pytest.raises(Refused, match=r"the disk has 0 MB left .* take a rank below 4"):
        train_lora(config(base), context)
    assert not progress.steps


def test_without_a_validation_split_every_sixth_is_set_aside(store: Store, base: str):
    add_photographs(store)
    ids = tuple(one.id or 0 for one in store.images.list(split="train", label="spot"))
    # No photograph of the validation split bears this label.
    chosen = choose_photographs(config(base, label="pit", image_ids=ids), store, find_checkpoint(base))
    assert [one.id for one in chosen.held_out] == [ids[0], ids[6]]
    assert [one.id for one in chosen.defect] == [*ids[1:6], ids[7]]
    few = choose_photographs(config(base, label="pit", image_ids=ids[:5]), store, find_checkpoint(base))
    assert not few.held_out and len(few.defect) == 5 and "lora_none_aside" in {one.key for one in few.notes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"token": "two words"}, "one word that means nothing"),
        ({"instance_prompt": "a spot"}, "the token 'kzu' must be a word of it"),
        ({"crops": 0}, "crops 0"),
        ({"regularisation_images": -1}, "regularisation_images -1"),
    ],
)
def test_wrong_settings_are_named(base: str, changes: dict[str, object], said: str):
    with pytest.raises(InvalidConfig, match=said):
        config(base, **changes)


FALLING = [
    Kept(images_seen=100 * n, file="", sha256="", figures={"held_out_loss": loss}, alarm=False)
    for n, loss in enumerate((0.5, 0.3, 0.2), start=1)
]


def test_the_advice_names_the_file_and_the_reason():
    assert advise(FALLING)[0].images_seen == 300 and "it still falls" in advise(FALLING)[1]
    copying = [*FALLING[:2], replace(FALLING[2], alarm=True)]
    best, why = advise(copying)
    assert best.images_seen == 200 and why == "held-out loss 0.3000 is the least; from 300 on it copies its photographs"
    rising = [FALLING[0], replace(FALLING[2], images_seen=200), replace(FALLING[1], images_seen=300)]
    assert advise(rising)[0].images_seen == 200 and "still falls" not in advise(rising)[1]
    silent = [replace(one, figures={}) for one in FALLING]
    assert advise(silent)[0].images_seen == 300 and "copy nothing" in advise(silent)[1]
    assert "every file copies" in advise([replace(FALLING[0], alarm=True)])[1]
