"""One process writes, others read, and one that is killed takes nothing acknowledged with it."""

import subprocess
import sys

from augment.store import Store, VerdictRecord
from tests.examples import image_record, sample_record

READ = """
import sys, time
from augment.store import Store, Workspace
counts = []
with Store(Workspace(sys.argv[1]), read_only=True) as store:
    print("ready", flush=True)
    while not counts or counts[-1] < 100:
        images = store.images.list()
        assert [image.id for image in images] == [*range(1, len(images) + 1)]
        counts.append(len(images))
        time.sleep(0.005)
assert all(count % 10 == 0 for count in counts), counts
assert counts == sorted(counts)
print("agreed", flush=True)
"""

DECIDE = """
import sys
from augment.store import Store, VerdictRecord, Workspace
with Store(Workspace(sys.argv[1])) as store:
    batch = 0
    while True:
        batch += 1
        verdicts = [VerdictRecord(sample_id=sample_id, decision="accepted" if batch % 2 else "rejected", reviewer="ana",
                                  client_key=f"{batch}/{sample_id}") for sample_id in range(1, 51)]
        store.verdicts.add_many(verdicts)
        print(batch, flush=True)
"""


def test_several_processes_read_whole_steps_while_one_writes(workspace, store):
    command = [sys.executable, "-c", READ, workspace.root]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for start in range(0, 100, 10):
        store.apply([image_record(number) for number in range(start, start + 10)])
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert out == "agreed\n", err


def test_a_kill_loses_nothing_acknowledged_and_keeps_no_half_step(workspace, store):
    store.apply([sample_record(number) for number in range(1, 51)])
    store.close()
    acknowledged_before_kill = 5
    writer = subprocess.Popen([sys.executable, "-c", DECIDE, workspace.root], stdout=subprocess.PIPE, text=True)
    for _ in range(acknowledged_before_kill):
        writer.stdout.readline()
    # The writer is somewhere inside its next batches when the kill comes; some may be stored and not yet printed.
    writer.kill()
    writer.stdout.close()
    writer.wait()
    with Store(workspace) as again:
        assert all("is missing from" in problem for problem in again.check())
        stored = again.verdicts.count()
        assert stored % 50 == 0
        batches = stored // 50
        assert batches >= acknowledged_before_kill
        expected = "accepted" if batches % 2 else "rejected"
        assert again.samples.counts()[expected] == 50
        # A client that never heard back sends its batch again: nothing is counted twice.
        again.verdicts.add_many(
            [
                VerdictRecord(sample_id=number, decision=expected, reviewer="ana", client_key=f"{batches}/{number}")
                for number in range(1, 51)
            ]
        )
        assert again.verdicts.count() == stored
