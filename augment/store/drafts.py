"""The masks that are being drawn: the latest one of each image, kept until it is cleared."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from augment.store import schema
from augment.store.database import Database
from augment.store.records import DraftRecord
from augment.store.workspace import now

__all__ = ["Drafts"]

_DRAFTS = schema.drafts


class Drafts:
    """Reads and writes drafts. What they replace stays among the files: samples made from it name it."""

    def __init__(self, database: Database) -> None:
        """Take the open database; `Store` makes the rooms."""
        self._database = database

    def get(self, image_id: int) -> DraftRecord | None:
        """Return the draft of an image, or None where nothing is drawn."""
        with self._database.read() as connection:
            row = connection.execute(select(_DRAFTS).where(_DRAFTS.c.image_id == image_id)).first()
        return None if row is None else DraftRecord(**row._mapping)

    def image_ids(self) -> list[int]:
        """Return the ids of the images that have a draft, the one drawn on last first."""
        newest = select(_DRAFTS.c.image_id).order_by(_DRAFTS.c.updated_at.desc(), _DRAFTS.c.image_id)
        with self._database.read() as connection:
            return [*connection.scalars(newest)]

    def set(self, image_id: int, mask_sha256: str) -> DraftRecord:
        """Keep a mask in place of the one before. Raises InvalidInput for an image that is not there."""
        row = insert(_DRAFTS).values(image_id=image_id, mask_sha256=mask_sha256, updated_at=now())
        newer = {"mask_sha256": row.excluded.mask_sha256, "updated_at": row.excluded.updated_at}
        with self._database.write() as connection:
            statement = row.on_conflict_do_update(index_elements=["image_id"], set_=newer).returning(_DRAFTS)
            return DraftRecord(**connection.execute(statement).one()._mapping)

    def delete(self, image_id: int) -> None:
        """Forget what is drawn on an image; nothing happens where nothing is."""
        with self._database.write() as connection:
            connection.execute(delete(_DRAFTS).where(_DRAFTS.c.image_id == image_id))
