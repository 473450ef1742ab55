"""The store: sessions, streams and their events in a database. SQLite in a file, or PostgreSQL.

One journal writes, or one for each node of a cluster (`claim` or `join`, then `write`). Any number of OS processes
read (reading.py), and change sessions by the functions of history.py.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from actors.slices import in_slices
from agents.core.compaction import Compaction
from agents.core.standing import StandingApproval
from agents.core.waiting import KeptWait, WaitKind, WaitSum
from agents.parts.given import Blobs
from agents.sessions import part_rows, waits, writer
from agents.sessions.batched import Batched
from agents.sessions.claiming import Claiming
from agents.sessions.compactions import compaction_of
from agents.sessions.connection import connected, transaction
from agents.sessions.effects import of_stream
from agents.sessions.engine import as_failed, as_unavailable
from agents.sessions.fence import Fence, has_written, lock_all, pass_fence
from agents.sessions.grants import add, granted, revoke, standing_approvals
from agents.sessions.ownership import check_owned
from agents.sessions.records import Batch
from agents.sessions.rows import Rows, rows_of
from agents.sessions.side_records import EffectRecord
from agents.sessions.transactions import ServerTransactions
from agents.sessions.waits import ParkedWait, Place
from agents.sessions.write import recovering, write

LAST_DEADLINE_S: Final = 1.0


class Store(Claiming):
    """An open store.

    Reads raise StoreUnavailable and writes raise WriteFailed, each with one line.
    """

    def __init__(self, url: URL, engine: AsyncEngine, deadline_s: float) -> None:
        """Use `open`."""
        super().__init__(url, engine, deadline_s)
        self._recover: Batched[str, None] = Batched(self._recovered)

    async def check_free(self, *, for_node: bool = False) -> None:
        """Raise StoreInUse if another OS process has the store. for_node: only if it has the store for itself."""
        with as_unavailable(self.url):
            async with connected(self.engine, self.deadline_s) as connection:
                await connection.run_sync(partial(writer.check_free, for_node=for_node))

    async def write(self, batch: Batch, *, again: bool = False) -> None:
        """Write the batch in one transaction, completely or not at all. Raises WriteFailed, RecordsRefused, Fenced.

        again: the batch was tried before. If that commit succeeded and only its answer was lost, this does nothing.
        """
        rows = await in_slices(rows_of(batch))

        async with self._writing() as fence:
            transactions, at_once = self._transactions, rows.has_only_events and not again
            if isinstance(transactions, ServerTransactions) and at_once and self._tail.has(rows.events):
                added = partial(self._tail.appended, rows.events)
                await transactions.append(batch.number, fence, added, self.deadline_s)
            else:
                work = partial(self._write, fence=fence, number=batch.number, rows=rows, again=again)
                await transactions.run(work, self.deadline_s)

    def _write(self, connection: Connection, fence: Fence, number: int, rows: Rows, *, again: bool) -> None:
        if again:
            pass_fence(connection, fence)
            if has_written(connection, fence, number):
                return
        pass_fence(connection, fence, number)
        write(connection, rows, self._tail, fence.epoch, None if self.node is None else self.node.name)

    async def compaction(self, session_id: str, count: int) -> Compaction:
        """Return the session's last compaction, as compaction_of. count: the number of its messages."""
        return await compaction_of(self, session_id, count)

    async def waits(self, stream_id: str) -> tuple[KeptWait, ...]:
        """Return what waits for people in a turn, as `waits.waits_of`."""
        return await waits.waits_of(self, stream_id)

    async def park(self, streams: Mapping[str, str]) -> None:
        """Record that these turns wait without an agent, as `waits.park`. Raises WriteFailed."""
        await self.as_writer(partial(waits.park, streams=streams))

    async def parked(self, session_ids: Collection[str]) -> set[str]:
        """Return those of these sessions whose turn is parked."""
        return await waits.parked(self, session_ids)

    async def overdue(self, now: float, limit: int) -> list[str]:
        """Return the free sessions with a parked turn whose deadline has passed, as `waits.overdue`."""
        return await waits.overdue(self, now, limit)

    async def next_deadline(self, after: float) -> float | None:
        """Return the first deadline of a parked turn above this Unix time, or None."""
        return await waits.next_deadline(self, after)

    async def parked_waits(
        self, after: Place | None, limit: int, owner: str | None, kind: WaitKind | None = None
    ) -> list[ParkedWait]:
        """Return a page of what waits in parked turns, as `waits.parked_waits`."""
        return await waits.parked_waits(self, after, limit, owner, kind)

    async def parked_sums(self) -> list[WaitSum]:
        """Return the sums of what waits in parked turns, as `waits.parked_sums`."""
        return await waits.parked_sums(self)

    async def grant(self, given: StandingApproval) -> None:
        """Keep a standing approval. Raises WriteFailed."""
        await self.as_writer(partial(add, given=given))

    async def granted(self, call: StandingApproval) -> StandingApproval | None:
        """Return a standing approval that allows a call, as `grants.granted`."""
        return await granted(self, call)

    async def grants(self, after: str | None, limit: int, owner: str | None) -> list[StandingApproval]:
        """Return a page of the standing approvals, as `grants.standing_approvals`."""
        return await standing_approvals(self, after, limit, owner)

    async def revoke(self, id_: str, owner: str | None) -> bool:
        """Remove a standing approval, as `grants.revoke`. Raises WriteFailed."""
        return await self.as_writer(partial(revoke, id_=id_, owner=owner))

    async def effects_of(self, session_id: str, stream_id: str) -> list[EffectRecord]:
        """Return the calls of a stream in the ledger of effects. Raises StoreUnavailable."""
        return await of_stream(self, session_id, stream_id)

    async def recovering(self, stream_id: str) -> None:
        """Count that the turn is about to be resumed. Raises WriteFailed.

        The turns of callers that wait at the same time are counted in one write.
        """
        await self._recover(stream_id)

    async def _recovered(self, stream_ids: Collection[str]) -> dict[str, None]:
        await self.as_writer(partial(recovering, stream_ids=stream_ids))
        return {}

    async def put_parts(self, session_id: str, blobs: Blobs) -> None:
        """Keep these bytes as long as the session. Raises WriteFailed, RecordsRefused, Fenced."""
        if (files := self.files) is not None:
            with as_failed(self.url):
                await files.in_thread(partial(files.add, blobs))

        def work(connection: Connection) -> None:
            if self.node is not None:
                check_owned(connection, self.node.fence.epoch, [session_id])
            part_rows.add(connection, session_id, blobs, files)

        await self.as_writer(work)

    async def check_writable(self) -> None:
        """Raise WriteFailed if nothing can be written now."""
        await self.as_writer(lambda _: None)

    def hurry(self) -> None:
        """Shorten the deadlines, because the program ends. They count from now for the write that runs."""
        self.deadline_s = min(self.deadline_s, LAST_DEADLINE_S)
        asyncio.get_running_loop().call_later(self.deadline_s, self._end_write, self._writes)

    def _end_write(self, number: int) -> None:
        """End the write with this number, if it still runs."""
        if self._one_write.locked() and self._writes == number:
            self._transactions.end()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """Hold a transaction between two of the journal's."""
        with as_failed(self.url):
            async with transaction(self.engine, self.deadline_s) as connection:
                await connection.run_sync(lock_all)
                yield connection

    async def clear_log(self) -> None:
        """Copy SQLite's write-ahead log into the database and empty it, unless a reader uses it."""
        if not self.has_server:
            with as_unavailable(self.url):
                async with self.engine.connect() as connection:
                    await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
