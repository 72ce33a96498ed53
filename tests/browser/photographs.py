"""A folder of photographs to import: a subset of the magnetic tiles where they are present, drawn surfaces otherwise.

Both are laid out as the tiles are: `MT_<Class>/Imgs/<name>.jpg` with a `.png` mask of the same stem, and a `groups.csv`
that names the part each photograph shows.
"""

import csv
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from augment.surfaces.demo_set import DemoSetConfig, draw_demo_set

TILES = Path(__file__).parents[3] / "shared" / "data" / "magnetic-tile"
LABELS = ("blowhole", "crack", "free")
LEAST_OF_A_CLASS = 18


@dataclass(frozen=True)
class Photographs:
    """What was written: how many of each class, and in which folder."""

    folder: Path
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def write_photographs(folder: Path) -> Photographs:
    """Whole parts of three classes, as many as make some twenty photographs of each."""
    rows = _copy_tiles(folder) if (TILES / "groups.csv").is_file() else _draw(folder)
    with (folder / "groups.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file", "label", "group"))
        table.writerows(rows)
    return Photographs(folder, {label: sum(row[1] == label for row in rows) for label in LABELS})


def _copy_tiles(folder: Path) -> list[tuple[str, str, str]]:
    with (TILES / "groups.csv").open(newline="", encoding="utf-8") as file:
        listed = [(row["file"], row["label"], row["group"]) for row in csv.DictReader(file)]
    chosen = _whole_parts(listed)
    for name, _, _ in chosen:
        for file_name in (name, str(Path(name).with_suffix(".png"))):
            (folder / file_name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TILES / file_name, folder / file_name)
    return chosen


def _draw(folder: Path) -> list[tuple[str, str, str]]:
    rows = []
    for drawn in draw_demo_set(DemoSetConfig(free=LEAST_OF_A_CLASS, defective=LEAST_OF_A_CLASS)):
        if drawn.label not in LABELS:
            continue
        path = folder / f"MT_{drawn.label.title()}" / "Imgs" / f"{Path(drawn.name).stem}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.pixels[..., 0]).save(path, quality=95)
        Image.fromarray(drawn.mask).save(path.with_suffix(".png"))
        rows.append((path.relative_to(folder).as_posix(), drawn.label, drawn.group))
    return rows


def _whole_parts(listed: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The first parts of each class until there are enough of it."""
    chosen: dict[str, list[tuple[str, str, str]]] = {label: [] for label in LABELS}
    for row in listed:
        mine = chosen.get(row[1])
        if mine is not None and (len(mine) < LEAST_OF_A_CLASS or mine[-1][2] == row[2]):
            mine.append(row)
    return [row for mine in chosen.values() for row in mine]
