"""The checks of a PostgreSQL server before a node joins the cluster on it."""

from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.sessions.connection import connected, transaction
from agents.sessions.engine import POOLED
from agents.sessions.errors import StoreUnavailable

OLDEST: Final = (14,)
"""Since this version PostgreSQL ends a session without beats."""

_PID: Final = select(func.pg_backend_pid())
_SYNCHRONOUS: Final = text("SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')")


async def check_server(engine: AsyncEngine, deadline_s: float) -> None:
    """Raise StoreUnavailable if the server is too old, or a pooler keeps no session for a connection."""
    version = engine.dialect.server_version_info or ()
    if version < OLDEST:
        raise StoreUnavailable(f"a cluster needs PostgreSQL 14 or newer, got {'.'.join(map(str, version))}")
    async with connected(engine, deadline_s) as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        before = (await connection.execute(_PID)).scalar_one()
        async with transaction(engine, deadline_s) as other:  # a pooler lends it the session that is free now
            await other.execute(text("SELECT 1"))
            after = (await connection.execute(_PID)).scalar_one()
    if before != after:
        raise StoreUnavailable(f"the store can't be used: {POOLED}")


async def count_synchronous(engine: AsyncEngine, deadline_s: float) -> int:
    """Return the number of standbys that each commit waits for."""
    async with connected(engine, deadline_s) as connection:
        count: int = (await connection.execute(_SYNCHRONOUS)).scalar_one()
    return count
