"""A LoRA on the page: looked ahead at, trained, stopped, resumed, and drawn with on Inpaint, with and without."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from augment.store import Store, Workspace
from tests.browser.conftest import Watched, open_tab
from tests.latent.models import save_tiny
from tests.operations.test_train_redraw import add_photographs
from tests.server import Server

# Jobs load torch in a process of their own, three times.
PATIENCE_MS = 240_000


def fill(page: Page, **values: object) -> None:
    for name, value in values.items():
        page.get_by_label(name.replace("_", " "), exact=True).fill(str(value))


@pytest.mark.timeout(1200)
def test_a_lora_is_trained_and_used(
    page: Page, fresh_server: Callable[..., Server], tmp_path: Path, watched: Watched
) -> None:
    with Store(Workspace(tmp_path / "workspace").create()) as store:
        add_photographs(store)
    base = save_tiny(tmp_path / "tiny")
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    server = fresh_server()
    open_tab(page, server, "train")
    page.click(".train .segments >> text=LoRA")
    facts, start = page.locator(".train .preflight .facts"), page.locator(".train .start .primary")

    # What is wrong is said before the start, and stands in its way.
    fill(page, Model_taught="/nowhere")
    expect(facts).to_contain_text("no such folder or file")
    expect(start).to_be_disabled()
    # The browser logs what the server refused.
    watched.errors.clear()
    fill(page, Model_taught=base)
    expect(facts).to_contain_text("8 photographs are learned, 2 set aside")
    expect(facts).to_contain_text("8 images are narrower than 64 px")
    facts.get_by_role("button", name="Measure").click()
    expect(facts).to_contain_text("as measured here")

    # Twelve steps come after the first previews: time enough to stop it there, and soon learned when resumed.
    page.click(".train summary")
    fill(page, Images_seen=72, Rank=4, Crops_around_each_mask=2, Preview_every=24, Checkpoint_every=8)
    start.click()
    words, button = page.locator(".train .bar .words"), page.locator(".train .bar button")
    expect(words).to_contain_text("running")
    expect(page.locator(".train .chart path.line").first).to_be_visible()
    expect(page.locator(".train .previews .pair img").first).to_be_visible()
    button.click()
    expect(words).to_contain_text("stopped")
    expect(button).to_have_text("Resume")
    button.click()
    expect(page.locator(".train .models td", has_text="a kzu spot, 8 images")).to_be_visible()
    expect(page.locator(".train .models td small")).to_contain_text("held-out loss")

    # On Inpaint it says its words, and shows what it does at the same seed.
    open_tab(page, server, "inpaint")
    page.locator(".form select").nth(1).select_option("other")
    named = page.get_by_placeholder("folder, .safetensors file or Hub id")
    named.fill(str(base))
    named.press("Enter")
    page.click(".form summary:has-text('LoRA')")
    page.get_by_role("checkbox", name="a kzu spot, 8 images").check()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a kzu spot")
    expect(page.locator(".form summary", has_text="LoRA: 1 on")).to_be_visible()
    page.get_by_label("Also without, at the same seeds").check()
    fill(page, Steps=2)
    page.get_by_label("Number", exact=True).fill("1")
    page.locator(".canvas .tools [data-name=library]").click()
    page.click(".form .primary")
    expect(page.locator(".results .made")).to_have_count(2)
    expect(page.locator(".results .facts").first).to_contain_text("with LoRA")
    with Store(Workspace(tmp_path / "workspace")) as store:
        first, second = store.samples.list(method="inpaint")
        assert first.seed == second.seed and first.sha256 != second.sha256
        assert first.recipe["loras"] == ["lora:1=1"] and second.recipe["loras"] == []
