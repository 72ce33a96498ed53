"""The process of one long job: `python -m augment.jobs.child FILE_NUMBER`, started by the engine and never by hand.

It reads the workspace, runs one operation, and tells the server over a socket what to store. When the server ends,
however it ends, the operation is told to stop at its next step, checkpoints, and the process ends; after a grace it
ends in any case.
"""

import faulthandler
import gc
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from augment.errors import Cancelled
from augment.jobs.folder import JobFolder
from augment.jobs.link import ServerLink, open_channel
from augment.jobs.messages import Message, encode_error
from augment.jobs.progress import JobProgress
from augment.operations import Operation, to_json
from augment.operations.context import Context
from augment.store import Store, Workspace

LOST_EXIT = 3
_NICENESS = 10
logger = logging.getLogger(__name__)


def main() -> None:
    """Run the job that the first message describes, and say how it ended."""
    faulthandler.enable()
    with suppress(OSError):
        # A click in the warm worker goes before a training that takes an hour anyway.
        os.nice(_NICENESS)
    channel = open_channel()
    try:
        start = channel.receive()
    except EOFError:
        return
    link = ServerLink(channel, on_lost=lambda: _end_after(start["grace_seconds"]))
    link.send(_perform(start, link))


def run_guarded(job: Callable[[], object]) -> Message:
    """The message that says how `job` ended; the log gets the traceback, the message a sentence."""
    try:
        return {"kind": "done", "result": to_json(job()) or {}}
    except Cancelled:
        logger.info("stopped as asked")
        return {"kind": "cancelled"}
    except Exception as error:
        logger.exception("the operation failed")
        message = {"kind": "failed", **encode_error(error)}
    gc.collect()
    return message


def _perform(start: Message, link: ServerLink) -> Message:
    operation = Operation(**start["operation"])
    workspace = Workspace(start["workspace"])
    folder = JobFolder(workspace, start["job_id"])
    progress = JobProgress(folder, link.send_progress, link.stopped.is_set)

    def job() -> object:
        with folder.hold(start["grace_seconds"] + 5.0, link.stopped.is_set), Store(workspace, read_only=True) as store:
            context = Context(
                store=store,
                commit=link.commit,
                job_folder=folder.path,
                progress=progress,
                job_id=start["job_id"],
                secrets=start["secrets"],
            )
            logger.info("%s %s", operation.name, start["config"])
            return operation.load()(operation.read_config(start["config"]), context)

    message = run_guarded(job)
    return message | {"step": progress.step, "total": progress.total}


def _end_after(grace_seconds: float) -> None:
    logger.warning("the server is gone: stopping at the next step, or in %.0f s", grace_seconds)
    timer = threading.Timer(grace_seconds, os._exit, [LOST_EXIT])
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
