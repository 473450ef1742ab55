"""Commands on kept sessions: rename, delete, fork and export.

Each works directly on the store, also while the journal of another OS process writes it. In that case delete is
refused.
"""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, literal, select, update
from sqlalchemy import delete as deletion
from sqlalchemy.ext.asyncio import AsyncConnection

from actors import InvalidArgument
from actors.kernel.errors import named
from agents.core.text import HALF, TEXT, is_text
from agents.sessions import compactions, effect_rows, part_rows, sub_agents
from agents.sessions.errors import InvalidFork, SessionExists, StoreDamaged, UnknownSession
from agents.sessions.fork_place import place_of_fork
from agents.sessions.ownership import claim
from agents.sessions.payload import encoded, keepable
from agents.sessions.records import SessionRecord, StreamRecord
from agents.sessions.rows import message_rows, raw_messages
from agents.sessions.store import Store
from agents.sessions.tables import MESSAGES, PART_USES, PARTS, SESSIONS
from agents.sessions.tail import empty
from agents.sessions.writer import check_free

MESSAGES_PAGE: Final = 50  # a message may be as large as a tool's result
STREAMS_PAGE: Final = 50
EVENTS_PAGE: Final = 1000


async def rename(store: Store, id_: str, title: str | None) -> None:
    """Set a session's title, or remove it if title is None.

    Raises UnknownSession, and InvalidArgument for a title that is not text.
    """
    if title is not None and not isinstance(title, str):
        raise InvalidArgument("a str as the title, or None", named(title))
    if title is not None and not is_text(title):
        raise InvalidArgument(f"{TEXT} as the title", HALF)
    _check_known(id_)
    async with store.changing() as connection:
        changed = await connection.execute(update(SESSIONS).where(SESSIONS.c.id == id_).values(title=title))
        if not changed.rowcount:
            raise UnknownSession(id_)


async def delete(store: Store, id_: str) -> None:
    """Delete a session with its conversation, streams and events. A turn that runs fails at its next record.

    Raises UnknownSession, and StoreInUse if the journal of another OS process writes the store. That program may have
    an agent with this session, so the deletion must go through it. On a node of a cluster, raises Elsewhere if another
    node owns the session.
    """
    _check_known(id_)
    if not await delete_all(store, [id_]):
        raise UnknownSession(id_)


async def delete_all(store: Store, ids: Collection[str]) -> int:
    """Delete those of these sessions that exist, in one transaction, with those of their sub-agents.

    Return the number of the given ones that existed. Raises as `delete`.
    """
    async with store.changing() as connection:
        below = await connection.run_sync(sub_agents.below, ids)
        if store.node is None:
            await connection.run_sync(check_free)
        else:
            await connection.run_sync(claim, store.node.fence.epoch, [*ids, *below])
        await connection.run_sync(empty)  # a row of the tail can be found only by reading all of it
        parts = await connection.run_sync(part_rows.used_by, [*ids, *below])
        deleted = await connection.execute(deletion(SESSIONS).where(SESSIONS.c.id.in_(ids)))
        await connection.execute(deletion(SESSIONS).where(SESSIONS.c.id.in_(below)))
        await connection.run_sync(part_rows.remove_unused, parts)
        await connection.run_sync(effect_rows.remove, [*ids, *below])
    if parts and store.files is not None:
        async with store.changing() as connection:
            await connection.run_sync(part_rows.remove_files, parts, store.files)
    await store.clear_log()
    return deleted.rowcount


async def fork(store: Store, id_: str, new_id: str, at: tuple[str, int | None] | None = None) -> None:
    """Make a new session that continues this one's conversation. The streams stay with the original.

    at: a stream and the seq of an event in it. The new conversation has everything before the stream, its user message,
    and the answer up to the event, marked as partial. Seq 0 leaves the user message out too, so that another one can
    replace it. The last event, or None as the seq, includes the whole turn. Without `at`, the fork has all turns that
    have ended. Raises UnknownSession, UnknownStream, SessionExists, InvalidFork.
    """
    if not keepable(new_id):
        raise InvalidFork(f"expected an id of 1 to 200 printable characters, got {new_id[:200]!r}")
    origin = await _known(store, id_)
    kept, turn, times = await place_of_fork(store, origin, at)
    async with store.changing() as connection:
        session = await _row(connection, id_)
        if session is None or session.created_at != origin.created_at:
            raise UnknownSession(id_)
        if await _row(connection, new_id) is not None:
            raise SessionExists(new_id)
        now = datetime.now(UTC)
        new = {"id": new_id, "created_at": now, "updated_at": now, "message_count": kept + len(turn)}
        new |= {"node": None, "parent_id": None, "parent_call": None}
        await connection.execute(insert(SESSIONS).values({**session._mapping, **new}))  # noqa: SLF001 (public)
        await _copy(connection, id_, new_id, kept)
        if turn:
            await connection.execute(insert(MESSAGES), message_rows(new_id, kept, raw_messages(turn), times))
        await connection.run_sync(compactions.copy, id_, new_id, kept)
        await connection.run_sync(part_rows.use_of_fork, id_, new_id)


async def export(store: Store, id_: str) -> AsyncIterator[bytes]:
    """Yield JSON Lines: the session, its messages, its streams, each with its events, and its parts.

    The same lines of its sub-agents follow.

    Raises UnknownSession, also in the middle if the session was deleted. Another user's session may have the id by
    then.
    Reads are paged. That needs little memory, and one long read would keep SQLite from clearing its log.
    """
    session = await _known(store, id_)
    yield _line("session", session)
    for after in range(0, session.message_count, MESSAGES_PAGE):
        expected = min(MESSAGES_PAGE, session.message_count - after)
        page = await store.dated_messages(id_, after, expected)
        await _check_same(store, session)
        if len(page) < expected:
            raise StoreDamaged(f"the store is damaged: of session {id_} there are fewer messages than it counts")
        for position, dated in enumerate(page, after):
            yield _line("message", {"position": position, "message": dated.message, "sent_at": dated.sent_at})
    last = None
    while streams := await store.streams(id_, last, STREAMS_PAGE):
        await _check_same(store, session)
        for stream in streams:
            yield _line("stream", stream)
            async for line in _events(store, session, stream):
                yield line
        last = streams[-1].id
    async for line in _parts(store, session):
        yield line
    await _check_same(store, session)
    for below in await store.sub_agents(id_):
        async for line in export(store, below.id):
            yield line


async def _events(store: Store, session: SessionRecord, stream: StreamRecord) -> AsyncIterator[bytes]:
    for after in range(0, stream.last_seq, EVENTS_PAGE):
        page = await store.events(stream.id, after, min(EVENTS_PAGE, stream.last_seq - after))
        await _check_same(store, session)
        for event in page:
            yield _line("event", {"event": event})


async def _parts(store: Store, session: SessionRecord) -> AsyncIterator[bytes]:
    """Yield a line for each part that the session uses. data: base64; null if the bytes are missing or have changed."""
    used = select(PARTS.c.sha256, PARTS.c.size_bytes).join(PART_USES).where(PART_USES.c.session_id == session.id)
    for row in await store.rows(used.order_by(PARTS.c.sha256)):
        await _check_same(store, session)
        try:
            data = (await store.parts([row.sha256]))[row.sha256]
        except StoreDamaged:
            data = None
        yield _line("part", {"sha256": row.sha256, "size_bytes": row.size_bytes, "data": data})


def _line(kind: str, data: Any) -> bytes:
    return encoded({"type": kind, **msgspec.to_builtins(data)}) + b"\n"


async def _known(store: Store, id_: str) -> SessionRecord:
    session = await store.session(id_)
    if session is None:
        raise UnknownSession(id_)
    return session


async def _check_same(store: Store, session: SessionRecord) -> None:
    """Raise UnknownSession if the session was deleted, even if another one has its id now."""
    if (await _known(store, session.id)).created_at != session.created_at:
        raise UnknownSession(session.id)


async def _row(connection: AsyncConnection, id_: str) -> Row[Any] | None:
    return (await connection.execute(select(SESSIONS).where(SESSIONS.c.id == id_))).one_or_none()


async def _copy(connection: AsyncConnection, id_: str, new_id: str, count: int) -> None:
    same = [column for column in MESSAGES.c if column is not MESSAGES.c.session_id]
    old = select(literal(new_id), *same).where(MESSAGES.c.session_id == id_, MESSAGES.c.position < count)
    await connection.execute(insert(MESSAGES).from_select([MESSAGES.c.session_id, *same], old))


def _check_known(id_: str) -> None:
    """Raise UnknownSession for an id that no store can hold."""
    if not keepable(id_):
        raise UnknownSession(id_)
