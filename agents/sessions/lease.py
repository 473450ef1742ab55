"""The lease of a store's writer on PostgreSQL: a lock whose database session ends without heartbeats.

The lock is free as soon as the writer's OS process ends, on any host. A process that is stopped, or a host that is cut
off, sends no heartbeat, and PostgreSQL ends its session after LEASE_S. No two clocks are compared.
"""

import asyncio
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from actors.log import get_logger
from agents.node.os_process import this_process
from agents.sessions.connection import Deadline, connect, give_back

LEASE_S: Final = 6.0
BEAT_S: Final = LEASE_S / 6
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
CLASS: Final = 731086515  # the class of our advisory locks: a number that no other program uses
IDLE_LIMIT_SINCE: Final = (14,)  # PostgreSQL has idle_session_timeout since this version

log = get_logger("understudy.sessions")


def has_lease(connection: Connection, owner: str) -> bool:
    """Return True if the process holds its lease. The connection must be in a transaction."""
    free = select(func.pg_try_advisory_xact_lock(CLASS, func.hashtext(owner)))
    return not connection.execute(free).scalar_one()


class WriterLease:
    """The writer's lease, held from `take` to `give_back`. If its connection is lost, it is taken again."""

    def __init__(self, engine: AsyncEngine, deadline_s: float) -> None:
        self._engine, self._deadline_s = engine, deadline_s
        self._held: tuple[AsyncConnection, Deadline] | None = None
        self._beating: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Take the lease. Raises what the database raises."""
        self._held = await self._connected()
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def give_back(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait((self._beating,))
            self._beating = None
        await self._drop()

    async def _connected(self) -> tuple[AsyncConnection, Deadline]:
        connection, deadline = await connect(self._engine, self._deadline_s)
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            async with deadline.kept():
                await connection.execute(select(func.pg_advisory_lock_shared(CLASS, func.hashtext(this_process()))))
                if (self._engine.dialect.server_version_info or ()) >= IDLE_LIMIT_SINCE:
                    await connection.execute(text(f"SET idle_session_timeout = {round(LEASE_S * 1000)}"))
        except BaseException:
            await give_back(connection, deadline)
            raise
        return connection, deadline

    async def _beat(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                if self._held is None:
                    self._held = await self._connected()
                    log.info("lease_taken_again")
                connection, deadline = self._held
                async with deadline.kept():
                    await connection.execute(text("SELECT 1"))
                pause_s = FIRST_PAUSE_S
                await asyncio.sleep(BEAT_S)
            except Exception as error:  # noqa: BLE001 (drivers raise anything when a connection dies)
                if self._held is not None:
                    log.warning("lease_lost", reason=type(error).__name__)
                await self._drop()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _drop(self) -> None:
        """End the connection without a message to the server, which may not answer."""
        held, self._held = self._held, None
        if held is not None:
            held[1].end()
            with suppress(Exception):
                await give_back(*held)
