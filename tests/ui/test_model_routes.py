"""A model by its name over the route: what it is, how a fetch from the Hub goes, stops and fails."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from augment.store import Store
from tests.latent.models import save_tiny
from tests.ui.desks import client_of, desk_of
from ui import model_routes

URL = "/kizu/inpaint/model"


def client(store: Store):
    return client_of(model_routes.routes(desk_of(store)))


def test_a_folder_tells_what_it_is(store: Store, tmp_path: Path):
    folder = save_tiny(tmp_path / "tiny")
    found = client(store).post(URL, json={"name": f" {folder} "}).json()["model"]
    assert (found["id"], found["name"], found["side_px"], found["grid_px"]) == (str(folder), "tiny", 64, 8)
    assert (found["steps"], found["prompted"], found["labels"]) == (20, True, [])


def test_a_model_that_is_none_is_told(store: Store, tmp_path: Path):
    answer = client(store).post(URL, json={"name": str(tmp_path)})
    assert answer.status_code == 400 and f"{tmp_path.name} is no model folder" in answer.json()["error"]
    assert client(store).post(URL, json={"name": 3}).status_code == 400


def absent(local_files_only: bool) -> None:
    if local_files_only:
        raise LocalEntryNotFoundError("not here")


def test_a_fetch_tells_its_bytes_and_stops(store: Store, monkeypatch: pytest.MonkeyPatch):
    ended = threading.Event()

    def fetch(*_: object, local_files_only: bool = False, tqdm_class: Any = None, **__: object) -> str:
        absent(local_files_only)
        bar = tqdm_class(total=0, unit="B")
        bar.total = 5_000_000
        try:
            while True:
                bar.update(1000)
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    page, answers = client(store), []
    asking = threading.Thread(target=lambda: answers.append(page.post(URL, json={"name": "me/it", "click": "k"})))
    asking.start()
    state = None
    while not (state and state["step"]):
        state = page.get(f"{URL}/progress?click=k").json()
    assert state["total"] == 5_000_000 and 1000 <= state["step"] < 5_000_000
    assert page.post(f"{URL}/stop", json={"click": "k"}).json() == {"stopping": True}
    asking.join()
    assert answers[0].json() == {"model": None} and ended.wait(10)


def test_a_hub_that_hears_nothing_keeps_nobody_waiting(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Without an answer from the network the fetch itself cannot be stopped; whoever asked is free at once."""
    answered = threading.Event()

    def fetch(*_: object, local_files_only: bool = False, **__: object) -> str:
        absent(local_files_only)
        answered.wait(60)
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    page, answers = client(store), []
    asking = threading.Thread(target=lambda: answers.append(page.post(URL, json={"name": "me/it", "click": "k"})))
    asking.start()
    while not page.post(f"{URL}/stop", json={"click": "k"}).json()["stopping"]:
        time.sleep(0.01)
    asking.join(30)
    assert answers[0].json() == {"model": None}
    answered.set()


def test_without_the_internet_the_next_step_is_named(store: Store, monkeypatch: pytest.MonkeyPatch):
    def fetch(*_: object, local_files_only: bool = False, **__: object) -> str:
        absent(local_files_only)
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    answer = client(store).post(URL, json={"name": "me/it"})
    assert answer.status_code == 409
    assert "no route to host" in answer.json()["error"] and "or give a folder" in answer.json()["error"]
    assert ".safetensors file on this machine" in answer.json()["error"]
