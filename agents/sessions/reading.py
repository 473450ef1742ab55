"""The reads of a store. Each read is one short statement, so none keeps SQLite from clearing its log.

A damaged row affects only its own session. Lists show that session with its id, and a mark in place of its name. Lists
leave out a session whose id is damaged: no caller could name it.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import URL, CompoundSelect, Row, Select, exists, func, select, tuple_, type_coerce
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import NullType, TypeEngine

from actors.slices import paced
from agents.core.conversation import Conversation
from agents.core.events import Event
from agents.parts.given import Blobs
from agents.sessions.connection import connected
from agents.sessions.engine import as_unavailable
from agents.sessions.errors import ConnectionLost, StoreDamaged, UnknownSession
from agents.sessions.part_files import PartFiles, checked
from agents.sessions.payload import keepable
from agents.sessions.records import (
    CheckpointPart,
    DatedMessage,
    ListedSession,
    OpenStream,
    SessionRecord,
    StreamRecord,
    StreamStatus,
)
from agents.sessions.row_values import events_of, fields_of, listed, open_stream_of, stream_of
from agents.sessions.stored_events import has_gap, rows_of_stream
from agents.sessions.sub_agents import NO_SUB_AGENT, cut
from agents.sessions.tables import (
    CHECKPOINT_PARTS,
    LAST_SEQ,
    MESSAGES,
    PART_USES,
    PARTS,
    SESSIONS,
    STREAMS,
)

Query: TypeAlias = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]

ROWS: Final = 50  # decoded at once: a message may be as large as a tool's result

SHORT: Final = "AUTOCOMMIT"
"""For reads of a server. Each is one statement, so a transaction would only add two round trips to it."""

_INFO: Final = [SESSIONS.c[name] for name in ListedSession.__struct_fields__]
_STREAM: Final = select(
    *[STREAMS.c[name] for name in StreamRecord.__struct_fields__ if name != "last_seq"], LAST_SEQ.label("last_seq")
)
_RAW: Final[TypeEngine[Any]] = NullType()
_LISTED: Final = [type_coerce(SESSIONS.c[name], _RAW).label(name) for name in ListedSession.__struct_fields__]
"""The columns of a list, undecoded: one damaged value must not hide the other rows."""


class Reading:
    """A store to read. Every method raises StoreUnavailable, with one line, if the store can't be read."""

    def __init__(self, url: URL, engine: AsyncEngine, deadline_s: float) -> None:
        self.url = url
        self.deadline_s = deadline_s
        self.engine = engine
        self.readers = engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level=SHORT)
        self.files = PartFiles(Path(url.database or "")) if engine.dialect.name == "sqlite" else None

    async def parts(self, keys: Collection[str]) -> Blobs:
        """Return the bytes of parts by their hash. Raises StoreDamaged if bytes are missing or have changed."""
        if (files := self.files) is not None:
            with as_unavailable(self.url):
                return await files.in_thread(lambda: {key: files.read(key) for key in keys})
        found = await self._rows(select(PARTS.c.sha256, PARTS.c.data).where(PARTS.c.sha256.in_(keys)))
        blobs = {row.sha256: checked(row.sha256, row.data or b"") for row in found}
        if missing := next((key for key in keys if key not in blobs), None):
            raise StoreDamaged(f"the store is damaged: part {missing} is missing")
        return blobs

    async def parts_used(self, session_id: str) -> set[str]:
        """Return the hashes of the parts that the session uses."""
        used = select(PART_USES.c.sha256).where(PART_USES.c.session_id == session_id)
        return {key for (key,) in await self._rows(used, session_id)}

    async def session(self, id_: str) -> SessionRecord | None:
        rows = await self._rows(select(*_INFO, SESSIONS.c.config).where(SESSIONS.c.id == id_), id_)
        return SessionRecord(**fields_of(rows[0])) if rows else None

    async def has_session(self, id_: str, owner: str | None = None) -> bool:
        """Return True if the session exists, damaged or not. owner: the session must belong to this user."""
        wanted = select(func.count()).select_from(SESSIONS).where(SESSIONS.c.id == id_)
        rows = await self._rows(wanted if owner is None else wanted.where(SESSIONS.c.owner == owner), id_)
        return any(count for (count,) in rows)

    async def count(self, owner: str | None = None) -> int:
        """Return the number of this user's sessions, or of all if owner is None. Sub-agents are not counted."""
        wanted = select(func.count()).select_from(SESSIONS).where(NO_SUB_AGENT)
        ((count,),) = await self._rows(wanted if owner is None else wanted.where(SESSIONS.c.owner == owner))
        return int(count)

    async def sessions(
        self, after: str | None = None, limit: int = 100, owner: str | None = None
    ) -> list[ListedSession]:
        """Return one page of sessions, the last changed first, without those of sub-agents.

        after: the last id of the previous page. owner: only this user's sessions, and no page after another user's
        session.
        """
        newest = select(*_LISTED).where(NO_SUB_AGENT).order_by(SESSIONS.c.updated_at.desc(), SESSIONS.c.id.desc())
        if owner is not None:
            newest = newest.where(SESSIONS.c.owner == owner)
        if after is not None:
            place = select(SESSIONS.c.updated_at, SESSIONS.c.id).where(SESSIONS.c.id == after)
            if owner is not None:
                place = place.where(SESSIONS.c.owner == owner)
            newest = newest.where(tuple_(SESSIONS.c.updated_at, SESSIONS.c.id) < place.scalar_subquery())
        ids = [] if after is None else [after]
        found: list[ListedSession] = []
        read = 0
        while len(found) < limit:
            rows = await self._rows(newest.offset(read).limit(limit), *ids, many=True)
            found += [listed(row) for row in rows if keepable(row.id)]
            read += len(rows)
            if len(rows) < limit:
                break
        return found[:limit]

    async def sub_agents(self, id_: str) -> list[ListedSession]:
        """Return the sessions of a session's sub-agents, in the order of their beginning."""
        wanted = select(*_LISTED).where(SESSIONS.c.parent_id == id_).order_by(SESSIONS.c.created_at, SESSIONS.c.id)
        return [listed(row) for row in await self._rows(wanted, id_, many=True) if keepable(row.id)]

    async def conversation(self, id_: str) -> Conversation:
        """Return the messages of all turns that have ended. Raises UnknownSession."""
        wanted = select(MESSAGES.c.payload).where(MESSAGES.c.session_id == id_).order_by(MESSAGES.c.position)
        rows = await self._rows(wanted, id_, many=True)
        if not rows and await self.session(id_) is None:
            raise UnknownSession(id_)
        return tuple(message for (message,) in rows)

    async def messages(self, id_: str, after: int, limit: int) -> Conversation:
        """Return up to limit messages of the conversation, from position after on."""
        return tuple(each.message for each in await self.dated_messages(id_, after, limit))

    async def dated_messages(self, id_: str, after: int, limit: int) -> list[DatedMessage]:
        """Return the same messages with their times."""
        wanted = (
            select(MESSAGES.c.payload, MESSAGES.c.sent_at)
            .where(MESSAGES.c.session_id == id_, MESSAGES.c.position >= after, MESSAGES.c.position < after + limit)
            .order_by(MESSAGES.c.position)
        )
        return [DatedMessage(row.payload, row.sent_at) for row in await self._rows(wanted, id_, many=True)]

    async def stream(self, stream_id: str) -> StreamRecord | None:
        rows = await self._rows(_STREAM.where(STREAMS.c.id == stream_id), stream_id)
        return stream_of(rows[0]) if rows else None

    async def streams(self, session_id: str, after: str | None = None, limit: int | None = None) -> list[StreamRecord]:
        """Return a session's streams, in the order of their beginning. after: the last id of the previous page."""
        order = (STREAMS.c.begun_at, STREAMS.c.id)
        wanted = _STREAM.where(STREAMS.c.session_id == session_id).order_by(*order).limit(limit)
        if after is not None:
            place = select(*order).where(STREAMS.c.id == after)
            wanted = wanted.where(tuple_(*order) > place.scalar_subquery())
        return [stream_of(row) for row in await self._rows(wanted, session_id, many=True)]

    async def events(self, stream_id: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return the events of a stream as they were published, those with seqs from after + 1 to after + limit.

        Events may be missing between two attempts, because a crash lost them. They may also be missing before an error,
        since a published end is kept even if earlier events were not.
        """
        rows = await self._rows(rows_of_stream(stream_id, after, limit), stream_id, many=True)
        events: list[Event] = []
        async for event in paced(event for row in rows for event in events_of(stream_id, row)):
            if after < event.seq and (limit is None or event.seq <= after + limit):
                if events and has_gap(events[-1], event):
                    raise StoreDamaged(f"the store is damaged: the events of stream {stream_id} have a gap")
                events.append(event)
        return events

    async def open_streams(self, session_id: str | None = None) -> list[OpenStream]:
        """Return the streams of turns that run or wait, of one session or of all.

        In a store that was just claimed, these are the turns that were cut.
        """
        wanted = (
            select(STREAMS, LAST_SEQ.label("last_seq"))
            .where(STREAMS.c.status == StreamStatus.OPEN.value)
            .order_by(STREAMS.c.begun_at, STREAMS.c.id)
        )
        if session_id is not None:
            wanted = wanted.where(STREAMS.c.session_id == session_id)
        return [open_stream_of(row, await self._parts(row)) for row in await self._rows(wanted)]

    async def _parts(self, row: Row[Any]) -> tuple[CheckpointPart, ...]:
        """Return the parts of an open stream's checkpoint. If the turn ends meanwhile, there are none."""
        if row.checkpoint is None:
            return ()
        wanted = select(CHECKPOINT_PARTS.c.number, CHECKPOINT_PARTS.c.payload)
        wanted = wanted.where(CHECKPOINT_PARTS.c.stream_id == row.id).order_by(CHECKPOINT_PARTS.c.number)
        return tuple(CheckpointPart(part.number, part.payload) for part in await self._rows(wanted, row.id, many=True))

    async def empty_sessions(self, ids: Collection[str]) -> set[str]:
        """Return those of these sessions that exist and have neither a message nor an open stream."""
        open_ = exists().where(STREAMS.c.session_id == SESSIONS.c.id, STREAMS.c.status == StreamStatus.OPEN.value)
        full = exists().where(MESSAGES.c.session_id == SESSIONS.c.id)
        wanted = select(SESSIONS.c.id).where(SESSIONS.c.id.in_(filter(keepable, ids)), ~open_, ~full)
        return {id_ for (id_,) in await self._rows(wanted)}

    async def cut_sessions(self, of: str | None = None) -> list[str]:
        """Return the ids of sessions with turns that run, wait, or were cut. of: see sub_agents.cut."""
        return [session_id for (session_id,) in await self._rows(cut(of)) if keepable(session_id)]

    async def rows(self, wanted: Query) -> Sequence[Row[Any]]:
        """Return the rows of a query of another module of this package."""
        return await self._rows(wanted)

    async def _rows(self, wanted: Query, *ids: str, many: bool = False) -> Sequence[Row[Any]]:
        """Return the rows, or none if an id is invalid. many: other tasks run while the values are decoded."""
        if not all(map(keepable, ids)):
            return []
        try:
            return await self._read(wanted, many=many)
        except ConnectionLost:  # the server was restarted since its last use, and a new connection works
            return await self._read(wanted, many=many)

    async def _read(self, wanted: Query, *, many: bool) -> Sequence[Row[Any]]:
        with as_unavailable(self.url):
            async with connected(self.readers, self.deadline_s) as connection:
                found = await connection.execute(wanted)
                if not many:
                    return list(found.all())
                pages = paced(found.partitions(ROWS))
                return [row async for page in pages for row in page]
