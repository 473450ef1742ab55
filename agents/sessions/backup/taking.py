"""Make a backup of a store in SQLite while any number of programs read and write it.

SQLite's backup copies the database as of one moment. A reader of the write-ahead log stops no writer. The parts follow:
a part that is deleted between the two steps belongs to a session that was deleted, so the copy begins again.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from agents.sessions.backup.archive import FORMAT, BackupRefused, Manifest, sync_folder, work_folder, write_archive
from agents.sessions.errors import StoreDamaged, StoreUnavailable, WriteFailed
from agents.sessions.location import FILE
from agents.sessions.part_files import PartFiles

TRIES: Final = 5
BUSY_S: Final = 30.0
ARCHIVE: Final = "archive"


def back_up(url: URL, file: Path) -> Manifest:
    """Write a backup of the store to a new file. Nobody sees a file with this name before it is whole and on disk.

    Raises BackupRefused, StoreUnavailable, StoreDamaged, WriteFailed.
    """
    database = database_of(url)
    if not os.path.exists(database):
        raise StoreUnavailable(f"no store exists at {database}")
    check_new(file)
    with as_write_failed(file), work_folder(file) as folder:
        manifest = _copied(database, folder)
        check_new(file)
        (folder / ARCHIVE).rename(file)
        sync_folder(file.absolute().parent)
    return manifest


def database_of(url: URL) -> Path:
    """Return the file of a store. Raises BackupRefused for a store in PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        raise BackupRefused("the store is in PostgreSQL: back it up by pg_dump, and restore it by pg_restore")
    return Path(url.database or "")


def check_new(file: Path) -> None:
    """Raise BackupRefused if the file exists, or its folder does not."""
    if os.path.exists(file):
        raise BackupRefused(f"expected a new file for the backup, got {file}, which exists")
    if not os.path.isdir(file.absolute().parent):
        raise BackupRefused(f"expected a file in a folder that exists, got {file}")


@contextmanager
def as_write_failed(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteFailed(f"{file} can't be written: {error.strerror or error}") from None


def check_whole(database: Path, pragma: str) -> None:
    """Raise StoreDamaged unless SQLite finds the database whole. pragma: quick_check or integrity_check."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = str(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
            if found == "ok":
                connection.execute("PRAGMA journal_mode = DELETE")  # so that the database is one file
                return
    except sqlite3.Error as error:
        found = str(error)
    raise StoreDamaged(f"the store is damaged: {' '.join(found.split())}")


def _copied(database: Path, folder: Path) -> Manifest:
    for left in reversed(range(TRIES)):
        snapshot = folder / FILE
        snapshot.unlink(missing_ok=True)
        _copy(database, snapshot)
        check_whole(snapshot, "quick_check")
        facts, keys = _facts(snapshot)
        manifest = write_archive(folder / ARCHIVE, snapshot, keys, PartFiles(database), facts)
        if not manifest.missing or not left:
            break
    return manifest


def _copy(database: Path, snapshot: Path) -> None:
    snapshot.touch(0o600)
    try:
        with (
            closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)) as source,
            closing(sqlite3.connect(snapshot)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the store at {database} can't be copied: {error}") from None


def _facts(snapshot: Path) -> tuple[Manifest, list[str]]:
    """Return the facts of the database, and the parts that it names."""
    try:
        with closing(sqlite3.connect(snapshot)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            (sessions,) = connection.execute("SELECT count(*) FROM sessions").fetchone()
            found = connection.execute("SELECT sha256 FROM parts ORDER BY sha256") if "parts" in tables else ()
            return Manifest(FORMAT, schema, sessions, 0), [key for (key,) in found]
    except (sqlite3.Error, TypeError) as error:
        raise StoreUnavailable(f"expected a store of understudy, got another database: {error}") from None
