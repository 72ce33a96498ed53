"""The whole loop through the page alone, on one fresh workspace: import, train an encoder, build the map, train a
generator, click where two classes meet, generate, accept with keys, export; the export is loaded with `datasets`.

On a subset of the magnetic tiles where they are present, on drawn surfaces otherwise.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from augment.store import Store, Workspace
from tests.browser.conftest import map_stands, open_tab
from tests.browser.photographs import LABELS, Photographs, write_photographs
from tests.server import Server

# Every step may wait for torch to load and for UMAP to compile, on a machine whose cores others use too.
PATIENCE_MS = 240_000

ENCODER_IMAGES, GENERATOR_IMAGES = 320, 320
"""Images seen in training: enough for a map with places where classes meet, and for samples that are not noise."""

ASKED, ACCEPTED = 4, 3


@pytest.fixture
def photographs(tmp_path: Path) -> Photographs:
    return write_photographs(tmp_path / "photographs")


@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore:.*")  # what pandas, fsspec and datasets warn about while loading is theirs
def test_the_whole_loop(
    page: Page, fresh_server: Callable[..., Server], photographs: Photographs, tmp_path: Path
) -> None:
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    server = fresh_server()
    open_tab(page, server, "data")
    _import(page, photographs)
    _train_encoder(page)
    _build_map(page)
    _train_generator(page)
    label = _generate_between_classes(page)
    _accept_with_keys(page)
    folder = _export(page, photographs)
    _check_export(folder, tmp_path / "cache", server, photographs, label)


def _import(page: Page, photographs: Photographs) -> None:
    """Look first, then import; masks and parts are recognised."""
    page.fill(".source input", str(photographs.folder))
    page.click("text=Look first")
    expect(page.locator(".plan tbody tr")).to_have_count(len(LABELS) + 1)
    expect(page.locator(".plan")).to_contain_text("a mask of the same stem")
    expect(page.locator(".plan")).to_contain_text(f"{photographs.total} of them with a mask")
    page.click(f"text=Import {photographs.total} images")
    expect(page.locator("#kizu-header")).to_contain_text(f"{photographs.total} images")
    expect(page.locator("#kizu-data .left")).to_contain_text(
        f"Imported {photographs.total}, already there 0, skipped 0"
    )
    expect(page.locator(".wall img").first).to_be_visible()


def _train_encoder(page: Page) -> None:
    """Its loss and its place among the encoders show without a reload."""
    page.click("#tab-train-button")
    page.click(".train .segments >> text=Encoder")
    page.get_by_label("Images seen").fill(str(ENCODER_IMAGES))
    page.click(".train .start .primary")
    expect(page.locator("#kizu-strip .strip")).to_contain_text("Train the encoder")
    expect(page.locator(".train .bar .words")).to_contain_text("done")
    expect(page.locator(".train .chart path.line").first).to_be_visible()
    expect(page.locator(".train .models tbody tr")).to_have_count(1)


def _build_map(page: Page) -> None:
    page.click("#tab-data-button")
    page.click(".view .next .primary")
    expect(page.locator("#kizu-strip .strip")).to_contain_text("Build the map")
    page.click(".view .next >> text=Open the map")
    map_stands(page)
    expect(page.locator(".generate .progress")).to_contain_text("No generator is trained yet")


def _train_generator(page: Page) -> None:
    """A small one for a moment, with two previews; the estimate, the curve and the previews show while it learns."""
    page.click(".generate .progress >> text=Train one")
    page.click(".train .segments >> text=Generator")
    page.get_by_label("Images seen").fill(str(GENERATOR_IMAGES))
    page.get_by_label("Width").fill("16")
    page.click(".train summary")
    page.get_by_label("Preview every").fill(str(GENERATOR_IMAGES // 2))
    page.click(".train .start .primary")
    expect(page.locator("#kizu-strip .strip")).to_contain_text("Train the generator")
    expect(page.locator(".train .previews img")).to_have_count(2)
    expect(page.locator(".train .bar .words")).to_contain_text("done")
    expect(page.locator(".train .chart path.line").first).to_be_visible()
    expect(page.locator(".train .models .used")).to_have_text("in use")


def _generate_between_classes(page: Page) -> str:
    """Goes to the most ambiguous pair and asks for samples of the label that is chosen there; returns that label."""
    page.keyboard.press("Alt+2")
    page.click(".pairs .chips button >> nth=0")
    expect(page.locator(".details")).to_have_attribute("data-kind", "pair")
    # The first of the two classes; the page proposes the rarer one.
    label = page.locator(".pairs .chips button >> nth=0").inner_text().split("–")[0].strip()
    page.locator(".generate .row.first").get_by_label("Label", exact=True).select_option(label)
    page.locator(".generate").get_by_label("Number", exact=True).fill(str(ASKED))
    page.locator(".generate").get_by_label("Number", exact=True).blur()
    page.keyboard.press("g")
    expect(page.locator(".generate .results .thumbs button")).to_have_count(ASKED)
    expect(page.locator(".overlay .landed")).to_have_count(ASKED)
    expect(page.locator("#kizu-header")).to_contain_text(f"{ASKED} to review")
    return label


def _accept_with_keys(page: Page) -> None:
    page.click(".generate .results .quiet")
    page.wait_for_selector(".review .tile.cursor")
    for _ in range(ACCEPTED):
        page.keyboard.press("a")
    page.keyboard.press("3")
    expect(page.locator(".review .state")).to_have_text("all saved")
    expect(page.locator(".review .modes [data-status=accepted] b")).to_have_text(str(ACCEPTED))


def _export(page: Page, photographs: Photographs) -> Path:
    """Exports as parquet and returns the folder that the page names."""
    page.keyboard.press("Alt+9")
    expect(page.locator(".export .table tr.sum td").last).to_have_text(str(photographs.total + ACCEPTED))
    page.click(".export .primary")
    expect(page.locator(".export .done .verdict")).to_be_visible()
    expect(page.locator(".export .done dl")).to_contain_text(str(photographs.total + ACCEPTED))
    return Path(page.locator(".export .done code").inner_text())


def _check_export(folder: Path, cache: Path, server: Server, photographs: Photographs, label: str) -> None:
    """What `datasets` reads: every photograph with its original bytes, the accepted samples, in train alone."""
    import datasets

    datasets.disable_progress_bars()
    with Store(Workspace(server.workspace), read_only=True) as store:
        images = {image.sha256: image for image in store.images.list()}
        accepted = {sample.sha256: sample for sample in store.samples.list(status="accepted")}
        assert store.samples.counts() == {"candidate": 0, "accepted": ACCEPTED, "rejected": ASKED - ACCEPTED}
        train = store.images.counts()
    loaded = datasets.load_dataset(str(folder), cache_dir=str(cache))
    assert loaded["train"].features["label"] == datasets.ClassLabel(names=list(LABELS))
    assert {split: len(rows) for split, rows in loaded.items()} == {
        split: sum(n for (_, at), n in train.items() if at == split) + (ACCEPTED if split == "train" else 0)
        for split in ("train", "validation", "test")
    }
    real: dict[str, int] = dict.fromkeys(LABELS, 0)
    made: list[dict[str, Any]] = []
    raw = loaded.cast_column("image", datasets.Image(decode=False))
    for split, rows in raw.items():
        for row in rows:
            if row["synthetic"]:
                assert split == "train"
                made.append(row)
                continue
            name = LABELS[row["label"]]
            real[name] += 1
            image = images[row["sha256"]]
            assert (image.label, image.split, image.group) == (name, split, row["group"])
            assert row["image"]["bytes"] == (photographs.folder / image.name).read_bytes()
    assert real == photographs.counts
    assert {row["sha256"] for row in made} == set(accepted)
    for row in made:
        assert LABELS[row["label"]] == label
        assert row["verdict"] == "accepted" and row["method"] == "ddpm"
        assert json.loads(row["recipe"])["label"] == label
        parents = [images[sha256] for sha256 in row["source_sha256"]]
        assert parents and all(parent.split == "train" for parent in parents)
    assert loaded["train"][-1]["image"].size[0] > 0
