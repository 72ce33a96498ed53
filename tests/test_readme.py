"""The README tells the truth: it names every command, CI calls its test command, and its pictures are there."""

import re
from pathlib import Path

import pytest

from augment.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_names_every_command(name: str) -> None:
    assert f"`kizu {name}`" in README


def test_ci_calls_the_test_command_and_nothing_else() -> None:
    shown = [line for line in README.splitlines() if line.startswith("python3 -m venv") and line.endswith("-m tests")]
    assert len(shown) == 1
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in script if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == shown


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_pins_name_no_address() -> None:
    for pins in (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"):
        lines = [line for line in pins.read_text(encoding="utf-8").splitlines() if not line.startswith(("#", "-r "))]
        assert lines
        assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9a-z.+]+", line)] == []
