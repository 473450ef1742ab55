"""The store: sessions, streams and their events in a database. SQLite in a file, or PostgreSQL.

One journal writes (`claim`, `write`). Any number of OS processes read (reading.py), and change sessions by the
functions of history.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, Self, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from actors.slices import in_slices
from agents.sessions import writer
from agents.sessions.connection import connected, transaction
from agents.sessions.engine import as_failed, as_unavailable, new_engine
from agents.sessions.errors import SessionError, StoreUnavailable, WriteFailed
from agents.sessions.lease import WriterLease
from agents.sessions.location import identity, shown, store_url
from agents.sessions.migrate import migrate
from agents.sessions.reading import Reading
from agents.sessions.records import Batch
from agents.sessions.rows import rows_of
from agents.sessions.tail import TailWriter
from agents.sessions.transactions import FileTransactions, ServerTransactions, Transactions
from agents.sessions.write import recovering, write

T = TypeVar("T")

DEADLINE_S: Final = 5.0
LAST_DEADLINE_S: Final = 1.0
SURE_S: Final = 2.0
"""A living writer that lost its connection has its lease again after this time, since it retries every second."""


class Store(Reading):
    """An open store.

    Reads raise StoreUnavailable and writes raise WriteFailed, each with one line.
    """

    def __init__(self, url: URL, engine: AsyncEngine, deadline_s: float) -> None:
        """Use `open` to make a Store."""
        super().__init__(url, engine, deadline_s)
        self._file = identity(url)
        self._epoch: int | None = None
        self._lease: WriterLease | None = None
        self._tail = TailWriter()
        self._transactions: Transactions = (
            ServerTransactions(engine, self._tail.forget)
            if self.has_server
            else FileTransactions(url, self._tail.forget)
        )
        self._one_write = asyncio.Lock()

    @classmethod
    async def open(cls, url: str | URL | None = None, *, create: bool = True, deadline_s: float = DEADLINE_S) -> Self:
        """Open a store, and migrate it to the newest schema.

        url: see location.store_url. create: make a missing SQLite file.
        deadline_s: the limit for each connection to PostgreSQL, each read and each write.
        """
        where = url if isinstance(url, URL) else store_url(url)
        engine = new_engine(where, create=create, deadline_s=deadline_s)
        try:
            with as_unavailable(where):
                await migrate(engine)
        except BaseException:
            await engine.dispose()
            raise
        return cls(where, engine, deadline_s)

    async def close(self) -> None:
        """Close the store, even if it can't be written.

        The next program sees that the writer's OS process has ended.
        """
        try:
            if self._epoch is not None:
                await self._pack()
                with suppress(StoreUnavailable):
                    await self._release(self._epoch)
        finally:
            if self._lease is not None:
                await self._lease.give_back()
            await self._engine.dispose()

    @property
    def has_server(self) -> bool:
        """Return True if the store has a server, False if it is a file."""
        return self._engine.dialect.name == "postgresql"

    def __str__(self) -> str:
        return shown(self.url)

    # Writing

    async def claim(self) -> None:
        """Become the writer. Raises StoreInUse if another OS process is."""
        with as_unavailable(self.url):
            if self.has_server and self._lease is None:
                self._lease = WriterLease(self._engine, self.deadline_s)
                await self._lease.take()
            try:
                self._epoch = await self._claimed(sure=False)
            except writer.Unsure:
                await asyncio.sleep(SURE_S)
                self._epoch = await self._claimed(sure=True)
        await self._pack()

    async def _claimed(self, *, sure: bool) -> int:
        async with transaction(self._engine, self.deadline_s) as connection:
            return await connection.run_sync(partial(writer.claim, sure=sure))

    async def _pack(self) -> None:
        """Move the whole tail into the packed events, in slices. If this fails, a later write moves it."""

        def work(connection: Connection) -> int:
            writer.lock(connection, self._epoch)
            return self._tail.move(connection)

        with suppress(SessionError):
            while await self._as_writer(work):
                pass

    async def check_free(self) -> None:
        """Raise StoreInUse if `claim` would raise it now."""
        with as_unavailable(self.url):
            async with connected(self._engine, self.deadline_s) as connection:
                await connection.run_sync(writer.check_free)

    async def write(self, batch: Batch, *, again: bool = False) -> None:
        """Write the batch in one transaction, completely or not at all. Raises WriteFailed, RecordsRefused, Fenced.

        again: the batch was tried before. If that commit succeeded and only its answer was lost, this does nothing.
        """
        rows = await in_slices(rows_of(batch))

        def work(connection: Connection) -> None:
            if again:
                writer.lock(connection, self._epoch)
                if writer.has_written(connection, batch.number):
                    return
            writer.lock(connection, self._epoch, batch.number)
            write(connection, rows, self._tail)

        async with self._writing() as epoch:
            transactions, at_once = self._transactions, rows.has_only_events and not again
            if isinstance(transactions, ServerTransactions) and at_once and self._tail.has(rows.events):
                added = partial(self._tail.appended, rows.events)
                await transactions.append((batch.number, epoch), added, self.deadline_s)
            else:
                await transactions.run(work, self.deadline_s)

    async def recovering(self, stream_id: str) -> None:
        """Count that the turn is about to be resumed. Raises WriteFailed."""

        def work(connection: Connection) -> None:
            writer.lock(connection, self._epoch)
            recovering(connection, stream_id)

        await self._as_writer(work)

    async def check_writable(self) -> None:
        """Raise WriteFailed if nothing can be written now."""
        await self._as_writer(lambda connection: writer.lock(connection, self._epoch))

    def hurry(self) -> None:
        """Shorten the deadlines, because the program ends. A write that hangs fails now."""
        self.deadline_s = min(self.deadline_s, LAST_DEADLINE_S)
        if self._one_write.locked():
            self._transactions.end()

    async def _as_writer(self, work: Callable[[Connection], T]) -> T:
        """Do the work in a transaction of the journal."""
        async with self._writing():
            return await self._transactions.run(work, self.deadline_s)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[int]:
        """Hold the place of the journal's one transaction. Yield its epoch."""
        async with self._one_write:
            if self._epoch is None:
                raise WriteFailed(f"the store at {self} can't be written: it was not claimed, or is closed")
            with as_failed(self.url):
                self._check_file()
                yield self._epoch

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """Hold a transaction between two of the journal's."""
        with as_failed(self.url):
            async with transaction(self._engine, self.deadline_s) as connection:
                await connection.run_sync(writer.lock)
                yield connection

    async def clear_log(self) -> None:
        """Copy SQLite's write-ahead log into the database and empty it, unless a reader uses it."""
        if not self.has_server:
            with as_unavailable(self.url):
                async with self._engine.connect() as connection:
                    await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def _release(self, epoch: int) -> None:
        async with self._one_write:  # a write that runs ends first
            await self._transactions.drop()
            self._epoch = None
            with as_unavailable(self.url):
                async with transaction(self._engine, self.deadline_s) as connection:
                    await connection.run_sync(writer.release, epoch)

    def _check_file(self) -> None:
        """Raise WriteFailed if the file was moved or deleted.

        SQLite would continue to write to a file without a name.
        """
        if identity(self.url) != self._file:
            raise WriteFailed(f"the store at {self} can't be written: its file was moved or deleted")
