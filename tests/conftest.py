"""What tests of every room share: a workspace in a temporary folder, and an open store on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from augment.store import Store, Workspace

SHARING = {
    "browser/test_factors": "map_server",
    "browser/test_map": "map_server",
    "browser/test_metrics": "map_server",
    "browser/test_variations": "map_server",
    "browser/test_way": "map_server",
    "features/test_projection": "umap",
    "operations/test_embed": "umap",
    "operations/test_embed_bad_input": "umap",
}
"""What files of tests share that is slow to make: one process runs all that share it."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """The tests of a file run in one process, as those of all files that share something do.

    xdist 3.8 has marks for this (`loadgroup`) that pytest 9.2 does not let it write.
    """

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return SHARING.get(file.removeprefix("tests/").removesuffix(".py"), file)

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
