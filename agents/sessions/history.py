"""What people do with sessions that are kept: give them a title, delete them, fork them, take them along.

Each works on the store alone, also while the journal of another OS process writes it.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, literal, select, update
from sqlalchemy import delete as deletion
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.core.conversation import Conversation
from agents.sessions.errors import SessionExists, UnknownSession, UnknownStream
from agents.sessions.partial_turn import partial_turn
from agents.sessions.payload import encoded, keepable
from agents.sessions.records import StreamInfo
from agents.sessions.store import Store
from agents.sessions.tables import MESSAGES, SESSIONS
from agents.sessions.write import message_rows

PAGE: Final = 1000  # events


async def rename(store: Store, id_: str, title: str | None) -> None:
    """title: None takes it away. Raises UnknownSession."""
    _check_known(id_)
    async with store.changing() as connection:
        changed = await connection.execute(update(SESSIONS).where(SESSIONS.c.id == id_).values(title=title))
        if not changed.rowcount:
            raise UnknownSession(id_)


async def delete(store: Store, id_: str) -> None:
    """All of it: conversation, streams, events. A turn that runs finds out when it next records. Raises
    UnknownSession."""
    _check_known(id_)
    async with store.changing() as connection:
        if not (await connection.execute(deletion(SESSIONS).where(SESSIONS.c.id == id_))).rowcount:
            raise UnknownSession(id_)
    await store.clear_log()


async def fork(store: Store, id_: str, new_id: str, at: tuple[str, int] | None = None) -> None:
    """A new session with this one's conversation, to go on from there; its streams stay where they are.

    at: a stream and the seq of an event in it. The conversation is as it was then: what came before the stream, its
    user message, and the answer up to the event, marked as partial; seq 0 leaves that message out, too, so that another
    one can be asked in its place; the last event takes the turn whole. None: all turns that have ended. Raises
    UnknownSession, UnknownStream, SessionExists, and ValueError for a seq or a new id that can't be.
    """
    if not keepable(new_id):
        raise ValueError(f"expected an id of 1 to 200 printable characters, got {new_id[:200]!r}")
    kept, turn = await _cut(store, id_, at)
    async with store.changing() as connection:
        session = await _row(connection, id_)
        if session is None:
            raise UnknownSession(id_)
        if await _row(connection, new_id) is not None:
            raise SessionExists(new_id)
        now = datetime.now(UTC)
        new = {"id": new_id, "created_at": now, "updated_at": now, "message_count": kept + len(turn)}
        await connection.execute(insert(SESSIONS).values({**session._mapping, **new}))  # noqa: SLF001 (public)
        await _copy(connection, id_, new_id, kept)
        if turn:
            await connection.execute(insert(MESSAGES), message_rows(new_id, kept, turn))


async def export(store: Store, id_: str) -> AsyncIterator[bytes]:
    """As JSON Lines: the session, its messages, its streams, each with its events. Raises UnknownSession."""
    session = await store.session(id_)
    if session is None:
        raise UnknownSession(id_)
    yield _line("session", session)
    for position, message in enumerate(await store.conversation(id_)):
        yield _line("message", {"position": position, "message": message})
    for stream in await store.streams(id_):
        yield _line("stream", stream)
        async for line in _events(store, stream):
            yield line


async def _events(store: Store, stream: StreamInfo) -> AsyncIterator[bytes]:
    """Page by page: one long read would keep SQLite from clearing its log."""
    for after in range(0, stream.last_seq, PAGE):
        for event in await store.events(stream.id, after, min(PAGE, stream.last_seq - after)):
            yield _line("event", {"event": event})


def _line(kind: str, data: Any) -> bytes:
    return encoded({"type": kind, **msgspec.to_builtins(data)}) + b"\n"


async def _cut(store: Store, id_: str, at: tuple[str, int] | None) -> tuple[int, Conversation]:
    """How many messages of the session a fork begins with, and what of a cut turn comes behind them.

    The conversation only grows, so what is read here still holds when it is copied; and since it is counted before the
    stream is looked at, it has nothing of a stream that is still open then.
    """
    session = await store.session(id_)
    if session is None:
        raise UnknownSession(id_)
    if at is None:
        return session.message_count, ()
    stream_id, seq = at
    stream = await store.stream(stream_id)
    if stream is None or stream.session_id != id_:
        raise UnknownStream(stream_id, id_)
    if not 0 <= seq <= stream.last_seq:
        raise ValueError(f"expected a seq from 0 to {stream.last_seq}, got {seq}")
    before = session.message_count if stream.messages_from is None else stream.messages_from
    if seq == 0:
        return before, ()
    if seq == stream.last_seq and stream.messages_until is not None:
        return stream.messages_until, ()
    return before, partial_turn(stream.message, await store.events(stream_id, limit=seq))


async def _row(connection: AsyncConnection, id_: str) -> Row[Any] | None:
    return (await connection.execute(select(SESSIONS).where(SESSIONS.c.id == id_))).one_or_none()


async def _copy(connection: AsyncConnection, id_: str, new_id: str, count: int) -> None:
    columns = [MESSAGES.c.session_id, MESSAGES.c.position, MESSAGES.c.payload]
    old = select(literal(new_id), MESSAGES.c.position, MESSAGES.c.payload).where(
        MESSAGES.c.session_id == id_, MESSAGES.c.position < count
    )
    await connection.execute(insert(MESSAGES).from_select(columns, old))


def _check_known(id_: str) -> None:
    """An id that no database could hold is none's."""
    if not keepable(id_):
        raise UnknownSession(id_)
