"""The workspace's memory as a house of rooms, one for each noun; this is only its door.

Whoever holds the workspace's lock opens it for writing; every other process opens it with `read_only=True`.
"""

from collections.abc import Sequence
from types import TracebackType

from sqlalchemy import select

from augment.errors import WorkspaceError
from augment.store import schema
from augment.store.database import Database
from augment.store.drafts import Drafts
from augment.store.files import Files
from augment.store.gates import Gates, insert_gates
from augment.store.images import Images, insert_image
from augment.store.jobs import Jobs
from augment.store.models import Models, insert_model
from augment.store.projections import Projections, insert_projection
from augment.store.records import Change, GateRecord, ImageRecord, ModelRecord, SampleRecord
from augment.store.samples import Samples, insert_sample
from augment.store.settings import Settings
from augment.store.verdicts import Verdicts
from augment.store.workspace import Workspace

__all__ = ["Store"]


def _refuse_emptied(workspace: Workspace) -> None:
    """A database of 0 bytes looks new to SQLite; beside files that are addressed by it, it is one that was lost."""
    path = workspace.database
    emptied = path.is_file() and path.stat().st_size == 0
    if emptied and any(folder.name != "tmp" for folder in workspace.files_dir.iterdir()):
        raise WorkspaceError(
            f"{path} is empty, but files of its workspace are there: restore it from a backup, or "
            "delete it to begin anew"
        )


class Store:
    """An open workspace. Safe to use from many threads; writes go one at a time.

    Attributes: images, drafts, samples, gates, verdicts, jobs, models, projections, settings (rooms of the database),
    files (content-addressed; may also be written through a read-only store), workspace.
    """

    def __init__(self, workspace: Workspace, *, read_only: bool = False) -> None:
        """Open a workspace, and make what is missing unless it is only to be read.

        Raises WorkspaceError where the folder or its database cannot be used; the message says why and what to do.
        """
        self.workspace = workspace
        self.files = Files(workspace.files_dir)
        if read_only and not workspace.exists:
            raise WorkspaceError(f"{workspace.root} holds no workspace: import images into it first")
        if not read_only:
            workspace.create()
            _refuse_emptied(workspace)
            self.files.sweep()
        self._database = Database(workspace.database, read_only=read_only)
        self.images = Images(self._database)
        self.drafts = Drafts(self._database)
        self.samples = Samples(self._database)
        self.gates = Gates(self._database)
        self.verdicts = Verdicts(self._database)
        self.jobs = Jobs(self._database)
        self.models = Models(self._database)
        self.projections = Projections(self._database)
        self.settings = Settings(self._database)

    @property
    def read_only(self) -> bool:
        """Whether writes to the database are refused."""
        return self._database.read_only

    @property
    def revision(self) -> int:
        """Grows with every transaction committed through this store; a page compares it to know whether to look
        again."""
        return self._database.revision

    def apply(self, changes: Sequence[Change]) -> list[int]:
        """Store records in order in one transaction, all or none, and return their ids.

        An image with bytes already there, and a sample with the same bytes, seed and recipe, keep their first id and
        fields; models and projections are always new; the gates' numbers take the place of older ones. An image takes
        the split its group already has. Raises InvalidInput for a record the database refuses, WorkspaceError where it
        cannot be written; then nothing was stored.
        """
        ids = []
        with self._database.write() as connection:
            for change in changes:
                if isinstance(change, ImageRecord):
                    ids.append(insert_image(connection, change))
                elif isinstance(change, SampleRecord):
                    ids.append(insert_sample(connection, change))
                elif isinstance(change, ModelRecord):
                    ids.append(insert_model(connection, change))
                elif isinstance(change, GateRecord):
                    ids.append(insert_gates(connection, change))
                else:
                    ids.append(insert_projection(connection, change))
        return ids

    def check(self) -> list[str]:
        """Check the database and that every file it names is there; return what is wrong, empty when all is sound.

        Reads the whole database (about 1 s for 100 MB) and looks for each file, without reading the files.
        """
        problems = self._database.problems()
        columns = (
            schema.images.c.sha256,
            schema.images.c.mask_sha256,
            schema.drafts.c.mask_sha256,
            schema.samples.c.sha256,
            schema.samples.c.mask_sha256,
        )
        with self._database.read() as connection:
            for column in columns:
                for sha256 in connection.scalars(select(column).where(column.is_not(None)).distinct()):
                    if not self.files.has(sha256):
                        problems.append(f"file {sha256} of {column.table.name} is missing from {self.files.folder}")
        return problems

    def close(self) -> None:
        """Close the database; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> "Store":
        """Return the store, to be closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()
