"""The workspace and what it remembers: images, drafts, samples, gates, verdicts, jobs, models, projections,
settings, files.

Knows no torch, no operation and no user interface.
"""

from augment.store.drafts import Drafts
from augment.store.files import Files
from augment.store.gates import Gates
from augment.store.images import Images
from augment.store.jobs import Jobs
from augment.store.models import Models
from augment.store.projections import Projections
from augment.store.records import (
    CONTROL,
    Change,
    Decision,
    DraftRecord,
    GateRecord,
    ImageRecord,
    JobRecord,
    JobState,
    ModelKind,
    ModelRecord,
    ProjectionRecord,
    SampleRecord,
    Split,
    Status,
    VerdictRecord,
    judged,
)
from augment.store.samples import SampleOrder, SampleRow, Samples
from augment.store.settings import Settings
from augment.store.store import Store
from augment.store.verdicts import Verdicts
from augment.store.workspace import Hold, Workspace, now

__all__ = [
    "CONTROL",
    "Change",
    "Decision",
    "DraftRecord",
    "Drafts",
    "Files",
    "GateRecord",
    "Gates",
    "Hold",
    "ImageRecord",
    "Images",
    "JobRecord",
    "JobState",
    "Jobs",
    "ModelKind",
    "ModelRecord",
    "Models",
    "ProjectionRecord",
    "Projections",
    "SampleOrder",
    "SampleRecord",
    "SampleRow",
    "Samples",
    "Settings",
    "Split",
    "Status",
    "Store",
    "VerdictRecord",
    "Verdicts",
    "Workspace",
    "judged",
    "now",
]
