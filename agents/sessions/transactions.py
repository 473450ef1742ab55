"""The journal's transactions: each is one piece of synchronous work on a connection that is kept.

A SQLite file has a thread of its own for them. The thread runs begin, work and commit in one call, so a transaction
costs one hop from the loop and back. A server's connection belongs to the loop, and has a deadline.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.exc import NotSupportedError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.sessions.connection import Deadline, connect, give_back
from agents.sessions.engine import new_writers_engine
from agents.sessions.errors import Fenced
from agents.sessions.fence import ANOTHER_WRITER, Fence
from agents.sessions.tail import TailRow

T = TypeVar("T")

_APPEND: Final = """
WITH fence AS (UPDATE fences SET batch = $1 WHERE epoch = $2 AND incarnation = $3 RETURNING epoch)
INSERT INTO tail (number, first_seq, last_seq, payload)
SELECT added.* FROM fence, unnest($4::bigint[], $5::integer[], $6::integer[], $7::bytea[]) AS added
"""


_TIMELINE: Final = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
PROMOTED: Final = "the store has another server: it may lack the last records"


class Transactions(Protocol):
    """The kept connection. A transaction that fails ends it, and the next one opens another."""

    async def run(self, work: Callable[[Connection], T], deadline_s: float) -> T:
        """Run the work in a transaction. Raises what it raises, and what the database raises."""

    async def drop(self) -> None:
        """Close the connection."""

    def end(self) -> None:
        """End a transaction that waits for a server, which may not answer."""


class FileTransactions:
    """Transactions on a SQLite file. SQLite has its own limit for locks, so no deadline is needed.

    on_failure: called in the thread after a transaction that was rolled back, or whose outcome is unknown.
    """

    def __init__(self, url: URL, on_failure: Callable[[], None]) -> None:
        self.engine = new_writers_engine(url)
        self._on_failure = on_failure
        self._thread = ThreadPoolExecutor(1, "understudy-store")
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], T], deadline_s: float) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    async def drop(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)
        self._thread = ThreadPoolExecutor(1, "understudy-store")  # starts its thread at the first transaction

    def end(self) -> None:
        """Do nothing, since a file has no server."""

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self.engine.connect()
        try:
            with self._connection.begin():
                return work(self._connection)
        except BaseException:
            self._on_failure()
            with suppress(Exception):
                self._close()
            raise

    def _close(self) -> None:
        held, self._connection = self._connection, None
        if held is not None:
            held.close()


class ServerTransactions:
    """Transactions on a server, each within its deadline. on_failure: as in FileTransactions, called on the loop."""

    def __init__(self, engine: AsyncEngine, on_failure: Callable[[], None]) -> None:
        self._engine = engine
        self._on_failure = on_failure
        self._held: tuple[AsyncConnection, Deadline] | None = None
        self._timeline: str | None = None

    async def run(self, work: Callable[[Connection], T], deadline_s: float) -> T:
        async with self._kept(deadline_s) as connection, connection.begin():
            return await connection.run_sync(work)

    async def append(self, number: int, fence: Fence, rows: Callable[[], list[TailRow]], deadline_s: float) -> None:
        """Add rows to the tail in a transaction of one statement: one round trip instead of four. Raises Fenced.

        number: of the batch.
        """
        async with self._kept(deadline_s) as connection:
            columns = zip(*rows(), strict=True)
            driver: Any = (await connection.get_raw_connection()).driver_connection
            if await driver.execute(_APPEND, number, fence.epoch, fence.incarnation, *columns) == "INSERT 0 0":
                raise Fenced(ANOTHER_WRITER)

    @asynccontextmanager
    async def _kept(self, deadline_s: float) -> AsyncIterator[AsyncConnection]:
        try:
            if self._held is None:
                self._held = await connect(self._engine, deadline_s)
                await self._check_timeline(*self._held)
            connection, deadline = self._held
            async with deadline.kept():
                yield connection
        except BaseException:
            self._on_failure()
            await self.drop()
            raise

    async def _check_timeline(self, connection: AsyncConnection, deadline: Deadline) -> None:
        """Raise Fenced if another server was promoted, which may lack the last records of this one."""
        try:
            async with deadline.kept():
                timeline = (await connection.exec_driver_sql(_TIMELINE)).scalar_one()
        except (ProgrammingError, NotSupportedError):
            return  # a server that does not say
        finally:
            if not deadline.over:
                await connection.rollback()
        if self._timeline not in (None, timeline):
            raise Fenced(PROMOTED)
        self._timeline = timeline

    async def drop(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await give_back(*held)

    def end(self) -> None:
        if self._held is not None:
            self._held[1].end()
