"""The store: sessions, streams and their events in a database. SQLite in a file, or PostgreSQL.

One journal writes (`claim`, `write`); any number of OS processes read, and change sessions by the functions of
history.py. Reads are short: each is one statement, so none keeps SQLite from clearing its log.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any, Final, Self

from sqlalchemy import URL, Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from actors.slices import paced
from agents.core.conversation import Conversation
from agents.core.events import Event
from agents.sessions import writer
from agents.sessions.engine import as_failed, as_unavailable, new_engine
from agents.sessions.errors import StoreDamaged, StoreFailed, StoreUnavailable, UnknownSession
from agents.sessions.location import identity, shown, store_url
from agents.sessions.migrate import migrate
from agents.sessions.payload import Decoder, keepable
from agents.sessions.records import Batch, Checkpoint, OpenStream, Session, SessionInfo, StreamInfo, StreamStatus
from agents.sessions.tables import EVENTS, MESSAGES, SESSIONS, STREAMS
from agents.sessions.write import write

ROWS: Final = 50  # decoded in one piece: a message may be as large as a tool's result

_EVENTS: Final[Decoder[list[Event]]] = Decoder(list[Event])

_INFO: Final = [SESSIONS.c[name] for name in SessionInfo.__struct_fields__]
_LAST_SEQ: Final = (
    select(func.coalesce(func.max(EVENTS.c.last_seq), 0)).where(EVENTS.c.stream_id == STREAMS.c.id).scalar_subquery()
)
_STREAM: Final = select(
    *[STREAMS.c[name] for name in StreamInfo.__struct_fields__ if name != "last_seq"], _LAST_SEQ.label("last_seq")
)


class Store:
    """Raises StoreUnavailable where it can't be read, StoreFailed where it can't be written, each with one line."""

    def __init__(self, url: URL, engine: AsyncEngine) -> None:
        """Not called: see open."""
        self.url = url
        self._engine = engine
        self._file = identity(url)
        self._epoch: int | None = None
        self._connection: AsyncConnection | None = None  # the writer's own: to fetch one costs half a write
        self._one_write = asyncio.Lock()

    @classmethod
    async def open(cls, url: str | URL | None = None, *, create: bool = True) -> Self:
        """Its schema is up to date then. url: see location.store_url. create: SQLite's file, if there is none."""
        where = url if isinstance(url, URL) else store_url(url)
        engine = new_engine(where, create=create)
        try:
            with as_unavailable(where):
                await migrate(engine)
        except BaseException:
            await engine.dispose()
            raise
        return cls(where, engine)

    async def close(self) -> None:
        """Also where it can't be written: who comes next sees that the writer's OS process is gone."""
        try:
            if self._epoch is not None:
                with suppress(StoreUnavailable):
                    await self._release(self._epoch)
        finally:
            await self._engine.dispose()

    def __str__(self) -> str:
        return shown(self.url)

    # Writing

    async def claim(self) -> None:
        """Become the one that writes. Raises StoreInUse if another OS process of this host is."""
        with as_unavailable(self.url):
            async with self._engine.begin() as connection:
                self._epoch = await writer.claim(connection)

    async def check_free(self) -> None:
        """Raises StoreInUse if `claim` would, now."""
        with as_unavailable(self.url):
            async with self._engine.connect() as connection:
                await writer.check_free(connection)

    async def write(self, batch: Batch) -> None:
        """In one transaction: all of it is on disk, or nothing. Raises StoreFailed, Refused, Fenced."""
        assert self._epoch is not None, "write expects a store that was claimed"
        async with self._one_write:
            with as_failed(self.url):
                self._check_file()
                try:
                    if self._connection is None:
                        self._connection = await self._engine.connect()
                    async with self._connection.begin():
                        await writer.lock(self._connection, self._epoch)
                        await write(self._connection, batch)
                except BaseException:
                    await self._drop_connection()
                    raise

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction between two of the journal's."""
        with as_failed(self.url):
            async with self._engine.begin() as connection:
                await writer.lock(connection)
                yield connection

    async def clear_log(self) -> None:
        """SQLite: bring its write-ahead log into the database, and empty it, unless somebody reads it."""
        if self._engine.dialect.name == "sqlite":
            with as_unavailable(self.url):
                async with self._engine.connect() as connection:
                    await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def _release(self, epoch: int) -> None:
        async with self._one_write:  # the one that is on its way ends first
            await self._drop_connection()
            self._epoch = None
            with as_unavailable(self.url):
                async with self._engine.begin() as connection:
                    await writer.release(connection, epoch)

    def _check_file(self) -> None:
        """SQLite would write on, into a file that nobody will find."""
        if identity(self.url) != self._file:
            raise StoreFailed(f"the store at {self} can't be written: its file was moved or deleted")

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    # Reading

    async def session(self, id_: str) -> Session | None:
        rows = await self._rows(select(*_INFO, SESSIONS.c.config).where(SESSIONS.c.id == id_), id_)
        return Session(**_fields(rows[0])) if rows else None

    async def count(self, owner: str | None = None) -> int:
        """Of this user's sessions; None: of all."""
        wanted = select(func.count()).select_from(SESSIONS)
        ((count,),) = await self._rows(wanted if owner is None else wanted.where(SESSIONS.c.owner == owner))
        return int(count)

    async def sessions(self, after: str | None = None, limit: int = 100, owner: str | None = None) -> list[SessionInfo]:
        """Those that changed last come first. after: the last id of the page before. owner: of this user alone, and
        nothing behind a session of another's."""
        newest = select(*_INFO).order_by(SESSIONS.c.updated_at.desc(), SESSIONS.c.id.desc()).limit(limit)
        if owner is not None:
            newest = newest.where(SESSIONS.c.owner == owner)
        if after is not None:
            place = select(SESSIONS.c.updated_at, SESSIONS.c.id).where(SESSIONS.c.id == after)
            if owner is not None:
                place = place.where(SESSIONS.c.owner == owner)
            newest = newest.where(tuple_(SESSIONS.c.updated_at, SESSIONS.c.id) < place.scalar_subquery())
        ids = [] if after is None else [after]
        return [SessionInfo(**_fields(row)) for row in await self._rows(newest, *ids, many=True)]

    async def conversation(self, id_: str) -> Conversation:
        """What the turns that have ended left. Raises UnknownSession."""
        wanted = select(MESSAGES.c.payload).where(MESSAGES.c.session_id == id_).order_by(MESSAGES.c.position)
        rows = await self._rows(wanted, id_, many=True)
        if not rows and await self.session(id_) is None:
            raise UnknownSession(id_)
        return tuple(message for (message,) in rows)

    async def messages(self, id_: str, after: int, limit: int) -> Conversation:
        """Of the conversation, those from position after on."""
        wanted = (
            select(MESSAGES.c.payload)
            .where(MESSAGES.c.session_id == id_, MESSAGES.c.position >= after, MESSAGES.c.position < after + limit)
            .order_by(MESSAGES.c.position)
        )
        return tuple(message for (message,) in await self._rows(wanted, id_, many=True))

    async def stream(self, stream_id: str) -> StreamInfo | None:
        rows = await self._rows(_STREAM.where(STREAMS.c.id == stream_id), stream_id)
        return _stream(rows[0]) if rows else None

    async def streams(self, session_id: str, after: str | None = None, limit: int | None = None) -> list[StreamInfo]:
        """In the order in which they began. after: the last id of the page before."""
        order = (STREAMS.c.begun_at, STREAMS.c.id)
        wanted = _STREAM.where(STREAMS.c.session_id == session_id).order_by(*order).limit(limit)
        if after is not None:
            place = select(*order).where(STREAMS.c.id == after)
            wanted = wanted.where(tuple_(*order) > place.scalar_subquery())
        return [_stream(row) for row in await self._rows(wanted, session_id, many=True)]

    async def events(self, stream_id: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """As they were published, those with a seq above after, up to after + limit. Between two attempts some may be
        missing: a crash took them."""
        wanted = (
            select(EVENTS.c.payload)
            .where(EVENTS.c.stream_id == stream_id, EVENTS.c.last_seq > after)
            .order_by(EVENTS.c.first_seq)
        )
        if limit is not None:
            wanted = wanted.where(EVENTS.c.first_seq <= after + limit)
        rows = await self._rows(wanted, stream_id, many=True)
        read = paced(event for (payload,) in rows for event in _EVENTS(payload))
        events = [each async for each in read if after < each.seq and (limit is None or each.seq <= after + limit)]
        if any(later.seq != event.seq + 1 and later.attempt == event.attempt for event, later in pairwise(events)):
            raise StoreDamaged(f"the store is damaged: the events of stream {stream_id} have a gap")
        return events

    async def open_streams(self, session_id: str | None = None) -> list[OpenStream]:
        """Of turns that run or wait; in a store that was just claimed, those that were cut. None: of all sessions."""
        wanted = (
            select(STREAMS, _LAST_SEQ.label("last_seq"))
            .where(STREAMS.c.status == StreamStatus.OPEN.value)
            .order_by(STREAMS.c.begun_at, STREAMS.c.id)
        )
        if session_id is not None:
            wanted = wanted.where(STREAMS.c.session_id == session_id)
        return [_open_stream(row) for row in await self._rows(wanted)]

    async def _rows(self, wanted: Select[Any], *ids: str, many: bool = False) -> list[Row[Any]]:
        """None for an id that no database could hold. many: others run while the values are decoded."""
        if not all(map(keepable, ids)):
            return []
        with as_unavailable(self.url):
            async with self._engine.connect() as connection:
                if not many:
                    return list((await connection.execute(wanted)).all())
                pages = (await connection.stream(wanted)).partitions(ROWS)
                return [row async for page in pages for row in page]


def _stream(row: Row[Any]) -> StreamInfo:
    try:
        status = StreamStatus(row.status)
    except ValueError:
        raise StoreDamaged(f"the store is damaged: the status of stream {row.id!r} is {row.status!r}") from None
    return StreamInfo(**_fields(row) | {"status": status})


def _fields(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 (public: its underscore keeps it apart from the columns' names)


def _open_stream(row: Row[Any]) -> OpenStream:
    checkpoint = None if row.checkpoint is None else Checkpoint(row.id, row.checkpoint_seq, row.checkpoint)
    return OpenStream(row.session_id, row.id, row.message, row.last_seq, checkpoint)
