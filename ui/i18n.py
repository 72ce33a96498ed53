"""The texts of the screen in English and Japanese, one JSON table per tab in `texts/`.

`t("shell.data")` is a lookup that gradio resolves in the browser, for labels fixed when the page is built.
`text(key, language, **values)` is for what Python writes while it answers (`language_of(request)` says for whom).
Scripts use `kizu.t(key, values)` with the same table. The language is the cookie `kizu-lang`, set by the switch in
the header; without it the browser's own. A missing key raises at once: a page never shows a bare key. It knows
nothing of what the texts are about.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gradio.i18n import I18n, I18nData

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")
LANGUAGE_COOKIE = "kizu-lang"


@lru_cache(maxsize=1)
def table() -> dict[str, tuple[str, str]]:
    """Every text as {key: (English, Japanese)}, read from `texts/*.json`; keys begin with the file's name and a dot.

    Raises ValueError where a file is not of that form, or where one language lacks a `{value}` that the other has.
    """
    texts: dict[str, tuple[str, str]] = {}
    for path in sorted((Path(__file__).parent / "texts").glob("*.json")):
        for key, pair in json.loads(path.read_text(encoding="utf-8")).items():
            if not key.startswith(f"{path.stem}.") or len(pair) != len(LANGUAGES):
                raise ValueError(f'{path.name}: {key!r} must be "{path.stem}.<name>": ["English", "日本語"]')
            texts[key] = (str(pair[0]), str(pair[1]))
    return texts


@lru_cache(maxsize=1)
def translations() -> "I18n":
    """The table as `gr.I18n`, for `launch(i18n=...)`."""
    import gradio as gr

    return gr.I18n(
        en={key: pair[0] for key, pair in table().items()}, ja={key: pair[1] for key, pair in table().items()}
    )


def t(key: str) -> "I18nData":
    """A label that the browser shows in the visitor's language. Raises KeyError for an unknown key."""
    if key not in table():
        raise KeyError(f"text {key!r} is not in ui/texts/{key.split('.')[0]}.json: add it in English and Japanese")
    return translations()(key)


def text(key: str, language: Language, **values: object) -> str:
    """The text of `key` in `language`, with `{name}` filled from `values`. KeyError for an unknown key or value."""
    return table()[key][LANGUAGES.index(language)].format(**values)


def language_of(request: object) -> Language:
    """Language of the visitor behind a gradio or Starlette request: the cookie's, else the browser's, else English."""
    cookies: Mapping[str, str] = getattr(request, "cookies", None) or {}
    chosen = cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return "ja" if chosen == "ja" else "en"
    headers: Mapping[str, str] = getattr(request, "headers", None) or {}
    return "ja" if headers.get("accept-language", "").lower().startswith("ja") else "en"


def script_table(language: Language) -> str:
    """The table of one language as a JSON object, for the page's script."""
    column = LANGUAGES.index(language)
    return json.dumps({key: pair[column] for key, pair in table().items()}, ensure_ascii=False)
