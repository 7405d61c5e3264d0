"""Archives that come out the same for the same content: sorted, with one time and plain modes."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_FILE: Final = 0o100644
_PROGRAM: Final = 0o100755
_EXECUTABLE: Final = 0o111
_LEVEL: Final = 9


def zipped_folder(folder: Path, epoch: int) -> bytes:
    """Return a zip of a folder's files, as Lambda takes it: everyone may read them."""
    return _zipped(
        {
            path.relative_to(folder).as_posix(): (path.read_bytes(), _FILE)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
        epoch,
    )


def repeatable_zip(archive: Path, epoch: int) -> None:
    """Write a zip again with one time and plain modes. Its order, such as a wheel's, stays."""
    with zipfile.ZipFile(archive) as read:
        files = {
            one.filename: (read.read(one), _mode(one.external_attr >> 16))
            for one in read.infolist()
            if not one.is_dir()
        }
    archive.write_bytes(_zipped(files, epoch))


def repeatable_tar(archive: Path, epoch: int) -> None:
    """Write a tar.gz again: sorted, with one time, plain modes, and no one's name."""
    buffer = io.BytesIO()
    with (
        tarfile.open(archive) as read,
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as written,
    ):
        for one in sorted(read.getmembers(), key=lambda member: member.name):
            if not one.isfile():
                continue
            plain = tarfile.TarInfo(one.name)
            plain.size, plain.mtime, plain.mode = one.size, epoch, _mode(one.mode) & 0o777
            written.addfile(plain, read.extractfile(one))
    archive.write_bytes(buffer.getvalue())


def _zipped(files: Mapping[str, tuple[bytes, int]], epoch: int) -> bytes:
    moment = datetime.fromtimestamp(epoch, UTC).timetuple()[:6]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, (data, mode) in files.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.external_attr = mode << 16
            entry.create_system = 3  # Unix, whatever this machine is
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=_LEVEL)
    return buffer.getvalue()


def _mode(mode: int) -> int:
    return _PROGRAM if mode & _EXECUTABLE else _FILE
