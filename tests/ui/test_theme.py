"""Colours can be told apart and read; every variable that a style sheet names exists."""

import re
from pathlib import Path

import pytest

from ui import theme

UI = Path(__file__).resolve().parents[2] / "ui"


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_can_be_read(ground: dict[str, str]) -> None:
    for surface in ("bg", "panel", "raised"):
        for name in ("text", "muted", "accent", "good", "bad", "warn"):
            # 4.5:1 is what WCAG asks of text.
            assert contrast(ground[name], ground[surface]) >= 4.5, (name, surface)
    assert contrast(ground["on-accent"], ground["accent"]) >= 4.5


@pytest.mark.parametrize(
    ("colours", "ground"), [(theme.CLASS_COLOURS, theme.LIGHT), (theme.CLASS_COLOURS_DARK, theme.DARK)]
)
def test_classes_stand_out_from_their_ground(colours: tuple[str, ...], ground: dict[str, str]) -> None:
    assert len(set(colours)) == 12
    for colour in colours:
        # 3:1 is what WCAG asks of graphics.
        assert contrast(colour, ground["panel"]) >= 3, colour


def test_flawless_parts_are_grey_and_defects_keep_their_colour() -> None:
    slots = theme.class_slots(["crack", "free", "blowhole"])
    assert slots == {"blowhole": 0, "crack": 1, "free": 11}
    assert theme.class_slots(str(i) for i in range(30)).keys() == {str(i) for i in range(30)}


def test_every_variable_that_is_used_is_defined() -> None:
    defined = set(re.findall(r"(--kizu-[\w-]+):", theme.variables()))
    for path in [*UI.rglob("*.css"), *UI.rglob("*.js"), UI / "theme.py"]:
        used = set(re.findall(r"var\((--kizu-[\w-]+)\)", path.read_text(encoding="utf-8")))
        assert used <= defined, path.name


def test_the_style_sheet_loads_nothing() -> None:
    for path in UI.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text, path.name
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", text), path.name
