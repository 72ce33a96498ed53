"""The folder and who owns it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from augment.errors import WorkspaceError, WorkspaceInUse
from augment.store import Workspace

HOLD = """
import sys, time
from augment.store import Workspace
with Workspace(sys.argv[1]).lock("http://127.0.0.1:7860"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_owner_is_told_who_holds_it(workspace):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, workspace.root], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceInUse) as refused, workspace.lock():
            pass
        assert f"process {holder.pid} at http://127.0.0.1:7860, since 20" in str(refused.value)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    # A killed owner leaves its sidecar behind; that must not keep the next one out, nor be shown as the holder.
    with workspace.lock("http://127.0.0.1:9") as hold:
        sidecar = json.loads((workspace.root / "kizu.lock.json").read_text())
        assert (sidecar["pid"], sidecar["address"]) == (os.getpid(), "http://127.0.0.1:9")
        hold.announce("http://127.0.0.1:10")
        with pytest.raises(WorkspaceInUse, match=":10, since"), Workspace(workspace.root).lock():
            pass
    assert not (workspace.root / "kizu.lock.json").exists()
    with workspace.lock():
        pass


def test_a_holder_without_a_sidecar_still_holds(workspace):
    with workspace.lock():
        (workspace.root / "kizu.lock.json").unlink()
        with pytest.raises(WorkspaceInUse, match="open in another process"), workspace.lock():
            pass


def test_the_lock_is_freed_when_the_block_fails(workspace):
    with pytest.raises(ZeroDivisionError), workspace.lock():
        raise ZeroDivisionError
    with workspace.lock():
        pass


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(WorkspaceError, match=r"photo\.jpg is a file, not a folder"):
        Workspace(tmp_path / "photo.jpg").create()


def test_the_root_is_absolute_so_that_a_change_of_directory_moves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace("here")
    monkeypatch.chdir("/")
    assert workspace.database == tmp_path / "here" / "kizu.db"
    assert not workspace.exists
