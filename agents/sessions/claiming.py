"""A store that this program takes: alone, or as a node of a cluster."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from secrets import token_hex
from typing import Final, Self, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.node.os_process import this_process
from agents.sessions import nodes, part_rows, writer
from agents.sessions.cluster_checks import check_server
from agents.sessions.connection import transaction
from agents.sessions.engine import HELD_S, as_failed, as_unavailable, new_engine
from agents.sessions.errors import Fenced, SessionError, StoreUnavailable, WriteFailed
from agents.sessions.fence import Fence, pass_fence
from agents.sessions.joining import Joining
from agents.sessions.lease import LEASE_S, Beat, StoreLease, only_life
from agents.sessions.location import identity, shown, store_url
from agents.sessions.migrate import migrate
from agents.sessions.node_store import NodeStore
from agents.sessions.reading import Reading
from agents.sessions.tail import TailWriter
from agents.sessions.transactions import FileTransactions, ServerTransactions, Transactions

T = TypeVar("T")

DEADLINE_S: Final = 5.0
SURE_S: Final = 2.0
"""A living writer that lost its connection has its lease again after this time, since it retries every second."""


class Claiming(Reading):
    """An open store that can be taken.

    node: the store of this node, after `join`. on_fenced: called when another program has taken the store, or has
    declared this node dead.
    """

    def __init__(self, url: URL, engine: AsyncEngine, deadline_s: float) -> None:
        """Use `open`."""
        super().__init__(url, engine, deadline_s)
        self.node: NodeStore | None = None
        self.on_fenced: Callable[[], object] = int
        self._file = identity(url)
        self._fence: Fence | None = None
        self._lease: StoreLease | None = None
        self._tail = TailWriter()
        self._transactions: Transactions = (
            ServerTransactions(engine, self._tail.forget)
            if self.has_server
            else FileTransactions(url, self._tail.forget)
        )
        self._one_write = asyncio.Lock()
        self._writes = 0

    @classmethod
    async def open(
        cls,
        url: str | URL | None = None,
        *,
        create: bool = True,
        deadline_s: float = DEADLINE_S,
        held_s: float = HELD_S,
    ) -> Self:
        """Open a store, and migrate it to the newest schema.

        url: see location.store_url. create: make a missing SQLite file. held_s: see `new_engine`.
        deadline_s: the limit for each connection to PostgreSQL, each read and each write.
        """
        where = url if isinstance(url, URL) else store_url(url)
        engine = new_engine(where, create=create, deadline_s=deadline_s, held_s=held_s)
        try:
            with as_unavailable(where):
                await migrate(engine)
        except BaseException:
            await engine.dispose()
            raise
        return cls(where, engine, deadline_s)

    @property
    def epoch(self) -> int:
        """Return the number of this journal, which no other one has. Raises WriteFailed if the store is not claimed."""
        if self._fence is None:
            raise WriteFailed(f"the store at {self} can't be written: it was not claimed, or is closed")
        return self._fence.epoch

    async def close(self) -> None:
        """Close the store, even if it can't be written.

        The next program sees that the writer's OS process has ended.
        """
        try:
            if self._fence is not None:
                if self.node is None:
                    await self._pack()
                with suppress(StoreUnavailable):
                    await self._release(self._fence)
        finally:
            if self._lease is not None:
                await self._lease.give_back()
            if self.files is not None:
                self.files.close()
            await self.engine.dispose()

    @property
    def has_server(self) -> bool:
        """Return True if the store has a server, False if it is a file."""
        return self.engine.dialect.name == "postgresql"

    def __str__(self) -> str:
        return shown(self.url)

    async def claim(self) -> None:
        """Become the only writer. Raises StoreInUse if another OS process has the store."""
        await self._take(this_process(), LEASE_S, only_life, partial(writer.claim, incarnation=token_hex(16)))
        await self._pack()
        await self._remove_lost_files()
        self._begin_beats()

    async def join(self, node: Joining) -> None:
        """Become the writer of a node of a cluster. `node` is the node's store then.

        Raises NodeNameTaken, StoreInUse if a program has the store for itself, and StoreUnavailable if the server
        can't have a cluster.
        """
        if self.has_server:
            with as_unavailable(self.url):
                await check_server(self.engine, self.deadline_s)
        key = token_hex(16)
        fence = await self._take(key, node.lease_s, self._beat, partial(nodes.join, node=node, incarnation=key))
        self.node = NodeStore(self, fence, node.name, self._lease, node.lease_s)
        await self._remove_lost_files()
        self._begin_beats()

    async def _take(self, key: str, lease_s: float, beat: Beat, take: Callable[..., Fence]) -> Fence:
        """Take the lease, and then the fence. key: the lease's."""
        with as_unavailable(self.url):
            if self.has_server and self._lease is None:
                lease = StoreLease(self.engine, self.deadline_s, key, lease_s, beat, lambda: self.on_fenced())
                await lease.take()
                self._lease = lease
            try:
                fence = await self._taken(partial(take, sure=False))
            except writer.Unsure:
                await asyncio.sleep(SURE_S)
                fence = await self._taken(partial(take, sure=True))
        self._fence = fence
        self._tail.start(fence.epoch, node=beat is not only_life)
        return fence

    def _begin_beats(self) -> None:
        if self._lease is not None:
            self._lease.begin()

    async def _taken(self, take: Callable[[Connection], Fence]) -> Fence:
        async with transaction(self.engine, self.deadline_s) as connection:
            return await connection.run_sync(take)

    async def _beat(self, connection: AsyncConnection) -> None:
        if self.node is not None:
            await connection.run_sync(nodes.send_beat, self.node.fence, self.node.load())

    async def _pack(self) -> None:
        """Move the whole tail into the packed events, in slices. If this fails, a later write moves it."""

        with suppress(SessionError):
            while await self.as_writer(self._tail.move):
                pass

    async def _remove_lost_files(self) -> None:
        """Remove the files of parts that a crash left without a row. If this fails, the next program tries again."""
        if (files := self.files) is None or not files.folder.exists():
            return
        alone = self.node is None

        def work(connection: Connection) -> None:
            files.remove_unfinished(alone=alone)
            part_rows.remove_files(connection, files.keys(), files)

        with suppress(SessionError):
            await self.as_writer(work)

    async def as_writer(self, work: Callable[[Connection], T]) -> T:
        """Do the work in a transaction of the journal. Raises WriteFailed."""

        def behind_fence(connection: Connection) -> T:
            pass_fence(connection, fence)
            return work(connection)

        async with self._writing() as fence:
            return await self._transactions.run(behind_fence, self.deadline_s)

    def check_alive(self) -> None:
        """End this program if other nodes may continue its turns. Call this before a turn ends by the store's fault."""
        if self.may_be_replaced:
            self.on_fenced()

    @property
    def may_be_replaced(self) -> bool:
        """Whether another node may continue this one's turns, so that no end of a turn may come from here."""
        return self.node is not None and self.node.may_be_dead

    def forget_streams(self) -> None:
        """Look at the store before the next event of each stream."""
        self._tail.forget()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Fence]:
        """Hold the place of the journal's one transaction. Yield its fence."""
        async with self._one_write:
            self._writes += 1
            if self._fence is None:
                raise WriteFailed(f"the store at {self} can't be written: it was not claimed, or is closed")
            try:
                with as_failed(self.url):
                    self._check_file()
                    yield self._fence
            except Fenced:
                self.on_fenced()
                raise

    async def _release(self, fence: Fence) -> None:
        async with self._one_write:  # a write that runs ends first
            await self._transactions.drop()
            self._fence = None
            leave = writer.release if self.node is None else nodes.leave
            with as_unavailable(self.url):
                async with transaction(self.engine, self.deadline_s) as connection:
                    await connection.run_sync(leave, fence)

    def _check_file(self) -> None:
        """Raise WriteFailed if the file was moved or deleted.

        SQLite would continue to write to a file without a name.
        """
        if identity(self.url) != self._file:
            raise WriteFailed(f"the store at {self} can't be written: its file was moved or deleted")
