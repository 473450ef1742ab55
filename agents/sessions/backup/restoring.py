"""Restore a backup where no store exists.

The database gets its name last. So a restore that is killed leaves no store, and can begin again.
"""

import os
from pathlib import Path

from sqlalchemy import URL, delete, select, update

from agents.sessions.backup.archive import BackupRefused, Manifest, read_archive, sync_folder, work_folder
from agents.sessions.backup.taking import as_write_failed, check_whole, database_of
from agents.sessions.errors import StoreDamaged, StoreUnavailable
from agents.sessions.location import FILE, PRIVATE_FOLDER, make_private, store_url
from agents.sessions.part_files import PartFiles
from agents.sessions.store import Store
from agents.sessions.tables import FENCES, NODES, PARTS, SESSIONS, WRITER


async def restore(url: URL, file: Path) -> Manifest:
    """Restore a backup as the store at this URL. An older schema is migrated.

    The caller makes sure that no program opens the store meanwhile. Raises BackupRefused, WriteFailed.
    """
    database = database_of(url)
    if os.path.exists(database):  # noqa: ASYNC240 (once)
        raise BackupRefused(f"expected a place without a store, got {database}, which exists")
    with as_write_failed(database):
        database.absolute().parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        with work_folder(database) as folder:
            manifest = read_archive(file, folder)
            unpacked = folder / FILE
            try:
                check_whole(unpacked, "integrity_check")
                await _prepare(unpacked, set(manifest.missing))
                check_whole(unpacked, "quick_check")
            except (StoreDamaged, StoreUnavailable) as unfit:
                raise BackupRefused(f"{file}: {str(unfit).replace(str(unpacked), FILE)}") from None
            _put(unpacked, database)
    return manifest


async def _prepare(database: Path, missing: set[str]) -> None:
    """Migrate the schema, check the parts, and forget the programs that had the store at the time of the backup."""
    make_private(database)
    store = await Store.open(store_url(None, database.parent), create=False)
    try:
        files = PartFiles(database)
        for (key,) in await store.rows(select(PARTS.c.sha256)):
            if key not in missing:
                files.read(key)
        async with store.engine.begin() as connection:
            await connection.execute(update(WRITER).values(owner=None))
            await connection.execute(delete(FENCES))
            await connection.execute(delete(NODES))
            await connection.execute(update(SESSIONS).values(node=None))
        await store.clear_log()
    finally:
        await store.close()


def _put(unpacked: Path, database: Path) -> None:
    """Move the parts and then the database to their places."""
    source, target = PartFiles(unpacked).folder, PartFiles(database).folder
    if any(source.iterdir()):
        target.mkdir(PRIVATE_FOLDER, exist_ok=True)
        for part in source.iterdir():
            part.rename(target / part.name)
        sync_folder(target)
    unpacked.rename(database)
    sync_folder(database.absolute().parent)
