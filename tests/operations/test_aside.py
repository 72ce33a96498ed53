"""A folder has its name only when all of it is there."""

from pathlib import Path

import pytest

from augment.errors import InvalidInput, WorkspaceError
from augment.operations.aside import written_aside


def test_a_folder_gets_its_name_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "export"
    target.mkdir(parents=True)
    left = target.with_name(".export.partial")
    left.mkdir()
    (left / "of a killed one").touch()
    with written_aside(target) as aside:
        (aside / "rows").write_text("all")
        assert not list(target.iterdir())
    assert [path.name for path in target.iterdir()] == ["rows"] and not left.exists()


def test_nothing_is_left_where_the_block_raises(tmp_path: Path) -> None:
    target = tmp_path / "export"
    with pytest.raises(InvalidInput), written_aside(target) as aside:
        (aside / "rows").touch()
        raise InvalidInput("no")
    assert not list(tmp_path.iterdir())


def test_a_folder_filled_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "export"
    with (
        pytest.raises(WorkspaceError, match=r"export cannot be written \(.*\): free space or choose"),
        written_aside(target),
    ):
        target.mkdir()
        (target / "another's").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["export"]
