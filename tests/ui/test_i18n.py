"""Every text exists in both languages, says the same values, and every key that is used is there."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from augment.notices import ENGLISH as NOTICES
from ui import i18n

UI = Path(__file__).resolve().parents[2] / "ui"
KEY = re.compile(r"""\bt\(\s*["'`]([a-z]+\.[a-z_0-9]+)["'`]""")


def test_both_languages_are_there_with_the_same_values() -> None:
    for key, (english, japanese) in i18n.table().items():
        assert english.strip() and japanese.strip(), key
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", japanese)), key


def test_japanese_is_japanese() -> None:
    """A text copied over by mistake has no kana or kanji; names, units and numbers may."""
    same = [key for key, (english, japanese) in i18n.table().items() if english == japanese and len(english) > 12]
    assert same == []


def test_every_key_in_scripts_and_modules_exists() -> None:
    missing = []
    for path in [*UI.rglob("*.js"), *UI.rglob("*.py")]:
        used = KEY.findall(path.read_text(encoding="utf-8"))
        # A key that ends in "_" is completed while the page runs.
        missing += [(path.name, key) for key in used if key not in i18n.table() and not key.endswith("_")]
    assert missing == []


@pytest.mark.parametrize(
    ("cookies", "headers", "language"),
    [
        ({"kizu-lang": "ja"}, {}, "ja"),
        ({"kizu-lang": "en"}, {"accept-language": "ja"}, "en"),
        ({"kizu-lang": "xx"}, {"accept-language": "ja,en;q=0.8"}, "ja"),
        ({}, {"accept-language": "de"}, "en"),
        ({}, {}, "en"),
    ],
)
def test_the_language_of_a_request(cookies: dict[str, str], headers: dict[str, str], language: str) -> None:
    assert i18n.language_of(SimpleNamespace(cookies=cookies, headers=headers)) == language


def test_what_operations_tell_is_there_in_the_same_words() -> None:
    assert {key: text for key, text in NOTICES.items() if i18n.table()[f"notices.{key}"][0] != text} == {}


def test_an_unknown_key_is_refused_when_the_page_is_built() -> None:
    with pytest.raises(KeyError, match=r"ui/texts/data\.json"):
        i18n.t("data.no_such_text")
    assert i18n.text("shell.seconds", "ja", n=3) == "3 秒"
