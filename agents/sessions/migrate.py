"""The schema of a store: made at once if the store is empty, else migrated step by step to this version's.

Either is one transaction that others wait for. Alembic, whose import and steps take 0.12 s of CPU, is not needed for an
empty store.
"""

from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.sessions.errors import StoreUnavailable
from agents.sessions.migrations import HEAD
from agents.sessions.schema import METADATA
from agents.sessions.tables import WRITER

LOCKS: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(7310865148712)",  # a number that no other program uses
}
VERSION: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The last step of the schema. Source: Alembic, MigrationContext."""


async def migrate(engine: AsyncEngine) -> None:
    """Give the store this version's schema. Raises StoreUnavailable for a schema that a newer version made."""
    async with engine.connect() as connection:
        if await connection.run_sync(_version) == HEAD:
            return
        await connection.rollback()
        await connection.exec_driver_sql(LOCKS[connection.dialect.name])
        version = await connection.run_sync(_version)  # another program may have migrated the store meanwhile
        if version is None:
            await connection.run_sync(_create)
        elif version != HEAD:
            await connection.run_sync(_upgrade, version)
        await connection.commit()


def _version(connection: Connection) -> str | None:
    """Return the last step of the store's schema, or None if the store is empty."""
    if not inspect(connection).has_table(VERSION.name):
        return None
    version: str | None = connection.execute(select(VERSION.c.version_num)).scalar()
    return version


def _create(connection: Connection) -> None:
    """Make the schema, with the rows that its steps would write. A table that is in the way is an error."""
    METADATA.create_all(connection, checkfirst=False)
    VERSION.metadata.create_all(connection)
    connection.execute(insert(WRITER).values(id=1, epoch=0))
    connection.execute(insert(VERSION).values(version_num=HEAD))


def _upgrade(connection: Connection, version: str) -> None:
    """Run the missing steps after this version. Alembic is imported here, since most starts run none."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "agents.sessions:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version not in known:
        raise StoreUnavailable(f"expected a store of schema {HEAD} or older, got {version}: a newer version made it")
    command.upgrade(config, "head")
