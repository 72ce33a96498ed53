"""Running operations: as jobs in their own processes, as clicks in the warm worker, or inline for the command line."""

from augment.jobs.folder import JobFolder
from augment.jobs.inline import run_inline
from augment.jobs.local import LocalEngine
from augment.jobs.slots import Slots
from augment.jobs.strip import RESUMABLE, Strip, StripJob
from augment.jobs.warm import WarmWorker

__all__ = ["RESUMABLE", "JobFolder", "LocalEngine", "Slots", "Strip", "StripJob", "WarmWorker", "run_inline"]
