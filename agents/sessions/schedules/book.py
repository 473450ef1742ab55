"""The place of schedules and their runs: the journal's store, or a database in memory if sessions are not kept."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Row, Select, create_engine, insert, text
from sqlalchemy.pool import StaticPool

from agents.core.events import StreamError
from agents.sessions.journal import open_journal
from agents.sessions.journal_handle import JournalHandle
from agents.sessions.ledger_tables import RUNS, SCHEDULES
from agents.sessions.records import SessionRecord, StreamStatus
from agents.sessions.schedules.records import RunOutcome
from agents.sessions.schema import METADATA
from agents.sessions.tables import FENCES, WRITER

T = TypeVar("T")

OUTCOMES = {
    StreamStatus.COMPLETE: RunOutcome.COMPLETE,
    StreamStatus.ERROR: RunOutcome.ERROR,
    StreamStatus.CANCELLED: RunOutcome.CANCELLED,
}
IN_MEMORY = 1  # the epoch of the only program that has a database in memory


class Book(Protocol):
    """The store of schedules. Its methods raise SessionError."""

    keeps: bool
    """Whether sessions are kept, so that a turn goes on after the end of its agent."""

    @property
    def epoch(self) -> int:
        """The number of this program's journal."""

    @property
    def draining(self) -> bool:
        """Whether this node begins no more turns."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do the work in a transaction."""

    async def rows(self, wanted: Select[Any]) -> Sequence[Row[Any]]: ...

    async def outcome(self, stream_id: str, session_id: str) -> tuple[bool, RunOutcome | None, str]:
        """Return whether the stream exists, its outcome or None, and the reason of its error."""

    async def session(self, session_id: str) -> SessionRecord | None: ...

    async def count_sessions(self, owner: str) -> int: ...

    def close(self) -> None: ...


async def open_book() -> Book:
    """Return the book in the journal's store, or a new one in memory if sessions are not kept."""
    journal = await open_journal()
    return MemoryBook() if journal is None else StoreBook(journal)


class StoreBook:
    """The book in a store, which outlives the program."""

    keeps = True

    def __init__(self, journal: JournalHandle) -> None:
        self._journal, self._store = journal, journal.store

    @property
    def epoch(self) -> int:
        return self._store.epoch

    @property
    def draining(self) -> bool:
        return self._store.node is not None and self._store.node.draining

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await self._store.as_writer(work)

    async def rows(self, wanted: Select[Any]) -> Sequence[Row[Any]]:
        return await self._store.rows(wanted)

    async def outcome(self, stream_id: str, session_id: str) -> tuple[bool, RunOutcome | None, str]:
        await self._journal.durable(session_id)  # an agent that has crashed may have begun the stream
        kept = await self._store.stream(stream_id)
        if kept is None or kept.status is StreamStatus.OPEN:
            return kept is not None, None, ""
        last = await self._store.events(stream_id, max(kept.last_seq - 1, 0), 1)
        reason = str(last[-1].reason) if last and isinstance(last[-1], StreamError) else ""
        return True, OUTCOMES[kept.status], reason

    async def session(self, session_id: str) -> SessionRecord | None:
        return await self._store.session(session_id)

    async def count_sessions(self, owner: str) -> int:
        return await self._store.count(owner)

    def close(self) -> None:
        """Do nothing: the journal closes its store."""


class MemoryBook:
    """The book of a program without kept sessions. It ends with the program."""

    keeps = False
    epoch = IN_MEMORY
    draining = False

    def __init__(self) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool)
        METADATA.create_all(engine, [WRITER, FENCES, SCHEDULES, RUNS])
        self._connection = engine.connect()
        self._connection.execute(text("PRAGMA foreign_keys=ON"))
        self._connection.execute(insert(WRITER).values(id=1, epoch=IN_MEMORY))
        self._connection.execute(insert(FENCES).values(epoch=IN_MEMORY, incarnation=""))
        self._connection.commit()

    async def run(self, work: Callable[[Connection], T]) -> T:
        with self._connection.begin():
            return work(self._connection)

    async def rows(self, wanted: Select[Any]) -> Sequence[Row[Any]]:
        with self._connection.begin():
            return self._connection.execute(wanted).all()

    async def outcome(self, stream_id: str, session_id: str) -> tuple[bool, RunOutcome | None, str]:
        return False, None, ""

    async def session(self, session_id: str) -> SessionRecord | None:
        return None

    async def count_sessions(self, owner: str) -> int:
        return 0

    def close(self) -> None:
        self._connection.close()
        self._connection.engine.dispose()
