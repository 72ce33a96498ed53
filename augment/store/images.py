"""The imported photographs: what is there, by id, content, label, split and group."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select
from sqlalchemy.dialects.sqlite import insert

from augment.errors import InvalidInput, NotFound
from augment.store import schema
from augment.store.database import Database, is_among
from augment.store.records import ImageRecord, Split
from augment.store.workspace import now

__all__ = ["Images", "insert_image"]

_IMAGES = schema.images
_NAMES = tuple(_IMAGES.c.keys())
_KNOWN = select(_IMAGES.c.id).where(_IMAGES.c.sha256 == bindparam("sha256"))
_ADD_GROUP = insert(schema.groups).on_conflict_do_nothing()
_SPLIT_OF_GROUP = select(schema.groups.c.split).where(schema.groups.c.name == bindparam("name"))
_ADD = insert(_IMAGES).returning(_IMAGES.c.id)


def _records(database: Database, query: Select[Any]) -> list[ImageRecord]:
    with database.read() as connection:
        return [ImageRecord(**dict(zip(_NAMES, row, strict=True))) for row in connection.execute(query)]


class Images:
    """Reads images. They are added with `Store.apply` and never altered; ids grow and are never used twice."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def get(self, image_id: int) -> ImageRecord:
        """Return one image; raises NotFound."""
        found = self.get_many([image_id])
        if not found:
            raise NotFound(f"image {image_id} is not in this workspace: {self.count()} images are there")
        return found[0]

    def get_many(self, image_ids: Sequence[int]) -> list[ImageRecord]:
        """Return the images of these ids that are there, in the order asked for."""
        wanted = select(_IMAGES).where(is_among(_IMAGES.c.id, image_ids))
        found = {record.id: record for record in _records(self._database, wanted)}
        return [found[image_id] for image_id in image_ids if image_id in found]

    def by_sha256(self, sha256: str) -> ImageRecord | None:
        """Return the image with exactly these bytes, or None."""
        found = _records(self._database, select(_IMAGES).where(_IMAGES.c.sha256 == sha256))
        return found[0] if found else None

    def ids(self, split: Split | None = None, label: str | None = None) -> list[int]:
        """Return ids in ascending order, all or those of one split and label."""
        with self._database.read() as connection:
            return [*connection.scalars(_filtered(select(_IMAGES.c.id), split, label).order_by(_IMAGES.c.id))]

    def count(self, split: Split | None = None, label: str | None = None, *, masked: bool = False) -> int:
        """Return how many images are there; masked: of those that came with a mask."""
        with self._database.read() as connection:
            # COUNT(*) without a filter is answered from the pages, COUNT(id) by reading every row of a million.
            query = _filtered(select(func.count()).select_from(_IMAGES), split, label)
            query = query.where(_IMAGES.c.mask_sha256.is_not(None)) if masked else query
            return int(connection.execute(query).scalar_one())

    def labels(self) -> list[str]:
        """Return the labels in use, sorted by code point: the class order of everything that is trained."""
        with self._database.read() as connection:
            # From each label to the next by the index: DISTINCT would walk over every row.
            following = select(func.min(_IMAGES.c.label)).where(_IMAGES.c.label > bindparam("last"))
            found, label = [], connection.scalar(select(func.min(_IMAGES.c.label)))
            while label is not None:
                found.append(str(label))
                label = connection.scalar(following, {"last": label})
            return found

    def counts(self) -> dict[tuple[str, Split], int]:
        """Return the number of images by (label, split), sorted by label, then train, validation, test."""
        order = {"train": 0, "validation": 1, "test": 2}
        query = select(_IMAGES.c.label, _IMAGES.c.split, func.count()).group_by(_IMAGES.c.label, _IMAGES.c.split)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        rows = sorted(rows, key=lambda row: (row[0], order[row[1]]))
        return {(label, split): count for label, split, count in rows}

    def sizes(self) -> dict[tuple[int, int], int]:
        """Return the number of images by (width_px, height_px)."""
        sides = (_IMAGES.c.width_px, _IMAGES.c.height_px)
        with self._database.read() as connection:
            rows = connection.execute(select(*sides, func.count()).group_by(*sides)).all()
        return {(width, height): count for width, height, count in rows}

    def groups(self) -> list[str]:
        """Return the names of all groups, sorted."""
        return sorted(self.group_splits())

    def group_splits(self) -> dict[str, Split]:
        """Return the split of each group; an image added to a group always gets this split."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.groups).order_by(schema.groups.c.name)).all()
        return {row.name: row.split for row in rows}

    def list(
        self, split: Split | None = None, label: str | None = None, limit: int | None = None, offset: int = 0
    ) -> list[ImageRecord]:
        """Return images ordered by id, all or those of one split and label."""
        return _records(
            self._database, _filtered(select(_IMAGES), split, label).order_by(_IMAGES.c.id).limit(limit).offset(offset)
        )


def _filtered(query: Select[Any], split: Split | None, label: str | None) -> Select[Any]:
    if split is not None:
        query = query.where(_IMAGES.c.split == split)
    if label is not None:
        query = query.where(_IMAGES.c.label == label)
    return query


def insert_image(connection: Connection, record: ImageRecord) -> int:
    """Add an image inside a transaction and return its id; the same bytes again keep the first one's id and fields.

    The group's split wins over the record's, so that a split never cuts through a group. Raises InvalidInput without
    a group.
    """
    if not record.group:
        raise InvalidInput(
            f"image {record.name!r} has no group: give the physical part, or the image's own name where that is unknown"
        )
    known = connection.execute(_KNOWN, {"sha256": record.sha256}).scalar()
    if known is not None:
        return int(known)
    connection.execute(_ADD_GROUP, {"name": record.group, "split": record.split})
    values = {name: getattr(record, name) for name in _NAMES}
    values["split"] = connection.execute(_SPLIT_OF_GROUP, {"name": record.group}).scalar_one()
    values["imported_at"] = record.imported_at or now()
    return int(connection.execute(_ADD, values).scalar_one())
