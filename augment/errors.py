"""The exception tree of Kizu. Every message names the value, what is needed and the next step.

KizuError                   anything a user can read and act on
├── InvalidInput            a file, value or argument from outside is unusable as it is
│   ├── UnreadableImage     bytes that are no image, or one too large to open safely
│   └── InvalidConfig       a config field outside its allowed range
├── NotFound                a record, file, label or model that was named does not exist
├── NotReady                something must be done first (import, build the map, train)
├── WorkspaceError          the workspace folder or its database cannot be used
│   └── WorkspaceInUse      another process holds the workspace
├── Refused                 asked for something this installation or visitor may not do
└── JobFailed               an operation ended without its result; the job's log says why

Cancelled is not a KizuError: it is the way an operation stops when it is told to.
"""

__all__ = [
    "Cancelled",
    "InvalidConfig",
    "InvalidInput",
    "JobFailed",
    "KizuError",
    "NotFound",
    "NotReady",
    "Refused",
    "UnreadableImage",
    "WorkspaceError",
    "WorkspaceInUse",
]


class KizuError(Exception):
    """A failure whose text is meant for the user."""


class InvalidInput(KizuError):
    """Something given from outside is unusable as it is."""


class UnreadableImage(InvalidInput):
    """Bytes that are no image, or an image too large to open safely."""


class InvalidConfig(InvalidInput):
    """A config field lies outside its allowed range."""


class NotFound(KizuError):
    """A record, file, label or model that was named does not exist."""


class NotReady(KizuError):
    """A step that comes before this one has not been done."""


class WorkspaceError(KizuError):
    """The workspace folder or its database cannot be used."""


class WorkspaceInUse(WorkspaceError):
    """Another process holds the workspace's lock."""


class Refused(KizuError):
    """Asked for something this installation or this visitor may not do."""


class JobFailed(KizuError):
    """An operation ended without its result."""


class Cancelled(Exception):
    """Raised inside an operation, by its progress callback, when it is told to stop."""
