"""Captions: what a user would type for a picture, in short English of a small, fixed vocabulary.

Every word that a caption can hold is in `vocabulary`, from which a tokenizer is built. Knows nothing of pixels.
"""

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, NotFound

__all__ = ["DEFECT_WORDS", "MATERIAL_WORDS", "Seen", "caption", "captions", "told_captions", "vocabulary"]

DEFECT_WORDS: dict[str, tuple[str, ...]] = {
    "chip": ("chip", "fray", "break"),
    "crack": ("crack", "fracture"),
    "dent": ("dent", "dimple"),
    "hole": ("hole", "blowhole", "pit"),
    "print": ("print", "printed mark"),
    "scratch": ("scratch", "score"),
    "stain": ("stain", "spot"),
    "uneven": ("uneven area", "uneven tone", "uneven texture", "blotch"),
    "wrinkle": ("wrinkle", "crease", "fold"),
}
"""Names of each defect; the first is taken most often."""

MATERIAL_WORDS: dict[str, tuple[str, ...]] = {
    "brushed_metal": ("brushed metal", "brushed steel", "aluminium"),
    "cast_metal": ("cast metal", "cast iron", "a casting"),
    "ceramic": ("ceramic", "a ceramic tile"),
    "fabric": ("fabric", "cloth"),
    "glass": ("glass", "a glass pane"),
    "ground_metal": ("ground metal", "a magnetic tile", "a steel tile"),
    "hazelnut": ("a hazelnut", "a nut"),
    "leather": ("leather",),
    "painted": ("painted metal", "paint"),
    "pill": ("a pill", "a tablet"),
    "plastic": ("plastic", "a plastic part"),
    "wood": ("wood", "a wooden board"),
}
"""Names of each material; those that can be counted with their article."""

_FAINT, _GROSS = 0.4, 0.75
_SMALL, _LARGE = 0.008, 0.07
_LONG = 0.6
_FAINT_WORDS = ("faint", "slight")
_GROSS_WORDS: dict[str, tuple[str, ...]] = {
    "chip": ("deep",),
    "crack": ("deep", "wide"),
    "dent": ("deep",),
    "hole": ("deep",),
    "scratch": ("deep",),
    "wrinkle": ("deep",),
}
_LINES = ("crack", "scratch", "wrinkle")

_FLAWED = (
    ("{one}", 4),
    ("{bare}", 3),
    ("{bare} on {material}", 4),
    ("{one} on {material}", 4),
    ("{material} with {one}", 5),
    ("a photo of {one} on {material}", 5),
    ("a {camera} photo of {one} on {material}", 2),
    ("{camera} photo of {material} with {one}", 4),
    ("a photo of {material} with {one}", 3),
    ("{one} in {material}", 2),
    ("{plain}, {bare}", 2),
    ("a close photo of {one}", 1),
    ("defective {plain}, {bare}", 1),
)
_GOOD = (
    ("good {plain}", 5),
    ("good {plain} surface", 4),
    ("{material}", 4),
    ("a photo of {material}", 4),
    ("a photo of good {plain}", 3),
    ("{camera} photo of {material}", 3),
    ("{camera} photo of good {plain}", 3),
    ("clean {plain} surface", 2),
    ("{material} without defect", 3),
    ("intact {plain}", 1),
    ("good", 2),
    ("a good surface without defect", 1),
)
"""Patterns and how often each is taken. {one}: the defect with article and quality, {bare}: its name alone."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What can be seen of a defect and its picture, for words of size, depth and camera."""

    severity: float = field(default=0.6, metadata={"help": "0 hardly visible, 1 gross"})
    share: float = field(default=0.03, metadata={"help": "share of the picture that the defect covers"})
    reach: float = field(default=0.4, metadata={"help": "longer side of the defect's box, as a share of the picture"})
    grey: bool = field(default=True, metadata={"help": "a grey camera; else colour"})

    def __post_init__(self) -> None:
        for name in ("severity", "share", "reach"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidConfig(f"{name} {getattr(self, name)}: 0 to 1; try the default")


def captions(material: str, kind: str, seen: Seen, rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """`count` captions of one picture, as `caption` makes them."""
    return tuple(caption(material, kind, seen, rng) for _ in range(count))


def caption(material: str, kind: str, seen: Seen, rng: np.random.Generator) -> str:
    """One caption: the defect's name, mostly with the material, at times with size, depth and camera.

    material: a key of MATERIAL_WORDS. kind: "good" or a key of DEFECT_WORDS; a caption of a defect always holds one of
    its names, a caption of a good part never one of any defect. Raises NotFound for others.
    """
    if material not in MATERIAL_WORDS:
        raise NotFound(f"material {material!r} is not one of: {', '.join(sorted(MATERIAL_WORDS))}")
    if kind != "good" and kind not in DEFECT_WORDS:
        raise NotFound(f"kind {kind!r} is not one of: good, {', '.join(sorted(DEFECT_WORDS))}")
    patterns = _GOOD if kind == "good" else _FLAWED
    weights = np.array([weight for _, weight in patterns], dtype=np.float64)
    pattern = patterns[int(rng.choice(len(patterns), p=weights / weights.sum()))][0]
    name = _name(rng, MATERIAL_WORDS[material])
    bare = "" if kind == "good" else _name(rng, DEFECT_WORDS[kind])
    qualities = () if kind == "good" else _qualities(kind, seen)
    quality = qualities[int(rng.integers(len(qualities)))] if qualities and rng.random() < 0.4 else ""
    camera = ("grey", "gray") if seen.grey else ("colour", "color")
    return pattern.format(
        one=_with_article(f"{quality} {bare}".strip()),
        bare=bare,
        material=name,
        plain=name.removeprefix("a "),
        camera=camera[int(rng.random() < 0.3)],
    )


def told_captions(count: int, seed: int) -> tuple[list[str], NDArray[np.int64]]:
    """Captions of pictures of any kind, and what they say: (count, 2), the defect, 0 for good, and the material, -1
    where it is not named."""
    rng = np.random.default_rng((seed, 31))
    kinds, materials = ["good", *DEFECT_WORDS], [*MATERIAL_WORDS]
    texts, meanings = [], np.empty((count, 2), dtype=np.int64)
    for row in range(count):
        kind, material = int(rng.integers(len(kinds))), int(rng.integers(len(materials)))
        severity, share, reach = float(rng.random()), float(rng.random() ** 4), float(rng.random())
        seen = Seen(severity=severity, share=share, reach=reach, grey=bool(rng.random() < 0.5))
        texts.append(caption(materials[material], kinds[kind], seen, rng))
        named = any(name.removeprefix("a ") in texts[-1] for name in MATERIAL_WORDS[materials[material]])
        meanings[row] = kind, material if named else -1
    return texts, meanings


def _name(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[0] if rng.random() < 0.45 else names[int(rng.integers(len(names)))]


def _qualities(kind: str, seen: Seen) -> tuple[str, ...]:
    words: list[str] = []
    if seen.severity < _FAINT:
        words += _FAINT_WORDS
    if seen.severity > _GROSS:
        words += _GROSS_WORDS.get(kind, ("strong",))
    if kind in _LINES:
        words += ["long"] if seen.reach > _LONG else ["short"] if seen.reach < 0.5 * _LONG else []
        words += ["thin"] if kind == "crack" and seen.severity < 0.6 else []
    elif kind != "uneven":
        words += ["small"] if seen.share < _SMALL else ["large"] if seen.share > _LARGE else []
    return tuple(words)


def _with_article(phrase: str) -> str:
    return f"an {phrase}" if phrase[:1] in set("aeiou") else f"a {phrase}"


def vocabulary() -> tuple[str, ...]:
    """All words and signs that captions hold, sorted, lower case; a tokenizer splits at spaces and before commas."""
    texts = [pattern for pattern, _ in (*_FLAWED, *_GOOD)]
    texts = [re.sub(r"\{\w+\}", " ", text) for text in texts]
    texts += [name for names in (*DEFECT_WORDS.values(), *MATERIAL_WORDS.values()) for name in names]
    texts += [*_FAINT_WORDS, *(word for words in _GROSS_WORDS.values() for word in words)]
    texts += ["strong long short thin small large an uneven grey gray colour color"]
    return tuple(sorted({word for text in texts for word in re.findall(r"\w+|,", text)}))
