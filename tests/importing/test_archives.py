"""Zips from strangers: nothing is read that should not be, nothing is unpacked by a name from inside."""

import stat
import zipfile
from pathlib import Path

import pytest

from augment.errors import InvalidInput
from augment.importing import archives
from augment.importing.archives import ZipTree
from augment.importing.layouts import list_source
from augment.importing.trees import open_tree
from tests.importing.sources import png, tiles


def zipped(path: Path, files: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def test_a_zip_is_listed_like_its_folder(tmp_path):
    with open_tree(str(zipped(tmp_path / "t.zip", {f"magnetic/{k}": v for k, v in tiles().items()}))) as tree:
        listing = list_source(tree)
        assert (listing.layout, len(listing.entries)) == ("pairs", 8)
        assert tree.read(listing.entries[0].file) == tiles()["MT_Crack/Imgs/exp1_num_0.jpg"]
        copy = tree.local(listing.entries[0].file)
        assert copy.read_bytes() == tiles()["MT_Crack/Imgs/exp1_num_0.jpg"]
        assert "MT_Crack" not in str(copy)
    assert not copy.exists()


def test_names_that_leave_the_archive_links_and_archives_are_refused(tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name in (
            "../out.png",
            "a/../../out.png",
            "/etc/passwd.png",
            "C:\\windows\\x.png",
            "..\\out.png",
            "a/x.zip",
        ):
            out.writestr(name, png(1))
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc/passwd")
        out.writestr("a/good.png", png(2))
        out.writestr("__MACOSX/a/._good.png", "x")
    with ZipTree(path) as tree:
        assert tree.files() == ["a/good.png"]
        reasons = dict(tree.skipped)
    assert set(reasons) == {
        "../out.png",
        "a/../../out.png",
        "/etc/passwd.png",
        "C:/windows/x.png",
        "a/x.zip",
        "a/link.png",
    }
    assert "link" in reasons["a/link.png"]
    assert "unpack it first" in reasons["a/x.zip"]
    assert "leads out" in reasons["../out.png"]


def test_bombs_by_ratio_and_by_declared_size(tmp_path, monkeypatch):
    bomb = zipped(tmp_path / "bomb.zip", {"a/zeros.bmp": bytes(40 << 20), "a/ok.png": png(1)})
    with ZipTree(bomb) as tree:
        assert tree.files() == ["a/ok.png"]
        assert "zip bomb" in tree.skipped[0][1]
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 30 << 20)
    with pytest.raises(InvalidInput, match="unpacks to"):
        ZipTree(bomb)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    with pytest.raises(InvalidInput, match="holds 2 files"):
        ZipTree(bomb)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 10)
    with ZipTree(bomb) as tree:
        assert tree.files() == []
        assert all("at most 10" in reason for _, reason in tree.skipped)


def test_a_blank_mask_that_shrinks_a_thousandfold_is_no_bomb(tmp_path):
    with ZipTree(zipped(tmp_path / "m.zip", {"a/blank.bmp": bytes(4 << 20)})) as tree:
        assert tree.files() == ["a/blank.bmp"]


def test_a_member_that_lies_about_its_size_is_refused(tmp_path):
    path = zipped(tmp_path / "lie.zip", {"a/1.png": png(1)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    data[at : at + 4] = (5).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with ZipTree(path) as tree, pytest.raises(InvalidInput, match=r"damaged|another size"):
        tree.read("a/1.png")


def test_members_that_share_bytes_are_refused(tmp_path):
    path = zipped(tmp_path / "overlap.zip", {"a/1.png": png(1), "a/2.png": png(2)})
    data = bytearray(path.read_bytes())
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = (10).to_bytes(4, "little")  # where the second member's header is said to be
    path.write_bytes(bytes(data))
    with pytest.raises(InvalidInput, match="overlap"):
        ZipTree(path)


def test_encrypted_damaged_and_truncated(tmp_path):
    path = zipped(tmp_path / "locked.zip", {"a/1.png": png(1)})
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with ZipTree(path) as tree:
        assert "without a password" in tree.skipped[0][1]
    broken = zipped(tmp_path / "broken.zip", {"a/1.png": png(1)}, zipfile.ZIP_STORED)
    data = bytearray(broken.read_bytes())
    data[60] ^= 255
    broken.write_bytes(bytes(data))
    with ZipTree(broken) as tree, pytest.raises(InvalidInput, match="damaged in the zip"):
        tree.read("a/1.png")
    broken.write_bytes(bytes(data)[:50])
    with pytest.raises(InvalidInput, match=r"damaged zip|no folder, zip"):
        open_tree(str(broken))
    with pytest.raises(InvalidInput, match="damaged zip"):
        ZipTree(broken)


def test_japanese_names_from_windows_and_macos(tmp_path):
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("XXXX/1.png", png(1))
    for encoding in ("cp932", "utf-8"):
        name = "割".encode(encoding).ljust(4, b"_")
        raw = path.read_bytes().replace(b"XXXX", name)
        (tmp_path / "raw.zip").write_bytes(raw)
        with ZipTree(tmp_path / "raw.zip") as tree:
            assert tree.files() == [f"{name.decode(encoding)}/1.png"]
            assert tree.read(tree.files()[0]) == png(1)
