"""A connection with a deadline: a database that stops answering is a fault and blocks no caller for long.

At the deadline this side ends the connection. Operations that wait for it fail at once, and nothing more is sent to a
server that does not answer. SQLite has no server, and has its own limit for locks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.sessions.errors import SessionError


class Deadline:
    """The deadline of the operations on one connection.

    driver: asyncpg's connection, or None for SQLite.
    """

    def __init__(self, driver: Any, deadline_s: float) -> None:
        self._driver, self._deadline_s = driver, deadline_s
        self._passed = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Raise TimeoutError if the block exceeds the deadline. An exception other than ours ends the connection."""
        timer = None
        if self._driver is not None:
            timer = asyncio.get_running_loop().call_later(self._deadline_s, self._pass)
        try:
            yield
        except SessionError:
            raise
        except BaseException as error:
            self.end()
            if self._passed and isinstance(error, Exception):
                raise TimeoutError from error
            raise
        finally:
            if timer is not None:
                timer.cancel()

    @property
    def over(self) -> bool:
        """Return True if the connection has ended."""
        return self._driver is not None and self._driver.is_closed()

    def end(self) -> None:
        if self._driver is not None:
            self._driver.terminate()

    def _pass(self) -> None:
        self._passed = True
        self.end()


async def connect(engine: AsyncEngine, deadline_s: float) -> tuple[AsyncConnection, Deadline]:
    """Open a connection. Raises TimeoutError, and what the database raises."""
    if engine.dialect.name == "sqlite":
        return await engine.connect(), Deadline(None, deadline_s)
    async with asyncio.timeout(deadline_s):
        connection = await engine.connect()
    raw = await connection.get_raw_connection()
    return connection, Deadline(raw.driver_connection, deadline_s)


async def give_back(connection: AsyncConnection, deadline: Deadline) -> None:
    """Return the connection to the pool, unless it is broken."""
    try:
        if deadline.over and not connection.invalidated:
            await connection.invalidate()
    finally:
        await connection.close()


@asynccontextmanager
async def connected(engine: AsyncEngine, deadline_s: float) -> AsyncIterator[AsyncConnection]:
    """Hold a connection for the block, which must end before the deadline."""
    connection, deadline = await connect(engine, deadline_s)
    try:
        async with deadline.kept():
            yield connection
    finally:
        await give_back(connection, deadline)


@asynccontextmanager
async def transaction(engine: AsyncEngine, deadline_s: float) -> AsyncIterator[AsyncConnection]:
    async with connected(engine, deadline_s) as connection, connection.begin():
        yield connection
