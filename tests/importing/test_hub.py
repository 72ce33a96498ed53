"""Datasets on the Hub: which branch is read, and what is said where it cannot be asked."""

import pytest

from augment.errors import NotFound
from augment.importing.hub import CONVERTED_REVISION, HubTree


def test_the_parquet_copy_is_preferred_where_there_are_no_tables(monkeypatch):
    files = {"main": [".gitattributes", "images/a/1.png"], CONVERTED_REVISION: ["default/train/0000.parquet"]}
    monkeypatch.setattr("huggingface_hub.HfApi.list_repo_files", lambda *_, revision, **__: files[revision])
    assert HubTree("me/known").files() == ["default/train/0000.parquet"]
    files["main"].append("data/train.parquet")
    assert HubTree("me/known").files() == ["data/train.parquet", "images/a/1.png"]


def test_a_hub_that_cannot_be_asked_says_what_to_do(monkeypatch):
    """A real refusal by a port nobody listens on, so that whatever the Hub's client raises is met; it waits between
    its tries."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(NotFound, match=r"\): check the id and the network, or download the dataset"):
        HubTree("me/known", endpoint="http://127.0.0.1:9").files()
