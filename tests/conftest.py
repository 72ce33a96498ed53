"""What tests of every room share: a workspace in a temporary folder, and an open store on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from augment.store import Store, Workspace

SHARING = {
    "tests/browser/": "browser",
    "tests/features/test_projection": "umap",
    "tests/operations/test_embed": "umap",
}
"""Beginnings of the names of files that share what is slow to make: one process runs them all."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """The tests of a file run in one process, as those of all files that share something do.

    xdist 3.8 has marks for this (`loadgroup`) that pytest 9.2 does not let it write.
    """

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return next((name for start, name in SHARING.items() if file.startswith(start)), file)

    return Scheduling(config, log)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose folders are made and whose database is not."""
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    """A store open for writing on an empty workspace."""
    with Store(workspace) as opened:
        yield opened
