"""The file of a backup: a tar archive of the database, the bytes of the parts, and a manifest.

sessions.db      the database, as of one moment
parts/HASH       each part that the database names
manifest.json    the last member: an archive without it was cut
"""

import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from agents.sessions.errors import SessionError, StoreDamaged
from agents.sessions.location import FILE, PRIVATE_FILE, PRIVATE_FOLDER
from agents.sessions.part_files import PartFiles, checked

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
PARTS: Final = "parts/"
UNFINISHED: Final = ".new"
_IS_PART: Final = re.compile(r"parts/([0-9a-f]{64})").fullmatch


class BackupRefused(SessionError):
    """The backup can't be made there, or can't be restored. The text says why, in one line."""


class Manifest(Struct, frozen=True):
    """The content of a backup.

    schema: the last step of the database's schema. missing: the parts that the store names and does not have.
    """

    format: int
    schema: str
    sessions: int
    parts: int
    missing: list[str] = []


def write_archive(file: Path, database: Path, keys: Iterable[str], parts: PartFiles, facts: Manifest) -> Manifest:
    """Write the archive, and sync it to the disk. Return the manifest with the parts that could be read."""
    written, missing = 0, []
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    with open(descriptor, "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as archive:
            with database.open("rb") as data:
                archive.addfile(_member(FILE, database.stat().st_size), data)
            for key in keys:
                try:
                    part = parts.read(key)
                except StoreDamaged:
                    missing.append(key)
                else:
                    archive.addfile(_member(PARTS + key, len(part)), BytesIO(part))
                    written += 1
            manifest = msgspec.structs.replace(facts, parts=written, missing=missing)
            text = msgspec.json.encode(manifest)
            archive.addfile(_member(MANIFEST, len(text)), BytesIO(text))
        out.flush()
        os.fsync(out.fileno())
    return manifest


def read_archive(file: Path, folder: Path) -> Manifest:
    """Unpack the archive into the folder: the database, and the parts beside it. Raises BackupRefused, OSError."""
    parts = PartFiles(folder / FILE)
    parts.folder.mkdir(PRIVATE_FOLDER)
    manifest: Manifest | None = None
    try:
        with tarfile.open(file, mode="r:") as archive:
            for member in archive:
                data = archive.extractfile(member) if member.isreg() else None
                if data is None or manifest is not None:
                    raise _damaged(file)
                if member.name == MANIFEST:
                    manifest = msgspec.json.decode(data.read(), type=Manifest)
                elif member.name == FILE:
                    _write(folder / FILE, data)
                elif found := _IS_PART(member.name):
                    parts.add({found[1]: checked(found[1], data.read())})
                else:
                    raise _damaged(file)
    except (tarfile.TarError, EOFError, msgspec.DecodeError, StoreDamaged):
        raise _damaged(file) from None
    return _fitting(file, folder, manifest)


def _fitting(file: Path, folder: Path, manifest: Manifest | None) -> Manifest:
    """Return the manifest if the archive has what it says. Raises BackupRefused."""
    if manifest is None or not (folder / FILE).exists():
        raise _damaged(file)
    if manifest.format > FORMAT:
        raise BackupRefused(f"expected a backup of format {FORMAT} or older, got {manifest.format}: {file}")
    if manifest.parts != sum(1 for _ in PartFiles(folder / FILE).keys()):  # noqa: SIM118 (not a mapping)
        raise _damaged(file)
    return manifest


@contextmanager
def work_folder(beside: Path) -> Iterator[Path]:
    """Make a private folder beside a file for the block. One that a killed process left behind is removed."""
    begin = f".{beside.name}."
    for path in beside.parent.iterdir():
        pid = path.name.removeprefix(begin).removesuffix(UNFINISHED)
        if path.name == f"{begin}{pid}{UNFINISHED}" and pid.isdecimal() and not _runs(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
    folder = beside.with_name(f"{begin}{os.getpid()}{UNFINISHED}")
    folder.mkdir(PRIVATE_FOLDER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _runs(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, PRIVATE_FILE
    return member


def _write(path: Path, data: IO[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with open(descriptor, "wb") as out:
        shutil.copyfileobj(data, out)


def _damaged(file: Path) -> BackupRefused:
    return BackupRefused(f"expected a whole backup of `understudy backup`, got a damaged or another file: {file}")
