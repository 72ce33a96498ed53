"""The one look of Kizu: colours, type and density as CSS variables, and the gradio theme that is made of them.

Every component styles itself with the `--kizu-*` variables only, so light and dark need no second style sheet. Greys
are neutral, because pictures are judged beside them. Class colours are Okabe and Ito's set (2008) and Tol's muted
set, darkened or lightened until each has a contrast of 3:1 on its ground. What the page looks like beyond the
variables stands in `kizu.css`. No font is fetched: the system's own are used, with the Japanese ones named.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

CLASS_COLOURS: tuple[str, ...] = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#a0489c",
    "#a98600",
    "#2f8fc9",
    "#b3344f",
    "#5c6f1f",
    "#5b4fc0",
    "#8a5a2b",
    "#12808a",
    "#7c7c78",
)
"""Colours of the classes on a light ground, by slot. The last one, a grey, belongs to flawless parts."""

CLASS_COLOURS_DARK: tuple[str, ...] = (
    "#4aa8e0",
    "#f08137",
    "#2cc79a",
    "#d98ad2",
    "#dcb93a",
    "#8fd0f5",
    "#ee7489",
    "#a9bf5a",
    "#a79cf2",
    "#c99a68",
    "#4fc3cc",
    "#96968f",
)
"""The same slots on a dark ground."""

FLAWLESS_LABELS = frozenset({"free", "good", "normal", "ok", "none", "no defect", "clean", "良品", "正常"})
"""Names that data sets give to parts without a defect; they are drawn grey, so that defects stand out."""

_FLAWLESS_SLOT = len(CLASS_COLOURS) - 1

SANS = (
    '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Hiragino Sans", "Hiragino Kaku Gothic ProN", '
    '"Yu Gothic UI", "Yu Gothic", Meiryo, "Noto Sans CJK JP", "Noto Sans JP", "Noto Sans", "Liberation Sans", '
    "system-ui, sans-serif"
)
MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", Consolas, "Noto Sans Mono CJK JP", "Liberation Mono", monospace'

LIGHT: dict[str, str] = {
    "bg": "#f4f4f2",
    "panel": "#ffffff",
    "raised": "#fafaf9",
    "line": "#dededa",
    "line-strong": "#c2c2bc",
    "text": "#1d1d1b",
    "muted": "#65655f",
    "faint": "#94948c",
    "accent": "#2b57c4",
    "accent-hover": "#2149ab",
    "accent-soft": "#e6ecfa",
    "on-accent": "#ffffff",
    "good": "#1b7f4d",
    "good-soft": "#e2f3ea",
    "bad": "#b92c28",
    "bad-soft": "#fbe7e5",
    "warn": "#8f6200",
    "warn-soft": "#faf0d9",
    "mask": "#e5007d",
    "shadow": "0 6px 24px rgba(20, 20, 18, 0.16)",
}

DARK: dict[str, str] = {
    "bg": "#161615",
    "panel": "#1e1e1d",
    "raised": "#252524",
    "line": "#343432",
    "line-strong": "#4d4d49",
    "text": "#ecece8",
    "muted": "#a3a39b",
    "faint": "#75756e",
    "accent": "#86a8ff",
    "accent-hover": "#a3bdff",
    "accent-soft": "#242f4b",
    "on-accent": "#0f1626",
    "good": "#57c98b",
    "good-soft": "#1c3327",
    "bad": "#ff857b",
    "bad-soft": "#3f2321",
    "warn": "#e2b04a",
    "warn-soft": "#372c16",
    "mask": "#ff5fb0",
    "shadow": "0 8px 30px rgba(0, 0, 0, 0.5)",
}

_FIXED: dict[str, str] = {
    "sans": SANS,
    "mono": MONO,
    "size": "13px",
    "size-small": "11.5px",
    "size-large": "15px",
    "gap": "8px",
    "radius": "4px",
    "row": "28px",
    "header": "40px",
    "strip": "32px",
}


def class_slots(labels: Iterable[str]) -> dict[str, int]:
    """Colour slot, 0 to 11, of each label: names of flawless parts get the grey one, the others follow in sorted order.

    The slot names the variable `--kizu-class-N` and indexes `CLASS_COLOURS`. Beyond eleven defects the colours repeat.
    """
    names = sorted(set(labels))
    defects = [name for name in names if name.strip().lower() not in FLAWLESS_LABELS]
    slots = {name: index % _FLAWLESS_SLOT for index, name in enumerate(defects)}
    return {name: slots.get(name, _FLAWLESS_SLOT) for name in names}


def _block(selector: str, values: dict[str, str]) -> str:
    lines = "".join(f"  --kizu-{name}: {value};\n" for name, value in values.items())
    return f"{selector} {{\n{lines}}}\n"


def variables() -> str:
    """The `--kizu-*` custom properties of the light and the dark ground, as CSS text."""
    light = {**_FIXED, **LIGHT, **{f"class-{index}": colour for index, colour in enumerate(CLASS_COLOURS)}}
    dark = {**DARK, **{f"class-{index}": colour for index, colour in enumerate(CLASS_COLOURS_DARK)}}
    return _block(":root", light) + _block(":root.dark, .dark, body.dark", dark)


def stylesheet() -> str:
    """The whole global style sheet: the variables and `kizu.css`."""
    return variables() + (Path(__file__).parent / "kizu.css").read_text(encoding="utf-8")


def gradio_theme() -> "gr.themes.Base":
    """The theme of gradio's own parts, bound to our variables, so that they follow light and dark by themselves."""
    import gradio as gr
    from gradio.themes.utils import sizes

    theme = gr.themes.Base(
        text_size=sizes.Size(
            xxs="10px", xs="11px", sm="12px", md="13px", lg="15px", xl="18px", xxl="22px", name="kizu_text"
        ),
        spacing_size=sizes.spacing_sm,
        radius_size=sizes.radius_sm,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    theme.font, theme.font_mono = SANS, MONO
    settings = {name: f"var(--kizu-{value})" for name, value in _THEME_COLOURS.items()}
    known = {**settings, **_THEME_SIZES}
    # A dark variant left unset is what gradio's base theme says; pointing both at the same variable keeps one source.
    darks = {f"{name}_dark": value for name, value in known.items() if hasattr(theme, f"{name}_dark")}
    return theme.set(**known, **darks)


_THEME_COLOURS: dict[str, str] = {
    "body_background_fill": "bg",
    "body_text_color": "text",
    "body_text_color_subdued": "muted",
    "background_fill_primary": "panel",
    "background_fill_secondary": "raised",
    "border_color_accent": "accent",
    "border_color_accent_subdued": "accent",
    "border_color_primary": "line",
    "color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent",
    "link_text_color_active": "accent",
    "link_text_color_hover": "accent-hover",
    "link_text_color_visited": "accent",
    "block_background_fill": "panel",
    "block_border_color": "line",
    "block_info_text_color": "muted",
    "block_label_text_color": "muted",
    "block_title_text_color": "muted",
    "panel_background_fill": "panel",
    "panel_border_color": "line",
    "input_background_fill": "panel",
    "input_background_fill_focus": "panel",
    "input_background_fill_hover": "panel",
    "input_border_color": "line-strong",
    "input_border_color_focus": "accent",
    "input_border_color_hover": "line-strong",
    "input_placeholder_color": "faint",
    "loader_color": "accent",
    "slider_color": "accent",
    "table_even_background_fill": "panel",
    "table_odd_background_fill": "panel",
    "table_border_color": "line",
    "table_text_color": "text",
    "checkbox_background_color": "panel",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "line-strong",
    "checkbox_border_color_selected": "accent",
    "checkbox_border_color_focus": "accent",
    "checkbox_label_background_fill": "panel",
    "checkbox_label_background_fill_hover": "raised",
    "checkbox_label_background_fill_selected": "accent-soft",
    "checkbox_label_border_color": "line",
    "checkbox_label_text_color": "text",
    "checkbox_label_text_color_selected": "text",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-hover",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_primary_border_color": "accent",
    "button_secondary_background_fill": "panel",
    "button_secondary_background_fill_hover": "raised",
    "button_secondary_border_color": "line-strong",
    "button_secondary_border_color_hover": "line-strong",
    "button_secondary_text_color": "text",
    "button_secondary_text_color_hover": "text",
    "button_cancel_background_fill": "panel",
    "button_cancel_background_fill_hover": "bad-soft",
    "button_cancel_border_color": "line-strong",
    "button_cancel_text_color": "bad",
    "button_cancel_text_color_hover": "bad",
    "error_background_fill": "bad-soft",
    "error_border_color": "bad",
    "error_text_color": "bad",
    "error_icon_color": "bad",
}

_THEME_SIZES: dict[str, str] = {
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_radius": "0px",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "block_title_text_weight": "400",
    "block_title_background_fill": "transparent",
    "block_title_text_size": "12px",
    "block_info_text_size": "11.5px",
    "form_gap_width": "8px",
    "layout_gap": "8px",
    "container_radius": "4px",
    "input_border_width": "1px",
    "input_padding": "4px 8px",
    "input_radius": "4px",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 2px var(--kizu-accent-soft)",
    "input_text_size": "13px",
    "button_border_width": "1px",
    "button_large_padding": "6px 14px",
    "button_large_radius": "4px",
    "button_large_text_size": "13px",
    "button_large_text_weight": "600",
    "button_small_padding": "3px 10px",
    "button_small_radius": "4px",
    "button_small_text_size": "12px",
    "button_small_text_weight": "500",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "button_transition": "background-color 90ms, border-color 90ms, color 90ms",
    "checkbox_label_padding": "3px 8px",
    "checkbox_label_text_size": "12px",
    "checkbox_label_gap": "4px",
    "checkbox_shadow": "none",
    "section_header_text_size": "13px",
    "section_header_text_weight": "600",
    "shadow_drop": "none",
    "shadow_drop_lg": "none",
}
