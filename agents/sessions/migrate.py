"""The migration of a store to this version's schema, step by step, in one transaction that others wait for."""

from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.sessions.errors import StoreUnavailable
from agents.sessions.migrations import HEAD

LOCKS: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(7310865148712)",  # a number that no other program uses
}
VERSION_TABLE: Final = "alembic_version"  # the name that Alembic uses


async def migrate(engine: AsyncEngine) -> None:
    """Migrate the store. Raises StoreUnavailable for a schema that a newer version made."""
    async with engine.connect() as connection:
        if await connection.run_sync(_version) == HEAD:
            return
        await connection.rollback()
        await connection.exec_driver_sql(LOCKS[connection.dialect.name])
        await connection.run_sync(_upgrade)
        await connection.commit()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return version


def _upgrade(connection: Connection) -> None:
    """Run the missing steps. Alembic is imported here, since most starts find the schema up to date."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "agents.sessions:migrations")
    config.attributes["connection"] = connection
    version = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreUnavailable(f"expected a store of schema {HEAD} or older, got {version}: a newer version made it")
    command.upgrade(config, "head")
