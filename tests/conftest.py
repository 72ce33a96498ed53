"""What tests of every room share: a workspace in a temporary folder, and an open store on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from augment.store import Store, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose folders are made and whose database is not."""
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    """A store open for writing on an empty workspace."""
    with Store(workspace) as opened:
        yield opened
