"""What tests of every room share: a workspace in a temporary folder, and an open store on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from augment.store import Store, Workspace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file run in one process, for they share what is slow to make; those of some files share it with
    other files', and say so by a mark of their own."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            file = item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(file.removeprefix("tests/").removesuffix(".py")))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose folders are made and whose database is not."""
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    """A store open for writing on an empty workspace."""
    with Store(workspace) as opened:
        yield opened
