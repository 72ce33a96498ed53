"""A server without a page, to be killed: opens a workspace, submits one job, says so, and waits.

`python -m tests.faults.server ROOT OPERATION CONFIG_JSON GRACE_SECONDS`
"""

import json
import sys
import time
from pathlib import Path

from augment.jobs import LocalEngine
from augment.store import Store, Workspace
from tests.jobs.operations import TEST_OPERATIONS


def main() -> None:
    root, operation, config, grace = sys.argv[1:]
    workspace = Workspace(Path(root))
    with workspace.lock(), Store(workspace) as store:
        engine = LocalEngine(store, operations=TEST_OPERATIONS, grace_seconds=float(grace))
        job = engine.submit(operation, json.loads(config))
        while engine.status(job).step < 2:
            time.sleep(0.02)
        print(json.dumps({"job": job, "child": engine.process_id(job)}), flush=True)
        time.sleep(120)


if __name__ == "__main__":
    main()
