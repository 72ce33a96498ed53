"""Zip files from strangers, read in place: nothing is unpacked by a name that the archive chose.

Refused, each with its reason: names that leave the archive, links, encrypted or nested archives, members that are too
large or shrink too well, members that overlap. Limits hold for declared and for real sizes.
"""

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from types import TracebackType

from augment.errors import InvalidInput
from augment.images import MAX_FILE_BYTES
from augment.importing.listing import Skipped, is_hidden, shown

__all__ = ["MAX_MEMBERS", "MAX_RATIO", "MAX_TOTAL_BYTES", "ZipTree"]

MAX_MEMBERS = 1_000_000
MAX_TOTAL_BYTES = 64 << 30
"""All members together, unpacked: 64 GB."""
MAX_RATIO = 200
"""Unpacked over packed size, for members above 32 MB; below that a blank bitmap may well shrink a thousandfold."""

_RATIO_FROM_BYTES = 32 << 20
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class ZipTree(AbstractContextManager["ZipTree"]):
    """The safe members of a zip file. Members can be read from several threads."""

    def __init__(self, path: Path) -> None:
        """Open and check the directory of the archive. Raises InvalidInput if the archive as a whole is refused."""
        self.name = path.stem
        self.skipped: list[Skipped] = []
        try:
            self._zip = zipfile.ZipFile(path)
        except _READ_ERRORS as error:
            raise InvalidInput(f"{path.name} is a damaged zip file ({error}): make or download it again") from error
        try:
            self._members = self._checked(path.name)
        except BaseException:
            self._zip.close()
            raise
        self._local: Path | None = None

    def _checked(self, name: str) -> dict[str, zipfile.ZipInfo]:
        members = [info for info in self._zip.infolist() if not info.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise InvalidInput(f"{name} holds {len(members):,} files: at most {MAX_MEMBERS:,} are read; split it")
        total = sum(info.file_size for info in members)
        if total > MAX_TOTAL_BYTES:
            raise InvalidInput(f"{name} unpacks to {total:,} bytes: at most {MAX_TOTAL_BYTES:,} are read; split it")
        _refuse_overlap(name, members)
        safe: dict[str, zipfile.ZipInfo] = {}
        for info in members:
            inside = _decoded_name(info)
            if any(is_hidden(part) for part in PurePosixPath(inside).parts if part != ".."):
                continue
            reason = _refusal(inside, info) or ("a second file of this name" if inside in safe else "")
            if reason:
                self.skipped.append((shown(inside), reason))
            else:
                safe[inside] = info
        return safe

    def files(self) -> list[str]:
        """See Tree."""
        return sorted(self._members)

    def read(self, path: str) -> bytes:
        """See Tree."""
        info = self._members[path]
        try:
            with self._zip.open(info) as stream:
                # One byte more than declared: a member that goes on after its declared size is refused, not trusted.
                data = stream.read(info.file_size + 1)
        except _READ_ERRORS as error:
            raise InvalidInput(f"damaged in the zip file ({error}): make the zip again") from error
        if len(data) != info.file_size:
            raise InvalidInput(
                f"unpacks to another size than the {info.file_size:,} bytes declared: make the zip again"
            )
        return data

    def local(self, path: str) -> Path:
        """See Tree. The copy's name is a number, never the member's."""
        if self._local is None:
            self._local = Path(tempfile.mkdtemp(prefix="kizu-zip-"))
        number = self._members[path].header_offset
        copy = self._local / f"{number}{PurePosixPath(path).suffix.lower()[:10]}"
        if not copy.exists():
            copy.write_bytes(self.read(path))
        return copy

    def close(self) -> None:
        """Close the archive and remove the copies."""
        self._zip.close()
        if self._local is not None:
            shutil.rmtree(self._local, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _decoded_name(info: zipfile.ZipInfo) -> str:
    """The member's name with forward slashes. Without the UTF-8 flag, macOS writes UTF-8 and Japanese Windows cp932."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "cp932"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _refusal(name: str, info: zipfile.ZipInfo) -> str:
    """Why a member must not be read; empty if it may."""
    mode = info.external_attr >> 16
    if "\0" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return "the name leads out of the archive: refused"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link or device, not a file: refused"
    if info.flag_bits & 0x1:
        return "encrypted: make the zip without a password"
    if name.lower().endswith(_ARCHIVES):
        return "an archive inside the archive is not opened: unpack it first"
    if info.file_size > MAX_FILE_BYTES:
        return f"declares {info.file_size:,} bytes: at most {MAX_FILE_BYTES:,} are read"
    if info.file_size > _RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(1, info.compress_size):
        return f"grows {info.file_size // max(1, info.compress_size):,}-fold when unpacked: refused as a zip bomb"
    return ""


def _refuse_overlap(name: str, members: list[zipfile.ZipInfo]) -> None:
    """Raise InvalidInput if members share bytes: so a small file can hold petabytes without a ratio that shows it."""
    end = 0
    for info in sorted(members, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise InvalidInput(f"{name} has members that overlap: refused as a zip bomb; make the zip again")
        end = info.header_offset + info.compress_size
