"""Content-addressed files: whole or absent, checked, and nothing left behind."""

import hashlib
import os
import subprocess
import sys
import time

import pytest

from augment.errors import InvalidInput, NotFound, WorkspaceError
from augment.store import Files


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_put_and_read(tmp_path):
    files = Files(tmp_path)
    data = os.urandom(3 << 20)
    sha256 = files.put(data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert files.read(sha256, verify=True) == data
    assert files.path(sha256).read_bytes() == data
    (tmp_path / "source").write_bytes(data)
    assert files.put_path(tmp_path / "source") == sha256
    (tmp_path / "source").unlink()
    assert everything(tmp_path) == [f"{sha256[:2]}/{sha256}"]


def test_many_keep_their_order_and_equal_ones_are_stored_once(tmp_path):
    contents = [bytes([number % 5]) * 100 for number in range(40)]
    found = Files(tmp_path).put_many(contents)
    assert found == [hashlib.sha256(data).hexdigest() for data in contents]
    assert len(everything(tmp_path)) == 5


def test_a_damaged_file_is_noticed_and_mended_by_putting_it_again(tmp_path):
    files = Files(tmp_path)
    sha256 = files.put(b"original")
    files.path(sha256).write_bytes(b"0riginal")
    with pytest.raises(WorkspaceError, match="damaged"):
        files.read(sha256, verify=True)
    files.put(b"original")
    assert files.read(sha256, verify=True) == b"original"


@pytest.mark.parametrize("address", ["", "../" * 21 + "x", "A" * 64, "a" * 63, "a" * 65, "a/" * 32, "a" * 63 + "\n"])
def test_an_address_never_leaves_the_folder(tmp_path, address):
    with pytest.raises(InvalidInput, match="is no SHA-256"):
        Files(tmp_path).path(address)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(NotFound, match="a" * 64):
        Files(tmp_path).read("a" * 64)
    with pytest.raises(InvalidInput, match=r"nowhere\.jpg cannot be read"):
        Files(tmp_path / "files").put_path(tmp_path / "nowhere.jpg")
    assert everything(tmp_path) == []


TOO_LARGE = """
import resource, sys
from pathlib import Path
from augment.errors import WorkspaceError
from augment.store import Files
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
files = Files(Path(sys.argv[1]))
files.put(b"small")
try:
    files.put(b"x" * 200_000)
except WorkspaceError as error:
    print(error)
"""


def test_a_write_that_fails_midway_leaves_nothing(tmp_path):
    # The limit on a file's size makes the real write() fail after 100,000 bytes, as a full disk does.
    ran = subprocess.run([sys.executable, "-c", TOO_LARGE, tmp_path], capture_output=True, text=True, check=True)
    assert "cannot be stored" in ran.stdout
    small = hashlib.sha256(b"small").hexdigest()
    assert everything(tmp_path) == [f"{small[:2]}/{small}"]


def test_what_a_killed_writer_left_is_swept_but_not_what_another_is_writing(tmp_path):
    files = Files(tmp_path)
    files.put(b"x")
    old, new = tmp_path / "tmp" / "old.tmp", tmp_path / "tmp" / "new.tmp"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    assert files.sweep() == 1
    assert new.exists() and not old.exists()
